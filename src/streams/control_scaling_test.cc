// UpdateShardCount, UpdateStreamMode, UpdateStreamWarmThroughput, and on-demand streams that
// follow their load.
#include "streams/control_harness.h"
#include "streams/on_demand.h"

namespace millstream::streams {
namespace {

namespace kinesis = wire::kinesis;

class Scaling : public ControlHarness {
 protected:
  Result<kinesis::UpdateShardCountOutput> scale(const std::string& name, int32_t target) {
    kinesis::UpdateShardCountInput in;
    in.stream_name = name;
    in.target_shard_count = target;
    in.scaling_type = "UNIFORM_SCALING";
    return wait(control().update_shard_count(context, in));
  }
  Result<> set_mode(const std::string& name, wire::EnumValue mode,
                    std::optional<int32_t> warm = std::nullopt) {
    kinesis::UpdateStreamModeInput in;
    in.stream_arn = key(name).arn();
    in.stream_mode_details.stream_mode = mode;
    in.warm_throughput_mibps = warm;
    return wait(control().update_stream_mode(context, in));
  }
  Result<kinesis::UpdateStreamWarmThroughputOutput> warm(const std::string& name, int32_t mibps) {
    kinesis::UpdateStreamWarmThroughputInput in;
    in.stream_name = name;
    in.warm_throughput_mibps = mibps;
    return wait(control().update_stream_warm_throughput(context, in));
  }
  size_t open(const std::string& name) { return find(name)->open_by_hash_key.size(); }
  void use_aws_limits() {
    settings.shard_limits = ShardLimits::aws();
    restart();
  }
  // Every closed shard leads to open ones, and numbers rise from parents to children.
  void expect_followable(const std::string& name) {
    const auto stream = find(name);
    for (const Shard& shard : stream->shards) {
      EXPECT_EQ(stream->children(shard.index).empty(), shard.open) << shard.id();
      for (const Shard* child : stream->children(shard.index)) {
        EXPECT_GT(child->created_s, shard.created_s) << child->id();
        EXPECT_LE(child->created_s, clock.now_ms() / 1000) << child->id();
      }
    }
  }
};

TEST_F(Scaling, GoesFromOneShardToAThousandAndBack) {
  ASSERT_TRUE(create("clicks", 1));
  append(find("clicks")->shards[0]);
  const auto up = scale("clicks", 1000);
  ASSERT_TRUE(up) << up.error().message;
  EXPECT_EQ(up->current_shard_count, 1);
  EXPECT_EQ(up->target_shard_count, 1000);
  EXPECT_EQ(up->stream_arn, key("clicks").arn());
  EXPECT_EQ(open("clicks"), 1000u);
  ASSERT_TRUE(scale("clicks", 1));
  EXPECT_EQ(open("clicks"), 1u);
  EXPECT_EQ(find("clicks")->status, StreamStatus::kActive);
  expect_followable("clicks");
  expect_log_matches_catalog();
  for (const Shard& shard : find("clicks")->shards) {
    EXPECT_EQ(log.status(shard.log_id)->sealed, !shard.open) << shard.id();
  }
}

TEST_F(Scaling, SurvivesACrashAtEveryStep) {
  for (int step = 0;; ++step) {
    const std::string name = "clicks" + std::to_string(step);
    ASSERT_TRUE(create(name, 3));
    append(find(name)->shards[0]);
    crash = {.step = step};
    const auto done = scale(name, 4);
    const bool crashed = crash.happened;
    restart();
    EXPECT_EQ(find(name)->status, StreamStatus::kActive) << step;
    // Decided, and finished; or neither.
    EXPECT_EQ(open(name), done ? 4u : 3u) << step;
    expect_followable(name);
    expect_log_matches_catalog();
    if (!crashed) break;
  }
}

TEST_F(Scaling, TakesAnyTargetWithinTheQuotaWithoutLimits) {
  settings.shards_per_account_and_region = 50;
  restart();
  ASSERT_TRUE(create("clicks", 2));
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(scale("clicks", i % 2 == 0 ? 50 : 1));
  EXPECT_THAT(scale("clicks", 51), fails(ErrorCode::kLimitExceeded, "50"));
  EXPECT_THAT(scale("clicks", std::numeric_limits<int32_t>::max()),
              fails(ErrorCode::kLimitExceeded, "50"));
  EXPECT_THAT(scale("views", 2), fails(ErrorCode::kNotFound, "not found"));
}

TEST_F(Scaling, KeepsToTheStepsAndCallsOfAwsWithItsLimits) {
  use_aws_limits();
  ASSERT_TRUE(create("clicks", 4));
  EXPECT_THAT(scale("clicks", 9), fails(ErrorCode::kInvalidArgument, "double"));
  EXPECT_THAT(scale("clicks", 1), fails(ErrorCode::kInvalidArgument, "half"));
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(scale("clicks", i % 2 == 0 ? 8 : 4)) << i;
  EXPECT_THAT(scale("clicks", 8), fails(ErrorCode::kLimitExceeded, "10 times"));
  EXPECT_EQ(find("clicks")->status, StreamStatus::kActive);
  clock.advance(std::chrono::hours(24));
  EXPECT_TRUE(scale("clicks", 8));
}

TEST_F(Scaling, ChangesTheModeTwiceADayWithAwsLimits) {
  use_aws_limits();
  ASSERT_TRUE(create("clicks", 2));
  ASSERT_TRUE(set_mode("clicks", kinesis::StreamMode::kOnDemand));
  EXPECT_EQ(find("clicks")->mode, StreamMode::kOnDemand);
  EXPECT_EQ(open("clicks"), 4u);
  EXPECT_THAT(scale("clicks", 8),
              fails(ErrorCode::kValidation,
                    "Stream clicks under account 000000000000 is in On-Demand mode."));
  ASSERT_TRUE(set_mode("clicks", kinesis::StreamMode::kProvisioned));
  EXPECT_EQ(open("clicks"), 4u);
  EXPECT_THAT(set_mode("clicks", kinesis::StreamMode::kOnDemand),
              fails(ErrorCode::kLimitExceeded, "2 times"));
}

TEST_F(Scaling, WarmsOnDemandStreamsOnly) {
  ASSERT_TRUE(create("clicks", 2));
  EXPECT_THAT(warm("clicks", 10), fails(ErrorCode::kInvalidArgument, "on-demand"));
  EXPECT_THAT(set_mode("clicks", kinesis::StreamMode::kProvisioned, 10),
              fails(ErrorCode::kInvalidArgument, "WarmThroughputMiBps"));
  ASSERT_TRUE(set_mode("clicks", kinesis::StreamMode::kOnDemand, 6));
  EXPECT_EQ(open("clicks"), 6u);
  const auto done = warm("clicks", 10);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->warm_throughput->target_mibps, 10);
  EXPECT_EQ(done->warm_throughput->current_mibps, 10);
  EXPECT_EQ(open("clicks"), 10u);
  restart();
  EXPECT_EQ(find("clicks")->warm_throughput_mibps, 10);
}

TEST_F(Scaling, NeedsTheCommitmentForWarmThroughputWithAwsLimits) {
  use_aws_limits();
  ASSERT_TRUE(create("clicks", 2));
  ASSERT_TRUE(set_mode("clicks", kinesis::StreamMode::kOnDemand));
  EXPECT_THAT(warm("clicks", 10),
              fails(ErrorCode::kInvalidArgument, "MinimumThroughputBillingCommitment"));
  kinesis::UpdateAccountSettingsInput in;
  in.minimum_throughput_billing_commitment.status =
      kinesis::MinimumThroughputBillingCommitmentInputStatus::kEnabled;
  ASSERT_TRUE(wait(control().update_account_settings(context, in)));
  EXPECT_TRUE(warm("clicks", 10));
}

TEST_F(Scaling, FollowsWhatIsWrittenToAnOnDemandStream) {
  ASSERT_TRUE(create("clicks", 4));
  ASSERT_TRUE(set_mode("clicks", kinesis::StreamMode::kOnDemand));
  OnDemandController controller(catalog(), clock, settings);
  const auto run = [&](int seconds, uint64_t bytes_a_second) {
    for (int i = 0; i < seconds; ++i) {
      const auto stream = find("clicks");
      for (uint32_t position : stream->open_by_hash_key) {
        const Shard& shard = stream->shards[position];
        ASSERT_TRUE(shard.writes);
        shard.writes->bytes += bytes_a_second / stream->open_by_hash_key.size();
      }
      clock.advance(std::chrono::seconds(1));
      wait(controller.look());
    }
  };
  run(60, 3 << 20);
  EXPECT_EQ(open("clicks"), 8u);
  run(2 * 3600, 0);
  EXPECT_EQ(open("clicks"), 4u);
  expect_followable("clicks");
}

}  // namespace
}  // namespace millstream::streams
