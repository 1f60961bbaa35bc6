// IN (query) and EXISTS (query) of WHERE, as semi and anti joins.
#pragma once

#include "analytics/plan/from_planner.h"
#include "analytics/plan/query_planner.h"

namespace millstream::analytics {

// x [NOT] IN (query), EXISTS (query), NOT EXISTS (query).
bool is_semi_join(const sql::Expression& expression);

// The rows of `relation` for which `expression` (is_semi_join) holds. A query that refers to
// `relation` in its WHERE must be a plain SELECT.
Result<Relation> plan_semi_join(QueryPlanner& planner, Relation relation,
                                const sql::Expression& expression);

// A condition over the columns around a sub-query, then the sub-query's own, whose names come
// first.
Result<BoundPtr> bind_correlated(const NameRules& rules, const OuterScope& outer,
                                 const Relation& inner, const sql::Expression& expression);

}  // namespace millstream::analytics
