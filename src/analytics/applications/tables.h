// From an application's definition to what the planner needs; the same in server and worker.
#pragma once

#include "analytics/applications/runner.h"
#include "analytics/plan/planner.h"
#include "base/result.h"

namespace millstream::analytics {

// The in-application tables of the run's definition (inputs, reference data, outputs), its
// dialect and mode. Errors: kInvalidArgument, in the API's words.
Result<PlannerSettings> planner_settings(const ApplicationRun& run);

}  // namespace millstream::analytics
