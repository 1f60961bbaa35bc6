#include "analytics/plan/script_planner.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "analytics/functions/aggregate.h"
#include "analytics/functions/function.h"
#include "analytics/plan/options.h"
#include "analytics/plan/state_id.h"

namespace millstream::analytics {

ScriptPlanner::ScriptPlanner(std::string_view script, const PlannerSettings& settings)
    : settings_(settings) {
  names = {.script = script, .dialect = settings.dialect};
  bounded = settings.bounded;
  result_.plan.dialect = settings.dialect;
}

Result<PlannedScript> ScriptPlanner::finish() {
  optimize(result_.plan);
  result_.plan = with_state_ids(result_.plan);
  result_.warnings = std::move(warnings);
  return std::move(result_);
}

Result<std::string> ScriptPlanner::set_option(const sql::SetOption& statement,
                                              sql::Position position) {
  auto& options = result_.plan.options;
  if (statement.reset) {
    if (statement.key) {
      options.erase(*statement.key);
    } else {
      options.clear();
    }
    return std::string();
  }
  if (!statement.key) {
    std::vector<std::string> all;
    for (const auto& [key, value] : options) all.push_back(fmt::format("'{}' = '{}'", key, value));
    return lines(all);
  }
  auto warning = check_session_option(*statement.key, statement.value);
  if (!warning) return error_at(names, position, warning.error());
  if (!warning->empty()) warnings.push_back(*std::move(warning));
  options[*statement.key] = statement.value;
  return std::string();
}

Result<Relation> ScriptPlanner::plan_query(const sql::Query& query) {
  QueryPlanner planner(*this, make_rules());
  TRY_ASSIGN(Relation relation, planner.plan(query));
  TRY(check_size(relation, query.position));
  return relation;
}

Result<PlanPtr> ScriptPlanner::plan_collect(const sql::Query& query) {
  QueryPlanner planner(*this, make_rules());
  TRY_ASSIGN(Relation relation, planner.plan(query, true));
  TRY(check_size(relation, query.position));
  auto table = std::make_shared<Table>();
  ++collects_;
  table->name = fmt::format("result-{}", collects_);
  table->connector = Connector::kCollect;
  std::unordered_set<std::string> taken;
  for (size_t i = 0; i < relation.columns.size(); ++i) {
    if (relation.columns[i].visibility == Visibility::kHidden) continue;
    // Of equal names the second is a0, as in Flink: a row is shown as an object of its columns.
    std::string name = relation.columns[i].name;
    for (int n = 0; !taken.insert(name).second; ++n) {
      name = fmt::format("{}{}", relation.columns[i].name, n);
    }
    table->columns.push_back({.name = std::move(name), .type = relation.plan->schema[i].type});
  }
  std::string name = table->name;
  return planner.plan_sink(std::move(relation), std::move(table), std::move(name), query.position);
}

Result<> ScriptPlanner::check_size(const Relation& relation, sql::Position position) {
  if (relation.columns.size() > kMaxColumns) {
    return fail_at(position, fmt::format("a query of {} columns: at most {} are allowed",
                                         relation.columns.size(), kMaxColumns));
  }
  if (depths_.of(relation.plan) > kMaxPlanDepth) {
    return fail_at(position,
                   fmt::format("the plan is too deep: at most {} operators may follow one another",
                               kMaxPlanDepth));
  }
  return {};
}

Result<std::string> ScriptPlanner::explain_sinks(std::vector<PlanPtr> sinks) const {
  Plan plan;
  plan.dialect = names.dialect;
  plan.sinks = std::move(sinks);
  plan.options = result_.plan.options;
  optimize(plan);
  return explain(plan);
}

std::string ScriptPlanner::lines(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += word + "\n";
  return text;
}

std::string ScriptPlanner::functions_text(sql::Dialect dialect) {
  std::vector<std::string> all;
  for (const Function* function : functions_of(dialect)) all.emplace_back(function->name);
  for (const AggregateFunction* function : aggregates_of(dialect)) {
    all.emplace_back(function->name);
  }
  std::ranges::sort(all);
  const auto twice = std::ranges::unique(all);
  all.erase(twice.begin(), twice.end());
  return lines(all);
}

}  // namespace millstream::analytics
