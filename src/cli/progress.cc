#include "cli/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

namespace millstream::cli {
namespace {

constexpr int kBarWidth = 24;

uint64_t records_per_second(const PutProgress& progress) {
  const double seconds = std::max(progress.elapsed.count(), 0.001);
  return static_cast<uint64_t>(static_cast<double>(progress.records) / seconds);
}

double megabytes(uint64_t bytes) { return static_cast<double>(bytes) / 1e6; }

}  // namespace

std::string with_thousands(uint64_t number) {
  std::string text = fmt::format("{}", number);
  for (size_t i = text.size(); i > 3; i -= 3) text.insert(i - 3, ",");
  return text;
}

std::string count_of_records(uint64_t number) {
  return with_thousands(number) + (number == 1 ? " record" : " records");
}

std::string progress_line(const PutProgress& progress) {
  std::string line;
  if (progress.bytes_total > 0) {
    const double done = std::min(
        1.0, static_cast<double>(progress.bytes_read) / static_cast<double>(progress.bytes_total));
    const int filled = static_cast<int>(done * kBarWidth);
    line = fmt::format("[{:=<{}}{}{: <{}}] {:3.0f} %  ", "", filled, filled < kBarWidth ? ">" : "",
                       "", std::max(0, kBarWidth - 1 - filled), done * 100);
  }
  line += fmt::format("{} records  {:.1f} MB  {} records/s", with_thousands(progress.records),
                      megabytes(progress.data_bytes), with_thousands(records_per_second(progress)));
  if (progress.retried > 0) line += fmt::format("  {} retried", with_thousands(progress.retried));
  return line;
}

std::string summary_line(const PutProgress& progress) {
  std::string line =
      fmt::format("{}, {:.1f} MB in {:.1f} s ({} records/s)", count_of_records(progress.records),
                  megabytes(progress.data_bytes), progress.elapsed.count(),
                  with_thousands(records_per_second(progress)));
  if (progress.retried > 0) line += fmt::format(", {} retried", with_thousands(progress.retried));
  return line;
}

ProgressBar::ProgressBar() : on_terminal_(isatty(STDERR_FILENO) == 1) {}

void ProgressBar::draw(const PutProgress& progress) {
  if (!on_terminal_) return;
  const auto now = std::chrono::steady_clock::now();
  if (drawn_ && now - last_ < std::chrono::milliseconds(100)) return;
  last_ = now;
  drawn_ = true;
  fmt::print(stderr, "\r\x1b[K{}", progress_line(progress));
  std::fflush(stderr);
}

void ProgressBar::clear() {
  if (!drawn_) return;
  fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
  drawn_ = false;
}

}  // namespace millstream::cli
