// What is wrong with the log: shown to the operator, and whether it may still acknowledge.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "log/local/local_log.h"

namespace millstream::local {

// Threads: any.
class Health {
 public:
  // Replaces an older problem of the same file and offset. Bounded: beyond kMaxProblems only
  // counted in the last one's message.
  void add(LogProblem problem);
  // The problems of `file` are over (space returned, a retry succeeded).
  void clear(const std::string& file);
  // Final: nothing more is acknowledged until a restart.
  void fail(LogProblem problem);

  bool failed() const { return failed_.load(std::memory_order_acquire); }
  // kUnavailable, with the reason and what to do.
  Error failure() const;
  std::vector<LogProblem> problems() const;

 private:
  static constexpr size_t kMaxProblems = 1000;

  mutable std::mutex mutex_;
  std::vector<LogProblem> problems_;
  std::string failure_;
  std::atomic<bool> failed_{false};
};

}  // namespace millstream::local
