// Running applications, as the API sees it; behind it are worker processes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analytics/engine/job.h"
#include "base/async.h"
#include "base/result.h"

namespace millstream::analytics {

// Everything that a run needs; made from an application's stored definition.
struct ApplicationRun {
  JobSpec spec;
  std::string code;  // SQL of the dialect
  // A query of a shell: its rows go to the asker, who may lose them when he goes.
  bool collect = false;
  // The application's definition in the V2 model's JSON (wire::kinesisanalyticsv2
  // ApplicationConfigurationDescription), from which server and worker make the same tables
  // (applications/tables.h).
  std::string definition_json;
  bool is_flink = false;
};

enum class RunState : uint8_t { kStarting, kRunning, kStopped, kFailed, kFinished };

struct RunStatus {
  RunState state = RunState::kStarting;
  JobStatus job;
  std::string failure;           // why, for people, when kFailed
  uint32_t restarts = 0;         // of the worker, after crashes
  std::vector<std::string> log;  // its last lines
};

// Threads: any.
class ApplicationRunner {
 public:
  virtual ~ApplicationRunner() = default;
  // Completes when the job runs (or failed to begin). A run that fails later is restarted with
  // growing pauses when the worker crashed, and stays kFailed when its code or data is at fault.
  virtual awaitable<Result<>> start(std::string application_id, ApplicationRun run) = 0;
  // Completes when it has ended; `snapshot`: taken first. Fine if it does not run.
  virtual awaitable<Result<>> stop(std::string application_id, std::string snapshot) = 0;
  virtual awaitable<Result<>> take_snapshot(std::string application_id, std::string name) = 0;
  virtual std::optional<RunStatus> status(const std::string& application_id) const = 0;
  // Told from any thread when a run changes its state by itself.
  virtual void on_change(std::function<void(std::string application_id, RunStatus)> told) = 0;
};

}  // namespace millstream::analytics
