#include "analytics/engine/window_output.h"

#include "analytics/engine/pair_writer.h"

namespace millstream::analytics {
namespace {

// Whether the windows are made by a TIMESTAMP_LTZ. Windows that came as columns were made further
// below: `time_column` means a column there.
bool is_of_instants(const PlanNode& node) {
  for (const PlanNode* at = &node;; at = at->inputs[0].get()) {
    const WindowSpec* window = nullptr;
    if (const auto* assign = std::get_if<WindowAssignNode>(&at->node)) window = &assign->window;
    if (const auto* aggregate = std::get_if<WindowAggregateNode>(&at->node)) {
      if (!aggregate->window_columns) window = &aggregate->window;
    }
    if (at->inputs.empty()) return false;
    if (window == nullptr) continue;
    const Schema& schema = at->inputs[0]->schema;
    const auto column = static_cast<size_t>(window->time_column);
    return window->time_column >= 0 && column < schema.size() &&
           schema[column].type.kind == TypeKind::kTimestampLtz;
  }
}

}  // namespace

WindowTimes::WindowTimes(const PlanNode& node, const OperatorContext& context)
    : column_(std::get<WindowAggregateNode>(node.node).window.time_column),
      by_clock_(std::get<WindowAggregateNode>(node.node).window.processing_time) {
  // The Kinesis dialect knows UTC only.
  if (context.dialect == sql::Dialect::kKinesis) return;
  if (by_clock_ || is_of_instants(node)) zone_ = &checked_time_zone(context.time_zone);
}

bool WindowTimes::time_of(const Batch& batch, uint32_t row, int64_t now_us, Output& out,
                          int64_t& time) const {
  time = now_us;
  if (!by_clock_) {
    const Column* const column = batch.columns[static_cast<size_t>(column_)].get();
    if (column == nullptr || column->is_null(row)) {
      out.row_error(
          "the column that a window is made by is NULL in this row; leave such rows out with "
          "WHERE … IS NOT NULL",
          batch, row);
      return false;
    }
    time = column->ints[row];
  }
  if (zone_ != nullptr) time = zone_->to_local(time);
  return true;
}

int64_t WindowTimes::deadline(int64_t end) const {
  return in_utc(by_clock_ ? end : end - kMicrosPerMilli);
}

WindowOutput::WindowOutput(const PlanNode& node, const WindowTimes& times)
    : times_(times),
      keys_(std::get<WindowAggregateNode>(node.node).keys.size()),
      aggregates_(std::get<WindowAggregateNode>(node.node).aggregates.size()),
      properties_(std::get<WindowAggregateNode>(node.node).properties),
      builder_(node.schema) {
  for (size_t i = 0; i < properties_.size(); ++i) {
    is_instant_.push_back(node.schema[keys_ + aggregates_ + i].type.kind ==
                          TypeKind::kTimestampLtz);
  }
}

void WindowOutput::add(const StateTable& table, StateRow row, uint32_t offset,
                       const AggregateSet& set, const AggregateValues& values,
                       const WindowBounds& bounds, int64_t now_us) {
  columns_.clear();
  for (size_t i = 0; i < keys_; ++i) columns_.push_back(&builder_.column(i));
  decode_key(table.key(row), columns_, builder_.arena());
  columns_.clear();
  for (size_t i = 0; i < aggregates_; ++i) columns_.push_back(&builder_.column(keys_ + i));
  set.result(table, row, offset, values, columns_, builder_.arena());
  for (size_t i = 0; i < properties_.size(); ++i) {
    int64_t value = 0;
    switch (properties_[i]) {
      case WindowAggregateNode::Property::kStart:
        value = bounds.start;
        break;
      case WindowAggregateNode::Property::kEnd:
        value = bounds.end;
        break;
      case WindowAggregateNode::Property::kTime:
        value = bounds.end - kMicrosPerMilli;
        break;
      case WindowAggregateNode::Property::kProctime:
        value = now_us;
        break;
    }
    const bool is_local = properties_[i] != WindowAggregateNode::Property::kProctime;
    if (is_instant_[i] && is_local) value = times_.in_utc(value);
    Column& column = builder_.column(keys_ + aggregates_ + i);
    column.ints.push_back(value);
    if (!column.nulls.empty()) column.nulls.push_back(0);
  }
  // Whoever works with these rows' times must not find them late: the watermark that ends the
  // window comes behind them.
  const EventTime before = times_.by_clock() ? kNoWatermark : times_.deadline(bounds.end) - 1;
  builder_.finish_row(ChangeKind::kInsert, before);
}

bool WindowOutput::is_full() const { return builder_.rows() >= kPieceRows; }

void WindowOutput::flush(Output& out) {
  if (builder_.rows() > 0) out.emit(builder_.take());
}

}  // namespace millstream::analytics
