#include "analytics/engine/join.h"

#include <gmock/gmock.h>

#include "analytics/engine/join_test_support.h"

namespace millstream::analytics {
namespace {

using sql::JoinKind;
using ::testing::ElementsAre;

constexpr JoinKind kKinds[] = {JoinKind::kInner, JoinKind::kLeft, JoinKind::kRight,
                               JoinKind::kFull,  JoinKind::kSemi, JoinKind::kAnti};

JoinNode by_key(JoinKind kind, bool retracts = false, BoundPtr condition = nullptr) {
  JoinNode node;
  node.kind = kind;
  node.left_keys = {0};
  node.right_keys = {0};
  node.condition = std::move(condition);
  node.left_retracts = node.right_retracts = retracts;
  return node;
}

// Additions, and removals of rows that are there; also equal rows and NULL keys.
std::vector<JoinEvent> random_changes(uint32_t seed, size_t count, bool retracts) {
  std::mt19937 random(seed);
  std::vector<JoinEvent> events;
  std::vector<JoinEvent> live;
  while (events.size() < count) {
    if (retracts && !live.empty() && random() % 3 == 0) {
      const size_t at = random() % live.size();
      JoinEvent gone = live[at];
      gone.change = random() % 2 == 0 ? ChangeKind::kDelete : ChangeKind::kUpdateBefore;
      live.erase(live.begin() + static_cast<std::ptrdiff_t>(at));
      events.push_back(gone);
      continue;
    }
    JoinEvent event;
    event.side = random() % 2;
    if (random() % 10 != 0) event.key = random() % 12;
    event.value = static_cast<int64_t>(random() % 20);
    if (retracts && random() % 2 == 0) event.change = ChangeKind::kUpdateAfter;
    live.push_back(event);
    events.push_back(event);
  }
  return events;
}

std::vector<JoinEvent> left_over(const std::vector<JoinEvent>& events, size_t side) {
  std::vector<JoinEvent> live;
  for (const JoinEvent& event : events) {
    if (event.side != side) continue;
    if (is_addition(event.change)) {
      live.push_back(event);
      continue;
    }
    live.erase(std::ranges::find_if(live, [&](const JoinEvent& other) {
      return other.key == event.key && other.value == event.value;
    }));
  }
  return live;
}

std::vector<std::string> joined(const PlanNode& plan, std::span<const JoinEvent> events,
                                size_t batch_size, size_t restore_every = 0) {
  JoinRun run(plan);
  size_t batches = 0;
  while (!events.empty()) {
    const size_t count = std::min(batch_size, events.size());
    run.batch(events.first(count), kNoWatermark);
    events = events.subspan(count);
    if (restore_every > 0 && ++batches % restore_every == 0) run.restore();
  }
  EXPECT_THAT(run.out.errors, ElementsAre());
  return run.out.materialized();
}

TEST(Join, OfAppendedRowsIsTheJoinOfAllRows) {
  for (const JoinKind kind : kKinds) {
    for (const bool with_condition : {false, true}) {
      const auto events = random_changes(11, 600, false);
      const auto expected = slow_join(
          kind, of_side(events, 0), of_side(events, 1),
          [&](const auto& a, const auto& b) { return !with_condition || a.value < b.value; });
      ASSERT_FALSE(expected.empty());
      const PlanNode plan =
          join_plan(by_key(kind, false, with_condition ? compare_values("<") : nullptr));
      for (const size_t size : {size_t{1}, size_t{7}, size_t{10'000}}) {
        EXPECT_EQ(joined(plan, events, size), expected)
            << "kind " << static_cast<int>(kind) << " batches of " << size;
      }
      EXPECT_EQ(joined(plan, events, 7, 10), expected) << "restored";
    }
  }
}

TEST(Join, OfChangingRowsIsTheJoinOfWhatIsLeft) {
  for (const JoinKind kind : kKinds) {
    for (const bool with_condition : {false, true}) {
      for (const uint32_t seed : {1U, 2U, 3U}) {
        const auto events = random_changes(seed, 500, true);
        const auto expected = slow_join(
            kind, left_over(events, 0), left_over(events, 1),
            [&](const auto& a, const auto& b) { return !with_condition || a.value < b.value; });
        const PlanNode plan =
            join_plan(by_key(kind, true, with_condition ? compare_values("<") : nullptr));
        for (const size_t size : {size_t{1}, size_t{7}}) {
          EXPECT_EQ(joined(plan, events, size), expected)
              << "kind " << static_cast<int>(kind) << " batches of " << size << " seed " << seed;
        }
        EXPECT_EQ(joined(plan, events, 7, 5), expected) << "restored";
      }
    }
  }
}

TEST(Join, OfAppendedRowsPutsOutInsertsOnly) {
  for (const JoinKind kind : {JoinKind::kInner, JoinKind::kSemi}) {
    JoinRun run(join_plan(by_key(kind)));
    run.batch(random_changes(5, 300, false), kNoWatermark);
    ASSERT_FALSE(run.out.changes.empty());
    for (const ChangeKind change : run.out.changes) EXPECT_EQ(change, ChangeKind::kInsert);
  }
}

TEST(Join, TakesPaddingBackWhenTheFirstPartnerComesAndPadsAgainWhenTheLastGoes) {
  JoinRun run(join_plan(by_key(JoinKind::kLeft, true)));
  const JoinEvent left{.side = 0, .key = 1, .value = 10};
  JoinEvent right{.side = 1, .key = 1, .value = 20};
  run.batch(std::vector{left}, kNoWatermark);
  run.batch(std::vector{right, right}, kNoWatermark);
  right.change = ChangeKind::kDelete;
  run.batch(std::vector{right, right}, kNoWatermark);
  EXPECT_THAT(run.out.rows, ElementsAre("1:10 -", "1:10 -", "1:10 1:20", "1:10 1:20", "1:10 1:20",
                                        "1:10 1:20", "1:10 -"));
  EXPECT_THAT(run.out.changes,
              ElementsAre(ChangeKind::kInsert, ChangeKind::kDelete, ChangeKind::kInsert,
                          ChangeKind::kInsert, ChangeKind::kDelete, ChangeKind::kDelete,
                          ChangeKind::kInsert));
}

TEST(Join, WithoutKeysMeetsEveryRowOfTheOtherSide) {
  JoinNode node;
  node.kind = JoinKind::kCross;
  JoinRun run(join_plan(node));
  std::vector<JoinEvent> events;
  for (int64_t i = 0; i < 200; ++i)
    events.push_back({.side = static_cast<size_t>(i % 2), .key = 1, .value = i});
  run.batch(events, kNoWatermark);
  EXPECT_EQ(run.out.rows.size(), 100U * 100U);
}

TEST(Join, ForgetsRowsBehindTheirTimeToLive) {
  OperatorContext context;
  context.state_ttl_ms = 1000;
  JoinRun run(join_plan(by_key(JoinKind::kInner)), context);
  const JoinEvent left{.side = 0, .key = 1, .value = 10};
  const JoinEvent right{.side = 1, .key = 1, .value = 20};
  run.batch(std::vector{left}, kNoWatermark, 0);
  run.restore();
  run.batch(std::vector{right}, kNoWatermark, 999'999);
  EXPECT_THAT(run.out.rows, ElementsAre("1:10 1:20"));
  run.batch(std::vector{right}, kNoWatermark, 1'000'000);
  EXPECT_EQ(run.out.rows.size(), 1U);
  run.advance(kNoWatermark, 10'000'000);
  EXPECT_EQ(run.state().rows(), 0U);
}

}  // namespace
}  // namespace millstream::analytics
