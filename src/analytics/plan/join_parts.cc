#include "analytics/plan/join_parts.h"

#include <algorithm>
#include <utility>

#include "analytics/functions/function.h"

namespace millstream::analytics {

bool JoinSides::reads_left_only(const BoundExpression& expression) const {
  const auto columns = columns_of(expression);
  return !columns.empty() && columns.back() < width_;
}

bool JoinSides::reads_right_only(const BoundExpression& expression) const {
  const auto columns = columns_of(expression);
  return !columns.empty() && columns.front() >= width_;
}

std::optional<EquiKey> JoinSides::as_key(const BoundExpression& term) const {
  const bool is_equality = term.kind == BoundKind::kCall && term.function != nullptr &&
                           term.function->name == "=" && term.arguments.size() == 2;
  if (!is_equality) return std::nullopt;
  const BoundPtr& a = term.arguments[0];
  const BoundPtr& b = term.arguments[1];
  if (reads_left_only(*a) && reads_right_only(*b)) return EquiKey{a, shifted(b, -width_)};
  if (reads_right_only(*a) && reads_left_only(*b)) return EquiKey{b, shifted(a, -width_)};
  return std::nullopt;
}

std::vector<ScopeColumn> JoinSides::both_columns() const {
  std::vector<ScopeColumn> columns = request_.left.relation.columns;
  const auto& right = request_.right.relation.columns;
  columns.insert(columns.end(), right.begin(), right.end());
  return columns;
}

BoundPtr JoinSides::behind_left(BoundPtr condition, int extra) const {
  if (condition == nullptr || extra == 0) return condition;
  std::vector<int> map(static_cast<size_t>(width_) + right_schema().size());
  for (size_t i = 0; i < map.size(); ++i) {
    map[i] = static_cast<int>(i) + (static_cast<int>(i) < width_ ? 0 : extra);
  }
  return remap(condition, map);
}

PlanPtr JoinSides::drop_extra(PlanPtr joined, int left_extra, int right_extra) const {
  if (left_extra == 0 && right_extra == 0) return joined;
  std::vector<BoundPtr> expressions;
  std::vector<std::string> names;
  const int total = static_cast<int>(joined->schema.size());
  for (int i = 0; i < total - right_extra; ++i) {
    if (i >= width_ && i < width_ + left_extra) continue;
    const Field& field = joined->schema[static_cast<size_t>(i)];
    expressions.push_back(bound_column(i, field));
    names.push_back(field.name);
  }
  return make_project(std::move(joined), std::move(expressions), std::move(names));
}

void make_padded_nullable(Schema& schema, size_t left_width, sql::JoinKind kind) {
  const bool full = kind == sql::JoinKind::kFull;
  if (full || kind == sql::JoinKind::kLeft) {
    make_nullable(schema, left_width, schema.size() - left_width);
  }
  if (full || kind == sql::JoinKind::kRight) make_nullable(schema, 0, left_width);
}

}  // namespace millstream::analytics
