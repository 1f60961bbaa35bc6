#include "analytics/engine/window_assign.h"

#include <algorithm>
#include <utility>

#include "analytics/engine/pair_writer.h"
#include "analytics/functions/time_value.h"

namespace millstream::analytics {
namespace {

// The greatest start + n * step that is not behind `time`.
int64_t floor_to(int64_t time, int64_t offset, int64_t step) {
  int64_t rest = (time - offset) % step;
  if (rest < 0) rest += step;
  return time - rest;
}

class WindowAssign final : public Operator {
 public:
  WindowAssign(WindowSpec window, const PlanNode& node, const OperatorContext& context)
      : window_(std::move(window)) {
    const Schema& input = node.inputs[0]->schema;
    const size_t behind = input.size();
    bool is_instant = window_.processing_time;
    if (window_.time_column >= 0) {
      const Type& type = input[static_cast<size_t>(window_.time_column)].type;
      is_instant = is_instant || type.kind == TypeKind::kTimestampLtz;
    }
    if (is_instant) zone_ = &checked_time_zone(context.time_zone);
    time_is_local_ = node.schema[behind + 2].type.kind != TypeKind::kTimestampLtz;
  }

  Result<> process(size_t, const Batch& batch, int64_t now_us, Output& out) override {
    const Column* times = nullptr;
    if (!window_.processing_time) {
      times = batch.columns[static_cast<size_t>(window_.time_column)].get();
    }
    for (uint32_t row = 0; row < batch.rows; ++row) {
      if (!window_.processing_time && (times == nullptr || times->is_null(row))) {
        out.row_error(
            "the column that a window is made by is NULL in this row; leave such rows out with "
            "WHERE … IS NOT NULL",
            batch, row);
        continue;
      }
      const int64_t time = times == nullptr ? now_us : times->ints[row];
      windows_.clear();
      windows_of(window_, zone_ == nullptr ? time : zone_->to_local(time), windows_);
      for (const WindowBounds& bounds : windows_) add(row, bounds);
      if (rows_.size() >= kPieceRows) flush(batch, out);
    }
    flush(batch, out);
    return {};
  }

 private:
  void add(uint32_t row, const WindowBounds& bounds) {
    rows_.push_back(row);
    starts_.push_back(bounds.start);
    ends_.push_back(bounds.end);
    const int64_t last = bounds.end - kMicrosPerMilli;
    times_.push_back(zone_ == nullptr || time_is_local_ ? last : zone_->to_utc(last));
  }

  void flush(const Batch& batch, Output& out) {
    if (rows_.empty()) return;
    Batch result = gather(batch, rows_);
    for (std::vector<int64_t>* values : {&starts_, &ends_, &times_}) {
      auto column = std::make_shared<Column>(Physical::kInt64);
      column->ints = std::exchange(*values, {});
      result.columns.push_back(std::move(column));
    }
    rows_.clear();
    out.emit(std::move(result));
  }

  WindowSpec window_;
  const TimeZone* zone_ = nullptr;  // windows are of its local time
  bool time_is_local_ = true;
  std::vector<WindowBounds> windows_;
  std::vector<uint32_t> rows_;
  std::vector<int64_t> starts_;
  std::vector<int64_t> ends_;
  std::vector<int64_t> times_;
};

}  // namespace

void windows_of(const WindowSpec& window, int64_t time, std::vector<WindowBounds>& out) {
  const int64_t size = window.size_ms * kMicrosPerMilli;
  const int64_t slide = window.slide_ms * kMicrosPerMilli;
  const int64_t offset = window.offset_ms * kMicrosPerMilli;
  if (window.kind == WindowKind::kHop) {
    for (int64_t start = floor_to(time, offset, slide); start > time - size; start -= slide) {
      out.push_back({start, start + size});
    }
    return;
  }
  const int64_t start = floor_to(time, offset, size);
  if (window.kind == WindowKind::kCumulate) {
    const int64_t first_end = floor_to(time, start, slide) + slide;
    for (int64_t end = first_end; end <= start + size; end += slide) out.push_back({start, end});
    return;
  }
  out.push_back({start, start + size});
}

Result<std::unique_ptr<Operator>> make_window_assign(const PlanNode& node,
                                                     OperatorContext context) {
  const WindowSpec& window = std::get<WindowAssignNode>(node.node).window;
  const bool is_aligned = window.kind == WindowKind::kTumble || window.kind == WindowKind::kHop ||
                          window.kind == WindowKind::kCumulate;
  if (!is_aligned || window.calendar_unit) {
    return fail(ErrorCode::kInvalidArgument,
                "SESSION windows without GROUP BY window_start, window_end are not yet supported; "
                "aggregate over the window, or use TUMBLE, HOP or CUMULATE");
  }
  const bool slides = window.kind != WindowKind::kTumble;
  if (window.size_ms <= 0 || (slides && window.slide_ms <= 0)) {
    return fail(ErrorCode::kInvalidArgument, "the size and slide of a window must be above zero");
  }
  return std::make_unique<WindowAssign>(window, node, context);
}

}  // namespace millstream::analytics
