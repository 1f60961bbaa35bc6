// Describe, list and put; and the way from the operation table to the service.
#include <algorithm>

#include <fmt/format.h>

#include "base/hash.h"
#include "firehose/service.h"
#include "log/record.h"

namespace millstream::firehose {
namespace {

namespace api = wire::firehose;

constexpr size_t kMaxBatchBytes = size_t{4} << 20;  // AWS limit of PutRecordBatch
constexpr int32_t kDefaultListLimit = 10;           // AWS: ListDeliveryStreams
constexpr std::string_view kDestinationId = "destinationId-000000000001";

// Opaque to clients; unlike any other of this server.
std::string record_id(ShardId shard, Counter counter) {
  return fmt::format("{:016x}{:016x}", static_cast<uint64_t>(shard), counter);
}

// What a client can only wait for, as this service names it; AWS's SDKs try again then.
Error put_error(Error error) {
  switch (error.code) {
    case ErrorCode::kThrottled:
      return {ErrorCode::kUnavailable, "Slow down."};
    case ErrorCode::kNoSpace:
      return {ErrorCode::kUnavailable, std::move(error.message)};
    default:
      return error;
  }
}

}  // namespace

Result<std::vector<ShardId>> FirehoseService::own_shards(const DeliveryStreamKey& key) const {
  const auto entry = find(key);
  if (!entry || entry->stream->status != DeliveryStatus::kActive) {
    return fail(ErrorCode::kNotFound, "Firehose {} under account {} not found.", key.name,
                key.account);
  }
  if (entry->stream->kinesis) {
    return fail(ErrorCode::kInvalidArgument,
                "Firehose {} reads a stream: nothing can be put into it; write to that stream.",
                key.name);
  }
  return entry->stream->own_shards;
}

Result<api::DescribeDeliveryStreamOutput> FirehoseService::describe(
    const wire::RequestContext& caller, const api::DescribeDeliveryStreamInput& in) const {
  TRY_ASSIGN(const Entry entry, existing(caller, in.delivery_stream_name));
  api::DescribeDeliveryStreamOutput out;
  out.delivery_stream_description =
      firehose::describe(*entry.stream, entry.loop ? entry.loop->failure() : std::string());
  if (in.exclusive_start_destination_id.value_or("") >= kDestinationId) {
    out.delivery_stream_description.destinations.clear();
  }
  return out;
}

api::ListDeliveryStreamsOutput FirehoseService::list(
    const wire::RequestContext& caller, const api::ListDeliveryStreamsInput& in) const {
  const auto limit = static_cast<size_t>(in.limit.value_or(kDefaultListLimit));
  const DeliveryStreamKey after{caller.account, caller.region,
                                in.exclusive_start_delivery_stream_name.value_or("")};
  api::ListDeliveryStreamsOutput out;
  std::lock_guard lock(mutex_);
  for (auto entry = entries_.upper_bound(after); entry != entries_.end(); ++entry) {
    const auto& [key, value] = *entry;
    if (key.account != caller.account || key.region != caller.region) break;
    if (in.delivery_stream_type && *in.delivery_stream_type != value.stream->type()) continue;
    if (out.delivery_stream_names.size() == limit) {
      out.has_more_delivery_streams = true;
      break;
    }
    out.delivery_stream_names.push_back(key.name);
  }
  return out;
}

Result<std::shared_ptr<const DeliveryStream>> FirehoseService::writable(
    const wire::RequestContext& caller, const std::string& name) const {
  TRY_ASSIGN(const Entry entry, existing(caller, name));
  if (entry.stream->kinesis) {
    return fail(ErrorCode::kInvalidArgument,
                "This operation is not permitted on KinesisStreamAsSource delivery stream type.");
  }
  if (entry.stream->status != DeliveryStatus::kActive) {
    return fail(ErrorCode::kNotFound, "Firehose {} is not active in {} account.", name,
                caller.account);
  }
  return entry.stream;
}

awaitable<Result<std::vector<Appended>>> FirehoseService::append(
    const DeliveryStream& stream, const std::vector<std::string_view>& records) {
  size_t stored = 0;
  size_t bytes = 0;
  for (std::string_view data : records) {
    stored += stored_record_size(0, data.size());
    bytes += data.size();
  }
  BufferRef buffer = BufferRef::allocate(stored);
  char* to = buffer->data();
  for (std::string_view data : records) {
    to = store_record_head(to, "", data.size());
    to = std::ranges::copy(data, to).out;
  }
  ShardBatch batch;
  batch.shard = stream.own_shards.front();
  batch.records = static_cast<uint32_t>(records.size());
  batch.body = Slice(std::move(buffer), stored);
  batch.checksum = crc32c(batch.body.view());
  std::vector<ShardBatch> batches;
  batches.push_back(std::move(batch));
  Result<std::vector<Appended>> appended = co_await context_.log.append(std::move(batches));
  if (!appended) co_return std::unexpected(put_error(std::move(appended).error()));
  resources_.metrics.put_records.add(records.size());
  resources_.metrics.put_bytes.add(bytes);
  co_return appended;
}

awaitable<Result<api::PutRecordOutput>> FirehoseService::put_record(
    const wire::RequestContext& caller, api::PutRecordInput in) {
  CO_TRY_ASSIGN(const auto stream, writable(caller, in.delivery_stream_name));
  const std::vector<std::string_view> records{in.record.data};
  CO_TRY_ASSIGN(const std::vector<Appended> appended, co_await append(*stream, records));
  api::PutRecordOutput out;
  out.record_id = record_id(appended.front().shard, appended.front().first);
  out.encrypted = false;
  co_return out;
}

awaitable<Result<api::PutRecordBatchOutput>> FirehoseService::put_record_batch(
    const wire::RequestContext& caller, api::PutRecordBatchInput in) {
  CO_TRY_ASSIGN(const auto stream, writable(caller, in.delivery_stream_name));
  std::vector<std::string_view> records;
  size_t bytes = 0;
  for (const api::Record& record : in.records) {
    records.push_back(record.data);
    bytes += record.data.size();
  }
  if (bytes > kMaxBatchBytes) {
    co_return fail(ErrorCode::kInvalidArgument, "Records size exceeds 4 MB limit");
  }
  CO_TRY_ASSIGN(const std::vector<Appended> appended, co_await append(*stream, records));
  api::PutRecordBatchOutput out;
  out.encrypted = false;
  out.request_responses.resize(records.size());
  for (size_t i = 0; i < records.size(); ++i) {
    out.request_responses[i].record_id =
        record_id(appended.front().shard, appended.front().first + i);
  }
  co_return out;
}

void register_operations(wire::OperationTable& table, FirehoseService& service) {
  using wire::RequestContext;
  table.handle<api::CreateDeliveryStream>(
      [&service](const RequestContext& caller, api::CreateDeliveryStreamInput in) {
        return service.create(caller, std::move(in));
      });
  table.handle<api::DeleteDeliveryStream>(
      [&service](const RequestContext& caller, api::DeleteDeliveryStreamInput in) {
        return service.remove(caller, std::move(in));
      });
  table.handle<api::DescribeDeliveryStream>(
      [&service](const RequestContext& caller, api::DescribeDeliveryStreamInput in)
          -> awaitable<Result<api::DescribeDeliveryStreamOutput>> {
        co_return service.describe(caller, in);
      });
  table.handle<api::ListDeliveryStreams>(
      [&service](
          const RequestContext& caller,
          api::ListDeliveryStreamsInput in) -> awaitable<Result<api::ListDeliveryStreamsOutput>> {
        co_return service.list(caller, in);
      });
  table.handle<api::PutRecord>([&service](const RequestContext& caller, api::PutRecordInput in) {
    return service.put_record(caller, std::move(in));
  });
  table.handle<api::PutRecordBatch>(
      [&service](const RequestContext& caller, api::PutRecordBatchInput in) {
        return service.put_record_batch(caller, std::move(in));
      });
}

}  // namespace millstream::firehose
