#include "analytics/engine/operator.h"
#include "analytics/engine/project.h"

namespace millstream::analytics {

Result<std::unique_ptr<Operator>> make_operator(const PlanNode& node, OperatorContext context) {
  if (std::holds_alternative<ProjectNode>(node.node)) return make_project(node, context);
  if (std::holds_alternative<FilterNode>(node.node)) return make_filter(node, context);
  return fail(ErrorCode::kInvalidArgument, "this operator is not yet supported");
}

}  // namespace millstream::analytics
