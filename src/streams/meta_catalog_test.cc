// Changes of the catalog: what readers see, what a restart finds, what a crash leaves.
#include "streams/meta_catalog.h"

#include "streams/control_harness.h"
#include "streams/hash_key.h"
#include "streams/sequence_number.h"

namespace millstream::streams {
namespace {

using testing::HasSubstr;

class MetaCatalogTest : public ControlHarness {
 protected:
  // All that a restart must bring back.
  static std::string describe(const Stream& stream) {
    std::string text =
        fmt::format("{} {} {} {} {} {} {} {} {}", stream.key.arn(), stream.generation,
                    status_text(stream.status), mode_text(stream.mode), stream.created_ms,
                    stream.retention_hours, stream.max_record_kib,
                    stream.warm_throughput_mibps.value_or(-1), stream.tags.size());
    for (const Shard& shard : stream.shards) {
      text += fmt::format(
          "\n{} {} {}-{} {} {} {} {} {} {}", shard.id(), static_cast<uint64_t>(shard.log_id),
          format_hash_key(shard.first_hash_key), format_hash_key(shard.last_hash_key),
          shard.created_s, shard.parent.value_or(9999), shard.adjacent_parent.value_or(9999),
          shard.open, shard.closed_ms, shard.end.value_or(0));
    }
    return text;
  }
};

TEST_F(MetaCatalogTest, ANewStreamIsActiveAndItsShardsAreInTheLog) {
  ASSERT_TRUE(create("clicks", 3));
  const auto stream = find("clicks");
  ASSERT_TRUE(stream);
  EXPECT_EQ(stream->status, StreamStatus::kActive);
  ASSERT_EQ(stream->shards.size(), 3u);
  EXPECT_EQ(stream->open_by_hash_key.size(), 3u);
  EXPECT_EQ(log.options(stream->shards[0].log_id).retention_ms, 24 * 3'600'000);
  expect_log_matches_catalog();
}

TEST_F(MetaCatalogTest, ARestartBringsEverythingBack) {
  NewStream wanted;
  wanted.key = key("clicks");
  wanted.mode = StreamMode::kOnDemand;
  wanted.shards = 4;
  wanted.retention_hours = 48;
  wanted.max_record_kib = 10'240;
  wanted.warm_throughput_mibps = 4;
  wanted.tags = {{"team", "web"}, {"empty", ""}};
  ASSERT_TRUE(wait(catalog().create(wanted)));
  ASSERT_TRUE(create("views", 2));
  ASSERT_TRUE(split("views", "0", "1000"));
  append(find("views")->shards[1]);
  ASSERT_TRUE(merge("views", "2", "3"));
  const std::string clicks = describe(*find("clicks"));
  const std::string views = describe(*find("views"));
  restart();
  EXPECT_EQ(describe(*find("clicks")), clicks);
  EXPECT_EQ(describe(*find("views")), views);
  EXPECT_EQ(find("clicks")->tags, wanted.tags);
  expect_log_matches_catalog();
}

TEST_F(MetaCatalogTest, StreamsOfOtherAccountsAndRegionsAreOtherStreams) {
  ASSERT_TRUE(create("clicks"));
  context.region = "eu-west-1";
  ASSERT_TRUE(create("clicks"));
  context.account = "123456789012";
  ASSERT_TRUE(create("clicks"));
  EXPECT_EQ(catalog().list_all().size(), 3u);
  EXPECT_EQ(catalog().list("123456789012", "eu-west-1").size(), 1u);
  EXPECT_EQ(catalog().list("123456789012", "us-east-1").size(), 0u);
}

TEST_F(MetaCatalogTest, ANewStreamOfADeletedNameIsAnotherGenerationWithOtherLogShards) {
  ASSERT_TRUE(create("clicks"));
  const auto first = find("clicks");
  ASSERT_TRUE(remove("clicks"));
  EXPECT_FALSE(find("clicks"));
  EXPECT_TRUE(log.shards().empty());
  restart();
  ASSERT_TRUE(create("clicks"));
  EXPECT_NE(find("clicks")->generation, first->generation);
  EXPECT_NE(find("clicks")->shards[0].log_id, first->shards[0].log_id);
}

TEST_F(MetaCatalogTest, ASplitClosesTheParentAtItsEndAndOpensTheChildren) {
  ASSERT_TRUE(create("clicks"));
  const Appended last = append(find("clicks")->shards[0]);
  const auto before = find("clicks");
  ASSERT_TRUE(split("clicks", "0", "1000"));
  const auto stream = find("clicks");
  EXPECT_EQ(stream->status, StreamStatus::kActive);
  ASSERT_EQ(stream->shards.size(), 3u);
  const Shard& parent = stream->shards[0];
  EXPECT_FALSE(parent.open);
  EXPECT_EQ(parent.end, std::optional(last.first + 1));
  EXPECT_GE(parent.closed_ms, last.arrival_ms);
  EXPECT_EQ(stream->children(0).size(), 2u);
  EXPECT_EQ(stream->route(999).index, 1u);
  EXPECT_EQ(stream->route(1000).index, 2u);
  // Those who look at the old snapshot go on doing so.
  EXPECT_TRUE(before->shards[0].open);
  EXPECT_TRUE(log.status(parent.log_id)->sealed);
}

TEST_F(MetaCatalogTest, ChildrenAreYoungerThanTheirParentsWhateverTheClockDoes) {
  ASSERT_TRUE(create("clicks"));
  const Appended last = append(find("clicks")->shards[0]);
  clock.set_wall(clock.now_ms() - 3'600'000);
  ASSERT_TRUE(split("clicks", "0", "1000"));
  ASSERT_TRUE(split("clicks", "1", "500"));
  const auto stream = find("clicks");
  for (const Shard& shard : stream->shards) {
    if (!shard.parent) continue;
    const Shard& parent = stream->shards[*shard.parent];
    EXPECT_GT(shard.created_s, parent.created_s);
    EXPECT_GT(starting_sequence_number(shard), *ending_sequence_number(parent));
  }
  EXPECT_GE(append(stream->shards[3]).arrival_ms, last.arrival_ms);
}

TEST_F(MetaCatalogTest, IndicesOfExpiredShardsAreNotUsedAgain) {
  ASSERT_TRUE(create("clicks"));
  ASSERT_TRUE(split("clicks", "0", "1000"));
  ASSERT_TRUE(merge("clicks", "1", "2"));
  clock.advance(std::chrono::hours(24));
  ASSERT_TRUE(wait(catalog().expire_closed_shards()));
  EXPECT_EQ(find("clicks")->shards.size(), 4u) << "retention ends after 24 hours, not with them";
  clock.advance(std::chrono::seconds(1));
  ASSERT_TRUE(wait(catalog().expire_closed_shards()));
  ASSERT_EQ(find("clicks")->shards.size(), 1u);
  EXPECT_EQ(find("clicks")->shards[0].id(), "shardId-000000000003");
  expect_log_matches_catalog();
  ASSERT_TRUE(split("clicks", "3", "1000"));
  EXPECT_EQ(find("clicks")->shards.back().id(), "shardId-000000000005");
  restart();
  EXPECT_EQ(find("clicks")->shards.size(), 3u);
}

TEST_F(MetaCatalogTest, AWaiterWakesWithTheChangeOfItsStreamOnly) {
  ASSERT_TRUE(create("clicks"));
  ASSERT_TRUE(create("views"));
  bool woken = false;
  const auto waiter = [&]() -> awaitable<> {
    co_await catalog().wait_for_change(key("clicks"), find("clicks"), std::chrono::hours(1));
    woken = true;
  };
  asio::co_spawn(loop(), waiter(), asio::detached);
  ASSERT_TRUE(split("views", "0", "1000"));
  loop().poll();
  EXPECT_FALSE(woken);
  ASSERT_TRUE(split("clicks", "0", "1000"));
  loop().poll();
  EXPECT_TRUE(woken);
}

TEST_F(MetaCatalogTest, AWaiterWithAnOldSnapshotReturnsAtOnce) {
  ASSERT_TRUE(create("clicks"));
  const auto old = find("clicks");
  ASSERT_TRUE(remove("clicks"));
  wait(catalog().wait_for_change(key("clicks"), old, std::chrono::hours(1)));
  wait(catalog().wait_for_change(key("clicks"), nullptr, std::chrono::milliseconds(1)));
}

TEST_F(MetaCatalogTest, ChangesOfOneStreamComeOneAfterTheOther) {
  ASSERT_TRUE(create("clicks", 8));
  int done = 0;
  int refused = 0;
  for (uint32_t index = 0; index < 8; ++index) {
    const auto plan = [index](const Stream& stream) {
      const Shard& shard = stream.shards[index];
      return plan_split(stream, shard.id(), format_hash_key(shard.first_hash_key + 1000));
    };
    asio::co_spawn(loop(), catalog().reshard(key("clicks"), plan),
                   [&](std::exception_ptr, Result<> result) { ++(result ? done : refused); });
  }
  while (done + refused < 8) loop().run_one();
  EXPECT_EQ(done, 8);
  EXPECT_EQ(find("clicks")->open_by_hash_key.size(), 16u);
  expect_log_matches_catalog();
}

TEST_F(MetaCatalogTest, FindersOnOtherThreadsSeeWholeSnapshotsDuringChanges) {
  ASSERT_TRUE(create("clicks", 2));
  std::atomic<bool> stop = false;
  std::atomic<int> broken = 0;
  std::vector<std::thread> finders;
  for (int i = 0; i < 3; ++i) {
    finders.emplace_back([&] {
      while (!stop) {
        const auto stream = catalog().find(key("clicks"));
        if (!stream || stream->route(12345).first_hash_key > 12345) ++broken;
        if (catalog().list(context.account, context.region).size() != 1) ++broken;
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    const auto stream = find("clicks");
    ASSERT_TRUE(split("clicks", stream->route(~HashKey{0}).id(),
                      format_hash_key(stream->route(~HashKey{0}).first_hash_key + 1000)));
  }
  stop = true;
  for (std::thread& thread : finders) thread.join();
  EXPECT_EQ(broken, 0);
}

TEST_F(MetaCatalogTest, WithADelayTheStatesAreSeenOneAfterTheOther) {
  settings.state_delay = std::chrono::milliseconds(30);
  restart();
  ASSERT_TRUE(create("clicks", 2));
  EXPECT_EQ(find("clicks")->status, StreamStatus::kCreating);
  EXPECT_TRUE(find("clicks")->shards.empty());
  EXPECT_THAT(split("clicks", "0", "1000"),
              fails(ErrorCode::kInUse,
                    "Stream clicks under account 000000000000 not ACTIVE, "
                    "instead in state CREATING"));
  wait_for_status("clicks", "ACTIVE");
  ASSERT_TRUE(split("clicks", "0", "1000"));
  EXPECT_EQ(find("clicks")->status, StreamStatus::kUpdating);
  EXPECT_TRUE(find("clicks")->shards[0].open) << "records still go to the parent";
  EXPECT_THAT(remove("clicks"), fails(ErrorCode::kInUse, "instead in state UPDATING"));
  wait_for_status("clicks", "ACTIVE");
  EXPECT_EQ(find("clicks")->open_by_hash_key.size(), 3u);
  ASSERT_TRUE(remove("clicks"));
  EXPECT_EQ(find("clicks")->status, StreamStatus::kDeleting);
  EXPECT_THAT(remove("clicks"), fails(ErrorCode::kInUse, "instead in state DELETING"));
  wait_for_status("clicks", "gone");
  while (!log.shards().empty()) loop().run_one();  // the data follows
}

TEST_F(MetaCatalogTest, AChangeGoesOnWhenItsCallerIsCancelled) {
  ASSERT_TRUE(create("clicks"));
  asio::cancellation_signal client_gone;
  bool ended = false;
  const auto plan = [](const Stream& stream) { return plan_split(stream, "0", "1000"); };
  asio::co_spawn(loop(), catalog().reshard(key("clicks"), plan),
                 asio::bind_cancellation_slot(client_gone.slot(),
                                              [&](std::exception_ptr, Result<>) { ended = true; }));
  loop().run_one();
  loop().run_one();
  client_gone.emit(asio::cancellation_type::all);
  while (!ended) loop().run_one();
  wait_for_status("clicks", "ACTIVE");
  ASSERT_TRUE(remove("clicks")) << "the stream's lock is free again";
}

TEST_F(MetaCatalogTest, NoMoreThanFiveStreamsAreCreatedAtATime) {
  settings.state_delay = std::chrono::hours(1);
  for (const char* name : {"a", "b", "c", "d", "e"}) ASSERT_TRUE(create(name));
  EXPECT_THAT(create("f"),
              fails(ErrorCode::kLimitExceeded,
                    "This request would have exceed the limit on the number of streams that can "
                    "simultaneously be in CREATING or DELETING for the account 000000000000. "
                    "Limit: 5."));
}

TEST_F(MetaCatalogTest, ARestartDuringTheDelayFinishesTheChange) {
  settings.state_delay = std::chrono::hours(1);
  ASSERT_TRUE(create("clicks"));
  restart();
  EXPECT_EQ(find("clicks")->status, StreamStatus::kActive);
  ASSERT_TRUE(remove("clicks"));
  restart();
  EXPECT_FALSE(find("clicks"));
  EXPECT_TRUE(log.shards().empty());
}

TEST_F(MetaCatalogTest, AChangeThatTheLogCantTakeYetIsDoneOnceItCan) {
  ASSERT_TRUE(create("clicks"));
  crash = {.step = 1};  // the decision is stored, then the log fails
  ASSERT_TRUE(split("clicks", "0", "1000"));
  EXPECT_EQ(find("clicks")->status, StreamStatus::kUpdating);
  crash = {};
  wait_for_status("clicks", "ACTIVE");
  EXPECT_EQ(find("clicks")->open_by_hash_key.size(), 2u);
  expect_log_matches_catalog();
}

TEST_F(MetaCatalogTest, ALogOfAnotherTimeIsRefusedAtStart) {
  ASSERT_TRUE(create("clicks"));
  ASSERT_TRUE(wait(log.remove(find("clicks")->shards[0].log_id)));
  asio::io_context other_loop;
  auto store = open_sqlite(":memory:");
  MetaCatalog again(**store, log, clock, settings);
  ASSERT_TRUE(wait(again.open(loop().get_executor()))) << "an empty store fits any log";
  FakeShardLog empty(clock);
  ASSERT_TRUE(wait(again.create(NewStream{key("clicks")})));
  MetaCatalog mismatch(**store, empty, clock, settings);
  EXPECT_THAT(wait(mismatch.open(loop().get_executor())),
              fails(ErrorCode::kCorruption, "shardId-000000000000"));
  store->reset();
  // The loop holds the expiry of `again`, which it must not outlive.
  abandon_loop();
}

TEST_F(MetaCatalogTest, ResetLeavesNothing) {
  settings.state_delay = std::chrono::hours(1);
  ASSERT_TRUE(create("creating"));
  settings.state_delay = std::chrono::milliseconds(0);
  ASSERT_TRUE(create("clicks", 3));
  ASSERT_TRUE(split("clicks", "0", "1000"));
  ASSERT_TRUE(wait(control().delete_all_streams()));
  EXPECT_TRUE(catalog().list_all().empty());
  EXPECT_TRUE(log.shards().empty());
  restart();
  EXPECT_TRUE(catalog().list_all().empty());
}

TEST_F(MetaCatalogTest, TheTokenKeyStaysTheSame) {
  auto store = open_sqlite(":memory:");
  const auto first = load_token_key(**store);
  const auto second = load_token_key(**store);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(*first, *second);
  EXPECT_NE(*first, settings.token_key);
}

// One operation with a crash before each of its durable steps, each followed by a restart.
class CrashTest : public MetaCatalogTest {
 protected:
  struct Outcome {
    bool accepted = false;
    bool done = false;
  };
  // Until the operation runs without meeting the crash. `prepare` makes stream `name`, `operate`
  // changes it, `is_done` tells whether the change is there.
  void crash_everywhere(std::function<void(const std::string& name)> prepare,
                        std::function<Result<>(const std::string& name)> operate,
                        std::function<bool(const std::string& name)> is_done) {
    int step = 0;
    for (; step < 50; ++step) {
      const std::string name = fmt::format("clicks-{}", step);
      prepare(name);
      crash = {.step = step};
      const auto accepted = operate(name);
      const bool crashed = crash.happened;
      restart();
      if (accepted) {
        EXPECT_TRUE(is_done(name)) << "accepted, then lost by a crash before step " << step;
      }
      if (!accepted && is_done(name)) ADD_FAILURE() << "refused but done, step " << step;
      const auto stream = find(name);
      if (stream) {
        EXPECT_EQ(stream->status, StreamStatus::kActive) << "step " << step;
        for (const Shard& shard : stream->shards) {
          EXPECT_EQ(log.status(shard.log_id)->sealed, !shard.open) << "step " << step;
        }
      }
      expect_log_matches_catalog();
      if (!crashed) break;
    }
    EXPECT_GE(step, 3) << "the crash has met no step in between";
    EXPECT_LT(step, 50);
  }
};

TEST_F(CrashTest, CreateStream) {
  crash_everywhere([](const std::string&) {},
                   [this](const std::string& name) { return create(name, 3); },
                   [this](const std::string& name) {
                     return find(name) && find(name)->open_by_hash_key.size() == 3;
                   });
}

TEST_F(CrashTest, DeleteStream) {
  crash_everywhere([this](const std::string& name) { ASSERT_TRUE(create(name, 3)); },
                   [this](const std::string& name) { return remove(name); },
                   [this](const std::string& name) { return !find(name); });
}

TEST_F(CrashTest, SplitShard) {
  crash_everywhere(
      [this](const std::string& name) {
        ASSERT_TRUE(create(name, 2));
        append(find(name)->shards[0]);
      },
      [this](const std::string& name) { return split(name, "0", "1000"); },
      [this](const std::string& name) { return find(name)->open_by_hash_key.size() == 3; });
}

TEST_F(CrashTest, MergeShards) {
  crash_everywhere(
      [this](const std::string& name) { ASSERT_TRUE(create(name, 2)); },
      [this](const std::string& name) { return merge(name, "0", "1"); },
      [this](const std::string& name) { return find(name)->open_by_hash_key.size() == 1; });
}

TEST_F(CrashTest, IncreaseStreamRetentionPeriod) {
  crash_everywhere([this](const std::string& name) { ASSERT_TRUE(create(name, 3)); },
                   [this](const std::string& name) { return increase_retention(name, 48); },
                   [this](const std::string& name) {
                     return std::ranges::all_of(find(name)->shards, [this](const Shard& shard) {
                       return log.options(shard.log_id).retention_ms == TimeMs{48} * 3'600'000;
                     });
                   });
}

TEST_F(CrashTest, ExpiryOfClosedShards) {
  const auto closed = [this](const std::string& name) {
    return std::ranges::count(find(name)->shards, false, &Shard::open);
  };
  crash_everywhere(
      [this](const std::string& name) {
        ASSERT_TRUE(create(name, 2));
        ASSERT_TRUE(merge(name, "0", "1"));
        clock.advance(std::chrono::hours(25));
      },
      [this](const std::string& name) {
        auto done = wait(catalog().expire_closed_shards());
        // Forgetting comes first, the log follows.
        return find(name)->shards.size() == 1 ? Result<>{} : done;
      },
      [&](const std::string& name) { return closed(name) == 0; });
}

}  // namespace
}  // namespace millstream::streams
