// The operations on streams and tags, as a client calls them.
#include "streams/control_plane.h"

#include <set>

#include "streams/control_harness.h"
#include "streams/tags.h"

namespace millstream::streams {
namespace {

namespace kinesis = wire::kinesis;
using testing::ElementsAre;
using testing::SizeIs;

class ControlPlaneTest : public ControlHarness {
 protected:
  kinesis::CreateStreamInput create_input(std::string name) {
    kinesis::CreateStreamInput in;
    in.stream_name = std::move(name);
    return in;
  }
  kinesis::CreateStreamInput on_demand(std::string name) {
    auto in = create_input(std::move(name));
    in.stream_mode_details.emplace();
    in.stream_mode_details->stream_mode = "ON_DEMAND";
    return in;
  }
  Result<> call_create(kinesis::CreateStreamInput in) {
    return wait(control().create_stream(context, std::move(in)));
  }
  kinesis::StreamDescription describe(const std::string& name, std::optional<int32_t> limit = {},
                                      std::optional<std::string> after = {}) {
    kinesis::DescribeStreamInput in;
    in.stream_name = name;
    in.limit = limit;
    in.exclusive_start_shard_id = std::move(after);
    return wait(control().describe_stream(context, in)).value().stream_description;
  }
  kinesis::StreamDescriptionSummary summary(const std::string& name) {
    kinesis::DescribeStreamSummaryInput in;
    in.stream_name = name;
    return wait(control().describe_stream_summary(context, in)).value().stream_description_summary;
  }
  kinesis::ListStreamsOutput list(kinesis::ListStreamsInput in = {}) {
    return wait(control().list_streams(context, std::move(in))).value();
  }
  Result<> decrease_retention(const std::string& name, int32_t hours) {
    kinesis::DecreaseStreamRetentionPeriodInput in;
    in.stream_name = name;
    in.retention_period_hours = hours;
    return wait(control().decrease_retention(context, in));
  }
  Result<> tag(const std::string& name, Tags tags) {
    kinesis::AddTagsToStreamInput in;
    in.stream_name = name;
    in.tags = std::move(tags);
    return wait(control().add_tags_to_stream(context, in));
  }
  Result<> untag(const std::string& name, std::vector<std::string> keys) {
    kinesis::RemoveTagsFromStreamInput in;
    in.stream_name = name;
    in.tag_keys = std::move(keys);
    return wait(control().remove_tags_from_stream(context, in));
  }
};

TEST_F(ControlPlaneTest, AProvisionedStreamIsDescribedAsItWasCreated) {
  auto in = create_input("clicks");
  in.shard_count = 3;
  in.max_record_size_in_kib = 10'240;
  in.tags = Tags{{"team", "web"}};
  ASSERT_TRUE(call_create(in));
  const auto description = describe("clicks");
  EXPECT_EQ(description.stream_name, "clicks");
  EXPECT_EQ(description.stream_arn, "arn:aws:kinesis:us-east-1:000000000000:stream/clicks");
  EXPECT_EQ(description.stream_status, "ACTIVE");
  EXPECT_EQ(description.stream_mode_details->stream_mode, "PROVISIONED");
  EXPECT_EQ(description.retention_period_hours, 24);
  EXPECT_EQ(description.stream_creation_timestamp.ms, clock.now_ms() / 1000 * 1000);
  EXPECT_EQ(description.encryption_type, "NONE");
  ASSERT_THAT(description.enhanced_monitoring, SizeIs(1));
  EXPECT_TRUE(description.enhanced_monitoring[0].shard_level_metrics->empty());
  EXPECT_FALSE(description.has_more_shards);
  ASSERT_THAT(description.shards, SizeIs(3));
  const auto& shard = description.shards[1];
  EXPECT_EQ(shard.shard_id, "shardId-000000000001");
  EXPECT_EQ(shard.hash_key_range.starting_hash_key, "113427455640312821154458202477256070485");
  EXPECT_EQ(shard.hash_key_range.ending_hash_key, "226854911280625642308916404954512140969");
  EXPECT_THAT(shard.sequence_number_range.starting_sequence_number, SizeIs(56));
  EXPECT_FALSE(shard.sequence_number_range.ending_sequence_number);
  EXPECT_FALSE(shard.parent_shard_id);

  const auto short_one = summary("clicks");
  EXPECT_EQ(short_one.open_shard_count, 3);
  EXPECT_EQ(short_one.consumer_count, 0);
  EXPECT_EQ(short_one.max_record_size_in_kib, 10'240);
  EXPECT_EQ(short_one.stream_arn, description.stream_arn);
  EXPECT_FALSE(short_one.record_distribution_strategy);
  EXPECT_EQ(find("clicks")->tags, *in.tags);
}

TEST_F(ControlPlaneTest, AnOnDemandStreamHasFourShards) {
  ASSERT_TRUE(call_create(on_demand("clicks")));
  EXPECT_EQ(summary("clicks").open_shard_count, 4);
  EXPECT_EQ(summary("clicks").stream_mode_details->stream_mode, "ON_DEMAND");
  EXPECT_EQ(summary("clicks").record_distribution_strategy, "USER_PARTITION_KEY");
  EXPECT_THAT(split("clicks", "0", "1000"), fails(ErrorCode::kValidation, "is in On-Demand mode."));
  EXPECT_THAT(merge("clicks", "0", "1"), fails(ErrorCode::kValidation, "is in On-Demand mode."));
}

TEST_F(ControlPlaneTest, WarmThroughputIsThereFromTheStart) {
  auto in = on_demand("clicks");
  in.warm_throughput_mibps = 10;
  ASSERT_TRUE(call_create(in));
  EXPECT_EQ(summary("clicks").open_shard_count, 10);
  EXPECT_EQ(summary("clicks").warm_throughput->current_mibps, 10);
}

TEST_F(ControlPlaneTest, MembersThatDontGoTogetherAreRefused) {
  auto in = on_demand("clicks");
  in.shard_count = 2;
  EXPECT_THAT(call_create(in), fails(ErrorCode::kInvalidArgument,
                                     "ShardCount is not expected when StreamMode=ON_DEMAND"));
  in = on_demand("clicks");
  in.record_distribution_strategy = "AUTO";
  EXPECT_THAT(call_create(in), fails(ErrorCode::kInvalidArgument, "AUTO is not supported"));
  EXPECT_THAT(call_create(create_input("clicks")), fails(ErrorCode::kValidation, "'shardCount'"));
  in = create_input("clicks");
  in.shard_count = 1;
  in.warm_throughput_mibps = 5;
  EXPECT_THAT(call_create(in), fails(ErrorCode::kInvalidArgument, "WarmThroughputMiBps"));
  in = create_input("clicks");
  in.shard_count = 1;
  in.tags = Tags{{"a;b", "c"}};
  EXPECT_THAT(call_create(in), fails(ErrorCode::kInvalidArgument, "invalid characters"));
  EXPECT_FALSE(find("clicks"));
}

TEST_F(ControlPlaneTest, AnExistingNameIsInUse) {
  ASSERT_TRUE(create("clicks"));
  EXPECT_THAT(create("clicks", 5),
              fails(ErrorCode::kInUse, "Stream clicks under account 000000000000 already exists."));
  EXPECT_EQ(summary("clicks").open_shard_count, 1);
}

TEST_F(ControlPlaneTest, TheShardLimitCountsOneAccountAndRegion) {
  settings.shards_per_account_and_region = 5;
  ASSERT_TRUE(create("clicks", 3));
  EXPECT_THAT(
      create("views", 3),
      fails(ErrorCode::kLimitExceeded,
            "This request would exceed the shard limit for the account 000000000000 in us-east-1. "
            "Current shard count for the account: 3. Limit: 5. Number of additional shards that "
            "would have resulted from this request: 3. Refer to the AWS Service Limits page "
            "(http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) for current "
            "limits and how to request higher limits."));
  EXPECT_FALSE(find("views"));
  ASSERT_TRUE(create("views", 2));
  EXPECT_THAT(split("clicks", "0", "1000"),
              fails(ErrorCode::kLimitExceeded, "resulted from this request: 1."));
  EXPECT_EQ(find("clicks")->status, StreamStatus::kActive);
  EXPECT_TRUE(merge("clicks", "0", "1"));
  EXPECT_TRUE(split("views", "0", "1000"));
  context.region = "eu-west-1";
  EXPECT_TRUE(create("clicks", 5));
}

TEST_F(ControlPlaneTest, AStreamIsNamedByNameOrArn) {
  ASSERT_TRUE(create("clicks"));
  kinesis::DescribeStreamSummaryInput in;
  in.stream_arn = "arn:aws:kinesis:us-east-1:000000000000:stream/clicks";
  in.stream_id = "aaaaaaaaaaaaaaaaaaaa-bbb";
  context = {"123456789012", "eu-west-1", "", ""};
  EXPECT_TRUE(wait(control().describe_stream_summary(context, in))) << "the ARN's own place counts";
  in.stream_name = "clicks";
  EXPECT_TRUE(wait(control().describe_stream_summary(context, in)));
  in.stream_name = "views";
  EXPECT_THAT(wait(control().describe_stream_summary(context, in)),
              fails(ErrorCode::kInvalidArgument, "different streams"));
  EXPECT_THAT(wait(control().describe_stream_summary(context, {})),
              fails(ErrorCode::kInvalidArgument, "Either StreamName or StreamARN"));
}

TEST_F(ControlPlaneTest, UnknownStreamsAreNotFoundByAnyOperation) {
  const auto not_found = [this](const std::string& name = "views") {
    return fails(ErrorCode::kNotFound,
                 fmt::format("Stream {} under account {} not found.", name, context.account));
  };
  kinesis::DescribeStreamInput describe_in;
  describe_in.stream_name = "views";
  EXPECT_THAT(wait(control().describe_stream(context, describe_in)), not_found());
  kinesis::DescribeStreamSummaryInput summary_in;
  summary_in.stream_name = "views";
  EXPECT_THAT(wait(control().describe_stream_summary(context, summary_in)), not_found());
  EXPECT_THAT(remove("views"), not_found());
  EXPECT_THAT(split("views", "0", "10"), not_found());
  EXPECT_THAT(merge("views", "0", "1"), not_found());
  EXPECT_THAT(increase_retention("views", 48), not_found());
  EXPECT_THAT(decrease_retention("views", 24), not_found());
  EXPECT_THAT(tag("views", {{"a", "b"}}), not_found());
  EXPECT_THAT(untag("views", {"a"}), not_found());
  kinesis::ListTagsForStreamInput tags_in;
  tags_in.stream_name = "views";
  EXPECT_THAT(wait(control().list_tags_for_stream(context, tags_in)), not_found());
  kinesis::ListTagsForResourceInput resource_in;
  resource_in.resource_arn = "arn:aws:kinesis:us-east-1:000000000000:stream/views";
  EXPECT_THAT(wait(control().list_tags_for_resource(context, resource_in)), not_found());
}

TEST_F(ControlPlaneTest, DescribeStreamPagesByHundredShardsAtMost) {
  ASSERT_TRUE(create("clicks", 250));
  std::vector<std::string> ids;
  std::optional<std::string> after;
  int pages = 0;
  for (bool more = true; more; ++pages) {
    const auto page = describe("clicks", 1000, after);
    for (const auto& shard : page.shards) ids.push_back(shard.shard_id);
    more = page.has_more_shards;
    after = ids.back();
  }
  EXPECT_EQ(pages, 3);
  EXPECT_THAT(ids, SizeIs(250));
  EXPECT_THAT(std::set(ids.begin(), ids.end()), SizeIs(250));
  EXPECT_THAT(describe("clicks", 1).shards, SizeIs(1));
  EXPECT_TRUE(describe("clicks", 249 - 100, "shardId-000000000149").shards.size() == 100);
  EXPECT_FALSE(describe("clicks", 100, "shardId-000000000149").has_more_shards);
}

TEST_F(ControlPlaneTest, ListStreamsPagesByNameAndByToken) {
  for (const char* name : {"d", "b", "a", "c", "e"}) ASSERT_TRUE(create(name));
  EXPECT_THAT(list().stream_names, ElementsAre("a", "b", "c", "d", "e"));
  EXPECT_FALSE(list().has_more_streams);
  EXPECT_FALSE(list().next_token);
  ASSERT_THAT(*list().stream_summaries, SizeIs(5));
  EXPECT_EQ(list().stream_summaries->at(1).stream_arn,
            "arn:aws:kinesis:us-east-1:000000000000:stream/b");
  EXPECT_EQ(list().stream_summaries->at(1).stream_status, "ACTIVE");

  kinesis::ListStreamsInput in;
  in.limit = 2;
  auto page = list(in);
  EXPECT_THAT(page.stream_names, ElementsAre("a", "b"));
  EXPECT_TRUE(page.has_more_streams);
  in.next_token = page.next_token;
  page = list(in);
  EXPECT_THAT(page.stream_names, ElementsAre("c", "d"));
  in.next_token = page.next_token;
  page = list(in);
  EXPECT_THAT(page.stream_names, ElementsAre("e"));
  EXPECT_FALSE(page.has_more_streams);

  kinesis::ListStreamsInput by_name;
  by_name.exclusive_start_stream_name = "bb";  // need not exist
  EXPECT_THAT(list(by_name).stream_names, ElementsAre("c", "d", "e"));
}

TEST_F(ControlPlaneTest, AForeignTokenListsNoStreams) {
  for (const char* name : {"a", "b"}) ASSERT_TRUE(create(name));
  kinesis::ListStreamsInput in;
  in.limit = 1;
  in.next_token = list(in).next_token;
  context.region = "eu-west-1";
  EXPECT_THAT(wait(control().list_streams(context, in)),
              fails(ErrorCode::kInvalidArgument, "NextToken"));
  in.next_token = "garbage";
  EXPECT_THAT(wait(control().list_streams(context, in)),
              fails(ErrorCode::kInvalidArgument, "NextToken"));
}

TEST_F(ControlPlaneTest, DescribeLimitsCountsWhatThereIs) {
  settings.shards_per_account_and_region = 100;
  ASSERT_TRUE(create("clicks", 3));
  ASSERT_TRUE(split("clicks", "0", "1000"));
  ASSERT_TRUE(call_create(on_demand("views")));
  const auto limits = wait(control().describe_limits(context, {})).value();
  EXPECT_EQ(limits.shard_limit, 100);
  EXPECT_EQ(limits.open_shard_count, 8);
  EXPECT_EQ(limits.on_demand_stream_count, 1);
  EXPECT_EQ(limits.on_demand_stream_count_limit, 25);
}

TEST_F(ControlPlaneTest, RetentionGoesUpAndDownWithinItsBounds) {
  ASSERT_TRUE(create("clicks", 2));
  EXPECT_THAT(increase_retention("clicks", 23),
              fails(ErrorCode::kInvalidArgument,
                    "Minimum allowed retention period is 24 hours. Requested retention period (23 "
                    "hours) is too short."));
  EXPECT_THAT(
      increase_retention("clicks", 8761),
      fails(ErrorCode::kInvalidArgument, "Maximum allowed retention period is 8760 hours."));
  ASSERT_TRUE(increase_retention("clicks", 8760));
  EXPECT_EQ(describe("clicks").retention_period_hours, 8760);
  EXPECT_EQ(log.options(find("clicks")->shards[1].log_id).retention_ms, TimeMs{8760} * 3'600'000);
  EXPECT_THAT(increase_retention("clicks", 48),
              fails(ErrorCode::kInvalidArgument,
                    "Requested retention period (48 hours) for stream clicks can not be shorter "
                    "than existing retention period (8760 hours). Use DecreaseRetentionPeriod "
                    "API."));
  ASSERT_TRUE(decrease_retention("clicks", 48));
  EXPECT_EQ(log.options(find("clicks")->shards[0].log_id).retention_ms, TimeMs{48} * 3'600'000);
  EXPECT_THAT(decrease_retention("clicks", 72),
              fails(ErrorCode::kInvalidArgument,
                    "can not be longer than existing retention period "
                    "(48 hours). Use IncreaseRetentionPeriod API."));
  ASSERT_TRUE(split("clicks", "0", "1000"));
  EXPECT_EQ(log.options(find("clicks")->shards[3].log_id).retention_ms, TimeMs{48} * 3'600'000)
      << "children have their stream's retention";
}

TEST_F(ControlPlaneTest, TheRecordSizeOfAStreamCanBeChanged) {
  ASSERT_TRUE(create("clicks"));
  kinesis::UpdateMaxRecordSizeInput in;
  in.stream_arn = find("clicks")->key.arn();
  in.max_record_size_in_kib = 2048;
  ASSERT_TRUE(wait(control().update_max_record_size(context, in)));
  restart();
  EXPECT_EQ(find("clicks")->max_record_kib, 2048);
}

TEST_F(ControlPlaneTest, TagsAreAddedReplacedAndRemoved) {
  ASSERT_TRUE(create("clicks"));
  ASSERT_TRUE(tag("clicks", {{"a", "1"}, {"b", "2"}, {"Größe", "x/y z_.=+-@:"}}));
  ASSERT_TRUE(tag("clicks", {{"b", "3"}, {"c", ""}}));
  ASSERT_TRUE(untag("clicks", {"a", "missing"}));
  kinesis::ListTagsForStreamInput in;
  in.stream_name = "clicks";
  in.limit = 2;
  auto out = wait(control().list_tags_for_stream(context, in)).value();
  ASSERT_THAT(out.tags, SizeIs(2));
  EXPECT_TRUE(out.has_more_tags);
  EXPECT_EQ(out.tags[0].key, "Größe");
  EXPECT_EQ(out.tags[1].key, "b");
  EXPECT_EQ(out.tags[1].value, "3");
  in.exclusive_start_tag_key = "b";
  out = wait(control().list_tags_for_stream(context, in)).value();
  ASSERT_THAT(out.tags, SizeIs(1));
  EXPECT_EQ(out.tags[0].value, "");
  EXPECT_FALSE(out.has_more_tags);
  restart();
  EXPECT_THAT(find("clicks")->tags, SizeIs(3));
}

TEST_F(ControlPlaneTest, BadTagsAreRefusedWithAwssTexts) {
  ASSERT_TRUE(create("clicks"));
  const char* invalid =
      "Some tags contain invalid characters. Valid characters: Unicode letters, digits, white "
      "space, _ . / = + - % @.";
  for (const char* bad : {"a;b", "a\tb", "a\nb", "a,b", "a\xE2\x82\xAC"}) {
    EXPECT_THAT(tag("clicks", {{bad, "x"}}), fails(ErrorCode::kInvalidArgument, invalid)) << bad;
    EXPECT_THAT(tag("clicks", {{"x", bad}}), fails(ErrorCode::kInvalidArgument, invalid)) << bad;
    EXPECT_THAT(untag("clicks", {bad}), fails(ErrorCode::kInvalidArgument, invalid)) << bad;
  }
  EXPECT_THAT(tag("clicks", {{"a%", "x"}}),
              fails(ErrorCode::kInvalidArgument,
                    "Failed to add tags to stream clicks under account 000000000000 because some "
                    "tags contained illegal characters. The allowed characters are Unicode "
                    "letters, white-spaces, '_',',','/','=','+','-','@'."));
  EXPECT_THAT(untag("clicks", {"a%"}),
              fails(ErrorCode::kInvalidArgument, "Failed to remove tags from stream clicks"));
  EXPECT_THAT(tag("clicks", {{"aws:x", "y"}}), fails(ErrorCode::kInvalidArgument, "reserved"));
  Tags many;
  for (int i = 0; i < 51; ++i) many[std::to_string(i)] = "x";
  EXPECT_THAT(tag("clicks", many),
              fails(ErrorCode::kInvalidArgument, "cannot have more than 50 tags"));
  many.erase("50");
  EXPECT_TRUE(tag("clicks", many));
  EXPECT_THAT(tag("clicks", {{"one more", "x"}}), fails(ErrorCode::kInvalidArgument, "50 tags"));
  EXPECT_TRUE(tag("clicks", {{"0", "replaced"}}));
}

TEST_F(ControlPlaneTest, TagsOfAResourceAreThoseOfItsStream) {
  ASSERT_TRUE(create("clicks"));
  const std::string arn = find("clicks")->key.arn();
  kinesis::TagResourceInput add;
  add.resource_arn = arn;
  add.tags = {{"a", "1"}, {"b", "2"}};
  ASSERT_TRUE(wait(control().tag_resource(context, add)));
  kinesis::UntagResourceInput remove_a;
  remove_a.resource_arn = arn;
  remove_a.tag_keys = {"a"};
  ASSERT_TRUE(wait(control().untag_resource(context, remove_a)));
  kinesis::ListTagsForResourceInput in;
  in.resource_arn = arn;
  const auto out = wait(control().list_tags_for_resource(context, in)).value();
  ASSERT_THAT(*out.tags, SizeIs(1));
  EXPECT_EQ(out.tags->at(0).key, "b");
  in.resource_arn = arn + "/consumer/app:1700000000";
  EXPECT_THAT(wait(control().list_tags_for_resource(context, in)),
              fails(ErrorCode::kNotFound, "Consumer"));
}

TEST_F(ControlPlaneTest, DeclaredStreamsAreActiveAndMayExistAlready) {
  settings.state_delay = std::chrono::milliseconds(20);
  NewStream wanted;
  wanted.key = key("clicks");
  wanted.shards = 4;
  ASSERT_TRUE(wait(control().ensure_stream(wanted)));
  EXPECT_EQ(find("clicks")->status, StreamStatus::kActive);
  wanted.shards = 2;
  ASSERT_TRUE(wait(control().ensure_stream(wanted)));
  EXPECT_EQ(find("clicks")->shards.size(), 4u);
}

TEST_F(ControlPlaneTest, EveryOperationIsRegistered) {
  wire::OperationTable table;
  // The data plane's members are not used here.
  StreamsContext streams{log, catalog(), clock, settings};
  register_control_operations(table, streams, control());
  EXPECT_EQ(table.entries().size(), 35u);
  const auto* entry = table.find("Kinesis_20131202.CreateStream");
  ASSERT_TRUE(entry);
  auto answer =
      wait(entry->handler(context, Slice::copy_of(R"({"StreamName": "clicks", "ShardCount": 2})")));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(find("clicks")->shards.size(), 2u);
  entry = table.find("Kinesis_20131202.DescribeStreamSummary");
  ASSERT_TRUE(entry);
  answer = wait(entry->handler(context, Slice::copy_of(R"({"StreamName": "clicks"})")));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_THAT(std::string(answer->view()), testing::HasSubstr(R"("OpenShardCount":2)"));
}

}  // namespace
}  // namespace millstream::streams
