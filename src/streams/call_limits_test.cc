// How often operations may be called with `shard_limits: aws`, and what the caller is told.
#include "streams/call_limits.h"

#include "streams/control_harness.h"
#include "wire/json_decode.h"

namespace millstream::streams {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kAccount = "123456789012";
constexpr std::string_view kRegion = "eu-west-1";

StreamKey stream(std::string name) {
  return {std::string(kAccount), std::string(kRegion), std::move(name)};
}

class CallLimits : public testing::Test {
 protected:
  bool call(std::string_view operation, std::string name = "clicks") {
    return limiter.take(operation, kAccount, kRegion, stream(std::move(name))).has_value();
  }

  ManualClock clock;
  CallLimiter limiter{clock};
};

TEST_F(CallLimits, EveryRateHoldsToTheMillisecond) {
  for (const CallRate& rate : aws_call_rates()) {
    for (uint32_t i = 0; i < rate.calls_per_s; ++i) EXPECT_TRUE(call(rate.operation));
    EXPECT_FALSE(call(rate.operation)) << rate.operation;
    const milliseconds one(1000 / rate.calls_per_s);
    clock.advance(one - milliseconds(1));
    EXPECT_FALSE(call(rate.operation)) << rate.operation;
    clock.advance(milliseconds(1));
    EXPECT_TRUE(call(rate.operation)) << rate.operation;
    EXPECT_FALSE(call(rate.operation)) << rate.operation;
  }
}

TEST_F(CallLimits, AreOfTheAccountAndRegionOrOfEachStream) {
  for (const CallRate& rate : aws_call_rates()) {
    while (call(rate.operation)) {
    }
    EXPECT_EQ(call(rate.operation, "views"), rate.of == CallRate::Of::kStream) << rate.operation;
    StreamKey elsewhere = stream("clicks");
    elsewhere.region = "us-east-1";
    EXPECT_TRUE(limiter.take(rate.operation, kAccount, "us-east-1", elsewhere)) << rate.operation;
    elsewhere = stream("clicks");
    elsewhere.account = "210987654321";
    EXPECT_TRUE(limiter.take(rate.operation, "210987654321", kRegion, elsewhere)) << rate.operation;
  }
}

TEST_F(CallLimits, TellWhatWasTooMuchInTheWordsOfAws) {
  while (call("DescribeStream")) {
  }
  EXPECT_THAT(limiter.take("DescribeStream", kAccount, kRegion, stream("clicks")),
              fails(ErrorCode::kLimitExceeded,
                    "Rate exceeded for stream clicks under account 123456789012."));
  while (limiter.take("ListStreams", kAccount, kRegion, std::nullopt)) {
  }
  EXPECT_THAT(limiter.take("ListStreams", kAccount, kRegion, std::nullopt),
              fails(ErrorCode::kLimitExceeded, "Rate exceeded for account 123456789012."));
}

TEST_F(CallLimits, OperationsWithoutARateAndCallsThatNameNoStreamAreFree) {
  for (int i = 0; i < 2000; ++i) {
    EXPECT_TRUE(call("PutRecords"));
    EXPECT_TRUE(limiter.take("ListShards", kAccount, kRegion, std::nullopt));
  }
}

TEST_F(CallLimits, ManyStreamsAreForgottenOnceTheyAreFullAgain) {
  while (call("ListStreamConsumers")) {
  }
  for (int i = 0; i < 10'000; ++i) {
    clock.advance(std::chrono::microseconds(10));
    EXPECT_TRUE(call("ListStreamConsumers", std::to_string(i)));
  }
  EXPECT_FALSE(call("ListStreamConsumers"));  // 100 ms have passed, 200 ms give one
  clock.advance(milliseconds(100));
  EXPECT_TRUE(call("ListStreamConsumers"));
  EXPECT_FALSE(call("ListStreamConsumers"));
}

// The operations themselves, with AWS's rules.
class LimitedControl : public ControlHarness {
 protected:
  LimitedControl() {
    settings.shard_limits = ShardLimits::aws();
    restart();
    streams_.emplace(
        StreamsContext{.log = log, .catalog = catalog(), .clock = clock, .settings = settings});
    register_control_operations(table_, *streams_, control());
  }
  Result<Slice> call(std::string_view operation, std::string_view body) {
    const auto* entry = table_.find("Kinesis_20131202." + std::string(operation));
    return wait(entry->handler(context, Slice::copy_of(body)));
  }
  // Calls that are let through at one moment, up to `most`.
  int allowed(std::string_view operation, std::string_view body, int most = 2000) {
    for (int i = 0; i < most; ++i) {
      const auto done = call(operation, body);
      if (!done && done.error().code == ErrorCode::kLimitExceeded &&
          done.error().message.starts_with("Rate exceeded")) {
        return i;
      }
    }
    return most;
  }

  wire::OperationTable table_;
  std::optional<StreamsContext> streams_;
};

TEST_F(LimitedControl, CountsCallsByNameArnConsumerAndPage) {
  ASSERT_TRUE(create("clicks", 3));
  ASSERT_TRUE(create("views", 3));
  const std::string arn = key("clicks").arn();
  EXPECT_EQ(allowed("DescribeStreamSummary", R"({"StreamName":"clicks"})"), 20);
  EXPECT_EQ(allowed("DescribeStreamSummary", fmt::format(R"({{"StreamARN":"{}"}})", arn)), 0);
  EXPECT_EQ(allowed("DescribeLimits", "{}"), 1);
  EXPECT_EQ(allowed("ListStreams", "{}"), 5);
  EXPECT_EQ(allowed("DescribeStreamConsumer",
                    fmt::format(R"({{"ConsumerARN":"{}/consumer/reader:1"}})", arn)),
            20);
  EXPECT_EQ(allowed("DescribeStreamConsumer",
                    fmt::format(R"({{"StreamARN":"{}","ConsumerName":"reader"}})", arn)),
            0);
  const auto page = call("ListShards", R"({"StreamName":"clicks","MaxResults":1})");
  ASSERT_TRUE(page);
  const auto token =
      wire::from_json<wire::kinesis::ListShardsOutput>(page->view())->next_token.value();
  EXPECT_EQ(allowed("ListShards", fmt::format(R"({{"NextToken":"{}","MaxResults":1}})", token)),
            999);
  EXPECT_EQ(allowed("ListShards", R"({"StreamName":"views","MaxResults":1})"), 1000);
}

TEST_F(LimitedControl, ARefusedCallChangesNothing) {
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(call("CreateStream", fmt::format(R"({{"StreamName":"s{}","ShardCount":1}})", i)));
  }
  EXPECT_THAT(call("CreateStream", R"({"StreamName":"s5","ShardCount":1})"),
              fails(ErrorCode::kLimitExceeded, "Rate exceeded for stream s5 under account"));
  EXPECT_EQ(find("s5"), nullptr);
  clock.advance(milliseconds(200));
  EXPECT_TRUE(call("CreateStream", R"({"StreamName":"s5","ShardCount":1})"));
}

TEST_F(LimitedControl, AnAccountHasFiftyOnDemandStreams) {
  const auto on_demand = [](int i) {
    return fmt::format(R"({{"StreamName":"s{}","StreamModeDetails":{{"StreamMode":"ON_DEMAND"}}}})",
                       i);
  };
  for (int i = 0; i < 50; ++i) {
    clock.advance(milliseconds(200));
    ASSERT_TRUE(call("CreateStream", on_demand(i))) << i;
  }
  clock.advance(std::chrono::seconds(1));
  EXPECT_THAT(call("CreateStream", on_demand(50)),
              fails(ErrorCode::kLimitExceeded,
                    "This request would exceed the limit on the number of On-Demand streams for "
                    "the account 000000000000 in us-east-1. Current On-Demand streams count: 50. "
                    "Limit: 50."));
  ASSERT_TRUE(call("CreateStream", R"({"StreamName":"clicks","ShardCount":1})"));
  EXPECT_THAT(
      call("UpdateStreamMode",
           fmt::format(R"({{"StreamARN":"{}","StreamModeDetails":{{"StreamMode":"ON_DEMAND"}}}})",
                       key("clicks").arn())),
      fails(ErrorCode::kLimitExceeded, "On-Demand"));
  const auto limits = call("DescribeLimits", "{}");
  EXPECT_TRUE(limits->view().contains(R"("OnDemandStreamCountLimit":50)")) << limits->view();
  ASSERT_TRUE(remove("s7"));
  EXPECT_TRUE(call("CreateStream", on_demand(51)));
}

TEST_F(LimitedControl, AStreamIsCreatedWarmForAccountsWithACommitmentOnly) {
  const auto warm = [](int mibps) {
    return fmt::format(R"({{"StreamName":"warm","WarmThroughputMiBps":{},)"
                       R"("StreamModeDetails":{{"StreamMode":"ON_DEMAND"}}}})",
                       mibps);
  };
  EXPECT_THAT(call("CreateStream", warm(8)),
              fails(ErrorCode::kInvalidArgument, "MinimumThroughputBillingCommitment"));
  EXPECT_EQ(find("warm"), nullptr);
  ASSERT_TRUE(call("UpdateAccountSettings",
                   R"({"MinimumThroughputBillingCommitment":{"Status":"ENABLED"}})"));
  EXPECT_THAT(call("CreateStream", warm(10'241)), fails(ErrorCode::kLimitExceeded, "10240"));
  ASSERT_TRUE(call("CreateStream", warm(8)));
  EXPECT_EQ(find("warm")->open_by_hash_key.size(), 8u);
}

}  // namespace
}  // namespace millstream::streams
