#include "analytics/engine/window_aggregate.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "analytics/engine/keyed_rows.h"
#include "analytics/engine/session_aggregate.h"
#include "analytics/engine/window_output.h"

namespace millstream::analytics {
namespace {

using Order = std::pair<int64_t, int64_t>;  // end, start: windows fire in this order

class WindowAggregate final : public Operator {
 public:
  WindowAggregate(const PlanNode& node, OperatorContext context, std::unique_ptr<AggregateSet> set)
      : node_(std::get<WindowAggregateNode>(node.node)),
        context_(std::move(context)),
        set_(std::move(set)),
        times_(node, context_),
        keys_(node_.keys, std::nullopt),
        output_(node, times_) {}

  Result<> open() override {
    for (StateTable* const table : context_.state->tables("w/")) {
      WindowBounds bounds;
      const std::string_view name = table->name();
      const size_t slash = name.find('/', 2);
      MS_ASSERT(slash != std::string_view::npos);
      std::from_chars(name.data() + 2, name.data() + slash, bounds.start);
      std::from_chars(name.data() + slash + 1, name.data() + name.size(), bounds.end);
      window(bounds);
    }
    return {};
  }

  Result<> process(size_t, const Batch& batch, int64_t now_us, Output& out) override {
    if (batch.rows == 0) return {};
    if (std::ranges::any_of(batch.changes, [](ChangeKind kind) { return !is_addition(kind); })) {
      return fail(ErrorCode::kInvalidArgument,
                  "a window aggregation over a query that updates its rows is not yet supported");
    }
    rows_of_.clear();
    last_ = nullptr;
    uint64_t late = 0;
    for (uint32_t row = 0; row < batch.rows; ++row) {
      if (!find_windows(batch, row, now_us, out)) continue;
      bool taken = false;
      for (const WindowBounds& bounds : windows_of_row_) {
        if (times_.is_late(deadline_of(bounds), batch, row)) continue;
        taken = true;
        rows_for(bounds).push_back(row);
      }
      if (!taken) ++late;
    }
    if (late > 0) out.count_late(late);
    keys_.encode(batch);
    for (const auto& [order, rows] : rows_of_) add_rows(batch, {order.second, order.first}, rows);
    return {};
  }

  Result<bool> advance(EventTime watermark, int64_t now_us, Output& out) override {
    while (!open_.empty()) {
      const auto at = open_.begin();
      if (!times_.is_over(at->second.deadline, watermark, now_us)) break;
      if (!fire({at->first.second, at->first.first}, at->second, now_us, out)) return false;
      // A copy: the name goes with the table.
      context_.state->drop(std::string(at->second.table->name()));
      for (size_t i = 0; i < at->second.values.size(); ++i) {
        context_.state->drop(fmt::format("{}{}", values_name(at->first), i));
      }
      open_.erase(at);
    }
    output_.flush(out);
    return true;
  }

  int64_t next_timer_us() const override {
    return times_.by_clock() && !open_.empty() ? open_.begin()->second.deadline : kEndOfTime;
  }

 private:
  struct Open {
    StateTable* table = nullptr;
    AggregateValues values;
    int64_t deadline = 0;
  };

  static std::string values_name(const Order& order) {
    return fmt::format("v/{}/{}/", order.second, order.first);
  }

  Open& window(const WindowBounds& bounds) {
    const Order order(bounds.end, bounds.start);
    const auto [at, is_new] = open_.try_emplace(order);
    if (is_new) {
      at->second.table =
          &context_.state->table({.name = fmt::format("w/{}/{}", bounds.start, bounds.end),
                                  .fixed_bytes = set_->fixed_bytes(),
                                  .has_blob = set_->uses_blob()});
      at->second.values = set_->values(*context_.state, values_name(order), false);
      at->second.deadline = times_.deadline(bounds.end);
    }
    return at->second;
  }

  // Into windows_of_row_. False: the row is in none.
  bool find_windows(const Batch& batch, uint32_t row, int64_t now_us, Output& out) {
    windows_of_row_.clear();
    if (node_.window_columns) {
      const Column& start = *batch.columns[static_cast<size_t>(node_.window_columns->first)];
      const Column& end = *batch.columns[static_cast<size_t>(node_.window_columns->second)];
      if (start.is_null(row) || end.is_null(row)) return false;
      windows_of_row_.push_back({start.ints[row], end.ints[row]});
      return true;
    }
    int64_t time = 0;
    if (!times_.time_of(batch, row, now_us, out, time)) return false;
    if (node_.window.calendar_unit) {
      const int64_t start = floor_to_unit(*node_.window.calendar_unit, time);
      windows_of_row_.push_back(
          {start, floor_to_unit(*node_.window.calendar_unit, start + 1, true)});
    } else {
      windows_of(node_.window, time, windows_of_row_);
    }
    return true;
  }

  // Many rows in a row have the same windows.
  int64_t deadline_of(const WindowBounds& bounds) {
    if (bounds.end != deadline_end_) {
      deadline_end_ = bounds.end;
      deadline_ = times_.deadline(bounds.end);
    }
    return deadline_;
  }
  std::vector<uint32_t>& rows_for(const WindowBounds& bounds) {
    if (last_ == nullptr || last_bounds_ != bounds) {
      last_bounds_ = bounds;
      last_ = &rows_of_[{bounds.end, bounds.start}];
    }
    return *last_;
  }

  void add_rows(const Batch& batch, const WindowBounds& bounds, const std::vector<uint32_t>& rows) {
    Open& to = window(bounds);
    key_views_.resize(rows.size());
    hashes_.resize(rows.size());
    groups_.resize(rows.size());
    states_.resize(rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      key_views_[i] = keys_.keys()[rows[i]];
      hashes_[i] = keys_.hashes()[rows[i]];
      groups_[i] = keys_.groups()[rows[i]];
    }
    to.table->find_or_insert(key_views_, hashes_, groups_, states_);
    for (const StateRow state : states_) to.table->touch(state);
    set_->update(batch, rows, states_, *to.table, 0, to.values);
  }

  // False: `out` is full; what has been emitted is out of the table.
  bool fire(const WindowBounds& bounds, Open& from, int64_t now_us, Output& out) {
    StateTable& table = *from.table;
    std::vector<StateRow> rows;
    rows.reserve(table.rows());
    table.for_each_row([&rows](StateRow row) { rows.push_back(row); });
    std::ranges::sort(rows,
                      [&table](StateRow a, StateRow b) { return table.key(a) < table.key(b); });
    for (size_t i = 0; i < rows.size(); ++i) {
      output_.add(table, rows[i], 0, *set_, from.values, bounds, now_us);
      if (!output_.is_full()) continue;
      output_.flush(out);
      if (!out.is_full() || i + 1 == rows.size()) continue;
      for (size_t done = 0; done <= i; ++done) table.erase(rows[done]);
      return false;
    }
    return true;
  }

  WindowAggregateNode node_;
  OperatorContext context_;
  std::unique_ptr<AggregateSet> set_;
  WindowTimes times_;
  KeyedRows keys_;
  WindowOutput output_;
  std::map<Order, Open> open_;
  // Of the batch under way.
  std::map<Order, std::vector<uint32_t>> rows_of_;
  std::vector<uint32_t>* last_ = nullptr;
  WindowBounds last_bounds_;
  std::vector<WindowBounds> windows_of_row_;
  int64_t deadline_end_ = kNoWatermark;
  int64_t deadline_ = 0;
  std::vector<std::string_view> key_views_;
  std::vector<uint64_t> hashes_;
  std::vector<uint8_t> groups_;
  std::vector<StateRow> states_;
};

}  // namespace

Result<std::unique_ptr<Operator>> make_window_aggregate(const PlanNode& node,
                                                        OperatorContext context) {
  const auto& aggregate = std::get<WindowAggregateNode>(node.node);
  const WindowSpec& window = aggregate.window;
  const bool is_keyed = window.kind == WindowKind::kSession || window.kind == WindowKind::kStagger;
  if (is_keyed && !aggregate.window_columns) {
    return make_session_aggregate(node, std::move(context));
  }
  TRY_ASSIGN(auto set, AggregateSet::make(aggregate.aggregates, context.dialect, false));
  if (!aggregate.window_columns && !window.calendar_unit) {
    const bool has_steps = window.kind == WindowKind::kHop || window.kind == WindowKind::kCumulate;
    if (window.size_ms <= 0 || (has_steps && window.slide_ms <= 0)) {
      return fail(ErrorCode::kInvalidArgument, "a window's size and step must be above zero");
    }
  }
  return std::make_unique<WindowAggregate>(node, std::move(context), std::move(set));
}

}  // namespace millstream::analytics
