#include "analytics/plan/planner.h"

#include "analytics/plan/script_planner.h"
#include "analytics/sql/parser.h"

namespace millstream::analytics {

Result<PlannedScript> plan_script(std::string_view script, const PlannerSettings& settings) {
  TRY_ASSIGN(const std::vector<sql::Statement> statements,
             sql::parse_script(script, settings.dialect));
  const auto planner = settings.dialect == sql::Dialect::kFlink
                           ? make_flink_script(script, settings)
                           : make_kinesis_script(script, settings);
  TRY(planner->run(statements));
  return planner->finish();
}

}  // namespace millstream::analytics
