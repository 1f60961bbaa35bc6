// What Flink SQL means by windows, grouping, OVER, ROW_NUMBER and joins.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "analytics/plan/query_planner.h"

namespace millstream::analytics {

// TABLE(TUMBLE|HOP|CUMULATE|SESSION(TABLE t, DESCRIPTOR(time), …)) → WindowAssignNode.
Result<Relation> flink_window_function(QueryPlanner& planner, const sql::TableReference& reference);

// GROUP BY: with the start and the end of a window → WindowAggregateNode; with TUMBLE(t, …) among
// the keys the same; else GroupAggregateNode.
Result<AggregateResult> flink_aggregate(AggregateRequest request);

// OVER (… ORDER BY time) → OverNode; ROW_NUMBER() → a RankNode without a limit yet.
Result<OverResult> flink_over(PlanContext& context, OverRequest request);
// WHERE over the number of a RankNode below gives it its limit; the rest of the condition filters.
Result<PlanPtr> flink_filter(PlanContext& context, PlanPtr input, BoundPtr condition,
                             sql::Position position);

// FOR SYSTEM_TIME AS OF → ReferenceJoinNode; bounds of both times → IntervalJoinNode; equal
// windows → WindowJoinNode; else JoinNode.
Result<Relation> flink_join(PlanContext& context, JoinRequest request);

}  // namespace millstream::analytics
