// Rows in columns: what flows between operators.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "analytics/data/type.h"
#include "base/bytes.h"

namespace millstream::analytics {

// Keeps string bytes alive. Grows by blocks; views into it stay valid until it is destroyed.
//
// Threads: one writes; after that any number read.
class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  char* allocate(size_t bytes);
  std::string_view copy(std::string_view text);
  // Bytes of others that views of this batch point into (a request's or an input's buffer).
  void keep(Slice slice) { kept_.push_back(std::move(slice)); }
  size_t bytes() const { return bytes_; }

 private:
  std::vector<std::unique_ptr<char[]>> blocks_;
  std::vector<Slice> kept_;
  char* free_ = nullptr;
  size_t left_ = 0;
  size_t bytes_ = 0;
};

// The values of one column of a batch. Exactly the vector of `physical` is filled. Shared as
// std::shared_ptr<const Column> once it is complete: projecting a column copies nothing.
struct Column {
  Physical physical = Physical::kInt64;
  std::vector<uint8_t> bools;
  std::vector<int64_t> ints;
  std::vector<double> doubles;
  std::vector<Decimal> decimals;
  std::vector<std::string_view> strings;  // into an Arena of the batch
  std::vector<uint8_t> nulls;             // 1: NULL (the value is then anything); empty: none
  // Rows whose value could not be computed: a number into Batch-independent `ErrorTexts` of the
  // expression program (functions/program.h), 0: none. Empty: no row has an error.
  std::vector<uint16_t> errors;

  explicit Column(Physical kind = Physical::kInt64) : physical(kind) {}
  size_t size() const;
  void resize(size_t rows);  // of the vector of `physical`
  void reserve(size_t rows);
  bool is_null(size_t row) const { return !nulls.empty() && nulls[row] != 0; }
  void set_null(size_t row);  // fills `nulls` if it was empty
  // Appends row `row` of `other` (same Physical); strings are not copied.
  void append(const Column& other, size_t row);
  void append_null();
  void append_value(const Value& value, Arena& arena);
  Value value(size_t row) const;
};

using ColumnPtr = std::shared_ptr<const Column>;

// The rows `rows` of `column`, in that order.
ColumnPtr gather(const Column& column, std::span<const uint32_t> rows);

enum class ChangeKind : uint8_t {
  kInsert,        // +I
  kUpdateBefore,  // -U
  kUpdateAfter,   // +U
  kDelete,        // -D
};
std::string_view change_text(ChangeKind kind);  // "+U"
inline bool is_addition(ChangeKind kind) {
  return kind == ChangeKind::kInsert || kind == ChangeKind::kUpdateAfter;
}

// Event time in microseconds, as TIMESTAMP columns hold it. A watermark W says: no more rows
// with a time <= W, except late ones.
using EventTime = int64_t;
inline constexpr EventTime kNoWatermark = std::numeric_limits<int64_t>::min();
inline constexpr EventTime kEndOfTime = std::numeric_limits<int64_t>::max();

// Rows of one operator's output, in order.
struct Batch {
  size_t rows = 0;
  std::vector<ColumnPtr> columns;   // by the schema; nullptr: nobody downstream reads it
  std::vector<ChangeKind> changes;  // empty: all +I
  // The watermark that held just before each row arrived: lateness is judged per row, so that
  // it does not depend on where a batch ends. Empty: kNoWatermark for all.
  std::vector<EventTime> watermarks;
  std::vector<std::shared_ptr<Arena>> memory;  // what the strings point into

  ChangeKind change(size_t row) const {
    return changes.empty() ? ChangeKind::kInsert : changes[row];
  }
  EventTime watermark(size_t row) const {
    return watermarks.empty() ? kNoWatermark : watermarks[row];
  }
};

// The rows `rows` of `batch`, in that order; shares its memory.
Batch gather(const Batch& batch, std::span<const uint32_t> rows);

// Builds a batch row by row (operators' outputs, tests); owns an arena for its strings.
class BatchBuilder {
 public:
  explicit BatchBuilder(const Schema& schema);
  size_t rows() const { return rows_; }
  Column& column(size_t index) { return *columns_[index]; }
  Arena& arena() { return *arena_; }
  // All columns of the row have been appended by then.
  void finish_row(ChangeKind change = ChangeKind::kInsert, EventTime watermark = kNoWatermark);
  void add_row(std::span<const Value> values, ChangeKind change = ChangeKind::kInsert,
               EventTime watermark = kNoWatermark);
  // Strings appended without a copy point into these.
  void keep(const Batch& source);
  Batch take();  // and starts anew

 private:
  std::vector<Physical> physical_;
  std::vector<std::shared_ptr<Column>> columns_;
  std::shared_ptr<Arena> arena_;
  std::vector<std::shared_ptr<Arena>> kept_;
  std::vector<ChangeKind> changes_;
  std::vector<EventTime> watermarks_;
  bool has_changes_ = false;
  bool has_watermarks_ = false;
  size_t rows_ = 0;
};

}  // namespace millstream::analytics
