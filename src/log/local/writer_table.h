// Writers of repeatable appends: epochs, and what each one's last append got.
#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "log/shard_log.h"

namespace millstream::local {

struct WriterState {
  uint64_t epoch = 0;
  uint64_t last_number = 0;
  std::vector<Appended> last;  // what append `last_number` got
};

// Threads: the committer's (recovery's before it runs).
class WriterTable {
 public:
  enum class Verdict : uint8_t { kWrite, kRepeat };

  // Whether an append with `stamp` is written, or was already. Errors: kFenced, kOutOfSequence.
  Result<Verdict> judge(const WriterStamp& stamp) const;
  const std::vector<Appended>& last(uint64_t writer) const;
  void appended(const WriterStamp& stamp, std::vector<Appended> where);
  // The next epoch, and the last number.
  OpenedWriter open(uint64_t writer);

  // For recovery: values as they were stored.
  void set_epoch(uint64_t writer, uint64_t epoch);
  void restore(uint64_t writer, WriterState state);
  const std::unordered_map<uint64_t, WriterState>& all() const { return writers_; }

 private:
  std::unordered_map<uint64_t, WriterState> writers_;
};

}  // namespace millstream::local
