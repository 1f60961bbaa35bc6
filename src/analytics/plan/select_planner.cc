#include "analytics/plan/select_planner.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "analytics/functions/function.h"
#include "analytics/plan/from_planner.h"
#include "analytics/plan/select_parts.h"

namespace millstream::analytics {
namespace {

using Kind = sql::ExpressionKind;
using Property = WindowAggregateNode::Property;

constexpr int kMaxRewriteDepth = 4 * static_cast<int>(sql::kMaxTreeHeight);

class Rewriter {
 public:
  explicit Rewriter(const Replace& replace) : replace_(replace) {}

  Result<BoundPtr> rewrite(const BoundPtr& expression) {
    if (const auto found = done_.find(expression.get()); found != done_.end()) {
      return found->second;
    }
    MS_ASSERT(depth_ < kMaxRewriteDepth);
    TRY_ASSIGN(BoundPtr result, replace_(expression));
    if (result == nullptr) {
      result = expression;
      std::vector<BoundPtr> arguments;
      bool changed = false;
      ++depth_;
      for (const BoundPtr& argument : expression->arguments) {
        TRY_ASSIGN(arguments.emplace_back(), rewrite(argument));
        changed |= arguments.back() != argument;
      }
      --depth_;
      if (changed) {
        auto copy = std::make_shared<BoundExpression>(*expression);
        copy->arguments = std::move(arguments);
        result = std::move(copy);
      }
    }
    done_.emplace(expression.get(), result);
    return result;
  }

 private:
  const Replace& replace_;
  std::unordered_map<const BoundExpression*, BoundPtr> done_;
  int depth_ = 0;
};

bool has_computed_row(const NameRules& rules, const sql::Expression& expression) {
  if (expression.kind == Kind::kCall &&
      (expression.over != nullptr || is_aggregate(function_name(expression.name), rules.dialect))) {
    return true;
  }
  return std::ranges::any_of(expression.arguments, [&](const sql::ExpressionPtr& argument) {
    return has_computed_row(rules, *argument);
  });
}

}  // namespace

Result<BoundPtr> rewrite(const BoundPtr& expression, const Replace& replace) {
  return Rewriter(replace).rewrite(expression);
}

std::optional<WindowProperty> window_property(std::string_view function) {
  const size_t line = function.find('_');
  if (line == std::string_view::npos) return std::nullopt;
  const std::string_view window = function.substr(0, line);
  const std::string_view property = function.substr(line + 1);
  if (!is_group_window(window)) return std::nullopt;
  if (property == "START") return WindowProperty{window, Property::kStart};
  if (property == "END") return WindowProperty{window, Property::kEnd};
  if (property == "ROWTIME") return WindowProperty{window, Property::kTime};
  if (property == "PROCTIME") return WindowProperty{window, Property::kProctime};
  return std::nullopt;
}

bool selects_computed_rows(const NameRules& rules, const sql::Select& select) {
  return std::ranges::any_of(select.items, [&](const sql::SelectItem& item) {
    return has_computed_row(rules, *item.expression);
  });
}

Result<BoundPtr> call_of(const NameRules& rules, sql::Position position, std::string_view function,
                         std::vector<BoundPtr> arguments) {
  auto call = resolve_function(function, rules.dialect, arguments);
  if (!call) return error_at(rules, position, call.error());
  for (size_t i = 0; i < arguments.size(); ++i) {
    arguments[i] = implicit_cast(std::move(arguments[i]), call->argument_types[i]);
  }
  call->type.time = TimeAttribute::kNone;
  return bound_call(*call->function, std::move(arguments), std::move(call->type));
}

Result<Relation> plan_join_alone(QueryPlanner& planner, const sql::TableReference& reference) {
  return FromPlanner(planner, nullptr).plan(reference, nullptr);
}

Result<Relation> SelectPlanner::plan(const sql::Query& query, bool top_level) {
  TRY(plan_from());
  columns_ = input_.columns;
  schema_ = input_.plan->schema;
  binder_.emplace(names(), columns_, schema_);
  binder_->set_place("in the select list");
  binder_->set_hook([this](const sql::Expression& each) { return stand_in(each); });
  TRY(bind_keys());
  TRY(bind_items());
  if (select_.having != nullptr) {
    allows_over_ = false;
    TRY_ASSIGN(having_, binder_->bind_condition(*select_.having, "HAVING"));
    allows_over_ = true;
  }
  TRY(bind_order(query));
  if (is_aggregation()) TRY(aggregate());
  if (having_ != nullptr) {
    TRY_ASSIGN(having_, after_aggregate(having_, select_.having->position));
    auto kept = planner_.rules().filter(std::move(input_.plan), having_, select_.having->position);
    if (!kept) {
      return std::unexpected(planner_.placed(select_.having->position, kept.error()));
    }
    input_.plan = *std::move(kept);
  }
  if (!overs_.empty()) TRY(evaluate_over());
  for (Item& item : items_) TRY(settle(item.expression, item.position));
  for (Item& item : order_items_) TRY(settle(item.expression, item.position));
  const bool sorts =
      !query.order_by.empty() && (top_level || query.limit != nullptr || query.offset != nullptr);
  TRY_ASSIGN(Relation relation, project(sorts));
  if (!sorts) {
    if (query.limit == nullptr && query.offset == nullptr) return relation;
    return sort_rows(planner_, query, std::move(relation), {}, top_level);
  }
  std::vector<int> columns;
  for (const size_t at : order_) columns.push_back(static_cast<int>(at));
  const size_t shown = items_.size();
  TRY_ASSIGN(relation, sort_rows(planner_, query, std::move(relation), columns, top_level));
  if (order_items_.empty()) return relation;
  // The columns that were there for the order only.
  std::vector<BoundPtr> expressions;
  std::vector<std::string> column_names;
  Relation result;
  for (size_t i = 0; i < relation.columns.size(); ++i) {
    if (i >= shown && i < shown + order_items_.size()) continue;
    expressions.push_back(bound_column(static_cast<int>(i), relation.plan->schema[i]));
    column_names.push_back(relation.columns[i].name);
    result.columns.push_back(relation.columns[i]);
  }
  result.plan =
      make_project(std::move(relation.plan), std::move(expressions), std::move(column_names));
  return result;
}

Result<> SelectPlanner::plan_from() {
  if (select_.from != nullptr) {
    FromPlanner from(planner_, &select_);
    TRY_ASSIGN(input_, from.plan(*select_.from, select_.where.get()));
    return {};
  }
  ValuesNode row;
  row.rows.emplace_back();
  input_.plan = make_node(std::move(row), {}, {});
  if (select_.where == nullptr) return {};
  ExpressionBinder binder(names(), input_.columns, input_.plan->schema);
  binder.set_place("in WHERE");
  TRY_ASSIGN(BoundPtr condition, binder.bind_condition(*select_.where, "WHERE"));
  input_.plan = make_filter(std::move(input_.plan), std::move(condition));
  return {};
}

// ORDER BY: a column of the result by number or name, else an expression over FROM.
Result<> SelectPlanner::bind_order(const sql::Query& query) {
  for (const sql::OrderItem& item : query.order_by) {
    const sql::Expression& expression = *item.expression;
    if (expression.kind == Kind::kNumber) {
      TRY_ASSIGN(const int64_t ordinal, constant_count(names(), expression, "the column's number"));
      if (ordinal < 1 || ordinal > static_cast<int64_t>(items_.size())) {
        return fail_at(expression.position,
                       fmt::format("Ordinal out of range: there are {} columns", items_.size()));
      }
      order_.push_back(static_cast<size_t>(ordinal) - 1);
      continue;
    }
    if (expression.kind == Kind::kName && expression.name.size() == 1) {
      const auto named = std::ranges::find(items_, names().name(expression.name[0]), &Item::name);
      if (named != items_.end()) {
        order_.push_back(static_cast<size_t>(named - items_.begin()));
        continue;
      }
    }
    TRY_ASSIGN(BoundPtr bound, binder_->bind(expression));
    const auto known = std::ranges::find_if(
        items_, [&](const Item& each) { return same(*each.expression, *bound); });
    if (known != items_.end()) {
      order_.push_back(static_cast<size_t>(known - items_.begin()));
      continue;
    }
    if (select_.distinct) {
      return fail_at(expression.position,
                     "ORDER BY of SELECT DISTINCT takes columns of the select list");
    }
    order_.push_back(items_.size() + order_items_.size());
    order_items_.push_back(
        {std::move(bound), fmt::format("$o{}", order_items_.size()), expression.position});
  }
  return {};
}

bool SelectPlanner::is_aggregation() const {
  return !select_.group_by.empty() || select_.having != nullptr || select_.windowed_by != nullptr ||
         !aggregates_.empty();
}

Result<> SelectPlanner::aggregate() {
  AggregateRequest request;
  request.input = input_;
  request.select = &select_;
  request.keys = keys_;
  request.key_names = key_names_;
  request.aggregates = aggregates_;
  request.window = window_;
  // ROWTIME of the result goes along, asked for or not.
  if (is_kinesis()) properties_ = {Property::kTime};
  request.properties = properties_;
  const sql::Position position =
      select_.group_by.empty() ? select_.position : select_.group_by[0]->position;
  auto result = planner_.rules().aggregate(std::move(request));
  if (!result) return std::unexpected(planner_.placed(position, result.error()));
  aggregate_ = *std::move(result);
  input_ = relation_of(aggregate_->plan);
  for (OverCall& call : overs_) {
    for (BoundPtr& argument : call.aggregate.arguments) {
      TRY_ASSIGN(argument, after_aggregate(argument, call.aggregate.position));
    }
    if (call.aggregate.filter != nullptr) {
      TRY_ASSIGN(call.aggregate.filter,
                 after_aggregate(call.aggregate.filter, call.aggregate.position));
    }
    for (BoundPtr& key : call.window.partition_by) {
      TRY_ASSIGN(key, after_aggregate(key, call.window.position));
    }
    for (BoundOrder& order : call.window.order_by) {
      TRY_ASSIGN(order.expression, after_aggregate(order.expression, call.window.position));
    }
  }
  return {};
}

Result<BoundPtr> SelectPlanner::after_aggregate(const BoundPtr& expression,
                                                sql::Position position) {
  if (!aggregate_) return expression;
  const Schema& schema = aggregate_->plan->schema;
  const auto column = [&](int at, const Type& type) {
    return bound_cast(bound_column(at, schema[static_cast<size_t>(at)]), type);
  };
  return rewrite(expression, [&](const BoundPtr& part) -> Result<BoundPtr> {
    for (size_t i = 0; i < keys_.size(); ++i) {
      if (part->kind == keys_[i]->kind && same(*part, *keys_[i])) {
        const int at = aggregate_->keys[i];
        return bound_column(at, schema[static_cast<size_t>(at)]);
      }
    }
    if (part->kind != BoundKind::kColumn || part->column >= kFirstOver) {
      // Stays as it is, if it is a column.
      return part->kind == BoundKind::kColumn ? part : nullptr;
    }
    if (part->column >= kFirstProperty) {
      return column(aggregate_->properties[static_cast<size_t>(part->column - kFirstProperty)],
                    part->type);
    }
    if (part->column >= kFirstAggregate) {
      return column(aggregate_->aggregates[static_cast<size_t>(part->column - kFirstAggregate)],
                    part->type);
    }
    if (is_kinesis() && part->type.time == TimeAttribute::kRowtime) {
      const int at = aggregate_->properties[0];
      return bound_column(at, schema[static_cast<size_t>(at)]);
    }
    return fail_at(position, fmt::format("Expression '{}' is not being grouped",
                                         columns_[static_cast<size_t>(part->column)].name));
  });
}

Result<> SelectPlanner::evaluate_over() {
  OverRequest request;
  request.input = input_;
  request.calls = overs_;
  const sql::Position position = overs_[0].window.position;
  auto result = planner_.rules().over(std::move(request));
  if (!result) return std::unexpected(planner_.placed(position, result.error()));
  input_.plan = std::move(result->plan);
  over_columns_ = std::move(result->columns);
  return {};
}

BoundPtr SelectPlanner::after_over(const BoundPtr& expression) const {
  if (overs_.empty()) return expression;
  auto result = rewrite(expression, [&](const BoundPtr& part) -> Result<BoundPtr> {
    if (part->kind != BoundKind::kColumn || part->column < kFirstOver) return nullptr;
    const int at = over_columns_[static_cast<size_t>(part->column - kFirstOver)];
    return bound_cast(bound_column(at, input_.plan->schema[static_cast<size_t>(at)]), part->type);
  });
  return *std::move(result);
}

Result<> SelectPlanner::settle(BoundPtr& expression, sql::Position position) {
  TRY_ASSIGN(expression, after_aggregate(expression, position));
  expression = after_over(expression);
  return {};
}

Result<Relation> SelectPlanner::project(bool sorted) {
  std::vector<BoundPtr> expressions;
  std::vector<ScopeColumn> columns;
  for (const Item& item : items_) {
    expressions.push_back(item.expression);
    columns.push_back({.table = "", .name = item.name});
  }
  for (const Item& item : order_items_) {
    if (!sorted) break;
    expressions.push_back(item.expression);
    columns.push_back({.table = "", .name = item.name, .visibility = Visibility::kHidden});
  }
  ExpressionBinder output(names(), columns_, schema_);
  output.set_hook([this](const sql::Expression& each) -> Result<BoundPtr> {
    TRY_ASSIGN(BoundPtr bound, binder_->bind(each));
    TRY(settle(bound, each.position));
    return bound;
  });
  auto hidden = planner_.rules().add_hidden(output, expressions, columns);
  if (!hidden) return std::unexpected(planner_.placed(select_.position, hidden.error()));
  if (select_.distinct) return distinct(std::move(expressions), std::move(columns));
  Relation result;
  std::vector<std::string> column_names;
  for (const ScopeColumn& column : columns) column_names.push_back(column.name);
  result.plan =
      make_project(std::move(input_.plan), std::move(expressions), std::move(column_names));
  result.columns = std::move(columns);
  return result;
}

// The rows of the select list, once each: grouped before they are computed, so that a window
// among them is seen.
Result<Relation> SelectPlanner::distinct(std::vector<BoundPtr> expressions,
                                         std::vector<ScopeColumn> columns) {
  AggregateRequest request;
  request.input = input_;
  std::vector<size_t> key_of;  // of each expression
  for (size_t i = 0; i < expressions.size(); ++i) {
    const bool hidden = columns[i].visibility == Visibility::kHidden;
    // Rows of one time are distinct; those of different windows have different times.
    if (hidden && !aggregate_) continue;
    size_t key = 0;
    while (key < request.keys.size() && !same(*request.keys[key], *expressions[i])) ++key;
    if (key == request.keys.size()) {
      request.keys.push_back(expressions[i]);
      request.key_names.push_back(columns[i].name);
    }
    key_of.push_back(key);
  }
  const bool with_time = is_kinesis();
  if (with_time) request.properties = {Property::kTime};
  auto result = planner_.rules().aggregate(std::move(request));
  if (!result) return std::unexpected(planner_.placed(select_.position, result.error()));
  std::vector<BoundPtr> output;
  std::vector<std::string> column_names;
  const Schema& schema = result->plan->schema;
  for (size_t i = 0; i < expressions.size(); ++i) {
    const bool hidden = columns[i].visibility == Visibility::kHidden;
    const int at = hidden ? result->properties[0] : result->keys[key_of[i]];
    output.push_back(bound_column(at, schema[static_cast<size_t>(at)]));
    column_names.push_back(columns[i].name);
  }
  Relation relation;
  relation.plan = make_project(std::move(result->plan), std::move(output), std::move(column_names));
  relation.columns = std::move(columns);
  return relation;
}

}  // namespace millstream::analytics
