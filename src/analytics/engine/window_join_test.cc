#include "analytics/engine/window_join.h"

#include <gmock/gmock.h>

#include "analytics/engine/join_test_support.h"

namespace millstream::analytics {
namespace {

using sql::JoinKind;
using ::testing::ElementsAre;

constexpr int64_t kMilli = 1000;
constexpr int64_t kSecond = 1'000'000;
constexpr JoinKind kKinds[] = {JoinKind::kInner, JoinKind::kLeft, JoinKind::kRight,
                               JoinKind::kFull,  JoinKind::kSemi, JoinKind::kAnti};

WindowJoinNode of_windows(JoinKind kind, bool end_in_keys, BoundPtr condition = nullptr) {
  WindowJoinNode node;
  node.kind = kind;
  node.left_keys = {0};
  node.right_keys = {0};
  if (end_in_keys) {
    node.left_keys.push_back(kWindowColumn);
    node.right_keys.push_back(kWindowColumn);
  }
  node.left_window_end = kWindowColumn;
  node.right_window_end = kWindowColumn;
  node.condition = std::move(condition);
  return node;
}

std::vector<JoinEvent> random_events(uint32_t seed, size_t count) {
  std::mt19937 random(seed);
  std::vector<JoinEvent> events;
  EventTime start = 0;
  for (size_t i = 0; i < count; ++i) {
    start += static_cast<EventTime>(random() % 30) * kMilli;
    JoinEvent event;
    event.side = random() % 2;
    if (random() % 10 != 0) event.key = random() % 8;
    event.value = static_cast<int64_t>(i);
    event.time = start + static_cast<EventTime>(random() % 1500) * kMilli;
    event.window = (event.time / kSecond + 1) * kSecond;
    event.watermark = start - 1;
    events.push_back(event);
  }
  return events;
}

bool same_window(const JoinEvent& a, const JoinEvent& b) { return a.window == b.window; }

TEST(WindowJoin, JoinsTheRowsOfEachWindow) {
  for (const JoinKind kind : kKinds) {
    for (const bool with_condition : {false, true}) {
      const auto events = random_events(3, 800);
      const auto expected = slow_join(
          kind, of_side(events, 0), of_side(events, 1), [&](const auto& a, const auto& b) {
            return same_window(a, b) && (!with_condition || a.value < b.value);
          });
      const PlanNode plan = join_plan(
          of_windows(kind, with_condition, with_condition ? compare_values("<") : nullptr));
      for (const size_t size : {size_t{1}, size_t{7}, size_t{10'000}}) {
        for (const bool restores : {false, true}) {
          JoinRun run(plan);
          for (size_t at = 0; at < events.size(); at += size) {
            const auto part = std::span(events).subspan(at, std::min(size, events.size() - at));
            run.batch(part, part.back().watermark);
            if (restores && at / size % 10 == 9) run.restore();
          }
          run.advance(kEndOfTime);
          EXPECT_EQ(sorted(run.out.rows), expected)
              << "kind " << static_cast<int>(kind) << " batches of " << size;
          EXPECT_EQ(run.out.late, 0U);
          EXPECT_EQ(run.state().rows(), 0U);
        }
      }
    }
  }
}

TEST(WindowJoin, AWindowLeavesWithItsLastMillisecondAndLaterRowsAreCounted) {
  JoinRun run(join_plan(of_windows(JoinKind::kLeft, true)));
  JoinEvent left{.side = 0, .key = 1, .value = 1, .window = kSecond};
  const JoinEvent right{.side = 1, .key = 1, .value = 2, .window = kSecond};
  run.batch(std::vector{left, right}, kSecond - kMilli - 1);
  EXPECT_THAT(run.out.rows, ElementsAre());
  run.advance(kSecond - kMilli);
  EXPECT_THAT(run.out.rows, ElementsAre("1:1 1:2"));
  left.watermark = kSecond - kMilli;
  run.batch(std::vector{left}, kSecond);
  EXPECT_EQ(run.out.late, 1U);
  EXPECT_EQ(run.out.rows.size(), 1U);
}

TEST(WindowJoin, GoesOnInTheNextBatchWhenTheOutputIsFull) {
  for (const JoinKind kind : kKinds) {
    JoinRun run(join_plan(of_windows(kind, true)));
    run.out.full_at = 3;
    run.restart_when_full = true;
    const auto events = random_events(9, 800);
    run.batch(events, kNoWatermark);
    run.advance(kEndOfTime);
    EXPECT_EQ(sorted(run.out.rows),
              slow_join(kind, of_side(events, 0), of_side(events, 1), same_window))
        << static_cast<int>(kind);
  }
}

}  // namespace
}  // namespace millstream::analytics
