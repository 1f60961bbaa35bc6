#include "analytics/engine/pair_condition.h"

#include <algorithm>
#include <utility>

namespace millstream::analytics {

Result<std::unique_ptr<PairCondition>> PairCondition::make(const BoundPtr& condition,
                                                           const Schema& left, const Schema& right,
                                                           const OperatorContext& context) {
  if (condition == nullptr) return nullptr;
  TRY_ASSIGN(auto program, Program::compile(std::span<const BoundPtr>(&condition, 1),
                                            {context.dialect, context.time_zone}));
  return std::unique_ptr<PairCondition>(new PairCondition(std::move(program), left, right));
}

const std::vector<uint8_t>& PairCondition::take(int64_t now_us, Output& out) {
  holds_.assign(writer_.rows(), 0);
  if (holds_.empty()) return holds_;
  const Batch pairs = writer_.take();
  errors_.clear();
  for (const uint32_t row : program_->select(pairs, now_us, errors_)) holds_[row] = 1;
  report_pair_errors(errors_, pairs, left_columns_, out);
  return holds_;
}

void report_pair_errors(std::span<const RowError> errors, const Batch& pairs, size_t left_columns,
                        Output& out) {
  if (errors.empty()) return;
  Batch left = pairs;
  left.columns.resize(std::min(left_columns, left.columns.size()));
  for (const RowError& error : errors) out.row_error(error.message, left, error.row);
}

}  // namespace millstream::analytics
