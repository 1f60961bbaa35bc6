#include "worker/line_splitter.h"

#include <algorithm>

#include <fmt/format.h>

namespace millstream::worker {

void LineSplitter::add(std::string_view bytes, Clock::time_point now) {
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    const std::string_view kept = piece.substr(0, kMaxLine - line_.size());
    line_ += kept;
    is_cut_ = is_cut_ || kept.size() < piece.size();
    if (end == std::string_view::npos) return;
    end_line(now);
    bytes.remove_prefix(end + 1);
  }
}

void LineSplitter::end_line(Clock::time_point now) {
  if (now - second_ >= std::chrono::seconds(1)) {
    second_ = now;
    in_second_ = 0;
    tell_dropped();
  }
  if (++in_second_ > kMaxLinesPerSecond) {
    ++dropped_;
  } else if (on_line_) {
    if (is_cut_) line_ += " (cut)";
    on_line_(line_);
  }
  line_.clear();
  is_cut_ = false;
}

void LineSplitter::tell_dropped() {
  if (dropped_ > 0 && on_line_) on_line_(fmt::format("({} more lines left out)", dropped_));
  dropped_ = 0;
}

void LineSplitter::finish() {
  if (!line_.empty()) end_line(second_);
  tell_dropped();
}

}  // namespace millstream::worker
