// What the Kinesis dialect means by grouping, OVER and joins.
//
// ROWTIME is the time attribute of all rows: hidden, last, carried along by every query. A group
// window's rows have the window's end as ROWTIME, a join's the later one of its two rows'.
#pragma once

#include <memory>
#include <vector>

#include "analytics/plan/query_planner.h"

namespace millstream::analytics {

// `context` outlives the rules.
std::unique_ptr<DialectRules> make_kinesis_rules(PlanContext& context);

// --- Parts of it, one file each.

// GROUP BY with a monotonic expression of ROWTIME, WINDOWED BY → WindowAggregateNode.
Result<AggregateResult> kinesis_aggregate(PlanContext& context, AggregateRequest request);
// OVER (PARTITION BY … RANGE|ROWS … PRECEDING) → a chain of OverNodes, one for each window.
Result<OverResult> kinesis_over(PlanContext& context, OverRequest request);
// Streams over windows → IntervalJoinNode; a stream and a reference table → ReferenceJoinNode.
Result<Relation> kinesis_join(PlanContext& context, JoinRequest request);

// Calls over columns of `plan`, which gets their arguments and conditions as columns.
std::vector<AggregateCall> lower_aggregates(PlanPtr& plan,
                                            const std::vector<BoundAggregate>& aggregates);

}  // namespace millstream::analytics
