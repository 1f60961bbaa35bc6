// ListShards: filters, pages, tokens.
#include "streams/listing.h"

#include "streams/control_harness.h"

namespace millstream::streams {
namespace {

namespace kinesis = wire::kinesis;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class ListShardsTest : public ControlHarness {
 protected:
  kinesis::ListShardsInput of(std::string name) {
    kinesis::ListShardsInput in;
    in.stream_name = std::move(name);
    return in;
  }
  Result<kinesis::ListShardsOutput> call(kinesis::ListShardsInput in) {
    return wait(control().list_shards(context, std::move(in)));
  }
  // The indices that a filter lets through.
  std::vector<int> indices(std::string type, std::optional<TimeMs> time = {},
                           std::optional<std::string> shard = {}) {
    auto in = of("clicks");
    in.shard_filter.emplace();
    in.shard_filter->type = std::move(type);
    if (time) in.shard_filter->timestamp = wire::Timestamp{*time};
    in.shard_filter->shard_id = std::move(shard);
    std::vector<int> found;
    for (const auto& listed : *call(in).value().shards) {
      found.push_back(std::stoi(listed.shard_id.substr(8)));
    }
    return found;
  }
  // 0 and 1 from the start; 0 -> 2, 3 at `split_ms`; 3 + 1 -> 4 at `merge_ms`.
  void make_history() {
    ASSERT_TRUE(create("clicks", 2));
    created_ms = clock.now_ms();
    clock.advance(std::chrono::hours(1));
    ASSERT_TRUE(split("clicks", "0", "1000"));
    split_ms = clock.now_ms();
    clock.advance(std::chrono::hours(1));
    ASSERT_TRUE(merge("clicks", "3", "1"));
    merge_ms = clock.now_ms();
    clock.advance(std::chrono::hours(1));
  }
  TimeMs created_ms = 0;
  TimeMs split_ms = 0;
  TimeMs merge_ms = 0;
};

TEST_F(ListShardsTest, ShowsOpenAndClosedShardsWithTheirFamily) {
  make_history();
  const auto out = call(of("clicks")).value();
  ASSERT_THAT(*out.shards, SizeIs(5));
  EXPECT_FALSE(out.next_token);
  EXPECT_TRUE(out.shards->at(0).sequence_number_range.ending_sequence_number);
  EXPECT_FALSE(out.shards->at(2).sequence_number_range.ending_sequence_number);
  EXPECT_EQ(out.shards->at(2).parent_shard_id, "shardId-000000000000");
  EXPECT_FALSE(out.shards->at(2).adjacent_parent_shard_id);
  EXPECT_EQ(out.shards->at(4).parent_shard_id, "shardId-000000000003");
  EXPECT_EQ(out.shards->at(4).adjacent_parent_shard_id, "shardId-000000000001");
  EXPECT_EQ(out.shards->at(4).hash_key_range.starting_hash_key, "1000");
}

TEST_F(ListShardsTest, FiltersByTimeAndShard) {
  make_history();
  EXPECT_THAT(indices("FROM_TRIM_HORIZON"), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(indices("AT_TRIM_HORIZON"), ElementsAre(0, 1));
  EXPECT_THAT(indices("AT_LATEST"), ElementsAre(2, 4));
  EXPECT_THAT(indices("AT_TIMESTAMP", created_ms), ElementsAre(0, 1));
  EXPECT_THAT(indices("AT_TIMESTAMP", split_ms - 1), ElementsAre(0, 1));
  EXPECT_THAT(indices("AT_TIMESTAMP", split_ms), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(indices("AT_TIMESTAMP", split_ms + 1), ElementsAre(1, 2, 3));
  EXPECT_THAT(indices("AT_TIMESTAMP", merge_ms + 1), ElementsAre(2, 4));
  EXPECT_THAT(indices("AT_TIMESTAMP", 0), ElementsAre(0, 1)) << "the trim horizon";
  EXPECT_THAT(indices("AT_TIMESTAMP", clock.now_ms() + 60'000), ElementsAre(2, 4));
  EXPECT_THAT(indices("FROM_TIMESTAMP", split_ms + 1), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(indices("FROM_TIMESTAMP", 0), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(indices("FROM_TIMESTAMP", merge_ms + 1), ElementsAre(2, 4));
  EXPECT_THAT(indices("AFTER_SHARD_ID", {}, "shardId-000000000002"), ElementsAre(3, 4));
  EXPECT_THAT(indices("AFTER_SHARD_ID", {}, "shardId-000000000004"), IsEmpty());
}

TEST_F(ListShardsTest, AtAnyTimeTheFilterCoversAllHashKeysOnce) {
  make_history();
  for (TimeMs time = created_ms + 1; time < clock.now_ms(); time += 599'999) {
    auto in = of("clicks");
    in.shard_filter.emplace();
    in.shard_filter->type = "AT_TIMESTAMP";
    in.shard_filter->timestamp = wire::Timestamp{time};
    Stream open;
    for (const auto& listed : *call(in).value().shards) {
      Shard shard = *find("clicks")->find_shard(listed.shard_id);
      shard.open = true;
      open.shards.push_back(shard);
    }
    open.index_open_shards();  // asserts it
    EXPECT_FALSE(open.shards.empty());
  }
}

TEST_F(ListShardsTest, ClosedShardsVanishWithTheEndOfTheirRetention) {
  make_history();
  clock.set_wall(split_ms + 24 * 3'600'000);
  EXPECT_THAT(indices("FROM_TRIM_HORIZON"), ElementsAre(0, 1, 2, 3, 4));
  clock.set_wall(split_ms + 24 * 3'600'000 + 1);
  EXPECT_THAT(indices("FROM_TRIM_HORIZON"), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(indices("AT_TRIM_HORIZON"), ElementsAre(1, 2, 3));
  kinesis::DescribeStreamInput in;
  in.stream_name = "clicks";
  EXPECT_THAT(wait(control().describe_stream(context, in)).value().stream_description.shards,
              SizeIs(4));
  ASSERT_TRUE(increase_retention("clicks", 48));
  EXPECT_THAT(indices("FROM_TRIM_HORIZON"), ElementsAre(0, 1, 2, 3, 4));
  clock.set_wall(merge_ms + 48 * 3'600'000 + 1);
  EXPECT_THAT(indices("FROM_TRIM_HORIZON"), ElementsAre(2, 4));
  EXPECT_THAT(indices("AT_TRIM_HORIZON"), ElementsAre(2, 4));
}

TEST_F(ListShardsTest, PagesKeepTheirFilter) {
  make_history();
  auto in = of("clicks");
  in.max_results = 1;
  in.shard_filter.emplace();
  in.shard_filter->type = "AT_LATEST";
  auto page = call(in).value();
  ASSERT_THAT(*page.shards, SizeIs(1));
  EXPECT_EQ(page.shards->at(0).shard_id, "shardId-000000000002");
  ASSERT_TRUE(page.next_token);
  kinesis::ListShardsInput next;
  next.next_token = page.next_token;
  page = call(next).value();
  ASSERT_THAT(*page.shards, SizeIs(1));
  EXPECT_EQ(page.shards->at(0).shard_id, "shardId-000000000004");
  EXPECT_FALSE(page.next_token);
}

TEST_F(ListShardsTest, PagesHaveAThousandShardsUnlessAskedOtherwise) {
  ASSERT_TRUE(create("clicks", 1500));
  auto page = call(of("clicks")).value();
  EXPECT_THAT(*page.shards, SizeIs(1000));
  kinesis::ListShardsInput next;
  next.next_token = page.next_token;
  page = call(next).value();
  EXPECT_THAT(*page.shards, SizeIs(500));
  EXPECT_EQ(page.shards->back().shard_id, "shardId-000000001499");
  EXPECT_FALSE(page.next_token);
  auto all = of("clicks");
  all.max_results = 10'000;
  EXPECT_THAT(*call(all).value().shards, SizeIs(1500));
  all.exclusive_start_shard_id = "shardId-000000001400";
  EXPECT_THAT(*call(all).value().shards, SizeIs(99));
}

TEST_F(ListShardsTest, TokensEndAfter300SecondsOrWithTheirStream) {
  ASSERT_TRUE(create("clicks", 3));
  auto in = of("clicks");
  in.max_results = 1;
  kinesis::ListShardsInput next;
  next.next_token = call(in).value().next_token;
  clock.advance(std::chrono::seconds(300));
  EXPECT_TRUE(call(next));
  restart();
  EXPECT_TRUE(call(next)) << "a restart does no harm";
  clock.advance(std::chrono::milliseconds(1));
  EXPECT_THAT(call(next), fails(ErrorCode::kExpiredNextToken, "300 seconds"));
  next.next_token = call(in).value().next_token;
  ASSERT_TRUE(remove("clicks"));
  EXPECT_THAT(call(next), fails(ErrorCode::kNotFound, "not found"));
  ASSERT_TRUE(create("clicks", 3));
  EXPECT_THAT(call(next), fails(ErrorCode::kNotFound, "not found")) << "it is another stream";
}

TEST_F(ListShardsTest, ForeignAndGarbledTokensAreRefused) {
  ASSERT_TRUE(create("clicks", 3));
  auto in = of("clicks");
  in.max_results = 1;
  kinesis::ListShardsInput next;
  next.next_token = call(in).value().next_token;
  context.account = "123456789012";
  EXPECT_THAT(call(next), fails(ErrorCode::kInvalidArgument, "NextToken"));
  context.account = "000000000000";
  ASSERT_TRUE(call(next));
  std::string garbled = *next.next_token;
  garbled[garbled.size() / 2] = garbled[garbled.size() / 2] == 'A' ? 'B' : 'A';
  for (const std::string& bad : {garbled, std::string("x"), std::string("AAAA")}) {
    next.next_token = bad;
    EXPECT_THAT(call(next), fails(ErrorCode::kInvalidArgument, "NextToken")) << bad;
  }
}

TEST_F(ListShardsTest, MembersThatDontGoTogetherAreRefusedWithAwssTexts) {
  ASSERT_TRUE(create("clicks"));
  EXPECT_THAT(call({}), fails(ErrorCode::kInvalidArgument,
                              "Either NextToken or StreamName should be provided."));
  const auto refused = [this](auto set, std::string member) {
    kinesis::ListShardsInput in;
    in.next_token = "x";
    set(in);
    EXPECT_THAT(call(in), fails(ErrorCode::kInvalidArgument,
                                "NextToken and " + member + " cannot be provided together."));
  };
  refused([](auto& in) { in.stream_name = "clicks"; }, "StreamName");
  refused([](auto& in) { in.stream_arn = "arn:aws:kinesis:x:000000000000:stream/x"; }, "StreamARN");
  refused([](auto& in) { in.exclusive_start_shard_id = "x"; }, "ExclusiveStartShardId");
  refused([](auto& in) { in.stream_creation_timestamp.emplace(); }, "StreamCreationTimestamp");
  refused([](auto& in) { in.shard_filter.emplace(); }, "ShardFilter");
  const auto bad_filter = [this](kinesis::ShardFilter filter, std::string text) {
    auto in = of("clicks");
    in.shard_filter = filter;
    EXPECT_THAT(call(in), fails(ErrorCode::kInvalidArgument, text));
  };
  kinesis::ShardFilter filter;
  filter.type = "AT_TIMESTAMP";
  bad_filter(filter, "needs Timestamp");
  filter.type = "AFTER_SHARD_ID";
  bad_filter(filter, "needs ShardId");
  filter.shard_id = "shardId-000000000000";
  filter.type = "AT_LATEST";
  bad_filter(filter, "cannot be used with ShardId");
}

TEST_F(ListShardsTest, ACreationTimestampTellsStreamsOfOneNameApart) {
  ASSERT_TRUE(create("clicks"));
  auto in = of("clicks");
  kinesis::DescribeStreamSummaryInput describe;
  describe.stream_name = "clicks";
  in.stream_creation_timestamp = wait(control().describe_stream_summary(context, describe))
                                     .value()
                                     .stream_description_summary.stream_creation_timestamp;
  EXPECT_TRUE(call(in));
  in.stream_creation_timestamp->ms -= 1000;
  EXPECT_THAT(call(in), fails(ErrorCode::kNotFound, "not found"));
}

TEST_F(ListShardsTest, AStreamThatIsBeingCreatedHasNoShardsYet) {
  settings.state_delay = std::chrono::hours(1);
  ASSERT_TRUE(create("clicks", 3));
  EXPECT_THAT(*call(of("clicks")).value().shards, IsEmpty());
}

}  // namespace
}  // namespace millstream::streams
