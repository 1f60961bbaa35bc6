// Stopped at every step that changes something, before it and right after it, or without its
// answer: every record that was acknowledged is in exactly one object, each shard's in their
// order.
#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "base/text.h"
#include "firehose/test_support.h"

namespace millstream::firehose {
namespace {

using namespace std::chrono_literals;
using Mode = CrashPoint::Mode;

// "<shard>:<number>;" so that an object tells what is in it.
struct Landed {
  uint64_t shard = 0;
  int number = 0;
};

std::vector<Landed> landed_in(const std::string& object) {
  std::vector<Landed> found;
  for (std::string_view text : split(object, ';')) {
    if (text.empty()) continue;
    const auto parts = split(text, ':');
    found.push_back({*parse_integer<uint64_t>(parts.at(0)), *parse_integer<int>(parts.at(1))});
  }
  return found;
}

std::string record(uint64_t shard, int number) {
  // 100 KB each: ten of them fill a buffer of 1 MiB.
  std::string text = fmt::format("{}:{:0100000};", shard, number);
  return text;
}

// What must hold whatever happened. `acked`: numbers by shard; `sent` may also be there.
void check(const World& world, const std::map<uint64_t, std::set<int>>& acked) {
  EXPECT_FALSE(world.lake.changed_an_object()) << "an object was put again with other bytes";
  std::map<uint64_t, std::set<int>> landed;
  std::map<uint64_t, std::vector<std::pair<int, int>>> spans;
  for (const auto& [key, content] : world.lake.objects()) {
    std::map<uint64_t, int> last;
    std::map<uint64_t, int> first;
    for (const Landed& one : landed_in(content)) {
      EXPECT_TRUE(landed[one.shard].insert(one.number).second)
          << one.shard << ":" << one.number << " is there twice";
      const auto before = last.find(one.shard);
      if (before != last.end()) EXPECT_LT(before->second, one.number) << "order in " << key;
      first.try_emplace(one.shard, one.number);
      last[one.shard] = one.number;
    }
    for (const auto& [shard, number] : first) spans[shard].emplace_back(number, last[shard]);
  }
  for (auto& [shard, all] : spans) {
    std::ranges::sort(all);
    for (size_t i = 1; i < all.size(); ++i) {
      EXPECT_LT(all[i - 1].second, all[i].first) << "objects of shard " << shard << " overlap";
    }
  }
  for (const auto& [shard, numbers] : acked) {
    EXPECT_TRUE(std::ranges::includes(landed[shard], numbers))
        << landed[shard].size() << " of " << numbers.size() << " records of shard " << shard;
  }
}

size_t count_landed(const World& world) {
  size_t count = 0;
  for (const auto& [key, content] : world.lake.objects()) count += landed_in(content).size();
  return count;
}

// A client that puts 36 records in 12 calls, and one whose record was not acknowledged goes on
// with the next number. Returns whether the world stopped on the way.
bool run_direct_put(World& world, Mode mode, int crash_at) {
  world.crash_appends = true;
  EXPECT_TRUE(world.start());
  // A MetaStore whose commit is in doubt says nothing more until a restart, so that creating is
  // not among the steps that are unseen.
  if (mode == Mode::kUnseen) EXPECT_TRUE(world.create(direct_put("d")));
  world.point.arm(crash_at, mode);
  std::map<uint64_t, std::set<int>> acked;
  int number = 0;
  const auto put_some = [&](int calls) {
    for (int call = 0; call < calls; ++call) {
      const std::vector<int> numbers{number, number + 1, number + 2};
      number += 3;
      const Result<> put =
          world.put("d", {record(1, numbers[0]), record(1, numbers[1]), record(1, numbers[2])});
      if (put) acked[1].insert(numbers.begin(), numbers.end());
    }
  };
  const bool created = mode == Mode::kUnseen || world.create(direct_put("d")).has_value();
  put_some(8);
  world.wait_until([&] { return count_landed(world) >= 10; });
  const bool all_landed = world.wait_until([&] {
    world.clock.advance(5s);
    return count_landed(world) >= acked[1].size();
  });
  EXPECT_TRUE(all_landed || world.point.crashed()) << "it needs a restart to go on";
  const bool reached = world.point.reached();
  EXPECT_TRUE(world.restart());
  if (!created) {
    // The client tries again; it may be there already.
    const Result<> again = world.create(direct_put("d"));
    EXPECT_TRUE(again || again.error().code == ErrorCode::kInUse);
  }
  EXPECT_TRUE(world.wait_until([&] {
    const auto found = world.describe("d");
    return found && found->delivery_stream_status == "ACTIVE";
  }));
  put_some(4);
  EXPECT_TRUE(world.wait_until([&] {
    world.clock.advance(5s);
    return count_landed(world) >= acked[1].size();
  })) << count_landed(world)
      << " of " << acked[1].size();
  world.stop();
  check(world, acked);
  EXPECT_EQ(world.lost_records(), 0u);
  return reached;
}

streams::Shard shard(uint32_t index, std::optional<uint32_t> parent = {}) {
  streams::Shard made;
  made.index = index;
  made.log_id = ShardId(500 + index);
  made.parent = parent;
  return made;
}

bool run_split_stream(World& world, Mode mode, int crash_at) {
  EXPECT_TRUE(world.start());
  streams::Stream stream;
  stream.key = {"000000000000", "us-east-1", "s"};
  stream.shards = {shard(0), shard(1)};
  for (uint64_t id : {500u, 501u, 502u, 503u}) {
    EXPECT_TRUE(world.run(world.log.create(ShardId(id), {})));
  }
  world.catalog.set(stream);
  EXPECT_TRUE(world.create(from_stream("s")));
  world.point.arm(crash_at, mode);
  std::map<uint64_t, std::set<int>> sent;
  std::map<uint64_t, int> number;
  const auto append = [&](uint64_t id, int count) {
    for (int i = 0; i < count; ++i) {
      const int n = number[id]++;
      world.append(ShardId(id), {record(id, n)});
      sent[id].insert(n);
    }
  };
  const auto total = [&] {
    size_t count = 0;
    for (const auto& [id, numbers] : sent) count += numbers.size();
    return count;
  };
  append(500, 8);
  append(501, 7);
  world.wait_until([&] { return count_landed(world) >= 10; });
  // Shard 500 is split while it is being delivered.
  const auto end = world.run(world.log.seal(ShardId(500)));
  EXPECT_TRUE(end);
  append(502, 6);
  append(503, 5);
  stream.shards = {shard(0), shard(1), shard(2, 0), shard(3, 0)};
  stream.shards[0].open = false;
  stream.shards[0].end = *end;
  world.catalog.set(stream);
  const bool all_landed = world.wait_until([&] {
    world.clock.advance(5s);
    return count_landed(world) >= total();
  });
  EXPECT_TRUE(all_landed || world.point.crashed()) << "it needs a restart to go on";
  const bool reached = world.point.reached();
  EXPECT_TRUE(world.restart());
  append(501, 3);
  append(502, 3);
  EXPECT_TRUE(world.wait_until([&] {
    world.clock.advance(5s);
    return count_landed(world) >= total();
  })) << count_landed(world)
      << " of " << total();
  world.stop();
  check(world, sent);
  EXPECT_EQ(world.lost_records(), 0u);
  return reached;
}

// Until a run ends without meeting its crash.
void crash_at_every_step(bool (*run)(World&, Mode, int)) {
  for (const auto& [mode, name] :
       {std::pair{Mode::kBefore, "before"}, {Mode::kAfter, "after"}, {Mode::kUnseen, "unseen"}}) {
    int crash_at = 1;
    for (;; ++crash_at) {
      SCOPED_TRACE(fmt::format("stopped {} step {}", name, crash_at));
      World world;
      const bool reached = run(world, mode, crash_at);
      if (testing::Test::HasFailure()) return;
      if (!reached) break;
    }
    EXPECT_GT(crash_at, 10) << "the steps were not counted";
  }
}

TEST(FirehoseCrash, DirectPutLosesAndRepeatsNothingAtAnyStep) {
  crash_at_every_step(run_direct_put);
}

TEST(FirehoseCrash, AStreamThatIsSplitLosesAndRepeatsNothingAtAnyStep) {
  crash_at_every_step(run_split_stream);
}

}  // namespace
}  // namespace millstream::firehose
