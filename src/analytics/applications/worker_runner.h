// Applications in worker processes: one a running application.
#pragma once

#include <memory>
#include <string>

#include "analytics/applications/runner.h"
#include "analytics/applications/server_host.h"

namespace millstream::analytics {

struct WorkerRunnerSettings {
  std::string executable;         // millstream-worker
  size_t memory_limit_bytes = 0;  // of a process; 0: none
  bool sandbox = true;
  std::chrono::milliseconds first_pause{200};    // before a crashed worker is started again,
  std::chrono::milliseconds last_pause{30'000};  // doubled each time up to this

  // Of a job's state: it ends with a clear word before its process meets the limit.
  size_t state_limit_bytes() const {
    return memory_limit_bytes == 0 ? JobSpec().memory_limit_bytes : memory_limit_bytes / 4 * 3;
  }
};

// Life cycle: shut_down() before the log closes and while the executor's threads run; `context`
//             and the executor outlive it.
// Threads:    any.
class WorkerRunner : public ApplicationRunner {
 public:
  static std::unique_ptr<WorkerRunner> make(asio::any_io_executor executor, HostContext& context,
                                            WorkerRunnerSettings settings);
  // Ends all runs; their state is durable, and start() goes on from there. Later starts are
  // refused.
  virtual awaitable<> shut_down() = 0;
};

}  // namespace millstream::analytics
