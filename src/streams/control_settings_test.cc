// Settings of accounts, enhanced monitoring, resource policies.
#include "streams/control_harness.h"

namespace millstream::streams {
namespace {

namespace kinesis = wire::kinesis;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using Commitment = kinesis::MinimumThroughputBillingCommitmentOutput;

class SettingsTest : public ControlHarness {
 protected:
  Commitment commit(wire::EnumValue status) {
    kinesis::UpdateAccountSettingsInput in;
    in.minimum_throughput_billing_commitment.status = status;
    return *wait(control().update_account_settings(context, in))
                ->minimum_throughput_billing_commitment;
  }
  Commitment commitment() {
    return *wait(control().describe_account_settings(context, {}))
                ->minimum_throughput_billing_commitment;
  }
  Result<kinesis::EnhancedMonitoringOutput> enable(std::vector<std::string> metrics) {
    kinesis::EnableEnhancedMonitoringInput in;
    in.stream_name = "clicks";
    in.shard_level_metrics = std::move(metrics);
    return wait(control().enable_enhanced_monitoring(context, in));
  }
  Result<kinesis::EnhancedMonitoringOutput> disable(std::vector<std::string> metrics) {
    kinesis::DisableEnhancedMonitoringInput in;
    in.stream_name = "clicks";
    in.shard_level_metrics = std::move(metrics);
    return wait(control().disable_enhanced_monitoring(context, in));
  }
  std::vector<std::string> shown_metrics() {
    kinesis::DescribeStreamSummaryInput in;
    in.stream_name = "clicks";
    return *wait(control().describe_stream_summary(context, in))
                ->stream_description_summary.enhanced_monitoring[0]
                .shard_level_metrics;
  }
  Result<> put_policy(const std::string& resource, const std::string& policy) {
    kinesis::PutResourcePolicyInput in;
    in.resource_arn = resource;
    in.policy = policy;
    return wait(control().put_resource_policy(context, in));
  }
  Result<kinesis::GetResourcePolicyOutput> policy(const std::string& resource) {
    kinesis::GetResourcePolicyInput in;
    in.resource_arn = resource;
    return wait(control().get_resource_policy(context, in));
  }
  Result<> delete_policy(const std::string& resource) {
    kinesis::DeleteResourcePolicyInput in;
    in.resource_arn = resource;
    return wait(control().delete_resource_policy(context, in));
  }
  const std::string arn = key("clicks").arn();
  const std::string document =
      R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow",)"
      R"("Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kinesis:PutRecord",)"
      R"("Resource":"arn:aws:kinesis:us-east-1:000000000000:stream/clicks"}]})";
};

TEST_F(SettingsTest, ACommitmentLastsADayAtLeast) {
  using In = kinesis::MinimumThroughputBillingCommitmentInputStatus;
  EXPECT_EQ(commitment().status, "DISABLED");
  EXPECT_FALSE(commitment().started_at);
  const TimeMs start = clock.now_ms();
  EXPECT_EQ(commit(In::kEnabled).status, "ENABLED");
  clock.advance(std::chrono::hours(1));
  EXPECT_EQ(commit(In::kDisabled).status, "ENABLED_UNTIL_EARLIEST_ALLOWED_END");
  restart();
  EXPECT_EQ(commitment().status, "ENABLED_UNTIL_EARLIEST_ALLOWED_END");
  EXPECT_EQ(commitment().started_at->ms, start);
  EXPECT_EQ(commitment().earliest_allowed_end_at->ms, start + 24 * 3'600'000);
  clock.advance(std::chrono::hours(23));
  EXPECT_EQ(commitment().status, "DISABLED");
  EXPECT_EQ(commitment().ended_at->ms, start + 24 * 3'600'000);
}

TEST_F(SettingsTest, APendingEndIsTakenBackByEnablingAgain) {
  using In = kinesis::MinimumThroughputBillingCommitmentInputStatus;
  const TimeMs start = clock.now_ms();
  commit(In::kEnabled);
  clock.advance(std::chrono::hours(1));
  commit(In::kDisabled);
  EXPECT_EQ(commit(In::kEnabled).status, "ENABLED");
  clock.advance(std::chrono::hours(48));
  EXPECT_EQ(commitment().status, "ENABLED");
  EXPECT_EQ(commitment().started_at->ms, start);
}

TEST_F(SettingsTest, ShardLevelMetricsAreKeptAndShown) {
  ASSERT_TRUE(create("clicks"));
  EXPECT_THAT(shown_metrics(), IsEmpty());
  auto out = enable({"OutgoingBytes", "IncomingBytes"});
  ASSERT_TRUE(out);
  EXPECT_THAT(*out->current_shard_level_metrics, IsEmpty());
  EXPECT_THAT(*out->desired_shard_level_metrics, ElementsAre("IncomingBytes", "OutgoingBytes"));
  restart();
  EXPECT_THAT(shown_metrics(), ElementsAre("IncomingBytes", "OutgoingBytes"));
  EXPECT_THAT(*enable({"ALL"})->desired_shard_level_metrics, SizeIs(7));
  out = disable({"IncomingBytes"});
  EXPECT_THAT(*out->current_shard_level_metrics, SizeIs(7));
  EXPECT_THAT(*out->desired_shard_level_metrics, SizeIs(6));
  EXPECT_THAT(*disable({"ALL"})->desired_shard_level_metrics, IsEmpty());
  EXPECT_THAT(shown_metrics(), IsEmpty());
}

TEST_F(SettingsTest, APolicyIsKeptUntilItIsDeletedOrItsStreamIs) {
  ASSERT_TRUE(create("clicks"));
  EXPECT_THAT(policy(arn), fails(ErrorCode::kNotFound,
                                 "No resource policy found for resource ARN " + arn + "."));
  EXPECT_THAT(delete_policy(arn), fails(ErrorCode::kNotFound, "No resource policy found"));
  ASSERT_TRUE(put_policy(arn, document));
  EXPECT_EQ(policy(arn)->policy, document);
  restart();
  EXPECT_EQ(policy(arn)->policy, document);
  ASSERT_TRUE(find("clicks")->policy);
  EXPECT_EQ(*find("clicks")->policy, document);
  ASSERT_TRUE(delete_policy(arn));
  EXPECT_FALSE(policy(arn));
  EXPECT_FALSE(find("clicks")->policy);
  ASSERT_TRUE(put_policy(arn, document));
  ASSERT_TRUE(remove("clicks"));
  ASSERT_TRUE(create("clicks"));
  EXPECT_FALSE(policy(arn));
}

TEST_F(SettingsTest, WhatIsNoPolicyOrHasNoOwnerIsRefused) {
  EXPECT_THAT(put_policy(arn, document), fails(ErrorCode::kNotFound, "not found"));
  ASSERT_TRUE(create("clicks"));
  for (const char* bad : {"", "{", "[]", "{}", R"({"Statement":[{"Effect":"Maybe"}]})"}) {
    EXPECT_EQ(put_policy(arn, bad).error().code, ErrorCode::kInvalidArgument) << bad;
  }
  EXPECT_THAT(put_policy(arn + "/consumer/app:1", document),
              fails(ErrorCode::kNotFound, "not found"));
}

}  // namespace
}  // namespace millstream::streams
