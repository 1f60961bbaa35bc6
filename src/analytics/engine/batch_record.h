// What the changelog says of one batch of a job besides changes of state: its head.
//
// In the changelog shard a batch is one log batch of 1 + n records: the head, then the changes of
// state of each of the n partitions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "analytics/engine/source.h"
#include "analytics/engine/source_decoder.h"
#include "base/result.h"

namespace millstream::analytics {

inline constexpr uint32_t kMaxPartitions = 128;  // as many as key groups

// Totals since the application's first start.
struct JobFigures {
  uint64_t batches = 0;
  uint64_t input_rows = 0;
  uint64_t output_rows = 0;
  uint64_t late_rows = 0;
  uint64_t error_rows = 0;
  uint64_t skipped_rows = 0;
};

struct BatchHead {
  uint64_t number = 0;      // of the writer's append
  bool reset = false;       // everything before this batch is forgotten …
  std::string base;         // … and the state is that of this snapshot; empty: there is none
  uint32_t partitions = 1;  // whose changes follow
  int64_t now_us = 0;       // processing time; never falls
  bool more = false;        // an operator has more to emit for this time
  JobFigures figures;
  std::vector<std::string> nodes;  // state ids by the number that changes use; empty: as before
  std::vector<SlotPosition> positions;                        // that changed
  std::vector<std::pair<std::string, EventTime>> watermarks;  // of sources, combined
  std::vector<RowFailure> errors;  // rows of the error stream that the next batch will read
};

std::string encode_head(const BatchHead& head);
// Errors: kCorruption.
Result<BatchHead> decode_head(std::string_view bytes);

// Little-endian numbers and length-prefixed texts, one after the other.
class FieldWriter {
 public:
  explicit FieldWriter(std::string& out) : out_(out) {}
  template <class T>
  void number(T value) {
    out_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void text(std::string_view value) {
    number(static_cast<uint32_t>(value.size()));
    out_.append(value);
  }

 private:
  std::string& out_;
};

// Reads what FieldWriter wrote; after a short read everything is 0 and ok() is false.
class FieldReader {
 public:
  explicit FieldReader(std::string_view bytes) : rest_(bytes) {}
  template <class T>
  T number() {
    T value{};
    if (rest_.size() < sizeof value) {
      fail_all();
      return value;
    }
    __builtin_memcpy(&value, rest_.data(), sizeof value);
    rest_.remove_prefix(sizeof value);
    return value;
  }
  std::string_view text() {
    const auto size = number<uint32_t>();
    if (rest_.size() < size) {
      fail_all();
      return {};
    }
    const std::string_view value = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return value;
  }
  // Of a list whose entries take `least` bytes each: 0 if so many can't be there.
  size_t count(size_t least) {
    const auto value = number<uint32_t>();
    if (value > rest_.size() / least) {
      fail_all();
      return 0;
    }
    return value;
  }
  bool ok() const { return ok_; }
  bool at_end() const { return ok_ && rest_.empty(); }
  std::string_view rest() const { return rest_; }

 private:
  void fail_all() {
    ok_ = false;
    rest_ = {};
  }
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace millstream::analytics
