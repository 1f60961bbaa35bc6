// What the tests of joins share: an operator over state that can be restored, rows as text, and
// joins computed the slow way.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "analytics/engine/operator.h"
#include "analytics/engine/state_io.h"
#include "analytics/functions/function.h"

namespace millstream::analytics {

// Both inputs: k BIGINT, v BIGINT, s STRING, t TIMESTAMP(3), w TIMESTAMP(3) (a window's end).
inline Schema join_input() {
  return {{"k", make_type(TypeKind::kBigint)},
          {"v", make_type(TypeKind::kBigint)},
          {"s", varchar_type()},
          {"t", timestamp_type()},
          {"w", timestamp_type()}};
}
inline constexpr int kTimeColumn = 3;
inline constexpr int kWindowColumn = 4;

struct JoinEvent {
  size_t side = 0;
  std::optional<int64_t> key;
  int64_t value = 0;
  EventTime time = 0;
  EventTime window = 0;
  ChangeKind change = ChangeKind::kInsert;
  EventTime watermark = kNoWatermark;

  std::vector<Value> values() const {
    return {key ? Value(*key) : Value(), value, "s" + std::to_string(value), time, window};
  }
  std::string text() const {
    return (key ? std::to_string(*key) : "null") + ":" + std::to_string(value);
  }
};

inline std::string side_text(const Batch& batch, size_t row, size_t first) {
  const auto shown = [&](size_t column) {
    const Value value = batch.columns[first + column]->value(row);
    return std::holds_alternative<std::monostate>(value) ? std::string("null")
                                                         : std::to_string(std::get<int64_t>(value));
  };
  if (shown(1) == "null") return "-";
  EXPECT_EQ(std::get<std::string>(batch.columns[first + 2]->value(row)), "s" + shown(1));
  return shown(0) + ":" + shown(1);
}

class RowsOut final : public Output {
 public:
  void emit(Batch batch) override {
    EXPECT_LE(batch.rows, 4200U);
    for (size_t row = 0; row < batch.rows; ++row) {
      std::string text = side_text(batch, row, 0);
      if (batch.columns.size() > 5) text += " " + side_text(batch, row, 5);
      rows.push_back(text);
      changes.push_back(batch.change(row));
      watermarks.push_back(batch.watermark(row));
      ++emitted;
    }
  }
  bool is_full() const override { return emitted >= full_at; }
  void row_error(std::string_view message, const Batch&, uint32_t) override {
    errors.emplace_back(message);
  }
  void count_late(uint64_t count) override { late += count; }

  // What the changes amount to; taking back what is not there is a failure.
  std::vector<std::string> materialized() const {
    std::map<std::string, int> counts;
    for (size_t i = 0; i < rows.size(); ++i) {
      const int after = counts[rows[i]] += is_addition(changes[i]) ? 1 : -1;
      EXPECT_GE(after, 0) << rows[i] << " was taken back before it was there";
    }
    std::vector<std::string> result;
    for (const auto& [text, count] : counts) {
      for (int i = 0; i < count; ++i) result.push_back(text);
    }
    return result;
  }

  std::vector<std::string> rows;
  std::vector<ChangeKind> changes;
  std::vector<EventTime> watermarks;
  std::vector<std::string> errors;
  uint64_t late = 0;
  size_t emitted = 0;
  size_t full_at = SIZE_MAX;
};

// An operator with its state, which can be thrown away and made again from what was logged.
class JoinRun {
 public:
  explicit JoinRun(PlanNode plan, OperatorContext settings = {})
      : plan_(std::move(plan)), settings_(std::move(settings)) {
    make();
  }

  void batch(std::span<const JoinEvent> events, EventTime watermark, int64_t now_us = 0) {
    for (size_t side = 0; side < plan_.inputs.size(); ++side) {
      BatchBuilder builder(plan_.inputs[side]->schema);
      for (const JoinEvent& event : events) {
        if (event.side == side) builder.add_row(event.values(), event.change, event.watermark);
      }
      if (builder.rows() == 0) continue;
      const auto done = operator_->process(side, builder.take(), now_us, out);
      ASSERT_TRUE(done) << done.error().message;
    }
    advance(watermark, now_us);
  }

  // As the job does: again in the next batch if the output was full.
  void advance(EventTime watermark, int64_t now_us = 0) {
    for (int i = 0; i < 100'000; ++i) {
      out.emitted = 0;
      const auto done = operator_->advance(watermark, now_us, out);
      ASSERT_TRUE(done) << done.error().message;
      log_changes();
      if (*done) return;
      if (restart_when_full) restore();
    }
    FAIL() << "the output was full for ever";
  }

  void restore() { make(); }
  Operator& op() { return *operator_; }
  NodeState& state() { return *state_; }

  RowsOut out;
  bool restart_when_full = false;

 private:
  void log_changes() {
    std::string changes;
    state_->take_changes(7, changes);
    if (!changes.empty()) log_.push_back(std::move(changes));
  }

  void make() {
    operator_.reset();
    state_ = std::make_unique<NodeState>();
    for (const std::string& changes : log_) {
      FieldReader in(changes);
      EXPECT_EQ(in.number<uint32_t>(), 7U);
      EXPECT_TRUE(state_->apply(in));
    }
    std::string ignored;
    state_->take_changes(7, ignored);
    OperatorContext context = settings_;
    context.state = state_.get();
    auto made = make_operator(plan_, context);
    ASSERT_TRUE(made) << made.error().message;
    operator_ = *std::move(made);
    ASSERT_TRUE(operator_->open());
  }

  PlanNode plan_;
  OperatorContext settings_;
  std::vector<std::string> log_;
  std::unique_ptr<NodeState> state_;
  std::unique_ptr<Operator> operator_;
};

template <class Node>
PlanNode join_plan(Node node) {
  auto input = std::make_shared<PlanNode>();
  input->node = ValuesNode{};
  input->schema = join_input();
  PlanNode plan;
  plan.inputs = {input, input};
  plan.node = std::move(node);
  return plan;
}

// left.v <op> right.v
inline BoundPtr compare_values(std::string_view op) {
  const Schema schema = join_input();
  const std::vector<BoundPtr> arguments{
      bound_column(1, schema[1]), bound_column(static_cast<int>(schema.size()) + 1, schema[1])};
  const auto resolved = resolve_function(op, sql::Dialect::kFlink, arguments);
  EXPECT_TRUE(resolved);
  return bound_call(*resolved->function, arguments, resolved->type);
}

// The join of two lists of rows, each pair by `meets`.
inline std::vector<std::string> slow_join(
    sql::JoinKind kind, const std::vector<JoinEvent>& left, const std::vector<JoinEvent>& right,
    const std::function<bool(const JoinEvent&, const JoinEvent&)>& meets) {
  using sql::JoinKind;
  std::vector<std::string> result;
  std::vector<int> right_matches(right.size());
  for (const JoinEvent& a : left) {
    int matches = 0;
    for (size_t i = 0; i < right.size(); ++i) {
      if (!a.key || a.key != right[i].key || !meets(a, right[i])) continue;
      ++matches;
      ++right_matches[i];
      if (kind != JoinKind::kSemi && kind != JoinKind::kAnti) {
        result.push_back(a.text() + " " + right[i].text());
      }
    }
    if (kind == JoinKind::kSemi && matches > 0) result.push_back(a.text());
    if (kind == JoinKind::kAnti && matches == 0) result.push_back(a.text());
    if ((kind == JoinKind::kLeft || kind == JoinKind::kFull) && matches == 0) {
      result.push_back(a.text() + " -");
    }
  }
  if (kind == JoinKind::kRight || kind == JoinKind::kFull) {
    for (size_t i = 0; i < right.size(); ++i) {
      if (right_matches[i] == 0) result.push_back("- " + right[i].text());
    }
  }
  std::ranges::sort(result);
  return result;
}

inline std::vector<JoinEvent> of_side(const std::vector<JoinEvent>& events, size_t side) {
  std::vector<JoinEvent> result;
  for (const JoinEvent& event : events) {
    if (event.side == side) result.push_back(event);
  }
  return result;
}

inline std::vector<std::string> sorted(std::vector<std::string> rows) {
  std::ranges::sort(rows);
  return rows;
}

}  // namespace millstream::analytics
