#include "analytics/plan/flink_rules.h"

#include <utility>

namespace millstream::analytics {
namespace {

class FlinkRules final : public DialectRules {
 public:
  explicit FlinkRules(QueryPlanner& planner) : planner_(planner) {}

  Result<Relation> join(JoinRequest request) override {
    return flink_join(planner_.context(), std::move(request));
  }
  Result<AggregateResult> aggregate(AggregateRequest request) override {
    return flink_aggregate(std::move(request));
  }
  Result<OverResult> over(OverRequest request) override {
    return flink_over(planner_.context(), std::move(request));
  }
  Result<PlanPtr> filter(PlanPtr input, BoundPtr condition, sql::Position position) override {
    return flink_filter(planner_.context(), std::move(input), std::move(condition), position);
  }
  Result<Relation> alone(JoinSide side) override {
    if (side.reference != nullptr && side.reference->system_time != nullptr) {
      return error_at(planner_.names(), side.reference->position,
                      "FOR SYSTEM_TIME AS OF looks rows of a stream up in a table: it must be the "
                      "right side of a join");
    }
    return std::move(side.relation);
  }
  Result<Relation> table_function(const sql::TableReference& reference) override {
    return flink_window_function(planner_, reference);
  }

 private:
  QueryPlanner& planner_;
};

}  // namespace

std::unique_ptr<DialectRules> make_flink_rules(QueryPlanner& planner) {
  return std::make_unique<FlinkRules>(planner);
}

}  // namespace millstream::analytics
