// What planning a script has in common in both dialects: the names it has defined, its options,
// the statements that only answer something.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analytics/plan/partitioning.h"
#include "analytics/plan/planner.h"
#include "analytics/plan/query_planner.h"
#include "analytics/sql/ast.h"
#include "base/result.h"

namespace millstream::analytics {

// A plan deeper than this is refused, so that nobody who walks plans exhausts the stack. A query
// nested as deep as the parser allows has about as many nodes.
inline constexpr size_t kMaxPlanDepth = 1000;
// Columns of a table, view or query: views of `SELECT *, *` would double them at will.
inline constexpr size_t kMaxColumns = 10000;

class ScriptPlanner : public PlanContext {
 public:
  ScriptPlanner(std::string_view script, const PlannerSettings& settings);

  virtual Result<> run(const std::vector<sql::Statement>& statements) = 0;
  // After run(): the plan complete.
  Result<PlannedScript> finish();

 protected:
  virtual std::unique_ptr<DialectRules> make_rules() { return nullptr; }

  std::unexpected<Error> fail_at(sql::Position position, std::string_view message) const {
    return error_at(names, position, message);
  }
  // The text that an error of an option gets its place from.
  Result<std::string> set_option(const sql::SetOption& statement, sql::Position position);
  // A query of its own: a kCollect sink.
  Result<PlanPtr> plan_collect(const sql::Query& query);
  Result<Relation> plan_query(const sql::Query& query);
  // Neither too many columns nor too many operators one behind another.
  Result<> check_size(const Relation& relation, sql::Position position);
  Result<std::string> explain_sinks(std::vector<PlanPtr> sinks) const;
  static std::string functions_text(sql::Dialect dialect);
  static std::string lines(const std::vector<std::string>& words);

  const PlannerSettings& settings_;
  PlannedScript result_;
  int collects_ = 0;

 private:
  PlanDepths depths_;
};

std::unique_ptr<ScriptPlanner> make_flink_script(std::string_view script,
                                                 const PlannerSettings& settings);
std::unique_ptr<ScriptPlanner> make_kinesis_script(std::string_view script,
                                                   const PlannerSettings& settings);

}  // namespace millstream::analytics
