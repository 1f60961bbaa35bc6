// What a delivery stream is: its source, its destination, its state.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/env.h"
#include "base/result.h"
#include "firehose/prefix.h"
#include "firehose/time_zone.h"
#include "log/shard_log.h"
#include "streams/catalog.h"
#include "wire/generated/firehose.h"

namespace millstream::firehose {

struct DeliveryStreamKey {
  std::string account;
  std::string region;
  std::string name;
  friend auto operator<=>(const DeliveryStreamKey&, const DeliveryStreamKey&) = default;
  std::string arn() const;  // arn:aws:firehose:<region>:<account>:deliverystream/<name>
};

enum class DeliveryStatus : int64_t { kCreating = 1, kActive = 2, kDeleting = 3 };
std::string_view status_text(DeliveryStatus status);  // "ACTIVE"

enum class Compression : int64_t { kNone = 0, kGzip = 1 };

// Where deliveries of a server go.
enum class DeliveryTarget : int64_t { kLake = 1, kS3 = 2 };

// A stream that is read; nothing is copied.
struct KinesisSource {
  std::string stream_arn;
  std::string role_arn;
  streams::StreamKey stream;
  TimeMs start_ms = 0;  // records that arrived at or after it are delivered
};

// What the description of an S3 destination means.
struct S3Destination {
  std::string bucket;
  Prefix prefix;
  TimeZone zone;
  std::string extension;  // ".gz", or the destination's FileExtension
  Compression compression = Compression::kNone;
  size_t buffer_bytes = 0;
  std::chrono::seconds buffer_interval{};
};
// Errors: kInvalidArgument: what AWS refuses, and by name what is not supported yet.
Result<S3Destination> understand(const wire::firehose::ExtendedS3DestinationDescription& described);

// One state of a delivery stream. Constant: a change makes a new one.
struct DeliveryStream {
  int64_t id = 0;  // never given twice
  DeliveryStreamKey key;
  DeliveryStatus status = DeliveryStatus::kCreating;
  int64_t version = 1;  // of the configuration
  TimeMs created_ms = 0;
  TimeMs updated_ms = 0;
  std::optional<KinesisSource> kinesis;  // nothing: DirectPut
  std::vector<ShardId> own_shards;       // of a DirectPut source
  std::optional<int32_t> throughput_hint_mbs;
  std::map<std::string, std::string> tags;
  wire::firehose::ExtendedS3DestinationDescription described;  // with AWS's defaults
  S3Destination destination;                                   // understand(described)

  std::string_view type() const { return kinesis ? "KinesisStreamAsSource" : "DirectPut"; }
};

// What CreateDeliveryStream asks for; id, times and shards are left open. Everything this
// server does not do yet is refused by name, with kInvalidArgument.
Result<DeliveryStream> new_delivery_stream(const wire::firehose::CreateDeliveryStreamInput& in,
                                           std::string account, std::string region);

// `failure`: why its deliveries lag; empty if they don't.
wire::firehose::DeliveryStreamDescription describe(const DeliveryStream& stream,
                                                   const std::string& failure);

}  // namespace millstream::firehose
