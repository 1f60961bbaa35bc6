// The condition of a join beside its keys.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "analytics/engine/operator.h"
#include "analytics/engine/pair_writer.h"
#include "analytics/functions/program.h"

namespace millstream::analytics {

// Collects pairs of a row of a batch and a row of state, and tells which of them hold.
//
// Threads: one.
class PairCondition {
 public:
  // nullptr without a condition. It is over left columns, then right columns.
  // Errors: as Program::compile().
  static Result<std::unique_ptr<PairCondition>> make(const BoundPtr& condition, const Schema& left,
                                                     const Schema& right,
                                                     const OperatorContext& context);

  // Rows of `batch` of input `input` (0: left) follow; it outlives them until take().
  void begin(const Batch& batch, size_t input) { writer_.begin(batch, input); }
  // `other`: an encoded row of the other input.
  void add(uint32_t batch_row, std::string_view other) {
    writer_.add(batch_row, other, ChangeKind::kInsert, kNoWatermark);
  }
  bool is_full() const { return writer_.is_full(); }
  // For each pair added since: 1 if the condition is TRUE. A pair for which it could not be
  // computed is reported to `out` (the left columns) and does not hold. Valid until the next call.
  const std::vector<uint8_t>& take(int64_t now_us, Output& out);

 private:
  PairCondition(std::unique_ptr<Program> program, const Schema& left, const Schema& right)
      : program_(std::move(program)), writer_(left, right, false), left_columns_(left.size()) {}

  std::unique_ptr<Program> program_;
  PairWriter writer_;
  size_t left_columns_;
  std::vector<RowError> errors_;
  std::vector<uint8_t> holds_;
};

// Reports the rows of a batch of pairs for which an expression failed, by their left columns.
void report_pair_errors(std::span<const RowError> errors, const Batch& pairs, size_t left_columns,
                        Output& out);

}  // namespace millstream::analytics
