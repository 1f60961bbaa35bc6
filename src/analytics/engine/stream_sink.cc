#include "analytics/engine/stream_sink.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>

#include "analytics/engine/row_text.h"
#include "base/hash.h"
#include "log/record.h"
#include "streams/hash_key.h"

namespace millstream::analytics {
namespace {

// AWS limit: a partition key has 256 characters at most; cut in bytes.
constexpr size_t kMaxPartitionKey = 256;
// AWS limit: the largest record that a stream can be set to take (10 MiB).
constexpr size_t kMaxRecordBytes = size_t{10} << 20;
constexpr size_t kMaxCachedKeys = 100'000;
constexpr int kKeyAttempts = 1'000'000;
constexpr std::chrono::milliseconds kRefreshPause{50};
constexpr int kRefreshAttempts = 400;

std::string key_in(unsigned __int128 first, unsigned __int128 last) {
  for (int i = 0; i < kKeyAttempts; ++i) {
    std::string key = std::to_string(i);
    const auto hash = streams::hash_key_of(md5(key));
    if (hash >= first && hash <= last) return key;
  }
  return "0";  // a range so narrow that the key does not matter to anyone
}

}  // namespace

size_t SinkTargets::of_partition_key(std::string_view key) const {
  const auto hash = streams::hash_key_of(md5(key));
  const auto found = std::ranges::lower_bound(targets, hash, {}, &Target::last_hash_key);
  return found == targets.end() ? targets.size() - 1 : static_cast<size_t>(found - targets.begin());
}

std::string stream_of(const Table& table) {
  for (const char* option : {"stream.arn", "stream", "delivery-stream"}) {
    const auto found = table.options.find(option);
    if (found != table.options.end()) return found->second;
  }
  return table.name;
}

class StreamWriter final : public SinkWriter {
 public:
  StreamWriter(StreamSink& sink, uint32_t partition, std::unique_ptr<Encoder> encoder)
      : sink_(sink),
        partition_(partition),
        encoder_(std::move(encoder)),
        keys_(sink.context_.spread_by.value_or(std::vector<int>{})) {}

  Result<> write(const Piece& piece) override {
    if (targets_ != sink_.targets_) {
      MS_ASSERT(output_.rows == 0);
      targets_ = sink_.targets_;
      bodies_ = std::vector<RecordBody>(targets_->targets.size());
      known_keys_.clear();
    }
    const Batch& batch = piece.batch;
    rows_.resize(batch.rows);
    std::iota(rows_.begin(), rows_.end(), 0u);
    bytes_.clear();
    ends_.clear();
    encoder_->encode(batch, rows_, bytes_, ends_);
    output_.rows += batch.rows;
    if (!sink_.table_->partitioned_by.empty()) return write_by_partition_key(batch);
    const size_t count = targets_->targets.size();
    if (count > 1 && sink_.context_.spread_by && !sink_.context_.spread_by->empty()) {
      keys_.encode(batch);
      const auto hashes = keys_.hashes();
      for (uint32_t row = 0; row < batch.rows; ++row) {
        const auto target =
            static_cast<size_t>(static_cast<unsigned __int128>(hashes[row]) * count >> 64);
        TRY(add(target, targets_->targets[target].key, row));
      }
      return {};
    }
    const size_t target = (piece.origin == kNoOrigin ? partition_ : piece.origin) % count;
    const std::string& key = targets_->targets[target].key;
    bodies_[target].reserve(bytes_.size() + batch.rows * stored_record_size(key.size(), 0));
    for (uint32_t row = 0; row < batch.rows; ++row) TRY(add(target, key, row));
    return {};
  }

  SinkOutput finish() override {
    for (size_t i = 0; i < bodies_.size(); ++i) {
      if (bodies_[i].records() == 0) continue;
      const uint32_t records = bodies_[i].records();
      output_.bodies.push_back({targets_->targets[i].shard, records, bodies_[i].take()});
    }
    return std::exchange(output_, {});
  }

 private:
  Result<> add(size_t target, std::string_view key, uint32_t row) {
    const uint32_t begin = row == 0 ? 0 : ends_[row - 1];
    const size_t size = ends_[row] - begin;
    if (size > kMaxRecordBytes) {
      return fail(ErrorCode::kInvalidArgument,
                  "a row for table {} is {} bytes as a record; records have at most {} bytes",
                  sink_.table_->name, size, kMaxRecordBytes);
    }
    std::memcpy(bodies_[target].add(key, size), bytes_.data() + begin, size);
    return {};
  }

  Result<> write_by_partition_key(const Batch& batch) {
    std::string key;
    for (uint32_t row = 0; row < batch.rows; ++row) {
      key.clear();
      for (const int index : sink_.table_->partitioned_by) {
        if (index != sink_.table_->partitioned_by.front()) key += sink_.delimiter_;
        const auto column = static_cast<size_t>(index);
        if (batch.columns[column]) {
          append_value_text(*batch.columns[column], row, sink_.schema_[column].type, key);
        }
      }
      if (key.empty()) key = "null";
      if (key.size() > kMaxPartitionKey) {
        size_t end = kMaxPartitionKey;
        while (end > 0 && (static_cast<unsigned char>(key[end]) & 0xC0u) == 0x80u) --end;
        key.resize(end);
      }
      auto known = known_keys_.find(key);
      if (known == known_keys_.end()) {
        if (known_keys_.size() >= kMaxCachedKeys) known_keys_.clear();
        known = known_keys_.emplace(key, targets_->of_partition_key(key)).first;
      }
      TRY(add(known->second, key, row));
    }
    return {};
  }

  StreamSink& sink_;
  uint32_t partition_;
  std::unique_ptr<Encoder> encoder_;
  KeyEncoder keys_;
  std::shared_ptr<const SinkTargets> targets_;
  std::vector<RecordBody> bodies_;  // by target
  boost::unordered_flat_map<std::string, size_t> known_keys_;
  SinkOutput output_;
  std::vector<uint32_t> rows_;
  std::string bytes_;
  std::vector<uint32_t> ends_;
};

StreamSink::StreamSink(const PlanNode& node, SinkContext context)
    : table_(std::get<SinkNode>(node.node).table),
      schema_(node.schema),
      context_(std::move(context)),
      stream_(stream_of(*table_)) {
  const auto found = table_->options.find("sink.partitioner-field-delimiter");
  delimiter_ = found == table_->options.end() ? "|" : found->second;
}

awaitable<Result<std::shared_ptr<const SinkTargets>>> StreamSink::find_targets() {
  auto found = std::make_shared<SinkTargets>();
  if (table_->connector == Connector::kDelivery) {
    CO_TRY_ASSIGN(const auto shards, co_await context_.host.delivery_shards(stream_));
    for (const ShardId shard : shards) found->targets.push_back({shard, 0, 0, "0"});
  } else {
    CO_TRY_ASSIGN(seen_, co_await context_.host.stream(stream_));
    for (const InputShard& shard : seen_->shards) {
      if (!shard.open) continue;
      found->targets.push_back({shard.id, shard.first_hash_key, shard.last_hash_key,
                                key_in(shard.first_hash_key, shard.last_hash_key)});
    }
    std::ranges::sort(found->targets, {}, &SinkTargets::Target::last_hash_key);
  }
  if (found->targets.empty()) {
    co_return fail(ErrorCode::kUnavailable, "{} has no open shard to write to", stream_);
  }
  co_return found;
}

awaitable<Result<>> StreamSink::open() {
  CO_TRY_ASSIGN(targets_, co_await find_targets());
  for (const auto& target : targets_->targets) owned_.push_back(target.shard);
  co_return Result<>();
}

Result<std::unique_ptr<SinkWriter>> StreamSink::writer(uint32_t partition, OperatorState&) {
  TRY_ASSIGN(auto encoder, Encoder::make(*table_, context_.dialect));
  return std::make_unique<StreamWriter>(*this, partition, std::move(encoder));
}

bool StreamSink::owns(ShardId shard) const {
  return std::ranges::find(owned_, shard) != owned_.end();
}

awaitable<Result<std::vector<ShardBody>>> StreamSink::reroute(ShardBody sealed) {
  // The new map is published a moment after the parents are sealed.
  for (int attempt = 0;; ++attempt) {
    CO_TRY_ASSIGN(auto found, co_await find_targets());
    const bool still = std::ranges::any_of(
        found->targets, [&](const auto& target) { return target.shard == sealed.shard; });
    if (!still) {
      targets_ = std::move(found);
      break;
    }
    if (attempt == kRefreshAttempts) {
      co_return fail(ErrorCode::kSealed, "{} is closed for writing and does not open again",
                     stream_);
    }
    asio::steady_timer pause(co_await asio::this_coro::executor, kRefreshPause);
    boost::system::error_code ignored;
    co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  for (const auto& target : targets_->targets) {
    if (!owns(target.shard)) owned_.push_back(target.shard);
  }
  std::vector<RecordBody> bodies(targets_->targets.size());
  RecordCursor cursor(sealed.body.view());
  RecordView record;
  while (cursor.next(record)) {
    const size_t target = targets_->of_partition_key(record.partition_key);
    char* data = bodies[target].add(record.partition_key, record.data.size());
    std::memcpy(data, record.data.data(), record.data.size());
  }
  std::vector<ShardBody> result;
  for (size_t i = 0; i < bodies.size(); ++i) {
    const uint32_t records = bodies[i].records();
    if (records > 0) result.push_back({targets_->targets[i].shard, records, bodies[i].take()});
  }
  co_return result;
}

Result<std::unique_ptr<Sink>> make_stream_sink(const PlanNode& node, SinkContext context) {
  return std::make_unique<StreamSink>(node, std::move(context));
}

}  // namespace millstream::analytics
