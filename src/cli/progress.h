// A line on the terminal that says how far a long command is.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace millstream::cli {

struct PutProgress {
  uint64_t records = 0;
  uint64_t data_bytes = 0;
  uint64_t retried = 0;      // records sent once more
  uint64_t bytes_read = 0;   // of the input
  uint64_t bytes_total = 0;  // 0: unknown
  std::chrono::duration<double> elapsed{};
};

// "[=====>    ]  52 %  1,250 records  0.1 MB  8,333 records/s  3 retried"; without the bar if the
// total is unknown.
std::string progress_line(const PutProgress& progress);
// "2,500 records, 0.1 MB in 0.3 s (8,333 records/s), 3 retried"
std::string summary_line(const PutProgress& progress);
std::string with_thousands(uint64_t number);    // "1,234,567"
std::string count_of_records(uint64_t number);  // "1 record", "1,234 records"

// Draws at most ten times a second, on standard error if that is a terminal, else never.
class ProgressBar {
 public:
  ProgressBar();
  ~ProgressBar() { clear(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void draw(const PutProgress& progress);
  void clear();

 private:
  bool on_terminal_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point last_;
};

}  // namespace millstream::cli
