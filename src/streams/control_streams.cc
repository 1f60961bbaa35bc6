// Streams as a whole: create, delete, describe, list, settings.
#include <algorithm>

#include "streams/control_plane.h"
#include "streams/listing.h"
#include "streams/scaling.h"
#include "streams/tags.h"
#include "wire/arn.h"

namespace millstream::streams {
namespace {

namespace kinesis = wire::kinesis;

constexpr int32_t kMaxPage = 100;           // AWS: API model, Limit of both operations
constexpr int32_t kMinRetentionHours = 24;  // AWS: API model, retention operations
constexpr int32_t kMaxRetentionHours = 8760;
constexpr std::chrono::minutes kActivationTimeout{5};

// AWS's timestamps of streams are whole seconds.
wire::Timestamp creation_time(const Stream& stream) { return {stream.created_ms / 1000 * 1000}; }

kinesis::StreamModeDetails mode_details(const Stream& stream) {
  return {std::string(mode_text(stream.mode))};
}

std::vector<kinesis::EnhancedMetrics> enhanced_metrics(const Stream& stream) {
  return {{stream.shard_level_metrics}};
}

template <class Description>
void show_encryption(const Stream& stream, Description& description) {
  const bool is_encrypted = !stream.encryption_key_id.empty();
  description.encryption_type =
      is_encrypted ? kinesis::EncryptionType::kKms : kinesis::EncryptionType::kNone;
  if (is_encrypted) description.key_id = stream.encryption_key_id;
}

// What kind of stream the members of CreateStream ask for together.
Result<NewStream> new_stream(const kinesis::CreateStreamInput& in,
                             const StreamsSettings& settings) {
  NewStream wanted;
  wanted.max_record_kib = in.max_record_size_in_kib.value_or(1024);
  if (in.stream_mode_details &&
      in.stream_mode_details->stream_mode == kinesis::StreamMode::kOnDemand) {
    if (in.shard_count) {
      return fail(ErrorCode::kInvalidArgument,
                  "ShardCount is not expected when StreamMode=ON_DEMAND");
    }
    if (in.record_distribution_strategy == std::string("AUTO")) {
      return fail(ErrorCode::kInvalidArgument,
                  "RecordDistributionStrategy AUTO is not supported by this server; leave it out "
                  "or use USER_PARTITION_KEY.");
    }
    wanted.mode = StreamMode::kOnDemand;
    wanted.warm_throughput_mibps = in.warm_throughput_mibps;
    // A shard takes 1 MiB/s.
    wanted.shards = static_cast<uint32_t>(
        std::max(settings.on_demand_shards, in.warm_throughput_mibps.value_or(0)));
    return wanted;
  }
  if (in.warm_throughput_mibps) {
    return fail(ErrorCode::kInvalidArgument,
                "WarmThroughputMiBps is not expected when StreamMode=PROVISIONED");
  }
  if (in.record_distribution_strategy) {
    return fail(ErrorCode::kInvalidArgument,
                "RecordDistributionStrategy is not expected when StreamMode=PROVISIONED");
  }
  if (!in.shard_count) {
    return fail(ErrorCode::kValidation,
                "1 validation error detected: Value null at 'shardCount' failed to satisfy "
                "constraint: Member must not be null");
  }
  wanted.shards = static_cast<uint32_t>(*in.shard_count);
  return wanted;
}

}  // namespace

Result<StreamKey> ControlPlane::key_of(const Context& context,
                                       const std::optional<std::string>& name,
                                       const std::optional<std::string>& arn) {
  if (arn) {
    TRY_ASSIGN(wire::StreamArn parsed, wire::parse_stream_arn(*arn));
    if (name && *name != parsed.name) {
      return fail(ErrorCode::kInvalidArgument,
                  "StreamName {} and StreamARN {} name different streams; give one of them.", *name,
                  *arn);
    }
    return StreamKey{std::move(parsed.account), std::move(parsed.region), std::move(parsed.name)};
  }
  if (name) return StreamKey{context.account, context.region, *name};
  return fail(ErrorCode::kInvalidArgument, "Either StreamName or StreamARN should be provided.");
}

Result<std::shared_ptr<const Stream>> ControlPlane::stream_of(const StreamKey& key) const {
  auto stream = catalog_.find(key);
  if (!stream) return no_such_stream(key);
  return stream;
}

awaitable<Result<>> ControlPlane::ensure_stream(NewStream wanted) {
  const StreamKey key = wanted.key;
  if (!catalog_.find(key)) {
    auto created = co_await catalog_.create(std::move(wanted));
    if (!created && created.error().code != ErrorCode::kInUse) co_return created;
  }
  const auto deadline = clock_.monotonic() + kActivationTimeout;
  for (;;) {
    const auto stream = catalog_.find(key);
    if (!stream) co_return no_such_stream(key);
    if (stream->status == StreamStatus::kActive) co_return Result<>{};
    if (clock_.monotonic() > deadline) {
      co_return fail(ErrorCode::kTimeout, "stream {} is still {}; the log says why", key.arn(),
                     status_text(stream->status));
    }
    co_await catalog_.wait_for_change(key, stream, std::chrono::seconds(1));
  }
}

awaitable<Result<>> ControlPlane::delete_all_streams() { return catalog_.remove_all(); }

awaitable<Result<>> ControlPlane::create_stream(const Context& context,
                                                kinesis::CreateStreamInput in) {
  CO_TRY_ASSIGN(NewStream wanted, new_stream(in, settings_));
  wanted.key = {context.account, context.region, in.stream_name};
  if (in.tags) {
    Stream tagged;
    tagged.key = wanted.key;
    CO_TRY(add_tags(tagged, *in.tags));
    wanted.tags = std::move(tagged.tags);
  }
  co_return co_await catalog_.create(std::move(wanted));
}

awaitable<Result<>> ControlPlane::delete_stream(const Context& context,
                                                kinesis::DeleteStreamInput in) {
  CO_TRY_ASSIGN(StreamKey key, key_of(context, in.stream_name, in.stream_arn));
  co_return co_await catalog_.remove(std::move(key), in.enforce_consumer_deletion.value_or(false));
}

awaitable<Result<kinesis::DescribeStreamOutput>> ControlPlane::describe_stream(
    const Context& context, kinesis::DescribeStreamInput in) {
  CO_TRY_ASSIGN(const StreamKey key, key_of(context, in.stream_name, in.stream_arn));
  CO_TRY_ASSIGN(const auto stream, stream_of(key));
  ShardFilter filter;
  filter.after = in.exclusive_start_shard_id.value_or("");
  const int32_t limit = std::min(in.limit.value_or(kMaxPage), kMaxPage);
  const ShardPage page =
      streams::list_shards(*stream, filter, static_cast<size_t>(limit), clock_.now_ms());
  kinesis::DescribeStreamOutput out;
  kinesis::StreamDescription& description = out.stream_description;
  description.stream_name = key.name;
  description.stream_arn = key.arn();
  description.stream_status = status_text(stream->status);
  description.stream_mode_details = mode_details(*stream);
  for (const Shard* shard : page.shards) description.shards.push_back(wire_shard(*shard));
  description.has_more_shards = page.more;
  description.retention_period_hours = stream->retention_hours;
  description.stream_creation_timestamp = creation_time(*stream);
  description.enhanced_monitoring = enhanced_metrics(*stream);
  show_encryption(*stream, description);
  co_return out;
}

awaitable<Result<kinesis::DescribeStreamSummaryOutput>> ControlPlane::describe_stream_summary(
    const Context& context, kinesis::DescribeStreamSummaryInput in) {
  CO_TRY_ASSIGN(const StreamKey key, key_of(context, in.stream_name, in.stream_arn));
  CO_TRY_ASSIGN(const auto stream, stream_of(key));
  kinesis::DescribeStreamSummaryOutput out;
  kinesis::StreamDescriptionSummary& summary = out.stream_description_summary;
  summary.stream_name = key.name;
  summary.stream_arn = key.arn();
  summary.stream_status = status_text(stream->status);
  summary.stream_mode_details = mode_details(*stream);
  summary.retention_period_hours = stream->retention_hours;
  summary.stream_creation_timestamp = creation_time(*stream);
  summary.enhanced_monitoring = enhanced_metrics(*stream);
  show_encryption(*stream, summary);
  summary.open_shard_count = static_cast<int32_t>(stream->open_by_hash_key.size());
  summary.consumer_count = static_cast<int32_t>(std::ranges::count_if(
      stream->consumers, [view = consumers_now()](const Consumer& c) { return view.is_shown(c); }));
  summary.max_record_size_in_kib = stream->max_record_kib;
  if (stream->mode == StreamMode::kOnDemand) {
    summary.record_distribution_strategy = "USER_PARTITION_KEY";
    summary.warm_throughput = wire_warm_throughput(*stream);
  }
  co_return out;
}

awaitable<Result<kinesis::ListStreamsOutput>> ControlPlane::list_streams(
    const Context& context, kinesis::ListStreamsInput in) {
  std::string after = in.exclusive_start_stream_name.value_or("");
  if (in.next_token) {
    CO_TRY_ASSIGN(after, open_stream_page(settings_.token_key, context.account, context.region,
                                          *in.next_token));
  }
  const auto limit = static_cast<size_t>(std::min(in.limit.value_or(kMaxPage), kMaxPage));
  kinesis::ListStreamsOutput out;
  out.stream_summaries.emplace();
  for (const auto& stream : catalog_.list_page(context.account, context.region, after, limit + 1)) {
    if (out.stream_names.size() == limit) {
      out.has_more_streams = true;
      out.next_token = seal_stream_page(settings_.token_key, context.account, context.region,
                                        out.stream_names.back());
      break;
    }
    out.stream_names.push_back(stream->key.name);
    kinesis::StreamSummary& summary = out.stream_summaries->emplace_back();
    summary.stream_name = stream->key.name;
    summary.stream_arn = stream->key.arn();
    summary.stream_status = status_text(stream->status);
    summary.stream_mode_details = mode_details(*stream);
    summary.stream_creation_timestamp = creation_time(*stream);
  }
  co_return out;
}

awaitable<Result<kinesis::DescribeLimitsOutput>> ControlPlane::describe_limits(
    const Context& context, kinesis::DescribeLimitsInput) {
  kinesis::DescribeLimitsOutput out;
  out.shard_limit = settings_.shards_per_account_and_region;
  for (const auto& stream : catalog_.list(context.account, context.region)) {
    out.open_shard_count += static_cast<int32_t>(stream->open_by_hash_key.size());
    if (stream->mode == StreamMode::kOnDemand) ++out.on_demand_stream_count;
  }
  out.on_demand_stream_count_limit = most_on_demand_streams(settings_);
  co_return out;
}

awaitable<Result<>> ControlPlane::set_retention(StreamKey key, int32_t hours, bool increase) {
  const auto edit = [hours, increase](Stream& stream) -> Result<> {
    if (hours < kMinRetentionHours) {
      return fail(ErrorCode::kInvalidArgument,
                  "Minimum allowed retention period is {} hours. Requested retention period ({} "
                  "hours) is too short.",
                  kMinRetentionHours, hours);
    }
    if (hours > kMaxRetentionHours) {
      return fail(ErrorCode::kInvalidArgument,
                  "Maximum allowed retention period is {} hours. Requested retention period ({} "
                  "hours) is too long.",
                  kMaxRetentionHours, hours);
    }
    TRY(check_active(stream));
    if (increase ? hours < stream.retention_hours : hours > stream.retention_hours) {
      return fail(ErrorCode::kInvalidArgument,
                  "Requested retention period ({} hours) for stream {} can not be {} than existing "
                  "retention period ({} hours). Use {}RetentionPeriod API.",
                  hours, stream.key.name, increase ? "shorter" : "longer", stream.retention_hours,
                  increase ? "Decrease" : "Increase");
    }
    stream.retention_hours = hours;
    return {};
  };
  return catalog_.edit(std::move(key), edit);
}

awaitable<Result<>> ControlPlane::increase_retention(
    const Context& context, kinesis::IncreaseStreamRetentionPeriodInput in) {
  CO_TRY_ASSIGN(StreamKey key, key_of(context, in.stream_name, in.stream_arn));
  co_return co_await set_retention(std::move(key), in.retention_period_hours, true);
}

awaitable<Result<>> ControlPlane::decrease_retention(
    const Context& context, kinesis::DecreaseStreamRetentionPeriodInput in) {
  CO_TRY_ASSIGN(StreamKey key, key_of(context, in.stream_name, in.stream_arn));
  co_return co_await set_retention(std::move(key), in.retention_period_hours, false);
}

awaitable<Result<>> ControlPlane::update_max_record_size(const Context& context,
                                                         kinesis::UpdateMaxRecordSizeInput in) {
  CO_TRY_ASSIGN(StreamKey key, key_of(context, std::nullopt, in.stream_arn));
  const int32_t kib = in.max_record_size_in_kib;
  const auto edit = [kib](Stream& stream) -> Result<> {
    TRY(check_active(stream));
    stream.max_record_kib = kib;
    return {};
  };
  co_return co_await catalog_.edit(std::move(key), edit);
}

}  // namespace millstream::streams
