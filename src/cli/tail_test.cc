#include "cli/tail.h"

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/text.h"
#include "cli/record_format.h"
#include "cli/run_coroutine.h"
#include "cli/shard_tracker.h"

namespace millstream::cli {
namespace {

using namespace wire::kinesis;

using Texts = std::vector<std::string>;

// A stream whose shards are lists of records; an iterator is "shard/index".
class TailTest : public testing::Test {
 protected:
  struct FakeShard {
    Texts records;
    Texts parents;
    Texts children;  // not empty: closed
  };

  TailTest() {
    options_.stream = "clicks";
    options_.from.kind = TailStart::Kind::kTrimHorizon;
    options_.follow = false;
    options_.poll = std::chrono::milliseconds(0);
    options_.retry = {.retries = 3,
                      .first = std::chrono::milliseconds(0),
                      .longest = std::chrono::milliseconds(0)};
  }

  Result<uint64_t> tail() {
    const TailCalls calls{
        .list_shards = [this](ListShardsInput input) { return list(std::move(input)); },
        .get_shard_iterator =
            [this](GetShardIteratorInput input) { return iterator(std::move(input)); },
        .get_records = [this](GetRecordsInput input) { return records(std::move(input)); }};
    const RecordSink sink = [this](const std::string& shard, const Record& record) {
      seen_.push_back(shard + ":" + record.data);
    };
    return run_coroutine(tail_stream(options_, calls, sink, [] {}));
  }

  // One shard a page.
  awaitable<Result<ListShardsOutput>> list(ListShardsInput input) {
    if (!input.next_token) filter_ = input.shard_filter->type;
    auto at = input.next_token ? shards_.find(*input.next_token) : shards_.begin();
    Shard shard;
    shard.shard_id = at->first;
    if (!at->second.parents.empty()) shard.parent_shard_id = at->second.parents[0];
    if (at->second.parents.size() > 1) shard.adjacent_parent_shard_id = at->second.parents[1];
    ListShardsOutput output;
    output.shards = std::vector{shard};
    if (++at != shards_.end()) output.next_token = at->first;
    co_return output;
  }
  awaitable<Result<GetShardIteratorOutput>> iterator(GetShardIteratorInput input) {
    iterators_.push_back(input.shard_id + " " + input.shard_iterator_type);
    const size_t index = input.shard_iterator_type == "AFTER_SEQUENCE_NUMBER"
                             ? *parse_integer<size_t>(*input.starting_sequence_number) + 1
                             : 0;
    GetShardIteratorOutput output;
    output.shard_iterator = fmt::format("{}/{}", input.shard_id, index);
    co_return output;
  }
  awaitable<Result<GetRecordsOutput>> records(GetRecordsInput input) {
    if (!errors_.empty()) {
      Error error = errors_.back();
      errors_.pop_back();
      co_return std::unexpected(error);
    }
    const auto parts = split(input.shard_iterator, '/');
    const std::string id(parts[0]);
    size_t index = *parse_integer<size_t>(parts[1]);
    const FakeShard& shard = shards_[id];
    GetRecordsOutput output;
    // Two records a call, so that shards take turns.
    for (int n = 0; n < 2 && index < shard.records.size(); ++n, ++index) {
      Record record;
      record.data = shard.records[index];
      record.sequence_number = fmt::format("{}", index);
      output.records.push_back(std::move(record));
    }
    const bool at_end = index == shard.records.size();
    output.millis_behind_latest = at_end ? 0 : 1;
    if (!at_end || shard.children.empty()) {
      output.next_shard_iterator = fmt::format("{}/{}", id, index);
      co_return output;
    }
    output.child_shards.emplace();
    for (const std::string& name : shard.children) {
      ChildShard child;
      child.shard_id = name;
      child.parent_shards = shards_[name].parents;
      output.child_shards->push_back(std::move(child));
    }
    co_return output;
  }

  TailOptions options_;
  std::map<std::string, FakeShard> shards_;
  std::vector<Error> errors_;
  std::string filter_;
  Texts iterators_;
  Texts seen_;
};

TEST_F(TailTest, ShowsAllShardsToTheirTip) {
  shards_["0"].records = {"a", "b", "c"};
  shards_["1"].records = {"x"};
  const auto count = tail();
  ASSERT_TRUE(count.has_value()) << count.error().message;
  EXPECT_EQ(*count, 4U);
  EXPECT_EQ(seen_, (Texts{"0:a", "0:b", "1:x", "0:c"}));
  EXPECT_EQ(filter_, "FROM_TRIM_HORIZON");
}

TEST_F(TailTest, FollowsASplitAndAMergeParentsFirst) {
  shards_["0"] = {.records = {"a", "b", "c"}, .parents = {}, .children = {"1", "2"}};
  shards_["1"] = {.records = {"d"}, .parents = {"0"}, .children = {"3"}};
  shards_["2"] = {.records = {"e", "f", "g"}, .parents = {"0"}, .children = {"3"}};
  shards_["3"] = {.records = {"h"}, .parents = {"1", "2"}, .children = {}};
  ASSERT_TRUE(tail().has_value());
  EXPECT_EQ(seen_, (Texts{"0:a", "0:b", "0:c", "1:d", "2:e", "2:f", "2:g", "3:h"}));
  EXPECT_EQ(iterators_,
            (Texts{"0 TRIM_HORIZON", "1 TRIM_HORIZON", "2 TRIM_HORIZON", "3 TRIM_HORIZON"}));
}

TEST_F(TailTest, ChildrenThatWereNotListedAreFoundByTheirParents) {
  // What AT_LATEST lists: the open shard; the split comes while it is read.
  shards_["0"] = {.records = {"a"}, .parents = {}, .children = {"1"}};
  options_.from.kind = TailStart::Kind::kLatest;
  const TailCalls calls{
      .list_shards = [this](ListShardsInput) -> awaitable<Result<ListShardsOutput>> {
        Shard shard;
        shard.shard_id = "0";
        ListShardsOutput output;
        output.shards = std::vector{shard};
        shards_["1"] = {.records = {"b"}, .parents = {"0"}, .children = {}};
        co_return output;
      },
      .get_shard_iterator =
          [this](GetShardIteratorInput input) { return iterator(std::move(input)); },
      .get_records = [this](GetRecordsInput input) { return records(std::move(input)); }};
  const RecordSink sink = [this](const std::string& shard, const Record& record) {
    seen_.push_back(shard + ":" + record.data);
  };
  const auto count = run_coroutine(tail_stream(options_, calls, sink, [] {}));
  ASSERT_TRUE(count.has_value());
  EXPECT_EQ(seen_, (Texts{"0:a", "1:b"}));
  EXPECT_EQ(iterators_, (Texts{"0 LATEST", "1 TRIM_HORIZON"}));
}

TEST_F(TailTest, EndsAtTheMaximum) {
  options_.follow = true;
  options_.max_records = 3;
  shards_["0"].records = {"a", "b", "c", "d"};
  EXPECT_EQ(tail(), 3U);
  EXPECT_EQ(seen_, (Texts{"0:a", "0:b", "0:c"}));
}

TEST_F(TailTest, AnExpiredIteratorIsRenewedAfterTheLastRecord) {
  options_.max_records = 3;
  shards_["0"].records = {"a", "b", "c"};
  errors_ = {{ErrorCode::kExpiredIterator, "expired"}};
  EXPECT_EQ(tail(), 3U);
  EXPECT_EQ(iterators_, (Texts{"0 TRIM_HORIZON", "0 TRIM_HORIZON"}));
}

TEST_F(TailTest, ThrottlingIsWaitedOutOtherErrorsEnd) {
  shards_["0"].records = {"a"};
  errors_ = {{ErrorCode::kThroughputExceeded, "slow down"}, {ErrorCode::kUnavailable, "gone"}};
  EXPECT_EQ(tail(), 1U);
  errors_.assign(4, {ErrorCode::kUnavailable, "gone"});
  EXPECT_EQ(tail().error().message, "gone");
  errors_ = {{ErrorCode::kNotFound, "no such stream"}};
  EXPECT_EQ(tail().error().message, "no such stream");
}

TEST(TailStart, IsAWordATimeOrADuration) {
  constexpr TimeMs kNow = 1'000'000'000;
  EXPECT_EQ(parse_tail_start("LATEST", kNow)->kind, TailStart::Kind::kLatest);
  EXPECT_EQ(parse_tail_start("trim_horizon", kNow)->kind, TailStart::Kind::kTrimHorizon);
  EXPECT_EQ(parse_tail_start("1970-01-01T00:00:01Z", kNow)->time, 1'000);
  EXPECT_EQ(parse_tail_start("5m", kNow)->time, kNow - 300'000);
  EXPECT_FALSE(parse_tail_start("yesterday", kNow).has_value());
}

Record record_of(std::string_view data) {
  Record record;
  record.data = data;
  record.partition_key = "k\n1";
  record.sequence_number = "49";
  record.approximate_arrival_timestamp = wire::Timestamp{1'123};
  return record;
}

TEST(RecordFormat, ShowsTextSafelyAndBytesInBase64) {
  EXPECT_EQ(human_line("shardId-000000000001", record_of("a\x1b[2Jb"), false),
            "1970-01-01T00:00:01.123Z  shardId-000000000001  k\\n1  a\\x1b[2Jb");
  EXPECT_EQ(human_line("s", record_of("\xff"), false),
            "1970-01-01T00:00:01.123Z  s  k\\n1  base64:/w==");
  EXPECT_EQ(human_line("s-1", record_of("a"), true),
            "\x1b[2m1970-01-01T00:00:01.123Z\x1b[0m  \x1b[32ms-1\x1b[0m  \x1b[1mk\\n1\x1b[0m  a");
}

TEST(RecordFormat, NdjsonIsOneLineOfJson) {
  EXPECT_EQ(ndjson_line("s", record_of("{\"a\":\n1}")),
            R"({"time":"1970-01-01T00:00:01.123Z","shard":"s","sequence_number":"49",)"
            R"("partition_key":"k\n1","data":"{\"a\":\n1}"})");
  EXPECT_EQ(ndjson_line("s", record_of("\xff")),
            R"({"time":"1970-01-01T00:00:01.123Z","shard":"s","sequence_number":"49",)"
            R"("partition_key":"k\n1","data_base64":"/w=="})");
}

}  // namespace
}  // namespace millstream::cli
