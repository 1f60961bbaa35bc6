// The machine stops at every single change of a run, and comes up again with everything that
// may have survived.
#include <cstdlib>

#include <gtest/gtest.h>

#include "log/local/journal_format.h"
#include "log/local/log_harness.h"

namespace millstream::testing_log {
namespace {

// More rounds by MILLSTREAM_TEST_ROUNDS=n.
uint64_t rounds() {
  const char* text = std::getenv("MILLSTREAM_TEST_ROUNDS");
  return text ? std::strtoull(text, nullptr, 10) : 1;
}

// Numbers in the worlds that one crash may lead to. What a world gives after the crash must not
// be what was given before it, though perhaps only another world shows what that was.
class GivenNumbers {
 public:
  // What a world shows right after its recovery was given before the crash.
  void before(const LogModel& world) { add(world, before_); }
  void after(const LogModel& world) { add(world, after_); }

  void check() const {
    for (const auto& [place, data] : after_) {
      const auto old = before_.find(place);
      if (old == before_.end()) continue;
      must(data.size() == 1 && data == old->second, "shard {}: {:#x} was given before the crash",
           number(place.first), place.second);
    }
    for (const auto& [place, data] : before_) {
      must(data.size() == 1, "shard {}: {:#x} stands for several records", number(place.first),
           place.second);
    }
  }

 private:
  using Given = std::map<std::pair<ShardId, Counter>, std::set<std::string>>;

  static void add(const LogModel& world, Given& given) {
    for (const auto& [id, shard] : world.shards) {
      for (const auto& [counter, record] : shard.records) {
        given[{id, counter}].insert(record.data);
      }
    }
  }

  Given before_;
  Given after_;
};

struct Life {
  std::unique_ptr<LogHarness> harness;
  bool finished = false;
};

Life live_until_crash(ManualClock& clock, uint64_t seed, uint64_t crash_at, int steps) {
  auto env = std::make_unique<FaultEnv>(clock);
  env->crash_at(crash_at);
  env->set_cold_cache(seed % 2 == 1);
  Life life{std::make_unique<LogHarness>(std::move(env), LogModel(), clock, seed), false};
  if (life.harness->open(true)) {
    int done = 0;
    while (done < steps && life.harness->step()) ++done;
    life.finished = done == steps && !life.harness->env().crashed();
  }
  life.harness->shut_down();
  return life;
}

// The log comes up, holds what it must, and gives new numbers; and once more after that.
void survive(std::unique_ptr<FaultEnv> env, ManualClock& clock, uint64_t seed, GivenNumbers& given,
             const LogModel& model) {
  LogHarness next(std::move(env), model, clock, seed);
  must(next.open_and_settle(), "the log did not start");
  given.before(next.model());
  must(next.append_everywhere(), "the log takes no appends");
  next.compare();
  given.after(next.model());
  given.check();
  if (seed % 4 != 0) return;
  next.shut_down();
  LogHarness last(next.env().after_crash(Survival::kSynced, seed), next.model(), clock, seed);
  must(last.open_and_settle(), "the log did not start a second time");
  last.compare();
}

class CrashAtEveryChange : public testing::TestWithParam<uint64_t> {};

TEST_P(CrashAtEveryChange, AcknowledgedRecordsSurviveOnceInOrderWithTheirNumbers) {
  constexpr int kSteps = 45;
  uint64_t worlds = 0;
  for (uint64_t round = 0; round < rounds(); ++round) {
    const uint64_t seed = GetParam() + round * 1000;
    for (uint64_t crash_at = 1;; ++crash_at) {
      std::string where = fmt::format("seed {}, crash at change {}", seed, crash_at);
      try {
        ManualClock clock;
        Life life = live_until_crash(clock, seed, crash_at, kSteps);
        GivenNumbers given;
        for (Survival survival : kAllSurvivals) {
          where = fmt::format("seed {}, crash at change {}, survival {}", seed, crash_at,
                              static_cast<int>(survival));
          survive(life.harness->env().after_crash(survival, crash_at), clock, crash_at, given,
                  life.harness->model());
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
}

INSTANTIATE_TEST_SUITE_P(Seeds, CrashAtEveryChange, testing::Values(1, 2, 3));

TEST(LocalLogCrash, ACrashAtEveryChangeOfTheRecoveryLosesNothing) {
  std::string where;
  uint64_t recoveries = 0;
  for (uint64_t seed = 11; seed < 11 + 3 * rounds(); ++seed) {
    try {
      ManualClock clock;
      Life life = live_until_crash(clock, seed, 150 + seed % 7 * 13, 400);
      for (Survival first : kAllSurvivals) {
        GivenNumbers given;
        for (uint64_t crash_at = 1;; ++crash_at) {
          const Survival second = kAllSurvivals[crash_at % std::size(kAllSurvivals)];
          where = fmt::format("seed {}, survival {}, then crash at change {} of the recovery, {}",
                              seed, static_cast<int>(first), crash_at, static_cast<int>(second));
          auto env = life.harness->env().after_crash(first, seed);
          env->crash_at(crash_at);
          LogHarness recovering(std::move(env), life.harness->model(), clock, seed);
          const bool whole = recovering.open_and_settle();
          recovering.shut_down();
          // What the first recovery may have published counts as given, whatever came of it.
          survive(recovering.env().after_crash(second, crash_at), clock, 1, given,
                  recovering.model());
          ++recoveries;
          if (whole && !recovering.env().crashed()) break;
        }
      }
    } catch (const Broken& broken) {
      FAIL() << where << ": " << broken.what();
    }
  }
  EXPECT_GT(recoveries, 50u);
}

// One file of the journal as it stands on the disk.
std::string journal_bytes(FaultEnv& env, const std::string& name) {
  return env.read_file("/srv/log/journal/" + name).value_or("");
}

std::vector<std::string> journal_files(FaultEnv& env) {
  std::vector<std::string> names;
  for (const FileInfo& file : env.list("/srv/log/journal").value()) {
    if (file.name.starts_with("journal-")) names.push_back(file.name);
  }
  return names;
}

// All frames' first pages found in the journal, from whatever use of its files.
std::vector<std::string> frame_pages(FaultEnv& env) {
  std::vector<std::string> pages;
  for (const std::string& name : journal_files(env)) {
    const std::string bytes = journal_bytes(env, name);
    for (size_t offset = 8192; offset + 4096 <= bytes.size(); offset += 4096) {
      if (bytes.substr(offset, 8) != std::string(8, '\0'))
        pages.push_back(bytes.substr(offset, 4096));
    }
  }
  return pages;
}

// A killed process leaves frames in the page cache that no sync has covered. Once a restart has
// shown them, a power loss must not take them back.
TEST(LocalLogCrash, WhatARestartShowedAPowerLossDoesNotTakeBack) {
  std::string where;
  for (uint64_t crash_at = 1;; crash_at += 2) {
    try {
      ManualClock clock;
      Life life = live_until_crash(clock, 21, crash_at, 60);
      where = fmt::format("killed at change {}", crash_at);
      LogHarness restarted(life.harness->env().after_kill(), life.harness->model(), clock, 1);
      must(restarted.open_and_settle(), "the log did not start");
      restarted.shut_down();
      for (Survival survival : {Survival::kSynced, Survival::kWrites}) {
        where = fmt::format("killed at change {}, then a crash with survival {}", crash_at,
                            static_cast<int>(survival));
        GivenNumbers given;
        survive(restarted.env().after_crash(survival, crash_at), clock, 1, given,
                restarted.model());
      }
      if (life.finished) break;
    } catch (const Broken& broken) {
      FAIL() << where << ": " << broken.what();
    }
  }
}

// What these tests stand on: a disk that only says it has synced breaks the promises, and that
// is noticed.
TEST(LocalLogCrash, ALyingDiskIsNoticedByTheseTests) {
  ManualClock clock;
  auto env = std::make_unique<FaultEnv>(clock);
  LogHarness harness(std::move(env), LogModel(), clock, 1);
  ASSERT_TRUE(harness.open());
  for (int i = 0; i < 3; ++i) harness.create_shard();
  harness.env().set_lying(true);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(harness.send(harness.random_append()));
  harness.shut_down();
  LogHarness next(harness.env().after_crash(Survival::kSynced, 1), harness.model(), clock, 1);
  EXPECT_THROW(next.open_and_settle(), Broken);
}

// Whole frames with right checksums and all numbers that may come next, in which only the salt
// is an older one: the best that a user could do who has read the disk.
std::vector<std::string> forged_frames(const std::vector<std::string>& pages) {
  uint64_t salt = 0;
  local::Lsn last = 0;
  for (const std::string& page : pages) {
    const auto found = load_le<uint64_t>(page.data() + 16);  // where a frame's head has it
    const auto its_salt = load_le<uint64_t>(page.data() + 8);
    const auto head = local::peek_frame(page, its_salt);
    if (!head) continue;
    salt = its_salt;
    last = std::max(last, found);
  }
  std::vector<std::string> frames;
  for (local::Lsn lsn = last; lsn < last + 60; ++lsn) {
    std::string frame(local::kFrameHeadSize, '\0');
    local::seal_frame({.lsn = lsn, .salt = salt}, frame);
    frame.resize(local::kJournalAlignment);
    frames.push_back(std::move(frame));
  }
  return frames;
}

TEST(LocalLogCrash, RecordsThatLookLikeFramesAreRecords) {
  std::string where;
  try {
    LocalLogOptions options = small_options();
    options.journal_file_bytes = 2 << 20;  // room for these frames without waiting
    options.journal_bytes = 16 << 20;
    options.checkpoint_bytes = 16 << 20;
    ManualClock clock;
    auto env = std::make_unique<FaultEnv>(clock);
    LogHarness first(std::move(env), LogModel(), clock, 1, options);
    ASSERT_TRUE(first.open());
    first.create_shard();
    first.create_shard();
    for (int i = 0; i < 12; ++i) ASSERT_TRUE(first.send(first.random_append()));
    std::vector<std::string> pages = frame_pages(first.env());
    ASSERT_GT(pages.size(), 5u);
    pages.resize(5);
    for (std::string& frame : forged_frames(frame_pages(first.env()))) {
      pages.push_back(std::move(frame));
    }
    first.shut_down();

    // A new start brings a new salt: all those frames are of older ones.
    LogHarness second(first.env().after_crash(Survival::kSynced, 1), first.model(), clock, 2,
                      options);
    ASSERT_TRUE(second.open_and_settle());
    // Copies of frames at every place of a page that a body may begin at: 8 bytes further each.
    const ShardId shard = second.create_shard();
    size_t aligned = 0;
    for (size_t shift = 0; shift < 4096; shift += 1024) {
      SentAppend sent;
      std::string data = fmt::format("looks like a frame {}|", shift);
      data.resize(shift + 64, '.');
      for (const std::string& page : pages) data += page;
      sent.batches.push_back({shard, {data}});
      ASSERT_TRUE(second.send(sent));
    }
    // Find where the bodies begin within a page, then hit the page's start exactly.
    const std::string marker = "find me |";
    size_t shift = 0;
    for (int attempt = 0; attempt < 2; ++attempt) {
      for (const std::string& name : journal_files(second.env())) {
        const size_t found = journal_bytes(second.env(), name).find(marker);
        if (found != std::string::npos) shift = 4096 - (found + marker.size()) % 4096;
      }
      SentAppend sent;
      std::string data = marker;
      if (attempt == 1) {
        data[8] = '!';  // another record, of the same length up to here
        data.resize(marker.size() + shift, '.');
      }
      for (const std::string& page : pages) data += page;
      sent.batches.push_back({shard, {data}});
      ASSERT_TRUE(second.send(sent));
    }
    for (const std::string& name : journal_files(second.env())) {
      const std::string bytes = journal_bytes(second.env(), name);
      for (size_t offset = 8192; offset + 4096 <= bytes.size(); offset += 4096) {
        if (bytes.substr(offset, 4096) == pages.back()) ++aligned;
      }
    }
    EXPECT_GT(aligned, 0u) << "no copy stands where a frame may stand: the test proves nothing";
    second.shut_down();

    // The last such frame torn in every way: the crash comes at each of the changes around it.
    size_t torn = 0;
    for (uint64_t crash_at = 1; crash_at <= 4; ++crash_at) {
      LogHarness third(second.env().after_kill(), second.model(), clock, crash_at, options);
      ASSERT_TRUE(third.open_and_settle());
      ASSERT_TRUE(third.append_everywhere());
      SentAppend last;
      std::string data = "the last|";  // as long as the marker
      data.resize(marker.size() + shift, '.');
      for (const std::string& page : pages) data += page;
      last.batches.push_back({shard, {data}});
      third.env().crash_at(third.env().changes() + crash_at);
      third.send(last);
      third.env().crash();
      third.shut_down();
      auto whole = third.env().after_crash(Survival::kAll, 1);
      auto synced = third.env().after_crash(Survival::kSynced, 1);
      for (const std::string& name : journal_files(*synced)) {
        const size_t at = journal_bytes(*whole, name).find("the last|");
        const bool fits = at != std::string::npos && (at + marker.size() + shift) % 4096 == 0;
        if (fits && journal_bytes(*synced, name).find("the last|") == std::string::npos) ++torn;
      }
      for (Survival survival : kAllSurvivals) {
        for (uint64_t seed = 1; seed <= (survival == Survival::kSectors ? 30u : 4u); ++seed) {
          where = fmt::format("crash at change {}, survival {}, seed {}", crash_at,
                              static_cast<int>(survival), seed);
          GivenNumbers given;
          survive(third.env().after_crash(survival, seed), clock, seed, given, third.model());
        }
      }
    }
    EXPECT_GT(torn, 0u) << "no such frame was torn: the test proves nothing";
  } catch (const Broken& broken) {
    FAIL() << where << ": " << broken.what();
  }
}

TEST(LocalLogCrash, RecycledJournalFilesGiveNothingOfTheirOldFrames) {
  std::string where;
  try {
    for (uint64_t seed = 1; seed <= 4 * rounds(); ++seed) {
      ManualClock clock;
      LogHarness harness(std::make_unique<FaultEnv>(clock), LogModel(), clock, seed);
      ASSERT_TRUE(harness.open());
      for (int i = 0; i < 3; ++i) harness.create_shard();
      // Until the number of files stays and their content has been overwritten several times.
      for (int i = 0; i < 150; ++i) {
        ASSERT_TRUE(harness.send(harness.random_append()));
        if (i % 20 == 19) ASSERT_TRUE(harness.log().checkpoint_now());
      }
      EXPECT_LE(journal_files(harness.env()).size(), 10u);
      for (uint64_t crash = 1; crash <= 6; ++crash) {
        ASSERT_TRUE(harness.send(harness.random_append()));
        for (Survival survival : kAllSurvivals) {
          where = fmt::format("seed {}, crash {}, survival {}", seed, crash,
                              static_cast<int>(survival));
          GivenNumbers given;
          survive(harness.env().after_crash(survival, crash), clock, crash, given, harness.model());
        }
      }
    }
  } catch (const Broken& broken) {
    FAIL() << where << ": " << broken.what();
  }
}

}  // namespace
}  // namespace millstream::testing_log
