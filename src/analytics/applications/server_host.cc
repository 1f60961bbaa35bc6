#include "analytics/applications/server_host.h"

#include "analytics/applications/result_lines.h"
#include "wire/arn.h"

namespace millstream::analytics {
namespace {

// Refuses everything by saying what is missing: a job must not fall back to another store.
class NoStore final : public ObjectStore {
 public:
  awaitable<Result<>> put(std::string, std::string, std::vector<Slice>, PutOptions) override {
    co_return refuse();
  }
  awaitable<Result<Slice>> get(std::string, std::string) override { co_return refuse(); }
  awaitable<Result<ObjectInfo>> head(std::string, std::string) override { co_return refuse(); }
  awaitable<Result<ObjectPage>> list(std::string, std::string, std::string, size_t) override {
    co_return refuse();
  }
  awaitable<Result<>> remove(std::string, std::string) override { co_return refuse(); }
  awaitable<Result<>> make_bucket(std::string) override { co_return refuse(); }

 private:
  static std::unexpected<Error> refuse() {
    return fail(ErrorCode::kInvalidArgument,
                "This server has no S3 endpoint; set s3.endpoint, or use the lake's buckets.");
  }
};

std::shared_ptr<const InputStream> input_stream(const streams::Stream& stream) {
  auto result = std::make_shared<InputStream>();
  result->name = stream.key.name;
  result->generation = stream.generation;
  std::map<uint32_t, ShardId> ids;
  for (const streams::Shard& shard : stream.shards) ids[shard.index] = shard.log_id;
  for (const streams::Shard& shard : stream.shards) {
    InputShard& input = result->shards.emplace_back();
    input.id = shard.log_id;
    input.name = shard.id();
    input.first_hash_key = shard.first_hash_key;
    input.last_hash_key = shard.last_hash_key;
    input.open = shard.open;
    for (const auto& parent : {shard.parent, shard.adjacent_parent}) {
      // A parent whose retention has ended is gone, and has nothing left to read.
      if (!parent) continue;
      if (const auto found = ids.find(*parent); found != ids.end()) {
        input.parents.push_back(found->second);
      }
    }
  }
  return result;
}

}  // namespace

ServerHost::ServerHost(HostContext& context, std::string account, std::string region,
                       HostOutputs outputs)
    : context_(context),
      account_(std::move(account)),
      region_(std::move(region)),
      outputs_(std::move(outputs)) {}

Result<streams::StreamKey> ServerHost::key_of(const std::string& name) const {
  if (!name.starts_with("arn:")) return streams::StreamKey{account_, region_, name};
  TRY_ASSIGN(const wire::StreamArn arn, wire::parse_stream_arn(name));
  if (arn.account != account_) {
    return fail(ErrorCode::kAccessDenied,
                "{} belongs to account {}; this application runs for account {}.", name,
                arn.account, account_);
  }
  return streams::StreamKey{arn.account, arn.region, arn.name};
}

awaitable<Result<std::shared_ptr<const InputStream>>> ServerHost::stream(std::string name) {
  CO_TRY_ASSIGN(const streams::StreamKey key, key_of(name));
  auto source = context_.catalog.find(key);
  if (!source) {
    co_return fail(ErrorCode::kNotFound, "Stream {} under account {} not found in region {}.",
                   key.name, key.account, key.region);
  }
  std::lock_guard lock(mutex_);
  Seen& seen = seen_[key];
  if (seen.source != source) {
    seen.stream = input_stream(*source);
    seen.source = std::move(source);
    for (const InputShard& shard : seen.stream->shards) allowed_.insert(shard.id);
  }
  co_return seen.stream;
}

awaitable<Result<>> ServerHost::wait_for_change(std::string name,
                                                std::shared_ptr<const InputStream> seen,
                                                std::chrono::milliseconds timeout) {
  CO_TRY_ASSIGN(const streams::StreamKey key, key_of(name));
  std::shared_ptr<const streams::Stream> source;
  {
    std::lock_guard lock(mutex_);
    const auto known = seen_.find(key);
    if (known == seen_.end() || known->second.stream != seen) co_return Result<>();
    source = known->second.source;
  }
  co_await context_.catalog.wait_for_change(key, std::move(source), timeout);
  co_return Result<>();
}

awaitable<Result<std::vector<ShardId>>> ServerHost::delivery_shards(std::string name) {
  std::string region = region_;
  if (name.starts_with("arn:")) {
    CO_TRY_ASSIGN(const wire::DeliveryStreamArn arn, wire::parse_delivery_stream_arn(name));
    if (arn.account != account_) {
      co_return fail(ErrorCode::kAccessDenied,
                     "{} belongs to account {}; this application runs for account {}.", name,
                     arn.account, account_);
    }
    region = arn.region;
    name = arn.name;
  }
  CO_TRY_ASSIGN(std::vector<ShardId> shards, context_.delivery_shards(account_, region, name));
  for (const ShardId shard : shards) allow(shard);
  co_return shards;
}

ObjectStore& ServerHost::objects(bool s3) {
  static NoStore none;
  if (!s3) return context_.lake;
  return context_.s3 ? *context_.s3 : none;
}

void ServerHost::log_line(std::string_view level, std::string_view text) {
  if (outputs_.log_line) outputs_.log_line(level, text);
}

awaitable<Result<>> ServerHost::collect(const Schema& schema, Batch batch) {
  if (!outputs_.results) {
    co_return fail(ErrorCode::kInvalidArgument, "Nobody has asked for the rows of this query.");
  }
  co_return co_await outputs_.results(result_lines(schema, batch));
}

void ServerHost::allow(ShardId shard) {
  std::lock_guard lock(mutex_);
  allowed_.insert(shard);
}

bool ServerHost::may_use(ShardId shard) const {
  std::lock_guard lock(mutex_);
  return allowed_.contains(shard);
}

}  // namespace millstream::analytics
