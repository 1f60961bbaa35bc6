// What the tests of aggregations share: an operator over state that can be restored.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "analytics/engine/operator.h"
#include "analytics/engine/state_io.h"

namespace millstream::analytics {

// k BIGINT, v BIGINT, s STRING, f BOOLEAN, t TIMESTAMP(3).
inline Schema aggregate_input() {
  return {{"k", make_type(TypeKind::kBigint)},
          {"v", make_type(TypeKind::kBigint)},
          {"s", varchar_type()},
          {"f", make_type(TypeKind::kBoolean)},
          {"t", timestamp_type()}};
}

struct AggregateEvent {
  int64_t key = 0;
  std::optional<int64_t> value;
  std::string text;
  bool flag = false;
  EventTime time = 0;
  ChangeKind change = ChangeKind::kInsert;
  EventTime watermark = kNoWatermark;

  std::vector<Value> values() const {
    return {key, value ? Value(*value) : Value(), text, flag, time};
  }
};

inline AggregateCall aggregate_call(std::string_view name, std::vector<int> arguments,
                                    bool distinct = false, int filter = -1) {
  AggregateCall call;
  const auto function = find_aggregate(name, sql::Dialect::kFlink);
  EXPECT_TRUE(function) << name;
  call.function = *function;
  const Schema schema = aggregate_input();
  for (const int argument : arguments) {
    call.argument_types.push_back(schema[static_cast<size_t>(argument)].type);
  }
  call.arguments = std::move(arguments);
  call.distinct = distinct;
  call.filter = filter;
  const auto type = call.function->resolve(call.argument_types, sql::Dialect::kFlink);
  EXPECT_TRUE(type) << name;
  call.type = *type;
  call.text = name;
  return call;
}

class AggregateOut final : public Output {
 public:
  explicit AggregateOut(Schema schema) : schema_(std::move(schema)) {}
  void emit(Batch batch) override {
    for (size_t row = 0; row < batch.rows; ++row) {
      std::string text;
      for (size_t i = 0; i < schema_.size(); ++i) {
        text += (i == 0 ? "" : " ") + value_text(batch.columns[i]->value(row), schema_[i].type);
      }
      rows.push_back(std::move(text));
      changes.push_back(batch.change(row));
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
  std::vector<std::string> errors;
  uint64_t late = 0;
  size_t emitted = 0;
  size_t full_at = SIZE_MAX;

 private:
  Schema schema_;
};

// An operator with its state, which can be thrown away and made again from what was logged.
class AggregateRun {
 public:
  explicit AggregateRun(PlanNode plan, OperatorContext settings = {})
      : out(plan.schema), plan_(std::move(plan)), settings_(std::move(settings)) {
    restore();
  }

  void batch(std::span<const AggregateEvent> events, EventTime watermark, int64_t now_us = 0) {
    BatchBuilder builder(aggregate_input());
    for (const AggregateEvent& event : events) {
      builder.add_row(event.values(), event.change, event.watermark);
    }
    if (builder.rows() > 0) {
      const auto done = operator_->process(0, builder.take(), now_us, out);
      ASSERT_TRUE(done) << done.error().message;
    }
    for (int i = 0; i < 100'000; ++i) {
      out.emitted = 0;
      const auto done = operator_->advance(watermark, now_us, out);
      ASSERT_TRUE(done) << done.error().message;
      std::string changes;
      state_->take_changes(7, changes);
      if (!changes.empty()) log_.push_back(std::move(changes));
      if (*done) return;
      restore();
    }
    FAIL() << "the output was full for ever";
  }

  void restore() {
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
  NodeState& state() { return *state_; }
  Operator& op() { return *operator_; }

  AggregateOut out;

 private:
  PlanNode plan_;
  OperatorContext settings_;
  std::vector<std::string> log_;
  std::unique_ptr<NodeState> state_;
  std::unique_ptr<Operator> operator_;
};

// The plan of a GROUP BY k [, …] with the columns of `properties` behind the aggregates.
template <class Node>
PlanNode aggregate_plan(Node node, size_t properties) {
  auto input = std::make_shared<PlanNode>();
  input->node = ValuesNode{};
  input->schema = aggregate_input();
  PlanNode plan;
  plan.inputs = {input};
  for (const int key : node.keys) plan.schema.push_back(input->schema[static_cast<size_t>(key)]);
  for (const AggregateCall& call : node.aggregates) plan.schema.push_back({call.text, call.type});
  for (size_t i = 0; i < properties; ++i) plan.schema.push_back({"w", timestamp_type()});
  plan.node = std::move(node);
  return plan;
}

}  // namespace millstream::analytics
