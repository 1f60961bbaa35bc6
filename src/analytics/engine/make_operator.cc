#include <utility>

#include "analytics/engine/group_aggregate.h"
#include "analytics/engine/interval_join.h"
#include "analytics/engine/join.h"
#include "analytics/engine/operator.h"
#include "analytics/engine/over.h"
#include "analytics/engine/project.h"
#include "analytics/engine/rank.h"
#include "analytics/engine/reference_join.h"
#include "analytics/engine/sort.h"
#include "analytics/engine/union.h"
#include "analytics/engine/values.h"
#include "analytics/engine/window_aggregate.h"
#include "analytics/engine/window_assign.h"
#include "analytics/engine/window_join.h"

namespace millstream::analytics {
namespace {

using Made = Result<std::unique_ptr<Operator>>;

// One line per kind of node; what has none is refused by name.
struct Maker {
  const PlanNode& plan;
  OperatorContext context;

  Made operator()(const ProjectNode&) { return make_project(plan, context); }
  Made operator()(const FilterNode&) { return make_filter(plan, context); }
  Made operator()(const WindowAssignNode&) { return make_window_assign(plan, context); }
  Made operator()(const WindowAggregateNode&) { return make_window_aggregate(plan, context); }
  Made operator()(const GroupAggregateNode&) { return make_group_aggregate(plan, context); }
  Made operator()(const JoinNode&) { return make_join(plan, context); }
  Made operator()(const IntervalJoinNode&) { return make_interval_join(plan, context); }
  Made operator()(const UnionNode&) { return make_union(plan, context); }
  Made operator()(const ValuesNode&) { return make_values(plan, context); }
  Made operator()(const OverNode&) { return make_over(plan, context); }
  Made operator()(const WindowJoinNode&) { return make_window_join(plan, context); }
  Made operator()(const ReferenceJoinNode&) { return make_reference_join(plan, context); }
  Made operator()(const RankNode&) { return make_rank(plan, context); }
  Made operator()(const SortNode&) { return make_sort(plan, context); }
  // Sources and sinks are the job's own.
  Made operator()(const SourceNode&) { return missing("a source as an operator"); }
  Made operator()(const SinkNode&) { return missing("a sink as an operator"); }

  static Made missing(std::string_view what) {
    return fail(ErrorCode::kInvalidArgument, "{} is not yet supported", what);
  }
};

}  // namespace

Result<std::unique_ptr<Operator>> make_operator(const PlanNode& node, OperatorContext context) {
  return std::visit(Maker{node, std::move(context)}, node.node);
}

}  // namespace millstream::analytics
