#include "worker/remote_log.h"

#include <gmock/gmock.h>

#include "base/hash.h"
#include "base/real_env.h"
#include "log/fake_shard_log.h"
#include "log/record.h"
#include "worker/log_message.h"
#include "worker/test_support.h"

namespace millstream::worker {
namespace {

using testing::HasSubstr;

constexpr ShardId kOwn{7};
constexpr ShardId kReadOnly{8};
constexpr ShardId kForeign{9};
constexpr uint64_t kWriter = 5;

ShardBatch batch_of(ShardId shard, std::string_view data, uint32_t records = 1) {
  std::string body;
  for (uint32_t i = 0; i < records; ++i) {
    std::string record(stored_record_size(1, data.size()), '\0');
    char* const to = store_record_head(record.data(), "k", data.size());
    __builtin_memcpy(to, data.data(), data.size());
    body += record;
  }
  return {
      .shard = shard, .records = records, .checksum = crc32c(body), .body = Slice::copy_of(body)};
}

class RemoteLog : public testing::Test {
 protected:
  RemoteLog() : log_(real_env()) {
    for (const ShardId shard : {kOwn, kReadOnly, kForeign}) {
      EXPECT_TRUE(get(pair_.loop.executor(), log_.create(shard, {})).has_value());
    }
    serve_log(
        *pair_.near, log_,
        {.may_use = [](ShardId shard,
                       bool write) { return shard == kOwn || (shard == kReadOnly && !write); },
         .writer = kWriter});
    pair_.run();
    remote_ = make_remote_log(pair_.far);
  }

  template <class T>
  T run(awaitable<T> task) {
    return get(pair_.loop.executor(), std::move(task));
  }
  Result<std::vector<Appended>> append(ShardBatch batch, WriterStamp stamp = {}) {
    std::vector<ShardBatch> batches;
    batches.push_back(std::move(batch));
    return run(remote_->append(std::move(batches), stamp));
  }

  Counter tip(ShardId shard) { return log_.status(shard)->tip; }

  FakeShardLog log_;
  Pair pair_{2};
  std::unique_ptr<ShardLog> remote_;
};

TEST_F(RemoteLog, AppendsAndReadsAsTheLogItselfDoes) {
  const auto first = append(batch_of(kOwn, "one", 3));
  ASSERT_TRUE(first.has_value()) << first.error().message;
  EXPECT_EQ(first->at(0).records, 3);
  ASSERT_TRUE(append(batch_of(kOwn, std::string(1 << 20, 'x'))).has_value());
  const auto read = run(remote_->read(kOwn, 0, {}));
  const auto direct = run(log_.read(kOwn, 0, {}));
  ASSERT_TRUE(read.has_value() && direct.has_value());
  ASSERT_EQ(read->batches.size(), direct->batches.size());
  for (size_t i = 0; i < read->batches.size(); ++i) {
    EXPECT_EQ(read->batches[i].first, direct->batches[i].first);
    EXPECT_EQ(read->batches[i].records, direct->batches[i].records);
    EXPECT_EQ(read->batches[i].arrival_ms, direct->batches[i].arrival_ms);
    EXPECT_TRUE(read->batches[i].body.view() == direct->batches[i].body.view());
  }
  EXPECT_EQ(read->next, direct->next);
  EXPECT_EQ(read->tip, direct->tip);
  EXPECT_EQ(read->tip_arrival_ms, direct->tip_arrival_ms);
  const auto status = remote_->status(kOwn);
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->tip, read->tip);
  EXPECT_EQ(*run(remote_->position_at(kOwn, 0)), *run(log_.position_at(kOwn, 0)));
  ASSERT_TRUE(run(remote_->trim(kOwn, first->at(0).first + 1)).has_value());
  EXPECT_EQ(remote_->status(kOwn)->first, first->at(0).first + 1);
}

TEST_F(RemoteLog, StampsAppendsWithItsOwnWriterOnly) {
  const auto opened = run(remote_->open_writer(kWriter));
  ASSERT_TRUE(opened.has_value());
  const WriterStamp stamp{.writer = kWriter, .epoch = opened->epoch, .number = 1};
  const auto first = append(batch_of(kOwn, "a"), stamp);
  ASSERT_TRUE(first.has_value()) << first.error().message;
  EXPECT_EQ(append(batch_of(kOwn, "a"), stamp)->at(0).first, first->at(0).first);
  EXPECT_EQ(append(batch_of(kOwn, "a"), {.writer = kWriter, .epoch = opened->epoch, .number = 9})
                .error()
                .code,
            ErrorCode::kOutOfSequence);
  EXPECT_EQ(append(batch_of(kOwn, "a"), {.writer = 6, .epoch = 1, .number = 1}).error().code,
            ErrorCode::kAccessDenied);
  EXPECT_EQ(run(remote_->open_writer(6)).error().code, ErrorCode::kAccessDenied);
  EXPECT_EQ(run(remote_->open_writer(0)).error().code, ErrorCode::kAccessDenied);
}

TEST_F(RemoteLog, DeniesShardsThatAreNotTheWorkers) {
  EXPECT_EQ(append(batch_of(kReadOnly, "a")).error().code, ErrorCode::kAccessDenied);
  EXPECT_EQ(append(batch_of(kForeign, "a")).error().code, ErrorCode::kAccessDenied);
  EXPECT_TRUE(run(remote_->read(kReadOnly, 0, {})).has_value());
  EXPECT_EQ(run(remote_->read(kForeign, 0, {})).error().code, ErrorCode::kAccessDenied);
  EXPECT_EQ(run(remote_->wait(kForeign, 0, std::chrono::seconds(1))).error().code,
            ErrorCode::kAccessDenied);
  EXPECT_EQ(run(remote_->position_at(kForeign, 0)).error().code, ErrorCode::kAccessDenied);
  EXPECT_EQ(run(remote_->trim(kReadOnly, 1)).error().code, ErrorCode::kAccessDenied);
  EXPECT_EQ(remote_->status(kForeign).error().code, ErrorCode::kAccessDenied);
  EXPECT_EQ(run(remote_->seal(kOwn)).error().code, ErrorCode::kAccessDenied);
  EXPECT_EQ(run(remote_->remove(kOwn)).error().code, ErrorCode::kAccessDenied);
  // All batches of an append are looked at.
  std::vector<ShardBatch> two;
  two.push_back(batch_of(kOwn, "a"));
  two.push_back(batch_of(kForeign, "b"));
  EXPECT_EQ(run(remote_->append(std::move(two), {})).error().code, ErrorCode::kAccessDenied);
  EXPECT_EQ(log_.status(kOwn)->stored_bytes, 0);
}

TEST_F(RemoteLog, RefusesDamagedBatches) {
  ShardBatch wrong_count = batch_of(kOwn, "a");
  wrong_count.records = 2;
  EXPECT_THAT(append(wrong_count).error().message, HasSubstr("damaged"));
  ShardBatch wrong_sum = batch_of(kOwn, "a");
  wrong_sum.checksum ^= 1;
  EXPECT_EQ(append(wrong_sum).error().code, ErrorCode::kInvalidArgument);
  ShardBatch no_records = batch_of(kOwn, "a", 0);
  EXPECT_EQ(append(no_records).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(RemoteLog, WakesAWaitWhenRecordsCome) {
  auto wait =
      asio::co_spawn(pair_.loop.executor(),
                     remote_->wait(kOwn, tip(kOwn), std::chrono::seconds(30)), asio::use_future);
  ASSERT_TRUE(append(batch_of(kOwn, "a")).has_value());
  EXPECT_TRUE(wait.get().has_value());
  EXPECT_EQ(
      run(remote_->wait(kReadOnly, tip(kReadOnly), std::chrono::milliseconds(20))).error().code,
      ErrorCode::kTimeout);
}

TEST_F(RemoteLog, EndsAWaitOfAWorkerThatIsGone) {
  auto wait =
      asio::co_spawn(pair_.loop.executor(), remote_->wait(kOwn, tip(kOwn), std::chrono::hours(1)),
                     asio::use_future);
  pair_.far->close();
  EXPECT_EQ(wait.get().error().code, ErrorCode::kUnavailable);
  // The server's side ends too: the loop, which is joined, has nothing left to wait for.
}

TEST(LogMessage, TruncatedAndForgedMessagesAreRefused) {
  AppendRequest request;
  request.batches.push_back(batch_of(kOwn, "data"));
  request.batches.push_back(batch_of(kReadOnly, "more"));
  std::string body;
  for (const Slice& part : encode_append(request)) body += part.view();
  EXPECT_EQ(decode_append(Slice::copy_of(body))->batches.size(), 2);
  for (size_t size = 0; size < body.size(); ++size) {
    EXPECT_FALSE(decode_append(Slice::copy_of(body.substr(0, size))).has_value());
  }
  EXPECT_FALSE(decode_append(Slice::copy_of(body + "x")).has_value());
  // A count of batches that can't be.
  store_le(body.data() + 24, ~uint32_t{0});
  EXPECT_FALSE(decode_append(Slice::copy_of(body)).has_value());
  EXPECT_FALSE(decode_read(Slice::copy_of(body)).has_value());
}

}  // namespace
}  // namespace millstream::worker
