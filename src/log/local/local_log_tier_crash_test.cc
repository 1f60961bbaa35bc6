// The machine stops at every single change of a run in which files move to an object store.
#include <cstdlib>
#include <set>

#include <gtest/gtest.h>

#include "log/local/log_harness.h"
#include "log/local/tier_test_store.h"

namespace millstream::testing_log {
namespace {

using local::TierTestStore;

// More rounds by MILLSTREAM_TEST_ROUNDS=n.
uint64_t rounds() {
  const char* text = std::getenv("MILLSTREAM_TEST_ROUNDS");
  return text ? std::strtoull(text, nullptr, 10) : 1;
}

LocalLogOptions tier_options(std::shared_ptr<TierTestStore> store) {
  LocalLogOptions options = small_options();
  options.tail_cache_bytes = 8 << 10;
  options.checkpoint_bytes = 24 << 10;
  options.roll_bytes = 8 << 10;
  options.tier = {.store = std::move(store),
                  .bucket = "bucket",
                  .prefix = "",
                  .after = std::chrono::milliseconds(400),
                  .cache_bytes = 256 << 10,
                  .chunk_bytes = 64 << 10};
  return options;
}

std::string stem(const std::string& name) { return name.substr(0, name.find('.')); }

// What the log's folder names is in the store, and nothing else is, once its threads have no more
// to do.
void compare_store(LogHarness& harness, TierTestStore& store) {
  std::set<std::string> named;
  std::set<std::string> stored;
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  do {
    const auto done = harness.log().tier_now(0);
    must(done.has_value(), "removing what is not needed failed: {}",
         done ? "" : done.error().message);
    named.clear();
    for (const FileInfo& file : harness.env().list("/srv/log/data").value()) {
      if (file.name.ends_with(".tier")) named.insert(stem(file.name));
    }
    stored.clear();
    for (const std::string& key : store.keys()) {
      stored.insert(stem(key.substr(key.find('/') + 1)));
    }
  } while (stored != named && std::chrono::steady_clock::now() < patience);
  must(stored == named, "{} files are named, {} are in the store", named.size(), stored.size());
}

struct Life {
  std::shared_ptr<TierTestStore> store = std::make_shared<TierTestStore>();
  std::unique_ptr<LogHarness> harness;
  bool finished = false;
  uint64_t tiered = 0;
};

Life live_until_crash(ManualClock& clock, uint64_t seed, uint64_t crash_at, int steps) {
  auto env = std::make_unique<FaultEnv>(clock);
  env->crash_at(crash_at);
  env->set_cold_cache(seed % 2 == 1);
  Life life;
  life.harness = std::make_unique<LogHarness>(std::move(env), LogModel(), clock, seed,
                                              tier_options(life.store));
  if (life.harness->open(true)) {
    int done = 0;
    while (done < steps && life.harness->step()) ++done;
    life.finished = done == steps && !life.harness->env().crashed();
    life.tiered = life.harness->tiered_files();
  }
  life.harness->shut_down();
  return life;
}

void survive(std::unique_ptr<FaultEnv> env, ManualClock& clock, uint64_t seed, Life& life) {
  const auto store = life.store->copy();
  LogHarness next(std::move(env), life.harness->model(), clock, seed, tier_options(store));
  must(next.open_and_settle(), "the log did not start");
  must(next.append_everywhere(), "the log takes no appends");
  next.compare();
  if (seed % 4 != 0) return;
  const auto moved = next.log().tier_now(UINT64_MAX);
  must(moved.has_value(), "files don't move: {}", moved ? "" : moved.error().message);
  next.compare();
  const auto checkpoint = next.log().checkpoint_now();
  must(checkpoint.has_value(), "no checkpoint: {}", checkpoint ? "" : checkpoint.error().message);
  compare_store(next, *store);
  next.shut_down();
  LogHarness last(next.env().after_crash(Survival::kSynced, seed), next.model(), clock, seed,
                  tier_options(store));
  must(last.open_and_settle(), "the log did not start a second time");
  last.compare();
}

class TierCrashAtEveryChange : public testing::TestWithParam<uint64_t> {};

TEST_P(TierCrashAtEveryChange, AcknowledgedRecordsSurviveOnceInOrder) {
  constexpr int kSteps = 40;
  uint64_t worlds = 0;
  uint64_t tiered = 0;
  for (uint64_t round = 0; round < rounds(); ++round) {
    const uint64_t seed = GetParam() + round * 1000;
    for (uint64_t crash_at = 1;; ++crash_at) {
      std::string where = fmt::format("seed {}, crash at change {}", seed, crash_at);
      try {
        ManualClock clock;
        Life life = live_until_crash(clock, seed, crash_at, kSteps);
        tiered += life.tiered;
        for (Survival survival : kAllSurvivals) {
          where = fmt::format("seed {}, crash at change {}, survival {}", seed, crash_at,
                              static_cast<int>(survival));
          survive(life.harness->env().after_crash(survival, crash_at), clock, crash_at, life);
          ++worlds;
        }
        if (life.finished) break;
      } catch (const Broken& broken) {
        FAIL() << where << ": " << broken.what();
      }
    }
  }
  RecordProperty("worlds", static_cast<int>(worlds));
  EXPECT_GT(worlds, 300u);
  EXPECT_GT(tiered, 20u) << "next to nothing moved: the test proves nothing";
}

INSTANTIATE_TEST_SUITE_P(Seeds, TierCrashAtEveryChange, testing::Values(1, 2));

// A store that is away every other moment: uploads begin anew, nothing is removed too early.
TEST(LocalLogTierCrash, AnUnreliableStoreLosesNothing) {
  for (uint64_t seed = 1; seed <= 6 * rounds(); ++seed) {
    ManualClock clock;
    const auto store = std::make_shared<TierTestStore>();
    LogHarness harness(std::make_unique<FaultEnv>(clock), LogModel(), clock, seed,
                       tier_options(store));
    try {
      ASSERT_TRUE(harness.open());
      for (int i = 0; i < 4; ++i) harness.create_shard();
      for (int i = 0; i < 60; ++i) {
        ASSERT_TRUE(harness.send(harness.random_append()));
        clock.advance(std::chrono::milliseconds(30));
        if (i % 5 == 0) ASSERT_TRUE(harness.log().checkpoint_now());
        if (i % 7 == 3) {
          store->fail_every(1 + (seed + static_cast<uint64_t>(i)) % 4);
          std::ignore = harness.log().tier_now(UINT64_MAX);
          store->fail_every(0);
        }
      }
      harness.compare();
      compare_store(harness, *store);
    } catch (const Broken& broken) {
      FAIL() << "seed " << seed << ": " << broken.what();
    }
  }
}

}  // namespace
}  // namespace millstream::testing_log
