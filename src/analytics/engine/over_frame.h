// The rows that an OVER window spans for each key, and the aggregates over them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analytics/engine/row_codec.h"
#include "analytics/engine/row_store.h"
#include "analytics/functions/aggregate.h"
#include "analytics/plan/plan.h"

namespace millstream::analytics {

// Of each key's rows the time (8 bytes) and the columns that aggregates read; of an unbounded
// window only the aggregates' states. What arithmetic can take back (SUM, COUNT, AVG) runs in the
// key's fixed bytes; the others (MIN, MAX, FIRST_VALUE) in two stacks in memory: results over
// each older row and all up to the turn, and one over the newer rows. So a row costs the same
// whatever the size of the window.
//
// Rows that leave the window are erased without an entry in the changelog: open() erases them
// again.
//
// Threads: one.
class OverFrame {
 public:
  using KeyRef = RowStore::KeyRef;

  // Errors: kInvalidArgument: DISTINCT is not yet supported.
  static Result<std::unique_ptr<OverFrame>> make(const OverNode& node, const Schema& input,
                                                 sql::Dialect dialect, OperatorState& state);
  void open();

  RowStore& store() { return *store_; }
  bool is_bounded() const { return preceding_.has_value(); }
  bool is_by_rows() const { return by_rows_; }
  // The columns that the rows of add() are in: before the first of each batch.
  void begin(const Batch& batch);
  // The row joins the window, and what is too far before it leaves.
  void add(KeyRef key, const Batch& batch, uint32_t row, int64_t time);
  // Appends the results, a column each.
  void result(KeyRef key, std::span<Column* const> out, Arena& arena);
  // The time of the key's last row; kNoWatermark: none. Bounded windows only.
  int64_t last_time(KeyRef key) const;
  // From which time of the watermark on no row of the key is in a window any more (RANGE).
  int64_t idle_at(KeyRef key) const;
  void erase(KeyRef key);

 private:
  struct Call {
    AggregateCall call;
    std::unique_ptr<Accumulator> accumulator;
    bool runs = false;  // in the fixed bytes, at `offset`
    uint32_t offset = 0;
    uint32_t index = 0;  // else: of Memory::calls, or of the blobs of an unbounded window
    std::vector<const Column*> arguments;  // of the batch
    const Column* filter = nullptr;
    std::vector<const Column*> old_arguments;  // of old_
    const Column* old_filter = nullptr;
  };
  struct Stacks {
    std::vector<std::string> older;  // the last: over all rows up to the turn
    std::string newer;
  };
  struct Memory {
    std::vector<Stacks> calls;
    size_t older = 0;  // rows; the others of the key are in `newer`
  };

  OverFrame() = default;
  Result<> add_call(const AggregateCall& call, sql::Dialect dialect);
  bool passes(const Column* filter, uint32_t row) const {
    return filter == nullptr || (!filter->is_null(row) && filter->bools[row] != 0);
  }
  // The earliest time in the window of a row of `time`.
  int64_t first_time(int64_t time) const;
  void leave(KeyRef key, int64_t time);
  void pop(KeyRef key);
  void turn(KeyRef key, Memory& memory);
  Memory& memory(KeyRef key);
  void decode(RowStore::RowRef row);
  void take(const Call& call, bool old, uint32_t row, std::string& state) const;
  void merge(const Call& call, std::string& to, const std::string& from) const;
  void append_result(const Call& call, const std::string& state, Column& out, Arena& arena) const;
  void read_blobs(KeyRef key);
  void write_blobs(KeyRef key);

  RowStore* store_ = nullptr;
  bool by_rows_ = false;
  std::optional<int64_t> preceding_;
  int64_t preceding_us_ = 0;
  std::vector<Call> calls_;
  uint32_t fixed_bytes_ = 0;
  uint32_t others_ = 0;
  std::vector<int> columns_;  // of the input that the rows keep
  std::unique_ptr<RowCodec> codec_;
  std::vector<Column> old_;
  std::vector<Column*> old_columns_;
  std::unique_ptr<Arena> old_memory_;
  std::vector<Memory> memories_;
  std::vector<uint32_t> free_memories_;
  std::vector<std::string> blobs_;
  std::string payload_;
};

}  // namespace millstream::analytics
