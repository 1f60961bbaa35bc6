// What the joins of both dialects share: equalities as keys, columns that stand between.
#pragma once

#include <optional>

#include "analytics/plan/plan_nodes.h"
#include "analytics/plan/query_planner.h"

namespace millstream::analytics {

// left = right, each over its own input.
struct EquiKey {
  BoundPtr left;
  BoundPtr right;
};

// A join's inputs: left has `width` columns, the conditions are over left's, then right's.
class JoinSides {
 public:
  explicit JoinSides(const JoinRequest& request)
      : request_(request), width_(static_cast<int>(request.left.relation.plan->schema.size())) {}

  int width() const { return width_; }
  const Schema& left_schema() const { return request_.left.relation.plan->schema; }
  const Schema& right_schema() const { return request_.right.relation.plan->schema; }
  bool reads_left_only(const BoundExpression& expression) const;
  bool reads_right_only(const BoundExpression& expression) const;
  std::optional<EquiKey> as_key(const BoundExpression& term) const;
  std::vector<ScopeColumn> both_columns() const;

  // The same condition when `extra` columns stand between left's and right's.
  BoundPtr behind_left(BoundPtr condition, int extra) const;
  // Without the columns that were computed for keys: `left_extra` behind left's, `right_extra` at
  // the end.
  PlanPtr drop_extra(PlanPtr joined, int left_extra, int right_extra) const;

 private:
  const JoinRequest& request_;
  int width_;
};

// NULLs at the sides that `kind` pads.
void make_padded_nullable(Schema& schema, size_t left_width, sql::JoinKind kind);

}  // namespace millstream::analytics
