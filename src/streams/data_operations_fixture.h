// What the tests of the data plane share: a catalog that a test fills by hand, a log in memory,
// a clock that stands still, and streams made of equal shards.
#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/async.h"
#include "base/base64.h"
#include "base/manual_clock.h"
#include "log/fake_shard_log.h"
#include "streams/data_operations.h"
#include "streams/hash_key.h"
#include "wire/json_decode.h"

namespace millstream::streams {

// Runs a coroutine to its end on a loop of its own.
template <class T>
T run(awaitable<T> work) {
  asio::io_context loop;
  std::optional<T> result;
  asio::co_spawn(
      loop, [&]() -> awaitable<> { result.emplace(co_await std::move(work)); },
      [](std::exception_ptr error) {
        if (error) std::rethrow_exception(error);
      });
  loop.run();
  return *std::move(result);
}

class FakeCatalog final : public Catalog {
 public:
  std::shared_ptr<const Stream> find(const StreamKey& key) const override {
    auto found = streams_.find(key);
    return found == streams_.end() ? nullptr : found->second;
  }
  std::vector<std::shared_ptr<const Stream>> list(std::string_view,
                                                  std::string_view) const override {
    return {};
  }
  // Completes at once; a test may publish a new state then.
  awaitable<> wait_for_change(StreamKey, std::shared_ptr<const Stream>,
                              std::chrono::milliseconds) override {
    ++waits;
    if (on_wait) on_wait();
    co_return;
  }
  void publish(Stream stream) {
    stream.index_open_shards();
    StreamKey key = stream.key;
    streams_[key] = std::make_shared<const Stream>(std::move(stream));
  }
  void remove(const StreamKey& key) { streams_.erase(key); }

  int waits = 0;
  std::function<void()> on_wait;

 private:
  std::map<StreamKey, std::shared_ptr<const Stream>> streams_;
};

inline constexpr int64_t kCreatedS = 1'763'990'000;  // before ManualClock's start

inline Stream even_stream(std::string name, uint32_t shards, uint64_t first_log_id = 1) {
  Stream stream;
  stream.key = {"123456789012", "eu-west-1", std::move(name)};
  stream.generation = 7;
  stream.status = StreamStatus::kActive;
  const HashKey width = kMaxHashKey / shards;
  for (uint32_t i = 0; i < shards; ++i) {
    Shard shard;
    shard.index = i;
    shard.log_id = static_cast<ShardId>(first_log_id + i);
    shard.first_hash_key = i == 0 ? 0 : stream.shards.back().last_hash_key + 1;
    shard.last_hash_key = i + 1 == shards ? kMaxHashKey : shard.first_hash_key + width - 1;
    shard.created_s = kCreatedS;
    stream.shards.push_back(shard);
  }
  return stream;
}

class DataPlaneTest : public testing::Test {
 protected:
  explicit DataPlaneTest(ShardLimits limits = {}) {
    settings_.shard_limits = limits;
    settings_.token_key.fill(7);
    request_.account = "123456789012";
    request_.region = "eu-west-1";
    plane_ = std::make_unique<DataPlane>(context_);
  }

  // Publishes a stream and creates its shards in the log.
  void add(const Stream& stream) {
    for (const Shard& shard : stream.shards) {
      ASSERT_TRUE(run(log_.create(shard.log_id, {})).has_value());
    }
    catalog_.publish(stream);
  }

  Result<std::string> put_records(std::string_view body) {
    return text(run(plane_->put_records(request_, Slice::copy_of(body))));
  }
  Result<std::string> put_record(std::string_view body) {
    return text(run(plane_->put_record(request_, Slice::copy_of(body))));
  }
  Result<std::string> get_records_text(std::string_view body) {
    return text(run(plane_->get_records(request_, Slice::copy_of(body))));
  }
  Result<wire::kinesis::PutRecordsOutput> put(std::string_view body) {
    TRY_ASSIGN(const std::string answer, put_records(body));
    return wire::from_json<wire::kinesis::PutRecordsOutput>(answer);
  }
  // One record, by PutRecord.
  Result<wire::kinesis::PutRecordOutput> put_one(std::string_view stream, std::string_view key,
                                                 std::string_view data,
                                                 std::string_view more = "") {
    TRY_ASSIGN(const std::string answer,
               put_record(fmt::format(R"({{"StreamName":"{}","PartitionKey":"{}","Data":"{}"{}}})",
                                      stream, key, base64_encode(data), more)));
    return wire::from_json<wire::kinesis::PutRecordOutput>(answer);
  }
  Result<std::string> iterator(std::string_view stream, std::string_view shard,
                               std::string_view type,
                               std::optional<std::string> number = std::nullopt,
                               std::optional<TimeMs> time = std::nullopt) {
    wire::kinesis::GetShardIteratorInput in;
    in.stream_name = std::string(stream);
    in.shard_id = shard;
    in.shard_iterator_type = type;
    in.starting_sequence_number = std::move(number);
    if (time) in.timestamp = wire::Timestamp{*time};
    TRY_ASSIGN(auto out, run(plane_->get_shard_iterator(request_, in)));
    return out.shard_iterator.value();
  }
  Result<wire::kinesis::GetRecordsOutput> get(std::string_view shard_iterator, int limit = 0) {
    TRY_ASSIGN(const std::string answer,
               get_records_text(
                   fmt::format(R"({{"ShardIterator":"{}"{}}})", shard_iterator,
                               limit == 0 ? std::string() : fmt::format(R"(,"Limit":{})", limit))));
    return wire::from_json<wire::kinesis::GetRecordsOutput>(answer);
  }

  static Result<std::string> text(Result<Slice> answer) {
    if (!answer) return std::unexpected(std::move(answer).error());
    return std::string(answer->view());
  }

  ManualClock clock_;
  FakeShardLog log_{clock_};
  FakeCatalog catalog_;
  StreamsSettings settings_;
  StreamsContext context_{log_, catalog_, clock_, settings_, nullptr};
  wire::RequestContext request_;
  std::unique_ptr<DataPlane> plane_;
};

}  // namespace millstream::streams
