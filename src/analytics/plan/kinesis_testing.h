// The application that tests of the Kinesis dialect plan scripts for.
#pragma once

#include <string>
#include <string_view>

#include "analytics/plan/planner.h"
#include "base/result.h"

namespace millstream::analytics {

// Inputs "SENSOR_001" (DEVICE, ZONE, TEMPERATURE, DRIFT, MEASURED_AT) and "EVENTS_001" (quoted
// names: "kind", "order", …), reference table "Zones" ("zone", "building"), output "ALARMS".
PlannerSettings kinesis_settings();

// EXPLAIN of the script's whole plan, or the error's message after "error: ".
std::string explained(std::string_view script,
                      const PlannerSettings& settings = kinesis_settings());
// The message of the script's error; "" if it has none.
std::string error_of(std::string_view script, const PlannerSettings& settings = kinesis_settings());

}  // namespace millstream::analytics
