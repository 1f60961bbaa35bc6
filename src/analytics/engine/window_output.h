// What window aggregations of all kinds share: when a window is over, and the rows it leaves.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "analytics/engine/aggregate_set.h"
#include "analytics/engine/operator.h"
#include "analytics/engine/window_assign.h"
#include "analytics/functions/time_value.h"

namespace millstream::analytics {

// Bounds of windows are times of the time column; of TIMESTAMP_LTZ and of processing time, local
// times of the session's time zone, as Flink has them.
//
// Threads: one.
class WindowTimes {
 public:
  // `node`: a WindowAggregateNode.
  WindowTimes(const PlanNode& node, const OperatorContext& context);
  // Of the row, in the windows' time. False: it has none (reported as the row's error).
  bool time_of(const Batch& batch, uint32_t row, int64_t now_us, Output& out, int64_t& time) const;
  // The watermark or (by_clock()) the processing time from which on the window is over.
  int64_t deadline(int64_t end) const;
  bool by_clock() const { return by_clock_; }
  // Whether what is over at `deadline` was so when the row came.
  bool is_late(int64_t deadline, const Batch& batch, uint32_t row) const {
    return !by_clock_ && deadline <= batch.watermark(row);
  }
  // At the end of bounded input all windows are over.
  bool is_over(int64_t deadline, EventTime watermark, int64_t now_us) const {
    if (watermark == kEndOfTime) return true;
    return by_clock_ ? deadline <= now_us : deadline <= watermark;
  }
  int64_t in_utc(int64_t time) const { return zone_ == nullptr ? time : zone_->to_utc(time); }

 private:
  int column_;
  bool by_clock_;
  const TimeZone* zone_ = nullptr;
};

// Output rows: keys, aggregates, properties.
class WindowOutput {
 public:
  WindowOutput(const PlanNode& node, const WindowTimes& times);
  // Of a row of the table: its key begins with the encoded keys.
  void add(const StateTable& table, StateRow row, uint32_t offset, const AggregateSet& set,
           const AggregateValues& values, const WindowBounds& bounds, int64_t now_us);
  bool is_full() const;
  void flush(Output& out);

 private:
  const WindowTimes& times_;
  size_t keys_;
  size_t aggregates_;
  std::vector<WindowAggregateNode::Property> properties_;
  std::vector<bool> is_instant_;  // by property: a TIMESTAMP_LTZ
  BatchBuilder builder_;
  std::vector<Column*> columns_;
};

}  // namespace millstream::analytics
