#include "cli/put.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cli/run_coroutine.h"

namespace millstream::cli {
namespace {

using wire::kinesis::PutRecordsInput;
using wire::kinesis::PutRecordsOutput;
using wire::kinesis::PutRecordsResultEntry;

// A server that stores what it takes, and refuses as told.
class PutTest : public testing::Test {
 protected:
  PutTest() {
    options_.stream = "clicks";
    options_.retry = {.retries = 3,
                      .first = std::chrono::milliseconds(0),
                      .longest = std::chrono::milliseconds(0)};
  }
  ~PutTest() override { std::filesystem::remove(file_); }

  Result<PutProgress> put(std::string_view text, std::string_view rule = "random") {
    std::ofstream(file_) << text;
    auto source = RecordSource::open({file_});
    const auto keys = PartitionKeyRule::parse(rule);
    const PutRecordsCall call = [this](PutRecordsInput input) { return answer(std::move(input)); };
    return run_coroutine(
        put_lines(options_, *keys, *source, call, [this](const PutProgress&) { ++reports_; }));
  }

  awaitable<Result<PutRecordsOutput>> answer(PutRecordsInput input) {
    EXPECT_EQ(input.stream_name, "clicks");
    calls_.push_back(input.records.size());
    const size_t number = calls_.size() - 1;
    if (number >= first_lost_call_ && number < first_lost_call_ + lost_calls_) {
      co_return fail(ErrorCode::kUnavailable, "no answer");
    }
    if (whole_error_) co_return std::unexpected(*whole_error_);
    PutRecordsOutput output;
    for (const auto& record : input.records) {
      PutRecordsResultEntry result;
      int& refusals = refusals_[record.data];
      if (refusals > 0) {
        --refusals;
        result.error_code = "ProvisionedThroughputExceededException";
        result.error_message = "Rate exceeded";
      } else {
        stored_.push_back(record.data);
        stored_keys_.push_back(*record.partition_key);
        result.shard_id = "shardId-000000000000";
        result.sequence_number = "1";
      }
      output.records.push_back(std::move(result));
    }
    co_return output;
  }

  std::filesystem::path file_ =
      std::filesystem::temp_directory_path() / fmt::format("millstream-put-{}", getpid());
  PutOptions options_;
  size_t first_lost_call_ = 0;
  size_t lost_calls_ = 0;
  std::optional<Error> whole_error_;
  std::map<std::string, int> refusals_;
  std::vector<size_t> calls_;
  std::vector<std::string> stored_;
  std::vector<std::string> stored_keys_;
  int reports_ = 0;
};

using Texts = std::vector<std::string>;

TEST_F(PutTest, LinesArriveInOrderInFullBatches) {
  options_.batch = 2;
  const auto put_all = put("a\nb\nc\nd\ne\n");
  ASSERT_TRUE(put_all.has_value()) << put_all.error().message;
  EXPECT_EQ(stored_, (Texts{"a", "b", "c", "d", "e"}));
  EXPECT_EQ(calls_, (std::vector<size_t>{2, 2, 1}));
  EXPECT_EQ(put_all->records, 5U);
  EXPECT_EQ(put_all->data_bytes, 5U);
  EXPECT_EQ(reports_, 3);
}

TEST_F(PutTest, ABatchStaysBelowTheBytesOfACall) {
  const std::string big(size_t{3} << 20, 'x');
  const auto put_all = put(big + "1\n" + big + "2\n" + "s\n");
  ASSERT_TRUE(put_all.has_value()) << put_all.error().message;
  EXPECT_EQ(calls_, (std::vector<size_t>{1, 2}));
  EXPECT_EQ(stored_, (Texts{big + "1", big + "2", "s"}));
}

TEST_F(PutTest, RefusedRecordsAreSentAgainAndOnlyThey) {
  refusals_ = {{"b", 2}, {"d", 1}};
  const auto put_all = put("a\nb\nc\nd\n");
  ASSERT_TRUE(put_all.has_value()) << put_all.error().message;
  EXPECT_EQ(stored_, (Texts{"a", "c", "d", "b"}));
  EXPECT_EQ(calls_, (std::vector<size_t>{4, 2, 1}));
  EXPECT_EQ(put_all->records, 4U);
  EXPECT_EQ(put_all->data_bytes, 4U);
  EXPECT_EQ(put_all->retried, 3U);
}

TEST_F(PutTest, WhatIsRefusedForEverIsReportedWithTheReason) {
  options_.batch = 2;
  refusals_ = {{"c", 100}};
  const auto given_up = put("a\nb\nc\nd\ne\n");
  ASSERT_FALSE(given_up.has_value());
  EXPECT_EQ(given_up.error().message,
            "gave up on 1 record after 4 attempts: ProvisionedThroughputExceededException: Rate "
            "exceeded (stored before: 3 records)");
  EXPECT_EQ(stored_, (Texts{"a", "b", "d"}));
}

TEST_F(PutTest, ACallWithoutAnswerIsRepeated) {
  options_.batch = 1;
  first_lost_call_ = 1;
  lost_calls_ = 2;
  ASSERT_TRUE(put("a\nb\n").has_value());
  EXPECT_EQ(stored_, (Texts{"a", "b"}));
  EXPECT_EQ(calls_.size(), 4U);
}

TEST_F(PutTest, AServerThatNeverAnsweredIsNotWaitedFor) {
  lost_calls_ = 1;
  const auto refused = put("a\n");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().message, "no answer (stored before: 0 records)");
  EXPECT_EQ(calls_.size(), 1U);
}

TEST_F(PutTest, AnErrorThatTryingAgainDoesNotHealEndsAtOnce) {
  whole_error_ = Error{ErrorCode::kNotFound, "Stream clicks not found"};
  const auto refused = put("a\n");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().message, "Stream clicks not found (stored before: 0 records)");
  EXPECT_EQ(calls_.size(), 1U);
}

TEST_F(PutTest, KeysComeFromTheLines) {
  ASSERT_TRUE(put("{\"u\":\"x\"}\n{\"u\":2}\n", "u").has_value());
  EXPECT_EQ(stored_keys_, (Texts{"x", "2"}));
  const auto without = put("{\"u\":\"x\"}\nplain\n", "u");
  ASSERT_FALSE(without.has_value());
  EXPECT_TRUE(without.error().message.contains(":2: the line is no JSON object"));
}

TEST_F(PutTest, ARateIsNotExceeded) {
  options_.rate_per_second = 100;
  const auto put_all = put("1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n");
  ASSERT_TRUE(put_all.has_value()) << put_all.error().message;
  EXPECT_EQ(calls_, (std::vector<size_t>{10, 5}));  // a tenth of a second each
  EXPECT_GE(put_all->elapsed.count(), 0.1);         // the second batch is due at 100 ms
}

TEST(Progress, LinesSayWhatHappened) {
  PutProgress progress;
  progress.records = 1'234'567;
  progress.data_bytes = 123'456'789;
  progress.elapsed = std::chrono::seconds(10);
  EXPECT_EQ(summary_line(progress), "1,234,567 records, 123.5 MB in 10.0 s (123,456 records/s)");
  EXPECT_EQ(progress_line(progress), "1,234,567 records  123.5 MB  123,456 records/s");
  progress.retried = 3;
  progress.bytes_read = 50;
  progress.bytes_total = 100;
  EXPECT_EQ(progress_line(progress),
            "[============>           ]  50 %  1,234,567 records  123.5 MB  123,456 records/s  "
            "3 retried");
  progress.bytes_read = 100;
  EXPECT_TRUE(progress_line(progress).starts_with("[========================] 100 %"));
}

}  // namespace
}  // namespace millstream::cli
