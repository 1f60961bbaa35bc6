// Tells the log which requests took long.
#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>
#include <string_view>

#include "base/env.h"

namespace millstream::server {

// Threads: any.
class SlowRequests {
 public:
  static constexpr int kLinesPerSecond = 10;

  // `limit`: requests that take as long or longer are told; zero: none is.
  SlowRequests(Clock& clock, std::chrono::milliseconds limit) : clock_(clock), limit_(limit) {}

  struct Request {
    std::string_view target;  // "Kinesis_20131202.PutRecords"
    std::string_view request_id;
    std::string_view account;
    size_t request_bytes = 0;
    size_t response_bytes = 0;
    int status = 0;
    std::chrono::nanoseconds time{};
  };
  // At most kLinesPerSecond lines; the first line of the next second says how many were left out.
  void note(const Request& request);

 private:
  Clock& clock_;
  const std::chrono::milliseconds limit_;
  std::mutex mutex_;
  std::chrono::nanoseconds second_start_{};
  int lines_ = 0;
  size_t left_out_ = 0;
};

}  // namespace millstream::server
