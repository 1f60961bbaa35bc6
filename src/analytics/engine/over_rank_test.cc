// OVER windows, top-N and deduplication against the slow way.
#include <algorithm>
#include <map>
#include <random>

#include "analytics/engine/aggregate_test_support.h"

namespace millstream::analytics {
namespace {

constexpr int64_t kSecond = 1'000'000;

template <class Node>
PlanNode plan_of(Node node, const Schema& behind) {
  auto input = std::make_shared<PlanNode>();
  input->node = ValuesNode{};
  input->schema = aggregate_input();
  PlanNode plan;
  plan.inputs = {input};
  plan.schema = input->schema;
  plan.schema.insert(plan.schema.end(), behind.begin(), behind.end());
  plan.node = std::move(node);
  return plan;
}

std::vector<AggregateEvent> random_events(size_t count) {
  std::mt19937 random(7);
  std::vector<AggregateEvent> events;
  for (size_t i = 0; i < count; ++i) {
    AggregateEvent event;
    event.key = static_cast<int64_t>(random() % 4);
    if (random() % 8 != 0) event.value = static_cast<int64_t>(random() % 50);
    event.text = "t" + std::to_string(i);
    event.time = static_cast<int64_t>(i / 3 + random() % 5) * kSecond;
    event.watermark = static_cast<int64_t>(i / 3) * kSecond - kSecond;
    events.push_back(std::move(event));
  }
  return events;
}

std::vector<std::string> run(const PlanNode& plan, const std::vector<AggregateEvent>& events,
                             size_t step, bool restores, uint64_t* late = nullptr) {
  AggregateRun run(plan);
  for (size_t i = 0; i < events.size(); i += step) {
    const size_t count = std::min(step, events.size() - i);
    run.batch(std::span(events).subspan(i, count), events[i + count - 1].watermark);
    if (restores) run.restore();
  }
  run.batch({}, kEndOfTime);
  if (late != nullptr) *late = run.out.late;
  std::vector<std::string> rows = run.out.rows;
  for (size_t i = 0; i < rows.size(); ++i) rows[i] += change_text(run.out.changes[i]);
  return rows;
}

OverNode over(bool rows, std::optional<int64_t> preceding) {
  OverNode node;
  node.partition_by = {0};
  node.order_column = 4;
  node.rows = rows;
  node.preceding = preceding;
  node.aggregates = {aggregate_call("COUNT", {}), aggregate_call("SUM", {1}),
                     aggregate_call("MIN", {1}), aggregate_call("MAX", {1})};
  return node;
}
Schema results(const OverNode& node) {
  Schema schema;
  for (const AggregateCall& call : node.aggregates) schema.push_back({call.text, call.type});
  return schema;
}

int arrival(const AggregateEvent& event) { return std::stoi(event.text.substr(1)); }

std::string number(std::optional<int64_t> value) { return value ? std::to_string(*value) : "NULL"; }

// text -> "count sum min max", each window computed from all rows.
std::map<std::string, std::string> slow_over(const OverNode& node,
                                             std::vector<AggregateEvent> events) {
  std::erase_if(events, [](const AggregateEvent& e) { return e.time <= e.watermark; });
  std::sort(events.begin(), events.end(), [](const auto& a, const auto& b) {
    return std::pair(a.time, arrival(a)) < std::pair(b.time, arrival(b));
  });
  std::map<std::string, std::string> windows;
  for (size_t at = 0; at < events.size(); ++at) {
    std::vector<std::optional<int64_t>> window;
    for (size_t i = 0; i < events.size(); ++i) {
      const bool before = node.rows ? i <= at : events[i].time <= events[at].time;
      if (events[i].key != events[at].key || !before) continue;
      if (!node.rows && node.preceding &&
          events[i].time < events[at].time - *node.preceding * 1000) {
        continue;
      }
      window.push_back(events[i].value);
    }
    if (node.rows && node.preceding && window.size() > static_cast<size_t>(*node.preceding) + 1) {
      window.erase(window.begin(), window.end() - *node.preceding - 1);
    }
    std::optional<int64_t> sum, least, most;
    for (const auto& value : window) {
      if (!value) continue;
      sum = sum.value_or(0) + *value;
      least = std::min(least.value_or(*value), *value);
      most = std::max(most.value_or(*value), *value);
    }
    windows[events[at].text] = std::to_string(window.size()) + " " + number(sum) + " " +
                               number(least) + " " + number(most) + "+I";
  }
  return windows;
}

TEST(Over, IsEqualToTheSlowWayForAllBatchSizesAndAcrossRestarts) {
  const auto events = random_events(400);
  for (const bool rows : {false, true}) {
    for (const std::optional<int64_t> preceding :
         {std::optional<int64_t>(rows ? 3 : 5000), std::optional<int64_t>(0),
          std::optional<int64_t>()}) {
      const OverNode node = over(rows, preceding);
      const PlanNode plan = plan_of(node, results(node));
      const auto expected = slow_over(node, events);
      const auto whole = run(plan, events, 1000, false);
      ASSERT_EQ(whole.size(), expected.size());
      for (const std::string& row : whole) {
        const size_t from = row.find("'t") + 1;
        const size_t to = row.find('\'', from);
        const std::string text = row.substr(from, to - from);
        ASSERT_TRUE(row.ends_with(" " + expected.at(text))) << row << " / " << expected.at(text);
      }
      for (const size_t step : {1U, 7U}) {
        EXPECT_EQ(run(plan, events, step, false), whole);
        EXPECT_EQ(run(plan, events, step, true), whole);
      }
    }
  }
}

TEST(Rank, TopNIsEqualToTheSlowWayWithRetractions) {
  for (const bool with_rank : {false, true}) {
    for (const bool retracts : {false, true}) {
      RankNode node;
      node.partition_by = {0};
      node.order_by = {{.column = 1, .descending = true, .nulls_first = false}};
      node.limit = 3;
      node.output_rank = with_rank;
      node.input_retracts = retracts;
      Schema rank;
      if (with_rank) rank.push_back({"rank", make_type(TypeKind::kBigint)});
      std::vector<AggregateEvent> events = random_events(300);
      std::vector<AggregateEvent> live;
      std::vector<AggregateEvent> all;
      std::mt19937 random(3);
      for (const AggregateEvent& event : events) {
        all.push_back(event);
        live.push_back(event);
        if (!retracts || random() % 3 != 0) continue;
        const auto at = live.begin() + static_cast<ptrdiff_t>(random() % live.size());
        all.push_back(*at);
        all.back().change = ChangeKind::kDelete;
        live.erase(at);
      }
      std::vector<std::string> expected;
      for (int64_t key = 0; key < 4; ++key) {
        std::vector<AggregateEvent> mine;
        for (const auto& event : live) {
          if (event.key == key) mine.push_back(event);
        }
        std::sort(mine.begin(), mine.end(), [](const auto& a, const auto& b) {
          return std::pair(-a.value.value_or(-1), arrival(a)) <
                 std::pair(-b.value.value_or(-1), arrival(b));
        });
        for (size_t i = 0; i < std::min<size_t>(3, mine.size()); ++i) {
          expected.push_back("'" + mine[i].text + "'" +
                             (with_rank ? " " + std::to_string(i + 1) : ""));
        }
      }
      std::sort(expected.begin(), expected.end());
      const PlanNode plan = plan_of(node, rank);
      for (const size_t step : {1U, 7U, 1000U}) {
        AggregateRun run(plan);
        for (size_t i = 0; i < all.size(); i += step) {
          run.batch(std::span(all).subspan(i, std::min(step, all.size() - i)), kNoWatermark);
          if (step == 7) run.restore();
        }
        std::vector<std::string> rows;
        for (const std::string& row : run.out.materialized()) {
          const size_t from = row.find("'t");
          std::string text = row.substr(from, row.find('\'', from + 1) + 1 - from);
          if (with_rank) text += row.substr(row.rfind(' '));
          rows.push_back(text);
        }
        std::sort(rows.begin(), rows.end());
        EXPECT_EQ(rows, expected) << with_rank << retracts << step;
      }
    }
  }
}

TEST(Rank, KeepsTheFirstRowByEventTimeOnceTheWatermarkHasPassedIt) {
  RankNode node;
  node.partition_by = {0};
  node.order_by = {{.column = 4}};
  node.limit = 1;
  node.order_time = 4;
  const auto events = random_events(60);
  const auto rows = run(plan_of(node, {}), events, 1, true);
  EXPECT_EQ(rows.size(), 4U);
  EXPECT_EQ(run(plan_of(node, {}), events, 1000, false), rows);
  for (const std::string& row : rows) EXPECT_TRUE(row.ends_with("+I")) << row;
}

TEST(Sort, GivesABoundedInputInOrderAtItsEnd) {
  SortNode node;
  node.order_by = {{.column = 1}, {.column = 4}};
  node.limit = 5;
  node.offset = 2;
  const auto events = random_events(50);
  const auto rows = run(plan_of(node, {}), events, 7, true);
  ASSERT_EQ(rows.size(), 5U);
  EXPECT_EQ(run(plan_of(node, {}), events, 1000, false), rows);
}

}  // namespace
}  // namespace millstream::analytics
