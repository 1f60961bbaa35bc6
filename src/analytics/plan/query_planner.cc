#include "analytics/plan/query_planner.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "analytics/functions/function.h"
#include "analytics/plan/changelog.h"
#include "analytics/plan/select_planner.h"
#include "analytics/plan/sink_types.h"

namespace millstream::analytics {
namespace {

// Queries inside queries, views excepted: those are planned where they are defined.
constexpr int kMaxQueryDepth = 200;

std::string full_name(const Table& table) {
  return fmt::format("default_catalog.default_database.{}", table.name);
}

// The common type of one column of all sides of a UNION; a time attribute survives if all have
// the same.
Result<Type> union_type(std::span<const Type> types, sql::Dialect dialect) {
  TRY_ASSIGN(Type type, common_type(types, dialect));
  type.time = types[0].time;
  for (const Type& other : types) {
    if (other.time != type.time || other.kind != types[0].kind) type.time = TimeAttribute::kNone;
  }
  return type;
}

void collect_sides(const sql::Query& query, bool all, std::vector<const sql::Query*>& sides) {
  const bool same = query.kind == sql::Query::Kind::kUnion && query.all == all &&
                    query.order_by.empty() && query.limit == nullptr && query.offset == nullptr &&
                    query.with.empty();
  if (!same) {
    sides.push_back(&query);
    return;
  }
  collect_sides(*query.left, all, sides);
  collect_sides(*query.right, all, sides);
}

std::vector<int> visible_columns(const Relation& relation) {
  std::vector<int> visible;
  for (size_t i = 0; i < relation.columns.size(); ++i) {
    if (relation.columns[i].visibility != Visibility::kHidden) {
      visible.push_back(static_cast<int>(i));
    }
  }
  return visible;
}

bool has_hidden(const Relation& relation) {
  return visible_columns(relation).size() != relation.columns.size();
}

}  // namespace

bool same(const BoundAggregate& a, const BoundAggregate& b) {
  const auto equal = [](const BoundPtr& x, const BoundPtr& y) {
    return x == nullptr || y == nullptr ? x == y : same(*x, *y);
  };
  return a.function == b.function && a.distinct == b.distinct && a.constants == b.constants &&
         equal(a.filter, b.filter) && std::ranges::equal(a.arguments, b.arguments, equal);
}

bool same(const BoundOver& a, const BoundOver& b) {
  const auto equal = [](const BoundPtr& x, const BoundPtr& y) { return same(*x, *y); };
  const auto equal_order = [](const BoundOrder& x, const BoundOrder& y) {
    return x.descending == y.descending && x.nulls_first == y.nulls_first &&
           same(*x.expression, *y.expression);
  };
  const BoundFrame& f = a.frame;
  const BoundFrame& g = b.frame;
  return std::ranges::equal(a.partition_by, b.partition_by, equal) &&
         std::ranges::equal(a.order_by, b.order_by, equal_order) && f.has_frame == g.has_frame &&
         f.rows == g.rows && f.start_kind == g.start_kind && f.end_kind == g.end_kind &&
         f.start_offset == g.start_offset && f.end_offset == g.end_offset;
}

// --- What a dialect means unless it says otherwise.

Result<PlanPtr> DialectRules::filter(PlanPtr input, BoundPtr condition, sql::Position) {
  return make_filter(std::move(input), std::move(condition));
}

Result<Relation> DialectRules::alone(JoinSide side) { return std::move(side.relation); }

Result<Relation> DialectRules::table_function(const sql::TableReference& reference) {
  const std::string name =
      reference.function == nullptr ? std::string() : function_name(reference.function->name);
  return fail(ErrorCode::kInvalidArgument, "function {} over a table is not yet supported", name);
}

Result<> DialectRules::add_hidden(ExpressionBinder&, std::vector<BoundPtr>&,
                                  std::vector<ScopeColumn>&) {
  return {};
}

// --- Queries.

QueryPlanner::QueryPlanner(PlanContext& context, std::unique_ptr<DialectRules> rules)
    : context_(context), rules_(std::move(rules)) {
  if (rules_ == nullptr) rules_ = make_flink_rules(*this);
}

QueryPlanner::~QueryPlanner() = default;

Result<Relation> QueryPlanner::plan(const sql::Query& query, bool top_level) {
  if (depth_ >= kMaxQueryDepth) {
    return error_at(names(), query.position, "queries are nested too deeply");
  }
  ++depth_;
  const size_t scopes = common_tables_.size();
  auto result = plan_body(query, top_level);
  common_tables_.resize(scopes);
  --depth_;
  return result;
}

Result<Relation> QueryPlanner::plan_body(const sql::Query& query, bool top_level) {
  if (!query.with.empty()) {
    common_tables_.emplace_back();
    for (const sql::CommonTable& table : query.with) {
      TRY_ASSIGN(Relation relation, plan(*table.query));
      std::vector<std::string> columns;
      for (const sql::Identifier& column : table.columns) columns.push_back(names().name(column));
      auto named = renamed(std::move(relation), "", columns);
      if (!named) return error_at(names(), table.name.position, named.error());
      const std::string name = names().name(table.name);
      if (!common_tables_.back().emplace(name, *std::move(named)).second) {
        return error_at(names(), table.name.position,
                        fmt::format("Duplicate query name '{}' in WITH", name));
      }
    }
  }
  Relation relation;
  switch (query.kind) {
    case sql::Query::Kind::kSelect: {
      SelectPlanner planner(*this, *query.select);
      return planner.plan(query, top_level);
    }
    case sql::Query::Kind::kUnion:
    case sql::Query::Kind::kExcept:
    case sql::Query::Kind::kIntersect: {
      TRY_ASSIGN(relation, plan_set_operation(query));
      break;
    }
    case sql::Query::Kind::kValues: {
      TRY_ASSIGN(relation, plan_values(query));
      break;
    }
  }
  return plan_order(query, std::move(relation), top_level);
}

Result<Relation> QueryPlanner::plan_set_operation(const sql::Query& query) {
  if (query.kind != sql::Query::Kind::kUnion) {
    return error_at(names(), query.position,
                    fmt::format("{} is not yet supported: write WHERE [NOT] IN or a join",
                                query.kind == sql::Query::Kind::kExcept ? "EXCEPT" : "INTERSECT"));
  }
  std::vector<const sql::Query*> queries;
  collect_sides(*query.left, query.all, queries);
  collect_sides(*query.right, query.all, queries);
  std::vector<Relation> sides;
  bool hidden = true;
  for (const sql::Query* side : queries) {
    TRY_ASSIGN(sides.emplace_back(), plan(*side));
    hidden = hidden && has_hidden(sides.back());
  }
  const size_t width = visible_columns(sides[0]).size();
  std::vector<std::vector<int>> selected;
  for (size_t i = 0; i < sides.size(); ++i) {
    selected.push_back(visible_columns(sides[i]));
    if (selected.back().size() != width) {
      return error_at(names(), queries[i]->position,
                      fmt::format("Column count mismatch in UNION{}: {} and {}",
                                  query.all ? " ALL" : "", width, selected.back().size()));
    }
    // ROWTIME of the Kinesis dialect stands behind.
    if (hidden) selected.back().push_back(static_cast<int>(sides[i].columns.size()) - 1);
  }
  Schema schema;
  Relation result;
  for (size_t column = 0; column < selected[0].size(); ++column) {
    std::vector<Type> types;
    for (size_t i = 0; i < sides.size(); ++i) {
      types.push_back(sides[i].plan->schema[static_cast<size_t>(selected[i][column])].type);
    }
    auto type = union_type(types, names().dialect);
    const ScopeColumn& named = sides[0].columns[static_cast<size_t>(selected[0][column])];
    if (!type) {
      return error_at(names(), query.position,
                      fmt::format("Type mismatch in column {} of UNION{}: {}", column + 1,
                                  query.all ? " ALL" : "", type.error().message));
    }
    schema.push_back({.name = named.name, .type = *std::move(type)});
    result.columns.push_back({.table = "", .name = named.name, .visibility = named.visibility});
  }
  std::vector<PlanPtr> inputs;
  for (size_t i = 0; i < sides.size(); ++i) {
    std::vector<BoundPtr> expressions;
    for (size_t column = 0; column < schema.size(); ++column) {
      const int from = selected[i][column];
      expressions.push_back(
          bound_cast(bound_column(from, sides[i].plan->schema[static_cast<size_t>(from)]),
                     schema[column].type));
    }
    inputs.push_back(
        make_project(std::move(sides[i].plan), std::move(expressions), names_of(schema)));
  }
  result.plan = make_union(std::move(inputs), schema);
  if (query.all) return result;
  return distinct_rows(*this, std::move(result), nullptr);
}

Result<Relation> QueryPlanner::plan_values(const sql::Query& query) {
  const std::vector<ScopeColumn> no_columns;
  const Schema no_schema;
  ExpressionBinder binder(names(), no_columns, no_schema);
  binder.set_place("in VALUES");
  std::vector<std::vector<BoundPtr>> rows;
  for (const auto& row : query.rows) {
    if (row.size() != query.rows[0].size()) {
      return error_at(names(), row.empty() ? query.position : row[0]->position,
                      "the rows of VALUES have different numbers of columns");
    }
    TRY_ASSIGN(rows.emplace_back(), binder.bind_all(row));
  }
  Schema schema;
  for (size_t column = 0; column < rows[0].size(); ++column) {
    std::vector<Type> types;
    for (const auto& row : rows) types.push_back(row[column]->type);
    auto type = common_type(types, names().dialect);
    if (!type) {
      return error_at(
          names(), query.position,
          fmt::format("Values in column {} of VALUES: {}", column + 1, type.error().message));
    }
    type->time = TimeAttribute::kNone;
    schema.push_back({.name = fmt::format("EXPR${}", column), .type = *std::move(type)});
  }
  ValuesNode values;
  for (size_t i = 0; i < rows.size(); ++i) {
    auto& row = values.rows.emplace_back();
    for (size_t column = 0; column < schema.size(); ++column) {
      const BoundPtr cell = implicit_cast(rows[i][column], schema[column].type);
      const sql::Position position = query.rows[i][column]->position;
      if (!is_deterministic(*cell)) {
        return error_at(names(), position,
                        "VALUES of the current time or of random numbers are not yet supported");
      }
      auto value = evaluate_constant(*cell, names().dialect);
      if (!value) return error_at(names(), position, value.error());
      row.push_back(*std::move(value));
    }
  }
  PlanPtr plan = make_node(std::move(values), {}, std::move(schema));
  return relation_of(std::move(plan));
}

Result<Relation> QueryPlanner::plan_order(const sql::Query& query, Relation relation,
                                          bool top_level) {
  return order_rows(*this, query, std::move(relation), top_level);
}

// --- FROM.

Result<JoinSide> QueryPlanner::plan_reference(const sql::TableReference& reference) {
  using Kind = sql::TableReference::Kind;
  JoinSide side;
  side.reference = &reference;
  if (reference.lateral) {
    return error_at(names(), reference.position, "LATERAL is not yet supported");
  }
  std::string alias;
  switch (reference.kind) {
    case Kind::kNamed: {
      alias = names().name(reference.name.back());
      const Relation* common = nullptr;
      if (reference.name.size() == 1) {
        for (const auto& scope : common_tables_) {
          if (const auto found = scope.find(alias); found != scope.end()) common = &found->second;
        }
      }
      if (common != nullptr) {
        side.relation = *common;
        break;
      }
      TRY_ASSIGN(auto found, context_.find_relation(reference));
      if (!found) {
        return error_at(names(), reference.position,
                        fmt::format("Object '{}' not found{}", alias,
                                    nearest_names(alias, context_.known_tables())));
      }
      side.relation = std::move(found->relation);
      side.table = std::move(found->table);
      break;
    }
    case Kind::kSubquery:
    case Kind::kValues: {
      TRY_ASSIGN(side.relation, plan(*reference.query));
      break;
    }
    case Kind::kFunction: {
      auto relation = rules_->table_function(reference);
      if (!relation) return std::unexpected(placed(reference.position, relation.error()));
      side.relation = *std::move(relation);
      break;
    }
    case Kind::kJoin: {
      TRY_ASSIGN(side.relation, plan_join_alone(*this, reference));
      break;
    }
  }
  if (reference.alias) alias = names().name(*reference.alias);
  if (reference.kind == Kind::kJoin && !reference.alias) return side;
  std::vector<std::string> columns;
  for (const sql::Identifier& column : reference.column_aliases) {
    columns.push_back(names().name(column));
  }
  auto named = renamed(std::move(side.relation), alias, columns);
  if (!named) return error_at(names(), reference.position, named.error());
  side.relation = *std::move(named);
  return side;
}

Error QueryPlanner::placed(sql::Position position, const Error& error) const {
  if (error.message.starts_with("line ")) return error;
  return error_at(names(), position, error).error();
}

// --- Sinks.

Result<PlanPtr> QueryPlanner::plan_insert(const sql::Insert& insert,
                                          std::shared_ptr<const Table> table, std::string name) {
  TRY_ASSIGN(Relation relation, plan(*insert.query, true));
  const sql::Position position = insert.query->position;
  const auto sink = written_part(table);
  TRY_ASSIGN(const std::vector<int> targets, insert_targets(names(), insert, *sink));
  const std::vector<int> selected = visible_columns(relation);
  const auto mismatch = [&](std::string_view cause) {
    return error_at(names(), position,
                    schema_mismatch(full_name(*sink), cause, relation, *sink, targets));
  };
  if (selected.size() != targets.size()) return mismatch("Different number of columns.");
  std::vector<BoundPtr> values(sink->columns.size());
  for (size_t i = 0; i < targets.size(); ++i) {
    const Field& from = relation.plan->schema[static_cast<size_t>(selected[i])];
    const TableColumn& to = sink->columns[static_cast<size_t>(targets[i])];
    if (!stores_implicitly(from.type, to.type)) {
      return mismatch(
          fmt::format("Incompatible types for sink column '{}' at position {}.", to.name, i));
    }
    Type type = to.type;
    type.time = TimeAttribute::kNone;
    values[static_cast<size_t>(targets[i])] = bound_cast(bound_column(selected[i], from), type);
  }
  std::vector<std::string> column_names;
  for (size_t i = 0; i < values.size(); ++i) {
    const TableColumn& column = sink->columns[i];
    column_names.push_back(column.name);
    if (values[i] != nullptr) continue;
    if (!column.type.nullable) {
      return error_at(
          names(), position,
          fmt::format("Column '{}' has no default value and does not allow NULLs", column.name));
    }
    values[i] = bound_literal(std::monostate(), column.type);
  }
  PlanPtr rows = make_project(std::move(relation.plan), std::move(values), std::move(column_names));
  PlanPtr plan = make_sink(std::move(rows), sink, std::move(name));
  auto checked = check_all_changes(plan);
  if (!checked) return error_at(names(), position, checked.error());
  return plan;
}

Result<PlanPtr> QueryPlanner::plan_sink(Relation relation, std::shared_ptr<const Table> table,
                                        std::string name, sql::Position position) {
  std::vector<BoundPtr> values;
  std::vector<std::string> column_names;
  for (const int column : visible_columns(relation)) {
    values.push_back(bound_column(column, relation.plan->schema[static_cast<size_t>(column)]));
    column_names.push_back(table->columns[column_names.size()].name);
  }
  PlanPtr rows = make_project(std::move(relation.plan), std::move(values), std::move(column_names));
  PlanPtr plan = make_sink(std::move(rows), std::move(table), std::move(name));
  auto checked = check_all_changes(plan);
  if (!checked) return error_at(names(), position, checked.error());
  return plan;
}

}  // namespace millstream::analytics
