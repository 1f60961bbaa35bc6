#include "analytics/applications/run_report.h"

#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "wire/json_encode.h"

namespace millstream::analytics {
namespace {

std::string_view state_text(RunState state) {
  switch (state) {
    case RunState::kStarting:
      return "STARTING";
    case RunState::kRunning:
      return "RUNNING";
    case RunState::kStopped:
      return "STOPPED";
    case RunState::kFailed:
      return "FAILED";
    case RunState::kFinished:
      break;
  }
  return "FINISHED";
}

void append_texts(std::string& out, std::string_view name, const std::vector<std::string>& texts) {
  out += fmt::format(R"(,"{}":[)", name);
  for (size_t i = 0; i < texts.size(); ++i) {
    if (i > 0) out += ',';
    wire::append_json_string(out, texts[i]);
  }
  out += ']';
}

}  // namespace

std::string run_report(const std::optional<RunStatus>& run) {
  if (!run) return R"({"State":"STOPPED","Log":[]})";
  const JobStatus& job = run->job;
  std::string out =
      fmt::format(R"({{"State":"{}","Restarts":{})", state_text(run->state), run->restarts);
  if (!run->failure.empty()) {
    out += R"(,"Failure":)";
    wire::append_json_string(out, run->failure);
  }
  if (job.millis_behind_latest >= 0) {
    out += fmt::format(R"(,"MillisBehindLatest":{})", job.millis_behind_latest);
  }
  out += fmt::format(
      R"(,"InputRows":{},"OutputRows":{},"LateRows":{},"ErrorRows":{},"SkippedRows":{})",
      job.input_rows, job.output_rows, job.late_rows, job.error_rows, job.skipped_rows);
  out += fmt::format(R"(,"Batches":{},"StateRows":{},"StateBytes":{},"Parallelism":{})",
                     job.batches, job.state_rows, job.state_bytes, job.parallelism);
  if (!job.snapshot.empty()) {
    out += R"(,"Snapshot":)";
    wire::append_json_string(out, job.snapshot);
  }
  append_texts(out, "DroppedState", job.dropped_state);
  append_texts(out, "Log", run->log);
  return out + "}";
}

}  // namespace millstream::analytics
