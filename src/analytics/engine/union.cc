#include "analytics/engine/union.h"

namespace millstream::analytics {
namespace {

class Union final : public Operator {
 public:
  Result<> process(size_t, const Batch& batch, int64_t, Output& out) override {
    if (batch.rows > 0) out.emit(batch);
    return {};
  }
};

}  // namespace

Result<std::unique_ptr<Operator>> make_union(const PlanNode&, OperatorContext) {
  return std::make_unique<Union>();
}

}  // namespace millstream::analytics
