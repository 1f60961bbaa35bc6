#include "server/slow_requests.h"

#include "base/logging.h"

namespace millstream::server {

void SlowRequests::note(const Request& request) {
  if (limit_.count() == 0 || request.time < limit_) return;
  size_t left_out = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto now = clock_.monotonic();
    if (now - second_start_ >= std::chrono::seconds(1)) {
      second_start_ = now;
      lines_ = 0;
    }
    if (lines_ == kLinesPerSecond) {
      ++left_out_;
      return;
    }
    ++lines_;
    left_out = std::exchange(left_out_, 0);
  }
  if (left_out > 0) log_warning("slow", "{} slow requests before this were left out", left_out);
  log_warning("slow", "{} {} took {} ms: account {}, {} bytes in, {} bytes out, status {}",
              request.target, request.request_id,
              std::chrono::duration_cast<std::chrono::milliseconds>(request.time).count(),
              request.account, request.request_bytes, request.response_bytes, request.status);
}

}  // namespace millstream::server
