// From an application's definition to what the planner needs; the same in server and worker.
#pragma once

#include <string>
#include <string_view>

#include "analytics/applications/runner.h"
#include "analytics/plan/planner.h"
#include "base/result.h"

namespace millstream::analytics {

// The in-application tables of the run's definition (inputs, reference data, outputs), its
// dialect and mode. Errors: kInvalidArgument, in the API's words.
Result<PlannerSettings> planner_settings(const ApplicationRun& run);

// "SOURCE_SQL_STREAM_001": the in-application stream number `number`, from 1, of an input.
std::string in_application_stream_name(std::string_view prefix, int number);
// "arn:aws:s3:::bucket" → "bucket". Errors: kInvalidArgument.
Result<std::string> bucket_of_arn(std::string_view arn);

}  // namespace millstream::analytics
