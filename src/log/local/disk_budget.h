// What the log's folder may take of the disk: measured, announced before it is used up, and
// kept to by refusing appends.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <mutex>
#include <string>

#include "base/env.h"
#include "log/local/health.h"

namespace millstream::local {

struct DiskBudgetOptions {
  std::string folder;
  uint64_t budget_bytes = 0;  // 0: none; the alarms count with the file system's free space
  int warning_percent = 80;
  int critical_percent = 95;
};

// Counts every file below the folder, and what the journal holds that is still to be moved to
// packs and segments: so an append that was let in finds room for its whole way.
//
// Threads: admit() and use() any; the rest one (the flusher's).
class DiskBudget {
 public:
  using Moment = std::chrono::steady_clock::time_point;

  DiskBudget(Env& env, Health& health, DiskBudgetOptions options);

  // An append was refused: it is time for a step. Called on the append's thread; must not block.
  void on_refusal(std::function<void()> callback) { refusal_callback_ = std::move(callback); }

  // Takes room for an append until the next measure(). kNoSpace, and nothing taken, if there is
  // none: the append has to be refused before any of it is written. Costs an atomic operation;
  // never looks at the disk.
  Result<> admit(uint64_t bytes);

  // Whether measure() is to be called: once a second, and when much was admitted since the last
  // time; less often where the folder takes long to look through.
  bool due(Moment now) const {
    return now >= next_measure_ ||
           (now >= soonest_measure_ && headroom_.load(std::memory_order_relaxed) < measure_below_);
  }
  // Looks at the disk. `unwritten`: bytes in the journal that no pack or segment has yet, and
  // those on their way into it.
  void measure(Moment now, uint64_t unwritten);
  // How many bytes should be freed now; 0 below the critical alarm.
  uint64_t wanted_bytes() const;
  // Raises and clears alarms, once for each change, by the last measure().
  void judge();
  // Appends are refused until there is room again.
  bool full() const { return full_; }

  DiskUse use() const;

 private:
  struct Sample {
    Moment at;
    uint64_t taken = 0;
  };

  Result<uint64_t> bytes_below(const std::string& folder) const;
  uint64_t taken() const { return files_ + unwritten_; }
  // Of the budget; negative when it is passed.
  int64_t room() const;
  // What the log may take: the budget, or all that the file system has for it.
  uint64_t limit() const;
  double used_percent() const;
  DiskAlarm next_alarm() const;
  std::optional<std::chrono::seconds> full_in() const;
  void announce(DiskAlarm before) const;
  Error refusal() const;

  Env& env_;
  Health& health_;
  const DiskBudgetOptions options_;
  std::function<void()> refusal_callback_;
  std::atomic<int64_t> headroom_;
  std::atomic<bool> refused_{false};

  // The flusher's.
  Moment next_measure_{};
  Moment soonest_measure_{};
  int64_t measure_below_ = 0;  // of headroom_
  uint64_t files_ = 0;
  uint64_t unwritten_ = 0;
  uint64_t free_ = 0;
  bool known_ = false;  // measured at least once
  bool full_ = false;
  DiskAlarm alarm_ = DiskAlarm::kNone;
  std::deque<Sample> samples_;

  mutable std::mutex mutex_;
  DiskUse use_;
};

}  // namespace millstream::local
