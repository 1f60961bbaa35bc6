// Registered consumers: states, limits, pages, tags, what a restart keeps.
#include <set>

#include "streams/control_harness.h"

namespace millstream::streams {
namespace {

namespace kinesis = wire::kinesis;

class ConsumerTest : public ControlHarness {
 protected:
  Result<kinesis::Consumer> add(const std::string& stream, const std::string& name) {
    kinesis::RegisterStreamConsumerInput in;
    in.stream_arn = key(stream).arn();
    in.consumer_name = name;
    auto out = wait(control().register_consumer(context, in));
    if (!out) return std::unexpected(out.error());
    return out->consumer;
  }
  Result<kinesis::ConsumerDescription> describe(const std::string& arn) {
    kinesis::DescribeStreamConsumerInput in;
    in.consumer_arn = arn;
    auto out = wait(control().describe_consumer(context, in));
    if (!out) return std::unexpected(out.error());
    return out->consumer_description;
  }
  Result<> take_back(const std::string& arn) {
    kinesis::DeregisterStreamConsumerInput in;
    in.consumer_arn = arn;
    return wait(control().deregister_consumer(context, in));
  }
  Result<kinesis::ListStreamConsumersOutput> list(const std::string& stream,
                                                  std::optional<std::string> token = std::nullopt,
                                                  std::optional<int32_t> limit = std::nullopt) {
    kinesis::ListStreamConsumersInput in;
    in.stream_arn = key(stream).arn();
    in.next_token = std::move(token);
    in.max_results = limit;
    return wait(control().list_consumers(context, in));
  }
  int32_t count(const std::string& stream) {
    kinesis::DescribeStreamSummaryInput in;
    in.stream_name = stream;
    auto out = wait(control().describe_stream_summary(context, in));
    return out.value().stream_description_summary.consumer_count.value_or(-1);
  }
  std::map<std::string, std::string> tags(const std::string& arn) {
    kinesis::ListTagsForResourceInput in;
    in.resource_arn = arn;
    std::map<std::string, std::string> found;
    for (const auto& tag : *wait(control().list_tags_for_resource(context, in)).value().tags) {
      found[tag.key] = tag.value.value_or("");
    }
    return found;
  }
};

TEST_F(ConsumerTest, ARegisteredConsumerIsActiveAndStaysOverARestart) {
  ASSERT_TRUE(create("clicks"));
  const auto consumer = add("clicks", "reader");
  ASSERT_TRUE(consumer) << consumer.error().message;
  EXPECT_EQ(consumer->consumer_status, "CREATING");
  EXPECT_EQ(consumer->consumer_arn,
            key("clicks").arn() + "/consumer/reader:" + std::to_string(clock.now_ms() / 1000));
  for (int run = 0; run < 2; ++run) {
    const auto described = describe(consumer->consumer_arn);
    ASSERT_TRUE(described) << described.error().message;
    EXPECT_EQ(described->consumer_status, "ACTIVE");
    EXPECT_EQ(described->stream_arn, key("clicks").arn());
    EXPECT_EQ(count("clicks"), 1);
    restart();
  }
}

TEST_F(ConsumerTest, StatesTakeTheStateDelay) {
  ASSERT_TRUE(create("clicks"));
  settings.state_delay = std::chrono::milliseconds(500);
  const std::string arn = add("clicks", "reader").value().consumer_arn;
  EXPECT_EQ(describe(arn).value().consumer_status, "CREATING");
  clock.advance(std::chrono::milliseconds(500));
  EXPECT_EQ(describe(arn).value().consumer_status, "ACTIVE");
  ASSERT_TRUE(take_back(arn));
  EXPECT_EQ(describe(arn).value().consumer_status, "DELETING");
  EXPECT_THAT(add("clicks", "reader"), fails(ErrorCode::kInUse, "already exists"));
  clock.advance(std::chrono::milliseconds(500));
  EXPECT_THAT(describe(arn), fails(ErrorCode::kNotFound, arn));
  EXPECT_TRUE(add("clicks", "reader"));
}

TEST_F(ConsumerTest, AConsumerThatWasTakenBackStaysAwayOverARestart) {
  ASSERT_TRUE(create("clicks"));
  settings.state_delay = std::chrono::milliseconds(500);
  const std::string arn = add("clicks", "reader").value().consumer_arn;
  ASSERT_TRUE(take_back(arn));
  restart();
  EXPECT_THAT(describe(arn), fails(ErrorCode::kNotFound, arn));
}

TEST_F(ConsumerTest, NamesAndNumbersAreLimited) {
  ASSERT_TRUE(create("clicks"));
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(add("clicks", "reader" + std::to_string(i)));
  EXPECT_THAT(add("clicks", "reader3"), fails(ErrorCode::kInUse, "reader3"));
  EXPECT_THAT(add("clicks", "another"), fails(ErrorCode::kLimitExceeded, "20"));
  EXPECT_THAT(add("nothing", "reader"), fails(ErrorCode::kNotFound, "nothing"));
  EXPECT_EQ(count("clicks"), 20);
}

TEST_F(ConsumerTest, FiveAreCreatedAtATime) {
  ASSERT_TRUE(create("clicks"));
  settings.state_delay = std::chrono::milliseconds(500);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(add("clicks", "reader" + std::to_string(i)));
  EXPECT_THAT(add("clicks", "sixth"), fails(ErrorCode::kLimitExceeded, "CREATING"));
  clock.advance(std::chrono::milliseconds(500));
  EXPECT_TRUE(add("clicks", "sixth"));
}

TEST_F(ConsumerTest, PagesShowEveryConsumerOnce) {
  ASSERT_TRUE(create("clicks"));
  for (int i = 0; i < 7; ++i) ASSERT_TRUE(add("clicks", "reader" + std::to_string(i)));
  std::set<std::string> seen;
  std::optional<std::string> token;
  int pages = 0;
  do {
    const auto page = list("clicks", token, 3);
    ASSERT_TRUE(page) << page.error().message;
    for (const auto& consumer : *page->consumers) seen.insert(consumer.consumer_name);
    token = page->next_token;
    ++pages;
  } while (token);
  EXPECT_EQ(seen.size(), 7U);
  EXPECT_EQ(pages, 3);
}

TEST_F(ConsumerTest, PageTokensExpireAndCannotBeMadeUp) {
  ASSERT_TRUE(create("clicks"));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(add("clicks", "reader" + std::to_string(i)));
  const std::string token = list("clicks", std::nullopt, 1).value().next_token.value();
  EXPECT_THAT(list("clicks", "AAAA"), fails(ErrorCode::kInvalidArgument, "NextToken"));
  clock.advance(std::chrono::milliseconds(300'001));
  EXPECT_THAT(list("clicks", token), fails(ErrorCode::kExpiredNextToken, "300"));
}

TEST_F(ConsumerTest, AnotherCreationTimeNamesAnotherStream) {
  ASSERT_TRUE(create("clicks"));
  kinesis::ListStreamConsumersInput in;
  in.stream_arn = key("clicks").arn();
  in.stream_creation_timestamp = wire::Timestamp{find("clicks")->created_ms};
  EXPECT_TRUE(wait(control().list_consumers(context, in)));
  in.stream_creation_timestamp->ms -= 60'000;
  EXPECT_THAT(wait(control().list_consumers(context, in)), fails(ErrorCode::kNotFound, "clicks"));
}

TEST_F(ConsumerTest, ConsumersHaveTags) {
  ASSERT_TRUE(create("clicks"));
  kinesis::RegisterStreamConsumerInput in;
  in.stream_arn = key("clicks").arn();
  in.consumer_name = "reader";
  in.tags.emplace();
  (*in.tags)["team"] = "a";
  const std::string arn =
      wait(control().register_consumer(context, in)).value().consumer.consumer_arn;
  kinesis::TagResourceInput more;
  more.resource_arn = arn;
  more.tags["stage"] = "test";
  ASSERT_TRUE(wait(control().tag_resource(context, more)));
  using Tags = std::map<std::string, std::string>;
  EXPECT_EQ(tags(arn), (Tags{{"stage", "test"}, {"team", "a"}}));
  restart();
  kinesis::UntagResourceInput less;
  less.resource_arn = arn;
  less.tag_keys = {"team"};
  ASSERT_TRUE(wait(control().untag_resource(context, less)));
  EXPECT_EQ(tags(arn), (Tags{{"stage", "test"}}));
  EXPECT_TRUE(find("clicks")->tags.empty());
}

TEST_F(ConsumerTest, AStreamWithConsumersIsDeletedOnlyIfEnforced) {
  ASSERT_TRUE(create("clicks"));
  ASSERT_TRUE(add("clicks", "reader"));
  EXPECT_THAT(remove("clicks"),
              fails(ErrorCode::kInUse,
                    "DeleteStream can't delete 000000000000:clicks because there are consumers "
                    "associated with this data stream. To delete clicks anyway, set the "
                    "EnforceConsumerDeletion parameter to true to force the deletion of all the "
                    "consumers that are associated with it."));
  kinesis::DeleteStreamInput in;
  in.stream_name = "clicks";
  in.enforce_consumer_deletion = true;
  EXPECT_TRUE(wait(control().delete_stream(context, in)));
  EXPECT_EQ(find("clicks"), nullptr);
  ASSERT_TRUE(create("clicks"));
  EXPECT_EQ(count("clicks"), 0);
}

TEST_F(ConsumerTest, ConflictingNamesAreRefused) {
  ASSERT_TRUE(create("clicks"));
  const std::string arn = add("clicks", "reader").value().consumer_arn;
  kinesis::DescribeStreamConsumerInput in;
  in.consumer_arn = arn;
  in.consumer_name = "other";
  EXPECT_THAT(wait(control().describe_consumer(context, in)),
              fails(ErrorCode::kInvalidArgument, "ConsumerARN"));
  in = {};
  in.stream_arn = key("clicks").arn();
  EXPECT_THAT(wait(control().describe_consumer(context, in)),
              fails(ErrorCode::kInvalidArgument, "StreamARN"));
  in.consumer_name = "reader";
  EXPECT_EQ(
      wait(control().describe_consumer(context, in)).value().consumer_description.consumer_arn,
      arn);
}

}  // namespace
}  // namespace millstream::streams
