#include "analytics/engine/interval_join.h"

#include <gmock/gmock.h>

#include "analytics/engine/join_test_support.h"

namespace millstream::analytics {
namespace {

using sql::JoinKind;
using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

constexpr int64_t kMilli = 1000;
constexpr int64_t kSecond = 1'000'000;
constexpr JoinKind kKinds[] = {JoinKind::kInner, JoinKind::kLeft, JoinKind::kRight,
                               JoinKind::kFull};

IntervalJoinNode near(JoinKind kind, int64_t lower_ms, int64_t upper_ms,
                      BoundPtr condition = nullptr) {
  IntervalJoinNode node;
  node.kind = kind;
  node.left_keys = {0};
  node.right_keys = {0};
  node.left_time = kTimeColumn;
  node.right_time = kTimeColumn;
  node.lower_ms = lower_ms;
  node.upper_ms = upper_ms;
  node.condition = std::move(condition);
  return node;
}

// Times rise with gaps and jitter; no row is late.
std::vector<JoinEvent> random_events(uint32_t seed, size_t count) {
  std::mt19937 random(seed);
  std::vector<JoinEvent> events;
  EventTime start = 0;
  for (size_t i = 0; i < count; ++i) {
    start += static_cast<EventTime>(random() % 100) * kMilli;
    if (random() % 50 == 0) start += 20 * kSecond;
    JoinEvent event;
    event.side = random() % 2;
    if (random() % 10 != 0) event.key = random() % 4;
    event.value = static_cast<int64_t>(i);
    event.time = start + static_cast<EventTime>(random() % 2000) * kMilli;
    event.watermark = start - 1;
    events.push_back(event);
  }
  return events;
}

std::vector<std::string> joined(const PlanNode& plan, std::span<const JoinEvent> events,
                                size_t batch_size, bool restores, OperatorContext context = {}) {
  JoinRun run(plan, context);
  size_t batches = 0;
  while (!events.empty()) {
    const size_t count = std::min(batch_size, events.size());
    run.batch(events.first(count), events[count - 1].watermark);
    events = events.subspan(count);
    if (restores && ++batches % 10 == 0) run.restore();
  }
  run.advance(kEndOfTime);
  EXPECT_EQ(run.state().rows(), 0U);
  for (const ChangeKind change : run.out.changes) EXPECT_EQ(change, ChangeKind::kInsert);
  return sorted(run.out.rows);
}

TEST(IntervalJoin, FindsAllPairsOfRowsThatAreNotLate) {
  const std::pair<int64_t, int64_t> bounds[] = {{-1000, 1000}, {0, 5000}, {-3000, -1000},
                                                {500, 700},    {0, 0},    {1000, -1000}};
  for (const auto& [lower, upper] : bounds) {
    for (const JoinKind kind : kKinds) {
      for (const bool with_condition : {false, true}) {
        const auto events = random_events(3, 700);
        const auto expected = slow_join(
            kind, of_side(events, 0), of_side(events, 1), [&](const auto& a, const auto& b) {
              const int64_t apart = a.time - b.time;
              return apart >= lower * kMilli && apart <= upper * kMilli &&
                     (!with_condition || a.value < b.value);
            });
        const PlanNode plan =
            join_plan(near(kind, lower, upper, with_condition ? compare_values("<") : nullptr));
        for (const size_t size : {size_t{1}, size_t{7}, size_t{10'000}}) {
          EXPECT_EQ(joined(plan, events, size, false), expected)
              << "kind " << static_cast<int>(kind) << " bounds " << lower << " " << upper
              << " batches of " << size;
        }
        EXPECT_EQ(joined(plan, events, 7, true), expected) << "restored";
      }
    }
  }
}

TEST(IntervalJoin, OfTheKinesisDialectFindsTheSamePairs) {
  OperatorContext context;
  context.dialect = sql::Dialect::kKinesis;
  const auto events = random_events(4, 500);
  const auto expected = slow_join(JoinKind::kFull, of_side(events, 0), of_side(events, 1),
                                  [&](const auto& a, const auto& b) {
                                    const int64_t apart = a.time - b.time;
                                    return apart >= -2 * kSecond && apart <= kSecond;
                                  });
  const PlanNode plan = join_plan(near(JoinKind::kFull, -2000, 1000));
  for (const size_t size : {size_t{1}, size_t{7}, size_t{10'000}}) {
    EXPECT_EQ(joined(plan, events, size, false, context), expected) << size;
  }
}

TEST(IntervalJoin, PadsInOrderOfTimeAndNeverBehindItsWatermark) {
  JoinRun run(join_plan(near(JoinKind::kFull, -1000, 1000)));
  const auto events = random_events(8, 400);
  run.batch(events, events.back().watermark);
  run.advance(kEndOfTime);
  for (size_t i = 1; i < run.out.watermarks.size(); ++i) {
    if (run.out.rows[i].ends_with("-") && run.out.rows[i - 1].ends_with("-")) {
      EXPECT_GE(run.out.watermarks[i], run.out.watermarks[i - 1]);
    }
  }
  EXPECT_EQ(run.op().output_watermark(10 * kSecond), 9 * kSecond);
}

TEST(IntervalJoin, ALateRowMeetsWhatIsKeptAndIsPaddedAtOnceWhenNothingCanComeAnyMore) {
  JoinRun run(join_plan(near(JoinKind::kLeft, -1000, 1000)));
  const JoinEvent right{.side = 1, .key = 1, .value = 1, .time = 10 * kSecond};
  run.batch(std::vector{right}, 10 * kSecond);
  // The watermark is behind its time, but the right row is still there.
  const JoinEvent late{.side = 0,
                       .key = 1,
                       .value = 2,
                       .time = 9 * kSecond + 500 * kMilli,
                       .watermark = 10 * kSecond};
  run.batch(std::vector{late}, 10 * kSecond);
  EXPECT_THAT(run.out.rows, ElementsAre("1:2 1:1"));
  const JoinEvent very_late{
      .side = 0, .key = 1, .value = 3, .time = 5 * kSecond, .watermark = 10 * kSecond};
  run.batch(std::vector{very_late}, 10 * kSecond);
  EXPECT_THAT(run.out.rows, ElementsAre("1:2 1:1", "1:3 -"));
}

TEST(IntervalJoin, ByProcessingTimeMeetsRowsThatCameShortlyBefore) {
  IntervalJoinNode node = near(JoinKind::kLeft, -1000, 1000);
  node.processing_time = true;
  JoinRun run(join_plan(node));
  run.batch(std::vector<JoinEvent>{{.side = 0, .key = 1, .value = 1}}, kNoWatermark, kSecond);
  EXPECT_EQ(run.op().next_timer_us(), 2 * kSecond + 1);
  run.batch(std::vector<JoinEvent>{{.side = 1, .key = 1, .value = 2}}, kNoWatermark, 2 * kSecond);
  EXPECT_THAT(run.out.rows, ElementsAre("1:1 1:2"));
  run.batch(std::vector<JoinEvent>{{.side = 0, .key = 1, .value = 3}}, kNoWatermark, 4 * kSecond);
  EXPECT_EQ(run.out.rows.size(), 1U);
  run.restore();
  run.advance(kNoWatermark, 5 * kSecond + 1);
  EXPECT_THAT(run.out.rows, ElementsAre("1:1 1:2", "1:3 -"));
}

TEST(IntervalJoin, AWindowByRowsKeepsTheLastRowsOfAllKeys) {
  IntervalJoinNode node = near(JoinKind::kLeft, 0, 0);
  node.left_rows = 2;
  OperatorContext context;
  context.dialect = sql::Dialect::kKinesis;
  std::vector<JoinEvent> events;
  // Left rows 0, 2, 4 …; each right row meets those of its key among the last two left ones.
  for (int64_t i = 0; i < 9; ++i) {
    events.push_back({.side = i % 3 == 2 ? size_t{1} : size_t{0},
                      .key = i == 1 ? 2 : 1,
                      .value = i,
                      .time = i * kSecond,
                      .watermark = i * kSecond - 1});
  }
  std::vector<std::string> expected{"1:0 1:2", "1:3 1:5", "1:4 1:5", "1:6 1:8", "1:7 1:8", "2:1 -"};
  for (const size_t size : {size_t{1}, size_t{2}, size_t{100}}) {
    JoinRun run(join_plan(node), context);
    for (size_t at = 0; at < events.size(); at += size) {
      run.batch(std::span(events).subspan(at, std::min(size, events.size() - at)), kNoWatermark);
      run.restore();
    }
    run.advance(kEndOfTime);
    EXPECT_EQ(sorted(run.out.rows), expected) << size;
  }
}

TEST(IntervalJoin, GoesOnInTheNextBatchWhenTheOutputIsFull) {
  JoinRun run(join_plan(near(JoinKind::kFull, -1000, 1000)));
  run.out.full_at = 10;
  run.restart_when_full = true;
  const auto events = random_events(6, 600);
  run.batch(events, events.back().watermark);
  run.advance(kEndOfTime);
  EXPECT_EQ(sorted(run.out.rows), slow_join(JoinKind::kFull, of_side(events, 0), of_side(events, 1),
                                            [](const auto& a, const auto& b) {
                                              return std::abs(a.time - b.time) <= kSecond;
                                            }));
}

TEST(IntervalJoin, RefusesSemiJoinsByName) {
  NodeState state;
  OperatorContext context;
  context.state = &state;
  const auto made = make_interval_join(join_plan(near(JoinKind::kSemi, 0, 0)), context);
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message, ::testing::HasSubstr("not yet supported"));
}

}  // namespace
}  // namespace millstream::analytics
