#include "analytics/plan/from_planner.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "analytics/functions/function.h"
#include "analytics/plan/select_planner.h"
#include "analytics/plan/semi_join.h"

namespace millstream::analytics {
namespace {

using Kind = sql::TableReference::Kind;
using sql::JoinKind;

void flatten_terms(const sql::Expression& expression, std::vector<const sql::Expression*>& terms) {
  if (expression.kind == sql::ExpressionKind::kBinary && expression.text == "AND") {
    for (const sql::ExpressionPtr& argument : expression.arguments) {
      flatten_terms(*argument, terms);
    }
  } else {
    terms.push_back(&expression);
  }
}

bool keeps_left(JoinKind kind) {
  return kind == JoinKind::kInner || kind == JoinKind::kCross || kind == JoinKind::kLeft;
}
bool keeps_right(JoinKind kind) {
  return kind == JoinKind::kInner || kind == JoinKind::kCross || kind == JoinKind::kRight;
}
bool is_inner(JoinKind kind) { return kind == JoinKind::kInner || kind == JoinKind::kCross; }

// A table that is looked into, or a window over a stream: what lies between it and the join would
// change what it means.
bool must_stay_bare(const JoinSide& side, sql::Dialect dialect) {
  if (side.reference->system_time != nullptr) return true;
  if (dialect != sql::Dialect::kKinesis) return false;
  return side.reference->over != nullptr ||
         (side.table != nullptr && side.table->connector == Connector::kFilesystem);
}

std::vector<ScopeColumn> both_columns(const Relation& left, const Relation& right) {
  std::vector<ScopeColumn> columns = left.columns;
  columns.insert(columns.end(), right.columns.begin(), right.columns.end());
  return columns;
}

}  // namespace

Result<Relation> FromPlanner::plan(const sql::TableReference& from, const sql::Expression* where,
                                   const OuterScope* outer) {
  TRY(plan_leaves(from, true));
  if (where != nullptr) bind_terms(*where);
  TRY_ASSIGN(Planned planned, plan_node(from, true));
  Relation relation = std::move(planned.side.relation);
  if (leaves_.size() == 1) {
    auto alone = planner_.rules().alone(
        JoinSide{std::move(relation), planned.side.reference, planned.side.table});
    if (!alone) return std::unexpected(planner_.placed(from.position, alone.error()));
    relation = *std::move(alone);
  }
  return filter_rest(std::move(relation), outer);
}

Result<> FromPlanner::plan_leaves(const sql::TableReference& reference, bool kept) {
  if (reference.kind == Kind::kJoin) {
    if (reference.alias) {
      return error_at(names(), reference.position,
                      "a join with an alias is not yet supported: write (SELECT * FROM …) AS name");
    }
    TRY(plan_leaves(*reference.left, kept && keeps_left(reference.join)));
    return plan_leaves(*reference.right, kept && keeps_right(reference.join));
  }
  Leaf leaf;
  TRY_ASSIGN(leaf.side, planner_.plan_reference(reference));
  const Relation& relation = leaf.side.relation;
  leaf.offset = static_cast<int>(all_columns_.size());
  leaf.filtered_early = kept && !must_stay_bare(leaf.side, names().dialect);
  all_columns_.insert(all_columns_.end(), relation.columns.begin(), relation.columns.end());
  const Schema& schema = relation.plan->schema;
  all_schema_.insert(all_schema_.end(), schema.begin(), schema.end());
  leaves_.push_back(std::move(leaf));
  return {};
}

void FromPlanner::bind_terms(const sql::Expression& where) {
  std::vector<const sql::Expression*> expressions;
  flatten_terms(where, expressions);
  for (const sql::Expression* expression : expressions) {
    Term term{.expression = expression, .bound = nullptr};
    // One that does not bind here (a column of USING, ROWTIME of a join, a sub-query) binds after
    // the joins, or is an error there.
    if (leaves_.size() > 1) {
      ExpressionBinder binder(names(), all_columns_, all_schema_);
      auto bound = binder.bind(*expression);
      if (bound && (*bound)->type.kind == TypeKind::kBoolean && is_deterministic(**bound)) {
        const std::vector<int> columns = columns_of(**bound);
        const auto leaf_of = [&](int column) {
          size_t leaf = 0;
          while (leaf + 1 < leaves_.size() && leaves_[leaf + 1].offset <= column) ++leaf;
          return leaf;
        };
        if (!columns.empty()) {
          term.bound = *std::move(bound);
          term.first_leaf = leaf_of(columns.front());
          term.last_leaf = leaf_of(columns.back());
        }
      }
    }
    terms_.push_back(std::move(term));
  }
}

Result<FromPlanner::Planned> FromPlanner::plan_node(const sql::TableReference& reference,
                                                    bool kept) {
  if (reference.kind != Kind::kJoin) return plan_leaf();
  return plan_join(reference, kept);
}

Result<FromPlanner::Planned> FromPlanner::plan_leaf() {
  const size_t index = next_leaf_++;
  Leaf& leaf = leaves_[index];
  Planned planned;
  planned.side = std::move(leaf.side);
  planned.first_leaf = planned.last_leaf = index;
  planned.filtered_early = leaf.filtered_early;
  planned.places.assign(all_columns_.size(), -1);
  for (size_t i = 0; i < planned.side.relation.columns.size(); ++i) {
    planned.places[static_cast<size_t>(leaf.offset) + i] = static_cast<int>(i);
  }
  if (!leaf.filtered_early) return planned;
  std::vector<BoundPtr> conditions;
  sql::Position position;
  for (Term& term : terms_) {
    if (term.bound == nullptr || term.first_leaf != index || term.last_leaf != index) continue;
    conditions.push_back(remap(term.bound, planned.places));
    position = term.expression->position;
    term.done = true;
  }
  TRY(filter(planned, std::move(conditions), position));
  return planned;
}

Result<> FromPlanner::filter(Planned& planned, std::vector<BoundPtr> conditions,
                             sql::Position position) {
  if (conditions.empty()) return {};
  auto filtered = planner_.rules().filter(planned.side.relation.plan,
                                          conjunction(std::move(conditions)), position);
  if (!filtered) return std::unexpected(planner_.placed(position, filtered.error()));
  planned.side.relation.plan = *std::move(filtered);
  planned.side.table = nullptr;
  return {};
}

Result<FromPlanner::Planned> FromPlanner::plan_join(const sql::TableReference& reference,
                                                    bool kept) {
  TRY_ASSIGN(Planned left, plan_node(*reference.left, kept && keeps_left(reference.join)));
  TRY_ASSIGN(Planned right, plan_node(*reference.right, kept && keeps_right(reference.join)));
  std::vector<std::pair<int, int>> merged;
  TRY(add_using(reference, left, right, merged));
  TRY_ASSIGN(Conditions conditions,
             conditions_of(reference, left, right, kept && is_inner(reference.join)));
  const int width = static_cast<int>(left.side.relation.plan->schema.size());
  for (const auto& [a, b] : merged) {
    const std::vector<BoundPtr> sides = {
        bound_column(a, left.side.relation.plan->schema[static_cast<size_t>(a)]),
        bound_column(width + b, right.side.relation.plan->schema[static_cast<size_t>(b)])};
    TRY_ASSIGN(BoundPtr equal, call_of(names(), reference.position, "=", sides));
    conditions.both.push_back(std::move(equal));
  }
  TRY(filter(left, std::move(conditions.left), reference.position));
  TRY(filter(right, std::move(conditions.right), reference.position));

  Planned joined;
  joined.first_leaf = left.first_leaf;
  joined.last_leaf = right.last_leaf;
  joined.filtered_early = true;
  joined.side.reference = &reference;
  joined.places = std::move(left.places);
  for (size_t i = 0; i < joined.places.size(); ++i) {
    if (right.places[i] >= 0) joined.places[i] = width + right.places[i];
  }
  std::vector<ScopeColumn> columns = both_columns(left.side.relation, right.side.relation);
  JoinRequest request;
  request.kind = reference.join;
  if (is_inner(request.kind)) {
    request.kind = conditions.both.empty() ? JoinKind::kCross : JoinKind::kInner;
  }
  request.left = std::move(left.side);
  request.right = std::move(right.side);
  request.conjuncts = std::move(conditions.both);
  request.position = reference.position;
  request.select = select_;
  auto relation = planner_.rules().join(std::move(request));
  if (!relation) return std::unexpected(planner_.placed(reference.position, relation.error()));
  joined.side.relation = *std::move(relation);
  std::ranges::move(columns, joined.side.relation.columns.begin());
  if (merged.empty()) return joined;
  return merge_columns(std::move(joined), reference.join, static_cast<size_t>(width), merged);
}

Result<FromPlanner::Conditions> FromPlanner::conditions_of(const sql::TableReference& reference,
                                                           const Planned& left,
                                                           const Planned& right, bool takes_terms) {
  const Schema& left_schema = left.side.relation.plan->schema;
  const int width = static_cast<int>(left_schema.size());
  std::vector<BoundPtr> terms;
  if (reference.on != nullptr) {
    const std::vector<ScopeColumn> columns = both_columns(left.side.relation, right.side.relation);
    const Schema schema = concatenated(left_schema, right.side.relation.plan->schema);
    ExpressionBinder binder(names(), columns, schema);
    binder.set_place("in ON");
    TRY_ASSIGN(const BoundPtr on, binder.bind_condition(*reference.on, "ON"));
    terms = conjuncts_of(on);
  }
  if (takes_terms) {
    std::vector<int> places = left.places;
    for (size_t i = 0; i < places.size(); ++i) {
      if (right.places[i] >= 0) places[i] = width + right.places[i];
    }
    for (Term& term : terms_) {
      const bool inside = term.first_leaf >= left.first_leaf && term.last_leaf <= right.last_leaf;
      if (term.bound == nullptr || term.done || !inside) continue;
      // A term over one leaf was refused there: it joins here.
      terms.push_back(remap(term.bound, places));
      term.done = true;
    }
  }
  Conditions conditions;
  for (BoundPtr& term : terms) {
    const std::vector<int> columns = columns_of(*term);
    const bool movable = !columns.empty() && is_deterministic(*term);
    const bool only_left = movable && columns.back() < width;
    const bool only_right = movable && columns.front() >= width;
    if (only_left && keeps_right(reference.join) && left.filtered_early) {
      conditions.left.push_back(std::move(term));
    } else if (only_right && keeps_left(reference.join) && right.filtered_early) {
      conditions.right.push_back(shifted(term, -width));
    } else {
      conditions.both.push_back(std::move(term));
    }
  }
  return conditions;
}

Result<> FromPlanner::add_using(const sql::TableReference& reference, const Planned& left,
                                const Planned& right,
                                std::vector<std::pair<int, int>>& merged) const {
  sql::QualifiedName name(1);
  const auto add = [&](const sql::Identifier& identifier) -> Result<> {
    name[0] = identifier;
    TRY_ASSIGN(const int a, resolve_column(left.side.relation.columns, name, names()));
    TRY_ASSIGN(const int b, resolve_column(right.side.relation.columns, name, names()));
    merged.emplace_back(a, b);
    return {};
  };
  for (const sql::Identifier& column : reference.using_columns) TRY(add(column));
  if (!reference.natural) return {};
  for (const ScopeColumn& column : left.side.relation.columns) {
    if (column.visibility != Visibility::kVisible) continue;
    const bool common =
        std::ranges::any_of(right.side.relation.columns, [&](const ScopeColumn& other) {
          return other.visibility == Visibility::kVisible && other.name == column.name;
        });
    if (!common) continue;
    TRY(add({.text = column.name, .quoted = true, .position = reference.position}));
  }
  return {};
}

// The columns of USING come first, once; c is then the one that is always there.
FromPlanner::Planned FromPlanner::merge_columns(
    Planned joined, JoinKind kind, size_t left_width,
    const std::vector<std::pair<int, int>>& merged) const {
  Relation& relation = joined.side.relation;
  const Schema schema = relation.plan->schema;
  std::vector<BoundPtr> expressions;
  std::vector<std::string> column_names;
  std::vector<ScopeColumn> columns;
  std::vector<int> moved(schema.size(), -1);
  for (const auto& [left, right_place] : merged) {
    const auto a = static_cast<size_t>(left);
    const auto b = left_width + static_cast<size_t>(right_place);
    ScopeColumn column = relation.columns[kind == JoinKind::kRight ? b : a];
    column.visibility = Visibility::kVisible;
    const BoundPtr from_left = bound_column(left, schema[a]);
    const BoundPtr from_right = bound_column(static_cast<int>(b), schema[b]);
    relation.columns[a].visibility = Visibility::kMerged;
    relation.columns[b].visibility = Visibility::kMerged;
    if (kind == JoinKind::kFull) {
      auto either = std::make_shared<BoundExpression>();
      either->kind = BoundKind::kCoalesce;
      either->type = schema[a].type;
      either->arguments = {from_left, bound_cast(from_right, schema[a].type)};
      expressions.push_back(std::move(either));
      column.table.clear();
    } else {
      const size_t kept = kind == JoinKind::kRight ? b : a;
      moved[kept] = static_cast<int>(expressions.size());
      expressions.push_back(kind == JoinKind::kRight ? from_right : from_left);
    }
    column_names.push_back(column.name);
    columns.push_back(std::move(column));
  }
  for (size_t i = 0; i < schema.size(); ++i) {
    if (moved[i] >= 0) continue;
    moved[i] = static_cast<int>(expressions.size());
    expressions.push_back(bound_column(static_cast<int>(i), schema[i]));
    column_names.push_back(schema[i].name);
    columns.push_back(relation.columns[i]);
  }
  for (int& place : joined.places) {
    if (place >= 0) place = moved[static_cast<size_t>(place)];
  }
  relation.plan =
      make_project(std::move(relation.plan), std::move(expressions), std::move(column_names));
  relation.columns = std::move(columns);
  return joined;
}

// What is left of WHERE, then IN and EXISTS.
Result<Relation> FromPlanner::filter_rest(Relation relation, const OuterScope* outer) {
  std::vector<BoundPtr> conditions;
  sql::Position position;
  for (const Term& term : terms_) {
    if (term.done || is_semi_join(*term.expression)) continue;
    ExpressionBinder binder(names(), relation.columns, relation.plan->schema);
    binder.set_place("in WHERE");
    auto bound = binder.bind_condition(*term.expression, "WHERE");
    if (!bound && outer != nullptr) {
      auto both = bind_correlated(names(), *outer, relation, *term.expression);
      if (both) {
        correlated_.push_back(*std::move(both));
        continue;
      }
    }
    if (!bound) return std::unexpected(bound.error());
    if (conditions.empty()) position = term.expression->position;
    for (BoundPtr& each : conjuncts_of(*bound)) conditions.push_back(std::move(each));
  }
  if (!conditions.empty()) {
    auto filtered = planner_.rules().filter(std::move(relation.plan),
                                            conjunction(std::move(conditions)), position);
    if (!filtered) return std::unexpected(planner_.placed(position, filtered.error()));
    relation.plan = *std::move(filtered);
  }
  for (const Term& term : terms_) {
    if (term.done || !is_semi_join(*term.expression)) continue;
    TRY_ASSIGN(relation, plan_semi_join(planner_, std::move(relation), *term.expression));
  }
  return relation;
}

}  // namespace millstream::analytics
