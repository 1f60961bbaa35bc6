// A run's figures and last lines, for people and for `millstream app`.
#pragma once

#include <optional>
#include <string>

#include "analytics/applications/runner.h"

namespace millstream::analytics {

// {"State":"RUNNING","Failure":"…","Restarts":0,"MillisBehindLatest":12,"InputRows":…,
//  "OutputRows":…,"LateRows":…,"ErrorRows":…,"SkippedRows":…,"Batches":…,"StateRows":…,
//  "StateBytes":…,"Parallelism":…,"Snapshot":"…","DroppedState":["…"],"Log":["…"]}
// Without a run: {"State":"STOPPED","Log":[]}. MillisBehindLatest is missing until it is known.
std::string run_report(const std::optional<RunStatus>& run);

}  // namespace millstream::analytics
