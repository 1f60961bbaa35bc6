#include "wire/access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/generated/dynamodb.h"
#include "wire/generated/firehose.h"
#include "wire/generated/kinesis.h"
#include "wire/generated/kinesisanalyticsv2.h"

namespace millstream::wire {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

RequestContext context_of() {
  RequestContext context;
  context.account = "111111111111";
  context.region = "eu-west-1";
  return context;
}

template <class Op, class Fill>
std::vector<std::string> resources(Fill fill) {
  typename Op::Input input;
  fill(input);
  return resources_of(Op::descriptor(), context_of(), &input);
}

TEST(ResourcesOf, NamesAreInTheCallersAccountAndRegion) {
  EXPECT_THAT(resources<kinesis::CreateStream>([](auto& in) { in.stream_name = "clicks"; }),
              ElementsAre("arn:aws:kinesis:eu-west-1:111111111111:stream/clicks"));
  EXPECT_THAT(
      resources<firehose::DescribeDeliveryStream>([](auto& in) { in.delivery_stream_name = "d"; }),
      ElementsAre("arn:aws:firehose:eu-west-1:111111111111:deliverystream/d"));
  EXPECT_THAT(resources<kinesisanalyticsv2::DescribeApplication>(
                  [](auto& in) { in.application_name = "a"; }),
              ElementsAre("arn:aws:kinesisanalytics:eu-west-1:111111111111:application/a"));
  EXPECT_THAT(resources<dynamodb::GetItem>([](auto& in) { in.table_name = "t"; }),
              ElementsAre("arn:aws:dynamodb:eu-west-1:111111111111:table/t"));
}

TEST(ResourcesOf, EveryOneThatIsNamedCounts) {
  EXPECT_THAT(resources<kinesis::DescribeStreamSummary>([](auto& in) {
                in.stream_name = "mine";
                in.stream_arn = "arn:aws:kinesis:us-east-1:222222222222:stream/theirs";
              }),
              ElementsAre("arn:aws:kinesis:eu-west-1:111111111111:stream/mine",
                          "arn:aws:kinesis:us-east-1:222222222222:stream/theirs"));
}

TEST(ResourcesOf, OtherSpellingsOfAnArnAreTheSameResource) {
  EXPECT_THAT(resources<kinesis::DescribeStreamSummary>([](auto& in) {
                in.stream_arn = "arn:aws-cn:kinesis:us-east-1:111111111111:stream/s";
              }),
              ElementsAre("arn:aws:kinesis:us-east-1:111111111111:stream/s"));
  EXPECT_THAT(resources<kinesis::DescribeStreamConsumer>([](auto& in) {
                in.consumer_arn =
                    "arn:aws-cn:kinesis:us-east-1:111111111111:stream/s/consumer/c:017";
              }),
              ElementsAre("arn:aws:kinesis:us-east-1:111111111111:stream/s/consumer/c:17"));
}

TEST(ResourcesOf, AConsumerBesideItsStreamIsTheConsumer) {
  const auto fill = [](auto& in) {
    in.stream_arn = "arn:aws:kinesis:us-east-1:111111111111:stream/s";
    in.consumer_name = "c";
  };
  EXPECT_THAT(resources<kinesis::DescribeStreamConsumer>(fill),
              ElementsAre("arn:aws:kinesis:us-east-1:111111111111:stream/s/consumer/c:*"));
  EXPECT_THAT(resources<kinesis::RegisterStreamConsumer>(fill),
              ElementsAre("arn:aws:kinesis:us-east-1:111111111111:stream/s"));
}

TEST(ResourcesOf, OperationsAboutNoResourceAreAboutAll) {
  EXPECT_THAT(resources<kinesis::ListStreams>([](auto&) {}), ElementsAre("*"));
  EXPECT_THAT(resources<kinesis::DescribeStream>([](auto&) {}), ElementsAre("*"));
}

TEST(ResourcesOf, APageTokenStandsForItsStream) {
  EXPECT_THAT(resources<kinesis::ListShards>([](auto& in) { in.next_token = "t"; }), IsEmpty());
  EXPECT_THAT(resources<kinesis::ListStreams>([](auto& in) { in.next_token = "t"; }),
              ElementsAre("*"));
}

// Allows one action only, and remembers what it was asked.
class OnlyAction final : public AccessCheck {
 public:
  explicit OnlyAction(std::string action) : action_(std::move(action)) {}
  Result<> check(const Operation& operation, std::string_view resource) const override {
    asked_.push_back(fmt::format("{} {}", action_of(operation), resource));
    if (action_of(operation) == action_) return {};
    return fail(ErrorCode::kAccessDenied, "no");
  }
  const std::vector<std::string>& asked() const { return asked_; }

 private:
  std::string action_;
  mutable std::vector<std::string> asked_;
};

TEST(CheckAccess, WhoSetsUpADeliveryMustBeAllowedItsSource) {
  const auto access = std::make_shared<OnlyAction>("firehose:CreateDeliveryStream");
  RequestContext context = context_of();
  context.access = access;
  firehose::CreateDeliveryStream::Input input;
  input.delivery_stream_name = "d";
  EXPECT_TRUE(check_access(firehose::CreateDeliveryStream::descriptor(), context, &input));
  input.kinesis_stream_source_configuration.emplace().kinesis_stream_arn =
      "arn:aws:kinesis:us-east-1:222222222222:stream/theirs";
  EXPECT_FALSE(check_access(firehose::CreateDeliveryStream::descriptor(), context, &input));
  EXPECT_EQ(access->asked().back(),
            "kinesis:GetRecords arn:aws:kinesis:us-east-1:222222222222:stream/theirs");
}

TEST(CheckAccess, WhoSetsUpAnApplicationMustBeAllowedItsInputs) {
  const auto access = std::make_shared<OnlyAction>("kinesisanalytics:CreateApplication");
  RequestContext context = context_of();
  context.access = access;
  kinesisanalyticsv2::CreateApplication::Input input;
  input.application_name = "a";
  auto& sql = input.application_configuration.emplace().sql_application_configuration.emplace();
  sql.inputs.emplace().emplace_back().kinesis_streams_input.emplace().resource_arn =
      "arn:aws-cn:kinesis:us-east-1:222222222222:stream/theirs";
  EXPECT_FALSE(check_access(kinesisanalyticsv2::CreateApplication::descriptor(), context, &input));
  EXPECT_EQ(access->asked().back(),
            "kinesis:GetRecords arn:aws:kinesis:us-east-1:222222222222:stream/theirs");
}

TEST(CheckAccess, EveryStepOfATransactionCounts) {
  const auto access = std::make_shared<OnlyAction>("dynamodb:PutItem");
  RequestContext context = context_of();
  context.access = access;
  dynamodb::TransactWriteItems::Input input;
  input.transact_items.emplace_back().put.emplace().table_name = "a";
  EXPECT_TRUE(check_access(dynamodb::TransactWriteItems::descriptor(), context, &input));
  input.transact_items.emplace_back().delete_.emplace().table_name = "b";
  EXPECT_FALSE(check_access(dynamodb::TransactWriteItems::descriptor(), context, &input));
  EXPECT_THAT(access->asked(),
              ElementsAre("dynamodb:PutItem arn:aws:dynamodb:eu-west-1:111111111111:table/a",
                          "dynamodb:PutItem arn:aws:dynamodb:eu-west-1:111111111111:table/a",
                          "dynamodb:DeleteItem arn:aws:dynamodb:eu-west-1:111111111111:table/b"));
}

TEST(ActionOf, IsTheOneThatPoliciesWrite) {
  EXPECT_EQ(action_of(kinesis::PutRecord::descriptor()), "kinesis:PutRecord");
  EXPECT_EQ(action_of(kinesisanalyticsv2::StartApplication::descriptor()),
            "kinesisanalytics:StartApplication");
}

}  // namespace
}  // namespace millstream::wire
