// Lines of a process's output, bounded in length and rate.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

namespace millstream::worker {

// Threads: one at a time. `on_line` is called in add() and finish(); it may be empty.
class LineSplitter {
 public:
  using Clock = std::chrono::steady_clock;

  static constexpr size_t kMaxLine = 4096;  // bytes; the rest of a line is dropped
  // Lines of a second; the others are counted, and one line tells how many there were.
  static constexpr size_t kMaxLinesPerSecond = 200;

  explicit LineSplitter(std::function<void(std::string_view)> on_line)
      : on_line_(std::move(on_line)) {}

  void add(std::string_view bytes, Clock::time_point now = Clock::now());
  // The line that has no end, and what was left out.
  void finish();

 private:
  void end_line(Clock::time_point now);
  void tell_dropped();

  std::function<void(std::string_view)> on_line_;
  std::string line_;
  bool is_cut_ = false;
  Clock::time_point second_;
  size_t in_second_ = 0;
  size_t dropped_ = 0;
};

}  // namespace millstream::worker
