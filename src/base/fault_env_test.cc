#include "base/fault_env.h"

#include <set>

#include <gtest/gtest.h>

namespace millstream {
namespace {

std::unique_ptr<File> open(Env& env, const std::string& path, OpenMode mode = OpenMode::kCreate) {
  return env.open(path, mode).value();
}

std::string content(Env& env, const std::string& path) {
  auto text = env.read_file(path);
  return text ? *text : "(" + text.error().message + ")";
}

// A file that is durable with its name.
void settle(Env& env, const std::string& path, std::string_view text) {
  auto file = open(env, path);
  ASSERT_TRUE(file->write(0, text));
  ASSERT_TRUE(file->sync());
  ASSERT_TRUE(env.sync_folder(disk_folder_of(path)));
}

TEST(FaultEnv, WhatIsSyncedSurvivesEveryCrash) {
  FaultEnv env;
  ASSERT_TRUE(env.make_folders("/d"));
  settle(env, "/d/a", "abc");
  ASSERT_TRUE(env.rename("/d/a", "/d/b"));
  ASSERT_TRUE(env.sync_folder("/d"));
  for (Survival survival : kAllSurvivals) {
    for (uint64_t seed = 0; seed < 20; ++seed) {
      auto after = env.after_crash(survival, seed);
      EXPECT_EQ(content(*after, "/d/b"), "abc");
      EXPECT_EQ(after->exists("/d/a"), false);
    }
  }
}

TEST(FaultEnv, UnsyncedBytesNamesAndSizesAreLost) {
  FaultEnv env;
  ASSERT_TRUE(env.make_folders("/d"));
  settle(env, "/d/a", "abc");
  ASSERT_TRUE(open(env, "/d/a")->write(2, "XYZ"));
  settle(env, "/d/gone", "1");
  ASSERT_TRUE(env.remove("/d/gone"));
  auto unlisted = open(env, "/d/new");
  ASSERT_TRUE(unlisted->write(0, "new"));
  ASSERT_TRUE(unlisted->sync());  // its bytes, but not its name
  auto after = env.after_crash(Survival::kSynced, 1);
  EXPECT_EQ(content(*after, "/d/a"), "abc");
  EXPECT_EQ(content(*after, "/d/gone"), "1");
  EXPECT_EQ(after->exists("/d/new"), false);
  auto killed = env.after_crash(Survival::kAll, 1);
  EXPECT_EQ(content(*killed, "/d/a"), "abXYZ");
  EXPECT_EQ(killed->exists("/d/gone"), false);
  EXPECT_EQ(content(*killed, "/d/new"), "new");
}

TEST(FaultEnv, WhatAKilledProcessLeftUnsyncedALaterCrashMayTake) {
  FaultEnv env;
  settle(env, "a", "abc");
  ASSERT_TRUE(open(env, "a")->write(0, "xyz"));
  auto again = env.after_kill();
  EXPECT_EQ(content(*again, "a"), "xyz");
  EXPECT_EQ(content(*again->after_crash(Survival::kSynced, 1), "a"), "abc");
  ASSERT_TRUE(open(*again, "a")->sync());
  EXPECT_EQ(content(*again->after_crash(Survival::kSynced, 1), "a"), "xyz");
  EXPECT_EQ(content(*env.after_crash(Survival::kSynced, 1), "a"), "abc");  // a copy of its own
}

TEST(FaultEnv, AReplacedFileComesBackIfTheRenameWasNotSynced) {
  FaultEnv env;
  ASSERT_TRUE(env.make_folders("/d"));
  settle(env, "/d/a", "old");
  auto file = open(env, "/d/t");
  ASSERT_TRUE(file->write(0, "new"));
  ASSERT_TRUE(file->sync());
  ASSERT_TRUE(env.rename("/d/t", "/d/a"));
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    seen.insert(content(*env.after_crash(Survival::kWrites, seed), "/d/a"));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"old", "new"}));
  EXPECT_EQ(content(*env.after_crash(Survival::kSynced, 0), "/d/a"), "old");
}

TEST(FaultEnv, UnsyncedWritesSurviveInEveryCombination) {
  FaultEnv env;
  settle(env, "a", std::string(2048, '.'));
  auto file = open(env, "a");
  for (uint64_t i = 0; i < 2; ++i) ASSERT_TRUE(file->write(i * 1024, std::string(1024, 'x')));
  std::set<std::string> by_write;
  std::set<std::string> by_sector;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    auto sectors = [](const std::string& text) {
      std::string firsts;
      for (size_t at = 0; at < text.size(); at += 512) {
        EXPECT_EQ(text.substr(at, 512), std::string(512, text[at]));
        firsts += text[at];
      }
      return firsts;
    };
    by_write.insert(sectors(content(*env.after_crash(Survival::kWrites, seed), "a")));
    by_sector.insert(sectors(content(*env.after_crash(Survival::kSectors, seed), "a")));
  }
  EXPECT_EQ(by_write, (std::set<std::string>{"....", "xx..", "..xx", "xxxx"}));
  EXPECT_EQ(by_sector.size(), 16u);
}

TEST(FaultEnv, AGrowingFileMayHaveItsSizeWithoutItsBytesAndTheOtherWayRound) {
  FaultEnv env;
  settle(env, "a", "abc");
  ASSERT_TRUE(open(env, "a")->write(3, "def"));
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    seen.insert(content(*env.after_crash(Survival::kWrites, seed), "a"));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"abc", std::string("abc\0\0\0", 6), "abcdef"}));
}

TEST(FaultEnv, TheLastWriteIsTornAtSectorsOrBytes) {
  FaultEnv env;
  settle(env, "a", std::string(4096, '.'));
  ASSERT_TRUE(open(env, "a")->write(0, std::string(2048, 'x')));
  std::set<size_t> at_sectors;
  std::set<size_t> at_bytes;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    at_sectors.insert(content(*env.after_crash(Survival::kTorn, seed), "a").find('.'));
    at_bytes.insert(content(*env.after_crash(Survival::kTornBytes, seed), "a").find('.'));
  }
  for (size_t length : at_sectors) EXPECT_EQ(length % 512, 0u);
  EXPECT_GE(at_sectors.size(), 4u);
  EXPECT_GT(at_bytes.size(), 100u);
}

TEST(FaultEnv, ACrashAtAChangeStopsEverythingAfterIt) {
  for (uint64_t crash_at = 1; crash_at <= 5; ++crash_at) {
    FaultEnv env;
    env.crash_at(crash_at);
    uint64_t good = 0;
    // make folder, create, write, sync, sync folder
    if (env.make_folders("/d")) ++good;
    auto file = env.open("/d/a", OpenMode::kCreate);
    if (file) ++good;
    if (file && (*file)->write(0, "abc")) ++good;
    if (file && (*file)->sync()) ++good;
    if (env.sync_folder("/d")) ++good;
    EXPECT_EQ(good, crash_at - 1);
    EXPECT_TRUE(env.crashed());
    EXPECT_EQ(env.exists("/d").error().code, ErrorCode::kIo);
    if (file) {
      std::string bytes(3, '#');
      EXPECT_FALSE((*file)->read(0, bytes));
    }
    EXPECT_EQ(env.changes(), crash_at);
    EXPECT_EQ(env.history().size(), crash_at);
    auto after = env.after_crash(Survival::kSynced, 0);
    EXPECT_EQ(after->exists("/d/a"), false);
    EXPECT_TRUE(after->make_folders("/d"));
  }
}

TEST(FaultEnv, AFailedSyncLosesItsBytesThoughReadsShowThem) {
  FaultEnv env;
  settle(env, "a", "old");
  auto file = open(env, "a");
  ASSERT_TRUE(file->write(0, "new"));
  env.fail(FaultOp::kSync, 1);
  EXPECT_EQ(file->sync().error().code, ErrorCode::kIo);
  EXPECT_EQ(content(env, "a"), "new");
  EXPECT_TRUE(file->sync());  // as on Linux: the error is reported once
  for (Survival survival : kAllSurvivals) {
    EXPECT_EQ(content(*env.after_crash(survival, 7), "a"), "old");
  }
}

TEST(FaultEnv, PlannedFaultsHitTheCallsTheyNameOnly) {
  FaultEnv env;
  settle(env, "a", "aaaa");
  settle(env, "b", "bbbb");
  env.fail(FaultOp::kWrite, 2, "b", 2);
  auto a = open(env, "a");
  auto b = open(env, "b");
  EXPECT_TRUE(a->write(0, "xxxx"));
  EXPECT_TRUE(b->write(0, "xxxx"));
  EXPECT_TRUE(a->write(0, "yyyy"));
  EXPECT_FALSE(b->write(0, "yyyy"));
  EXPECT_EQ(content(env, "b"), "yyxx");  // partly written
  EXPECT_FALSE(b->write(0, "yyyy"));
  EXPECT_TRUE(b->write(0, "yyyy"));
  env.fail(FaultOp::kRead, 1, "a");
  EXPECT_EQ(env.read_file("a").error().code, ErrorCode::kIo);
  EXPECT_TRUE(env.read_file("a"));
  env.fail(FaultOp::kRename, 1);
  env.clear_faults();
  EXPECT_TRUE(env.rename("a", "c"));
}

TEST(FaultEnv, AFullDiskRefusesWritesAndHealsWhenSpaceReturns) {
  FaultEnv env;
  env.set_capacity(3 * 4096);
  auto a = open(env, "a");
  ASSERT_TRUE(a->reserve(0, 2 * 4096));
  EXPECT_EQ(env.free_bytes(".").value(), 4096u);
  auto b = open(env, "b");
  EXPECT_EQ(b->reserve(0, 8192).error().code, ErrorCode::kNoSpace);
  EXPECT_EQ(b->write(0, std::string(4097, 'x')).error().code, ErrorCode::kNoSpace);
  ASSERT_TRUE(b->write(0, std::string(4096, 'x')));
  EXPECT_TRUE(a->write(0, std::string(8192, 'x')));  // was reserved
  EXPECT_EQ(env.free_bytes(".").value(), 0u);
  a.reset();
  ASSERT_TRUE(env.remove("a"));
  EXPECT_TRUE(b->write(4096, std::string(4096, 'x')));
}

TEST(FaultEnv, ALyingDiskKeepsNothing) {
  FaultEnv env;
  env.set_lying(true);
  settle(env, "a", "abc");
  EXPECT_EQ(content(env, "a"), "abc");
  EXPECT_EQ(env.after_crash(Survival::kSynced, 0)->exists("a"), false);
}

TEST(FaultEnv, TurnedBitsAreReadBackAndStay) {
  FaultEnv env;
  settle(env, "a", "abc");
  EXPECT_TRUE(env.corrupt("a", 1, 0x01));
  EXPECT_FALSE(env.corrupt("a", 3, 0x01));
  EXPECT_EQ(content(env, "a"), "acc");
  EXPECT_EQ(content(*env.after_crash(Survival::kSynced, 0), "a"), "acc");
}

TEST(FaultEnv, AColdCacheSendsReadersToTheDisk) {
  FaultEnv env;
  settle(env, "a", "abc");
  auto file = open(env, "a");
  std::string bytes(3, '#');
  EXPECT_EQ(file->read_cached(0, bytes), 3u);
  env.set_cold_cache(true);
  EXPECT_EQ(file->read_cached(0, bytes), 0u);
  EXPECT_EQ(file->read(0, bytes), 3u);
}

TEST(WriteFileDurably, LeavesTheOldOrTheNewContentAtEveryCrash) {
  for (uint64_t crash_at = 1;; ++crash_at) {
    FaultEnv env;
    settle(env, "a", "old");
    env.crash_at(env.changes() + crash_at);
    const bool done = env.write_file_durably("a", "newer").has_value();
    for (Survival survival : kAllSurvivals) {
      for (uint64_t seed = 0; seed < 10; ++seed) {
        const std::string found = content(*env.after_crash(survival, seed), "a");
        EXPECT_TRUE(found == "newer" || (!done && found == "old")) << crash_at << ": " << found;
      }
    }
    if (done) {
      EXPECT_GE(crash_at, 6u);
      break;
    }
  }
}

}  // namespace
}  // namespace millstream
