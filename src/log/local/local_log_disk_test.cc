// Disks that fail, fill and forget bits, without a crash.
#include <gtest/gtest.h>

#include "log/local/log_harness.h"
#include "log/record.h"

namespace millstream::testing_log {
namespace {

constexpr std::string_view kFolder = "/srv/log";

struct Machine {
  explicit Machine(uint64_t seed = 1)
      : harness(std::make_unique<FaultEnv>(clock), LogModel(), clock, seed) {
    must(harness.open(), "the log did not open");
    for (int i = 0; i < 3; ++i) harness.create_shard();
    send(10);
  }
  void send(int count) {
    for (int i = 0; i < count; ++i) must(harness.send(harness.random_append()), "append failed");
  }
  Result<std::vector<Appended>> append() {
    return harness.loop().await(harness.log().append(harness.random_append().encode()));
  }
  // After a crash that keeps nothing unsynced, everything acknowledged is there.
  void survive(LogModel model, Survival survival = Survival::kSynced) {
    harness.shut_down();
    auto env = harness.env().after_crash(survival, 1);
    LogHarness next(std::move(env), std::move(model), clock, 1);
    must(next.open_and_settle(), "the log did not start again");
    must(next.append_everywhere(), "the log takes no appends");
    next.compare();
  }

  ManualClock clock;
  LogHarness harness;
};

std::vector<std::string> files_below(FaultEnv& env, const std::string& folder) {
  std::vector<std::string> paths;
  for (const FileInfo& file : env.list(folder).value()) {
    const std::string path = folder + "/" + file.name;
    if (file.is_folder) {
      for (auto& inner : files_below(env, path)) paths.push_back(std::move(inner));
    } else {
      paths.push_back(path);
    }
  }
  return paths;
}

TEST(LocalLogDisk, AFailedSyncOfTheJournalIsFinalAndReadsGoOn) {
  try {
    Machine machine;
    machine.harness.env().fail(FaultOp::kSync, 1, "journal", 1000);
    const SentAppend lost = machine.harness.random_append();
    const auto failed = machine.harness.loop().await(machine.harness.log().append(lost.encode()));
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, ErrorCode::kUnavailable);
    // The disk is fine again, and would even say so: too late.
    machine.harness.env().clear_faults();
    for (int i = 0; i < 3; ++i) {
      const auto later = machine.append();
      ASSERT_FALSE(later);
      EXPECT_EQ(later.error().code, ErrorCode::kUnavailable);
      EXPECT_NE(later.error().message.find("restart"), std::string::npos) << later.error().message;
    }
    EXPECT_FALSE(machine.harness.log().problems().empty());
    machine.harness.compare();  // what was acknowledged, and not the lost append
    LogModel model = machine.harness.model();
    model.unanswered.push_back(lost);
    machine.survive(model);
  } catch (const Broken& broken) {
    FAIL() << broken.what();
  }
}

TEST(LocalLogDisk, AFailedWriteOfTheJournalIsNeverAcknowledged) {
  try {
    Machine machine;
    machine.harness.env().fail(FaultOp::kWrite, 1, "journal", 1000);
    const SentAppend lost = machine.harness.random_append();
    const auto failed = machine.harness.loop().await(machine.harness.log().append(lost.encode()));
    ASSERT_FALSE(failed);
    machine.harness.env().clear_faults();
    machine.harness.compare();
    LogModel model = machine.harness.model();
    model.unanswered.push_back(lost);
    machine.survive(model, Survival::kAll);
  } catch (const Broken& broken) {
    FAIL() << broken.what();
  }
}

TEST(LocalLogDisk, AFullDiskRefusesAppendsAndHealsByItself) {
  try {
    Machine machine;
    FaultEnv& env = machine.harness.env();
    ASSERT_TRUE(machine.harness.log().checkpoint_now());
    env.set_capacity(1);  // full, whatever is used
    bool refused = false;
    for (int i = 0; i < 500 && !refused; ++i) {
      const SentAppend sent = machine.harness.random_append(20'000);
      const auto answer = machine.harness.loop().await(machine.harness.log().append(sent.encode()));
      if (answer) {
        machine.harness.model().acknowledged(sent, *answer, machine.clock.now_ms());
      } else {
        refused = true;
        EXPECT_EQ(answer.error().code, ErrorCode::kNoSpace) << answer.error().message;
      }
    }
    EXPECT_TRUE(refused);
    machine.harness.compare();
    env.set_capacity(UINT64_MAX);
    // Heals: within the patience of a minute, without a restart.
    const auto start = std::chrono::steady_clock::now();
    for (;;) {
      const SentAppend sent = machine.harness.random_append();
      const auto answer = machine.harness.loop().await(machine.harness.log().append(sent.encode()));
      if (answer) {
        machine.harness.model().acknowledged(sent, *answer, machine.clock.now_ms());
        break;
      }
      must(std::chrono::steady_clock::now() - start < std::chrono::minutes(1),
           "the log does not heal: {}", answer.error().message);
    }
    machine.send(20);
    ASSERT_TRUE(machine.harness.log().checkpoint_now());
    machine.harness.compare();
    // The operator is told so as well.
    while (!machine.harness.log().problems().empty()) {
      must(std::chrono::steady_clock::now() - start < std::chrono::minutes(1), "still reported: {}",
           machine.harness.log().problems().front().message);
      machine.send(1);
    }
    machine.harness.compare();
    machine.survive(machine.harness.model());
  } catch (const Broken& broken) {
    FAIL() << broken.what();
  }
}

TEST(LocalLogDisk, DataFilesWhoseSyncFailedAreWrittenAnew) {
  try {
    for (uint64_t nth = 1; nth <= 3; ++nth) {
      Machine machine(nth);
      machine.send(30);
      machine.harness.env().fail(FaultOp::kSync, nth, "data/");
      (void)machine.harness.log().checkpoint_now();  // may say so, or have tried again already
      machine.send(5);
      machine.harness.compare();
      machine.harness.env().clear_faults();
      const auto again = machine.harness.log().checkpoint_now();
      must(again.has_value(), "the checkpoint does not heal: {}",
           again ? "" : again.error().message);
      machine.harness.compare();
      machine.survive(machine.harness.model());
    }
  } catch (const Broken& broken) {
    FAIL() << broken.what();
  }
}

TEST(LocalLogDisk, AnUnreadableSectorIsAnErrorNotAnEmptyAnswer) {
  try {
    Machine machine;
    machine.send(40);
    ASSERT_TRUE(machine.harness.log().checkpoint_now());
    machine.harness.env().set_cold_cache(true);
    const ShardId shard = machine.harness.log().shards().front();
    machine.harness.env().fail(FaultOp::kRead, 1, "", 1000);
    bool failed = false;
    Counter from = 0;
    for (int i = 0; i < 100 && !failed; ++i) {
      const auto answer = machine.harness.loop().await(
          machine.harness.log().read(shard, from, ReadLimits{.records = 5}));
      if (!answer) {
        failed = true;
        EXPECT_TRUE(answer.error().code == ErrorCode::kIo ||
                    answer.error().code == ErrorCode::kCorruption);
      } else if (answer->next == from) {
        break;
      } else {
        from = answer->next;
      }
    }
    EXPECT_TRUE(failed) << "everything came from the cache: the test proves nothing";
    machine.harness.env().clear_faults();
    machine.harness.compare();
  } catch (const Broken& broken) {
    FAIL() << broken.what();
  }
}

// Reads a shard as far as it goes. Wrong bytes are a failure; missing ones are counted.
struct Damage {
  uint64_t missing = 0;
  bool reported = false;
  std::set<std::string> missing_data;
};

Damage read_damaged(TestLoop& loop, LocalLog& log, const LogModel& model, TimeMs now) {
  Damage damage;
  damage.reported = !log.problems().empty();
  for (const auto& [id, shard] : model.shards) {
    const ModelRecords expected = shard.visible(now);
    ModelRecords found;
    for (const auto& [counter, record] : expected) {
      // One by one, so that a damaged block hides nothing that stands after it.
      const auto answer = loop.await(log.read(id, counter, ReadLimits{.records = 1}));
      if (!answer) {
        damage.reported = true;
        must(answer.error().code == ErrorCode::kCorruption ||
                 answer.error().code == ErrorCode::kNotFound,
             "damage gives: {}", answer.error().message);
        continue;
      }
      for (const StoredBatch& batch : answer->batches) {
        RecordView view;
        RecordCursor cursor(batch.body.view());
        must(cursor.next(view), "shard {}: an empty batch", number(id));
        const auto known = expected.find(batch.first);
        must(known != expected.end() && known->second.data == view.data &&
                 known->second.arrival_ms == batch.arrival_ms,
             "shard {}: wrong bytes are served at {:#x}", number(id), batch.first);
        found[batch.first] = known->second;
      }
    }
    for (const auto& [counter, record] : expected) {
      if (found.contains(counter)) continue;
      ++damage.missing;
      damage.missing_data.insert(record.data);
    }
  }
  return damage;
}

TEST(LocalLogDisk, ATurnedBitIsFoundAndReportedWhereverItIs) {
  uint64_t flips = 0;
  uint64_t reports = 0;
  std::string where;
  try {
    for (const bool flushed : {true, false}) {
      Machine machine(3);
      machine.send(40);
      if (flushed) ASSERT_TRUE(machine.harness.log().checkpoint_now());
      SentAppend last;  // small, so that the last frame is one page
      last.batches.push_back({machine.harness.log().shards().front(), {"the last record|"}});
      must(machine.harness.send(last), "append failed");
      machine.harness.shut_down();
      const LogModel& model = machine.harness.model();
      FaultEnv& env = machine.harness.env();
      for (const std::string& path : files_below(env, std::string(kFolder))) {
        if (path.ends_with("LOCK")) continue;
        const uint64_t size = env.read_file(path).value().size();
        const uint64_t stride = std::max<uint64_t>(1, size / 25) | 1;
        for (uint64_t offset = 0; offset < size; offset += stride) {
          where = fmt::format("{} at {} of {}, flushed {}", path, offset, size, flushed);
          auto damaged = env.after_crash(Survival::kSynced, 1);
          must(damaged->corrupt(path, offset, static_cast<unsigned char>(1 << offset % 8)),
               "no such byte");
          damaged->set_cold_cache(true);
          ++flips;
          LocalLogOptions options = small_options();
          options.tail_cache_bytes = 0;
          auto log = LocalLog::open(*damaged, options);
          if (!log) {
            must(log.error().code == ErrorCode::kCorruption, "open says: {}", log.error().message);
            ++reports;
            continue;
          }
          TestLoop loop;
          const Damage damage = read_damaged(loop, **log, model, machine.clock.now_ms());
          if (damage.reported) {
            ++reports;
            continue;
          }
          // The very last frame can't be told from one that a crash tore.
          const bool only_last = path.find("journal") != std::string::npos && damage.missing == 1 &&
                                 damage.missing_data.contains("the last record|");
          must(damage.missing == 0 || only_last, "{} records are lost in silence, for example {}",
               damage.missing, damage.missing == 0 ? "" : *damage.missing_data.begin());
        }
      }
    }
  } catch (const Broken& broken) {
    FAIL() << where << ": " << broken.what();
  }
  EXPECT_GT(flips, 200u);
  EXPECT_GT(reports, 30u);
}

}  // namespace
}  // namespace millstream::testing_log
