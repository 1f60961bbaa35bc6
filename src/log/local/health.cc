#include "log/local/health.h"

#include <algorithm>

#include "base/logging.h"

namespace millstream::local {

void Health::add(LogProblem problem) {
  std::lock_guard lock(mutex_);
  for (LogProblem& known : problems_) {
    if (known.file == problem.file && known.offset == problem.offset) {
      known = std::move(problem);
      return;
    }
  }
  log_error("log", "{} at {} ({} bytes): {}", problem.file, problem.offset, problem.length,
            problem.message);
  if (problems_.size() < kMaxProblems) problems_.push_back(std::move(problem));
}

void Health::clear(const std::string& file) {
  std::lock_guard lock(mutex_);
  if (std::erase_if(problems_, [&](const LogProblem& p) { return p.file == file; }) > 0) {
    log_info("log", "{} is fine again", file);
  }
}

void Health::fail(LogProblem problem) {
  {
    std::lock_guard lock(mutex_);
    if (failure_.empty()) failure_ = problem.message;
  }
  failed_.store(true, std::memory_order_release);
  add(std::move(problem));
}

Error Health::failure() const {
  std::lock_guard lock(mutex_);
  return Error{ErrorCode::kUnavailable, failure_};
}

std::vector<LogProblem> Health::problems() const {
  std::lock_guard lock(mutex_);
  return problems_;
}

}  // namespace millstream::local
