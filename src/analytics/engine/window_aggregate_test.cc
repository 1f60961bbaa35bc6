#include "analytics/engine/window_aggregate.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "analytics/engine/aggregate_test_support.h"

namespace millstream::analytics {
namespace {

constexpr int64_t kMilli = 1000;
constexpr int kTime = 4;
using Property = WindowAggregateNode::Property;

PlanNode plan_of(WindowSpec window, bool distinct = true) {
  window.time_column = kTime;
  WindowAggregateNode node;
  node.window = window;
  node.keys = {0};
  node.aggregates = {aggregate_call("COUNT", {}), aggregate_call("SUM", {1}),
                     aggregate_call("MAX", {2}), aggregate_call("COUNT", {1}, distinct)};
  node.properties = {Property::kStart, Property::kEnd};
  return aggregate_plan(node, 2);
}

struct Bounds {
  int64_t end = 0;  // milliseconds; first: windows leave in this order
  int64_t start = 0;
  auto operator<=>(const Bounds&) const = default;
};

// The windows of a time, found by trying every start and end.
std::vector<Bounds> slow_windows(const WindowSpec& window, int64_t time_ms) {
  std::vector<Bounds> result;
  const int64_t step = window.kind == WindowKind::kTumble ? window.size_ms : window.slide_ms;
  for (int64_t start = time_ms - window.size_ms; start <= time_ms; ++start) {
    const int64_t phase = start - window.offset_ms;
    if (window.kind == WindowKind::kCumulate) {
      if (phase % window.size_ms != 0) continue;
      for (int64_t end = start + step; end <= start + window.size_ms; end += step) {
        if (start <= time_ms && time_ms < end) result.push_back({end, start});
      }
    } else if (phase % step == 0 && time_ms < start + window.size_ms) {
      result.push_back({start + window.size_ms, start});
    }
  }
  return result;
}

struct Group {
  int64_t rows = 0;
  int64_t sum = 0;
  std::vector<int64_t> values;
  std::string greatest;
};

std::string group_text(const Bounds& bounds, int64_t key, const Group& group, bool distinct) {
  const std::set<int64_t> different(group.values.begin(), group.values.end());
  const Schema schema{{"t", timestamp_type()}};
  return fmt::format("{} {} {} '{}' {} {} {}", key, group.rows,
                     group.values.empty() ? "NULL" : std::to_string(group.sum), group.greatest,
                     distinct ? different.size() : group.values.size(),
                     value_text(bounds.start * kMilli, schema[0].type),
                     value_text(bounds.end * kMilli, schema[0].type));
}

void add(Group& group, const AggregateEvent& event) {
  ++group.rows;
  group.greatest = std::max(group.greatest, event.text);
  if (!event.value) return;
  group.values.push_back(*event.value);
  group.sum += *event.value;
}

// Out of order by up to 60 ms, some by more: the watermark is 40 ms behind.
std::vector<AggregateEvent> random_events(uint32_t seed, size_t count, int64_t gap_ms) {
  std::mt19937 random(seed);
  std::vector<AggregateEvent> events;
  int64_t now = 5000;
  EventTime watermark = kNoWatermark;
  for (size_t i = 0; i < count; ++i) {
    now += static_cast<int64_t>(random() % static_cast<uint32_t>(gap_ms));
    AggregateEvent event;
    event.key = static_cast<int64_t>(random() % 5);
    if (random() % 4 != 0) event.value = static_cast<int64_t>(random() % 6);
    event.text = std::string(1, static_cast<char>('a' + random() % 20));
    const uint32_t behind_ms = random() % (i % 9 == 0 ? 300 : 60);
    event.time = (now - static_cast<int64_t>(behind_ms)) * kMilli;
    event.watermark = watermark;
    events.push_back(event);
    watermark = std::max(watermark, (now - 40) * kMilli);
  }
  return events;
}

void run_all(AggregateRun& run, const std::vector<AggregateEvent>& events, size_t size,
             bool restores) {
  for (size_t at = 0; at < events.size(); at += size) {
    const size_t end = std::min(at + size, events.size());
    // As the job: after a batch, the watermark before the row that comes next.
    const EventTime after = end < events.size() ? events[end].watermark : events.back().watermark;
    run.batch(std::span(events).subspan(at, end - at), after);
    if (restores) run.restore();
  }
  run.batch({}, kEndOfTime);
}

TEST(WindowAggregate, LeavesTheRowsOfEachWindowInOrderWhereverBatchesEnd) {
  const std::vector<WindowSpec> specs = {
      {.kind = WindowKind::kTumble, .size_ms = 50},
      {.kind = WindowKind::kTumble, .size_ms = 50, .offset_ms = 7},
      {.kind = WindowKind::kHop, .size_ms = 60, .slide_ms = 20},
      {.kind = WindowKind::kHop, .size_ms = 30, .slide_ms = 50},
      {.kind = WindowKind::kCumulate, .size_ms = 60, .slide_ms = 20}};
  for (const WindowSpec& spec : specs) {
    const auto events = random_events(7, 1200, 6);
    std::map<std::pair<Bounds, int64_t>, Group> groups;
    uint64_t late = 0;
    for (const AggregateEvent& event : events) {
      const auto windows = slow_windows(spec, event.time / kMilli);
      bool taken = false;
      for (const Bounds& bounds : windows) {
        if ((bounds.end - 1) * kMilli <= event.watermark) continue;
        taken = true;
        add(groups[{bounds, event.key}], event);
      }
      if (!taken) ++late;
    }
    std::vector<std::string> expected;
    for (const auto& [key, group] : groups) {
      expected.push_back(group_text(key.first, key.second, group, true));
    }
    ASSERT_GT(late, 0U);
    for (const size_t size : {size_t{1}, size_t{7}, size_t{10'000}}) {
      for (const bool restores : {false, true}) {
        if (restores && size == 1) continue;  // the log of so many batches is long
        AggregateRun run(plan_of(spec));
        run.out.full_at = 3;
        run_all(run, events, size, restores);
        EXPECT_EQ(run.out.rows, expected) << static_cast<int>(spec.kind) << " " << size;
        EXPECT_EQ(run.out.late, late);
        EXPECT_EQ(run.state().rows(), 0U);
      }
    }
  }
}

TEST(WindowAggregate, SessionsMergeAndCloseAsTheWatermarkOfEachRowSays) {
  const WindowSpec spec{.kind = WindowKind::kSession, .size_ms = 25, .partition_by = {0}};
  const auto events = random_events(11, 1500, 12);
  struct Open {
    Bounds bounds;
    Group group;
  };
  std::map<int64_t, std::vector<Open>> sessions;
  uint64_t late = 0;
  for (const AggregateEvent& event : events) {
    Open merged{{event.time / kMilli + 25, event.time / kMilli}, {}};
    std::vector<Open> others;
    for (const Open& open : sessions[event.key]) {
      const bool over = (open.bounds.end - 1) * kMilli <= event.watermark;
      const bool touches =
          open.bounds.start <= event.time / kMilli + 25 && event.time / kMilli <= open.bounds.end;
      if (over || !touches) {
        others.push_back(open);
        continue;
      }
      merged.bounds.start = std::min(merged.bounds.start, open.bounds.start);
      merged.bounds.end = std::max(merged.bounds.end, open.bounds.end);
      merged.group.rows += open.group.rows;
      merged.group.sum += open.group.sum;
      merged.group.greatest = std::max(merged.group.greatest, open.group.greatest);
      merged.group.values.insert(merged.group.values.end(), open.group.values.begin(),
                                 open.group.values.end());
    }
    if ((merged.bounds.end - 1) * kMilli <= event.watermark) {
      ++late;
      continue;
    }
    add(merged.group, event);
    others.push_back(merged);
    sessions[event.key] = std::move(others);
  }
  std::map<std::tuple<int64_t, int64_t, int64_t>, std::string> ordered;
  for (const auto& [key, opens] : sessions) {
    for (const Open& open : opens) {
      ordered[{open.bounds.end, key, open.bounds.start}] =
          group_text(open.bounds, key, open.group, false);
    }
  }
  std::vector<std::string> expected;
  for (const auto& [order, text] : ordered) expected.push_back(text);
  ASSERT_GT(late, 0U);
  for (const size_t size : {size_t{1}, size_t{7}, size_t{10'000}}) {
    AggregateRun run(plan_of(spec, false));
    run_all(run, events, size, size == 7);
    EXPECT_EQ(run.out.rows, expected) << size;
    EXPECT_EQ(run.out.late, late);
    EXPECT_EQ(run.state().rows(), 0U);
  }
}

AggregateEvent event_at(int64_t time_ms, std::string text) {
  return {.key = 1, .value = 1, .text = std::move(text), .time = time_ms * kMilli};
}

TEST(WindowAggregate, StaggerWindowsOpenAtTheFirstRowOfTheirKey) {
  AggregateRun run(plan_of({.kind = WindowKind::kStagger, .size_ms = 60}));
  run.batch(std::vector{event_at(30, "a"), event_at(89, "b")}, 88 * kMilli);
  EXPECT_TRUE(run.out.rows.empty());
  run.restore();
  run.batch(std::vector{event_at(90, "c")}, 90 * kMilli);
  ASSERT_EQ(run.out.rows.size(), 1U);
  EXPECT_TRUE(run.out.rows[0].starts_with("1 2 2 'b' 1 ")) << run.out.rows[0];
  run.batch({}, kEndOfTime);
  ASSERT_EQ(run.out.rows.size(), 2U);
  EXPECT_TRUE(run.out.rows[1].starts_with("1 1 1 'c' 1 ")) << run.out.rows[1];
  EXPECT_EQ(run.state().rows(), 0U);
}

TEST(WindowAggregate, WindowsOfProcessingTimeCloseByTheClock) {
  AggregateRun run(plan_of({.kind = WindowKind::kTumble, .processing_time = true, .size_ms = 10}));
  run.batch(std::vector{event_at(0, "a")}, kNoWatermark, 12 * kMilli);
  EXPECT_EQ(run.op().next_timer_us(), 20 * kMilli);
  EXPECT_TRUE(run.out.rows.empty());
  run.batch({}, kNoWatermark, 20 * kMilli);
  EXPECT_EQ(run.out.rows.size(), 1U);
  EXPECT_EQ(run.op().next_timer_us(), kEndOfTime);
}

TEST(WindowAggregate, CalendarWindowsEndWithTheirUnit) {
  constexpr int64_t kDayMs = 86'400'000;
  AggregateRun run(plan_of({.kind = WindowKind::kTumble, .calendar_unit = sql::TimeUnit::kMonth}));
  run.batch(
      std::vector{event_at(0, "a"), event_at(31 * kDayMs - 1, "b"), event_at(31 * kDayMs, "c")},
      kNoWatermark);
  run.batch({}, kEndOfTime);
  ASSERT_EQ(run.out.rows.size(), 2U);
  EXPECT_TRUE(run.out.rows[0].starts_with("1 2 ")) << run.out.rows[0];
  EXPECT_NE(run.out.rows[0].find("1970-02-01"), std::string::npos) << run.out.rows[0];
  EXPECT_TRUE(run.out.rows[1].starts_with("1 1 ")) << run.out.rows[1];
}

TEST(WindowAggregate, WindowsThatCameAsColumnsFireAtTheirEnds) {
  WindowAggregateNode node;
  node.keys = {0};
  node.aggregates = {aggregate_call("COUNT", {})};
  node.window_columns = {kTime, kTime};  // start and end are the same column here
  AggregateRun run(aggregate_plan(node, 0));
  AggregateEvent late = event_at(20, "c");
  late.watermark = 19 * kMilli;
  run.batch(std::vector{event_at(30, "a"), event_at(20, "b"), late}, 19 * kMilli);
  EXPECT_EQ(run.out.rows, std::vector<std::string>{"1 1"});
  EXPECT_EQ(run.out.late, 1U);
  run.restore();
  run.batch(std::vector{event_at(30, "d")}, 29 * kMilli);
  EXPECT_EQ(run.out.rows, (std::vector<std::string>{"1 1", "1 2"}));
}

}  // namespace
}  // namespace millstream::analytics
