// From the newest snapshot and the changelog behind it to the state of a job.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "analytics/engine/batch_record.h"
#include "analytics/engine/job.h"
#include "analytics/engine/job_state.h"

namespace millstream::analytics {

struct Recovered {
  bool found = false;  // a state there was
  std::unique_ptr<JobState> state;
  // As after the last batch; `positions`: the newest of each slot.
  BatchHead head;
  uint64_t changelog_bytes = 0;  // read: since the snapshot
  std::string snapshot;          // that it began with
  // State ids of the stored state that the plan has not.
  std::vector<std::string> dropped;
};

// `last_number`: what the writer wrote last (open_writer() came before); the changelog must end
// there. Blocking work runs on `pool`.
// Errors: kCorruption (changelog or snapshot; what to do), kNotFound (no such snapshot).
awaitable<Result<Recovered>> recover(const JobSpec& spec, JobHost& host,
                                     std::shared_ptr<const StagePlan> plan, uint64_t last_number,
                                     asio::thread_pool& pool);
// From a snapshot alone.
Result<Recovered> recover_from_snapshot(const JobSpec& spec, JobHost& host,
                                        std::shared_ptr<const StagePlan> plan,
                                        const std::string& name);

}  // namespace millstream::analytics
