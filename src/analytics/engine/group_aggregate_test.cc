#include "analytics/engine/group_aggregate.h"

#include <algorithm>
#include <set>

#include "analytics/engine/aggregate_test_support.h"

namespace millstream::analytics {
namespace {

GroupAggregateNode all_aggregates(bool retracts) {
  GroupAggregateNode node;
  node.keys = {0};
  node.input_retracts = retracts;
  node.aggregates = {aggregate_call("COUNT", {}),      aggregate_call("SUM", {1}),
                     aggregate_call("AVG", {1}),       aggregate_call("MIN", {1}),
                     aggregate_call("MAX", {2}),       aggregate_call("COUNT", {1}, true),
                     aggregate_call("SUM", {1}, true), aggregate_call("COUNT", {}, false, 3)};
  return node;
}

std::string shown(bool there, int64_t value) { return there ? std::to_string(value) : "NULL"; }

// The same computed from all rows that are there.
std::vector<std::string> slow_groups(const std::vector<AggregateEvent>& rows) {
  std::map<int64_t, std::vector<AggregateEvent>> groups;
  for (const AggregateEvent& row : rows) groups[row.key].push_back(row);
  std::vector<std::string> result;
  for (const auto& [key, members] : groups) {
    std::set<int64_t> distinct;
    int64_t sum = 0;
    int64_t count = 0;
    int64_t flags = 0;
    std::string greatest;
    for (const AggregateEvent& row : members) {
      greatest = std::max(greatest, row.text);
      flags += row.flag ? 1 : 0;
      if (!row.value) continue;
      distinct.insert(*row.value);
      sum += *row.value;
      ++count;
    }
    int64_t distinct_sum = 0;
    for (const int64_t value : distinct) distinct_sum += value;
    const bool any = count > 0;
    result.push_back(fmt::format("{} {} {} {} {} '{}' {} {} {}", key, members.size(),
                                 shown(any, sum), shown(any, any ? sum / count : 0),
                                 shown(any, any ? *distinct.begin() : 0), greatest, distinct.size(),
                                 shown(any, distinct_sum), flags));
  }
  std::ranges::sort(result);
  return result;
}

struct Rows {
  std::vector<AggregateEvent> events;
  std::vector<AggregateEvent> left;  // what is there at the end
};

Rows random_rows(uint32_t seed, size_t count, bool retracts) {
  std::mt19937 random(seed);
  Rows rows;
  for (size_t i = 0; i < count; ++i) {
    if (retracts && !rows.left.empty() && random() % 5 < 2) {
      const auto at = static_cast<std::ptrdiff_t>(random() % rows.left.size());
      AggregateEvent event = rows.left[static_cast<size_t>(at)];
      rows.left.erase(rows.left.begin() + at);
      event.change = random() % 2 == 0 ? ChangeKind::kDelete : ChangeKind::kUpdateBefore;
      rows.events.push_back(event);
      continue;
    }
    AggregateEvent event;
    event.key = static_cast<int64_t>(random() % 9);
    if (random() % 4 != 0) event.value = static_cast<int64_t>(random() % 12) - 6;
    event.text = std::string(1, static_cast<char>('a' + random() % 20));
    event.flag = random() % 2 == 0;
    rows.events.push_back(event);
    rows.left.push_back(event);
  }
  return rows;
}

TEST(GroupAggregate, ChangesAmountToTheGroupsOfAllRowsWhereverBatchesEndAndStateIsRestored) {
  for (const bool retracts : {false, true}) {
    for (const size_t size : {size_t{1}, size_t{7}, size_t{10'000}}) {
      const Rows rows = random_rows(static_cast<uint32_t>(size), 900, retracts);
      AggregateRun run(aggregate_plan(all_aggregates(retracts), 0));
      for (size_t at = 0; at < rows.events.size(); at += size) {
        run.batch(std::span(rows.events).subspan(at, std::min(size, rows.events.size() - at)), 0);
        if (at % 3 == 0) run.restore();
      }
      EXPECT_EQ(run.out.materialized(), slow_groups(rows.left)) << retracts << " " << size;
    }
  }
}

TEST(GroupAggregate, TellsInsertsUpdatesAndDeletesApart) {
  GroupAggregateNode node;
  node.keys = {0};
  node.input_retracts = true;
  node.aggregates = {aggregate_call("SUM", {1})};
  AggregateRun run(aggregate_plan(node, 0));
  const AggregateEvent one{.key = 1, .value = 5};
  const AggregateEvent zero{.key = 1, .value = 0};
  AggregateEvent minus_one = one;
  minus_one.change = ChangeKind::kDelete;
  AggregateEvent minus_zero = zero;
  minus_zero.change = ChangeKind::kDelete;
  run.batch(std::vector{one}, 0);
  run.batch(std::vector{one}, 0);
  run.batch(std::vector{zero}, 0);  // changes nothing that anybody sees
  run.batch(std::vector{minus_one, minus_one, minus_zero}, 0);
  using enum ChangeKind;
  EXPECT_EQ(run.out.rows, (std::vector<std::string>{"1 5", "1 5", "1 10", "1 10"}));
  EXPECT_EQ(run.out.changes,
            (std::vector<ChangeKind>{kInsert, kUpdateBefore, kUpdateAfter, kDelete}));
  EXPECT_EQ(run.state().rows(), 0U);
}

TEST(GroupAggregate, WithoutAggregatesIsDistinct) {
  GroupAggregateNode node;
  node.keys = {0, 2};
  AggregateRun run(aggregate_plan(node, 0));
  const AggregateEvent a{.key = 1, .text = "a"};
  const AggregateEvent b{.key = 1, .text = "b"};
  run.batch(std::vector{a, b, a}, 0);
  run.restore();
  run.batch(std::vector{b, a}, 0);
  EXPECT_EQ(run.out.rows, (std::vector<std::string>{"1 'a'", "1 'b'"}));
}

TEST(GroupAggregate, WithoutKeysIsOneGroup) {
  GroupAggregateNode node;
  node.aggregates = {aggregate_call("COUNT", {})};
  AggregateRun run(aggregate_plan(node, 0));
  run.batch({}, 0);
  EXPECT_TRUE(run.out.rows.empty());
  run.batch(std::vector{AggregateEvent{.key = 1}, AggregateEvent{.key = 2}}, 0);
  EXPECT_EQ(run.out.materialized(), std::vector<std::string>{"2"});
}

TEST(GroupAggregate, ForgetsGroupsThatNoRowCameToForTheTimeToLive) {
  GroupAggregateNode node;
  node.keys = {0};
  node.aggregates = {aggregate_call("COUNT", {1}, true)};
  OperatorContext context;
  context.state_ttl_ms = 1000;
  AggregateRun run(aggregate_plan(node, 0), context);
  run.batch(std::vector{AggregateEvent{.key = 1, .value = 4}}, 0, 0);
  run.batch(std::vector{AggregateEvent{.key = 2, .value = 4}}, 0, 900'000);
  run.restore();
  run.batch({}, 0, 1'200'000);
  EXPECT_EQ(run.state().rows(), 2U);  // group 2 and its value
  run.batch(std::vector{AggregateEvent{.key = 1, .value = 9}}, 0, 1'300'000);
  EXPECT_EQ(run.out.rows.back(), "1 1");
  EXPECT_EQ(run.out.changes.back(), ChangeKind::kInsert);
}

TEST(GroupAggregate, RefusesWhatCantTakeRowsBack) {
  GroupAggregateNode node;
  node.keys = {0};
  node.input_retracts = true;
  node.aggregates = {aggregate_call("LAST_VALUE", {1})};
  const auto made = make_group_aggregate(aggregate_plan(node, 0), {});
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("not yet supported"), std::string::npos);
}

}  // namespace
}  // namespace millstream::analytics
