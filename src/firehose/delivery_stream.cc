#include "firehose/delivery_stream.h"

#include <array>

#include <fmt/format.h>

#include "wire/arn.h"

namespace millstream::firehose {
namespace {

namespace api = wire::firehose;

constexpr std::string_view kDestinationId = "destinationId-000000000001";
// AWS's defaults of BufferingHints for S3.
constexpr int32_t kDefaultSizeMbs = 5;
constexpr int32_t kDefaultIntervalS = 300;
constexpr size_t kMaxTags = 50;  // AWS limit: API model, TagDeliveryStreamInputTagList

std::unexpected<Error> not_yet(std::string_view what) {
  return fail(ErrorCode::kInvalidArgument,
              "{} is not supported by this server yet; leave it out or disable it", what);
}

Result<> refuse_if(bool present, std::string_view what) {
  if (present) return not_yet(what);
  return {};
}

Result<> check_encryption(const std::optional<api::EncryptionConfiguration>& encryption) {
  return refuse_if(encryption && encryption->kms_encryption_config.has_value(),
                   "EncryptionConfiguration.KMSEncryptionConfig");
}

Result<> refuse_other_destinations(const api::CreateDeliveryStreamInput& in) {
  const std::array others{
      std::pair{in.redshift_destination_configuration.has_value(),
                "RedshiftDestinationConfiguration"},
      std::pair{in.elasticsearch_destination_configuration.has_value(),
                "ElasticsearchDestinationConfiguration"},
      std::pair{in.amazonopensearchservice_destination_configuration.has_value(),
                "AmazonopensearchserviceDestinationConfiguration"},
      std::pair{in.splunk_destination_configuration.has_value(), "SplunkDestinationConfiguration"},
      std::pair{in.http_endpoint_destination_configuration.has_value(),
                "HttpEndpointDestinationConfiguration"},
      std::pair{in.amazon_open_search_serverless_destination_configuration.has_value(),
                "AmazonOpenSearchServerlessDestinationConfiguration"},
      std::pair{in.snowflake_destination_configuration.has_value(),
                "SnowflakeDestinationConfiguration"},
      std::pair{in.iceberg_destination_configuration.has_value(),
                "IcebergDestinationConfiguration"},
  };
  int destinations = in.s3_destination_configuration.has_value() +
                     in.extended_s3_destination_configuration.has_value();
  std::string_view other;
  for (const auto& [present, name] : others) {
    if (!present) continue;
    ++destinations;
    other = name;
  }
  if (destinations != 1) {
    return fail(ErrorCode::kInvalidArgument,
                "Exactly one destination configuration is supported for a Firehose");
  }
  return refuse_if(!other.empty(), other);
}

// Of the members that both kinds of S3 configuration have.
template <class Configuration>
api::ExtendedS3DestinationDescription description_of(const Configuration& in) {
  api::ExtendedS3DestinationDescription out;
  out.role_arn = in.role_arn;
  out.bucket_arn = in.bucket_arn;
  out.prefix = in.prefix;
  out.error_output_prefix = in.error_output_prefix;
  const api::BufferingHints hints = in.buffering_hints.value_or(api::BufferingHints());
  out.buffering_hints.size_in_mbs = hints.size_in_mbs.value_or(kDefaultSizeMbs);
  out.buffering_hints.interval_in_seconds = hints.interval_in_seconds.value_or(kDefaultIntervalS);
  out.compression_format =
      in.compression_format.value_or(std::string(api::CompressionFormat::kUncompressed));
  out.encryption_configuration.no_encryption_config = api::NoEncryptionConfig::kNoEncryption;
  out.cloud_watch_logging_options = in.cloud_watch_logging_options;
  if (!out.cloud_watch_logging_options) {
    out.cloud_watch_logging_options.emplace().enabled = false;
  }
  return out;
}

Result<api::ExtendedS3DestinationDescription> extended_description(
    const api::ExtendedS3DestinationConfiguration& in) {
  TRY(check_encryption(in.encryption_configuration));
  TRY(refuse_if(in.processing_configuration && in.processing_configuration->enabled == true,
                "ProcessingConfiguration"));
  TRY(refuse_if(in.s3_backup_mode == std::string(api::S3BackupMode::kEnabled), "S3BackupMode"));
  TRY(refuse_if(in.s3_backup_configuration.has_value(), "S3BackupConfiguration"));
  // AWS: both are enabled unless they say otherwise.
  TRY(refuse_if(in.data_format_conversion_configuration &&
                    in.data_format_conversion_configuration->enabled != false,
                "DataFormatConversionConfiguration"));
  TRY(refuse_if(in.dynamic_partitioning_configuration &&
                    in.dynamic_partitioning_configuration->enabled == true,
                "DynamicPartitioningConfiguration"));
  api::ExtendedS3DestinationDescription out = description_of(in);
  out.processing_configuration = in.processing_configuration;
  out.s3_backup_mode = api::S3BackupMode::kDisabled;
  out.data_format_conversion_configuration = in.data_format_conversion_configuration;
  out.dynamic_partitioning_configuration = in.dynamic_partitioning_configuration;
  out.file_extension = in.file_extension;
  out.custom_time_zone = in.custom_time_zone;
  return out;
}

Result<KinesisSource> kinesis_source(const api::KinesisStreamSourceConfiguration& in) {
  const Result<wire::StreamArn> arn = wire::parse_stream_arn(in.kinesis_stream_arn);
  if (!arn) return std::unexpected(arn.error());
  KinesisSource source;
  source.stream_arn = in.kinesis_stream_arn;
  source.role_arn = in.role_arn;
  source.stream = {arn->account, arn->region, arn->name};
  return source;
}

Result<> read_source(const api::CreateDeliveryStreamInput& in, DeliveryStream& stream) {
  TRY(refuse_if(in.msk_source_configuration.has_value(), "MSKSourceConfiguration"));
  TRY(refuse_if(in.database_source_configuration.has_value(), "DatabaseSourceConfiguration"));
  const std::string type =
      in.delivery_stream_type.value_or(std::string(api::DeliveryStreamType::kDirectPut));
  if (type == api::DeliveryStreamType::kKinesisStreamAsSource) {
    if (!in.kinesis_stream_source_configuration) {
      return fail(ErrorCode::kInvalidArgument,
                  "KinesisStreamSourceConfiguration is required for delivery stream type {}", type);
    }
    TRY(refuse_if(in.delivery_stream_encryption_configuration_input.has_value(),
                  "DeliveryStreamEncryptionConfigurationInput"));
    TRY_ASSIGN(stream.kinesis, kinesis_source(*in.kinesis_stream_source_configuration));
    return {};
  }
  TRY(refuse_if(type != api::DeliveryStreamType::kDirectPut,
                fmt::format("DeliveryStreamType {}", type)));
  if (in.kinesis_stream_source_configuration) {
    return fail(ErrorCode::kInvalidArgument,
                "KinesisStreamSourceConfiguration is only allowed for delivery stream type "
                "KinesisStreamAsSource");
  }
  TRY(refuse_if(in.delivery_stream_encryption_configuration_input.has_value(),
                "DeliveryStreamEncryptionConfigurationInput"));
  if (in.direct_put_source_configuration) {
    stream.throughput_hint_mbs = in.direct_put_source_configuration->throughput_hint_in_mbs;
  }
  return {};
}

}  // namespace

std::string DeliveryStreamKey::arn() const {
  return wire::format_arn(wire::DeliveryStreamArn{region, account, name});
}

std::string_view status_text(DeliveryStatus status) {
  switch (status) {
    case DeliveryStatus::kCreating:
      return api::DeliveryStreamStatus::kCreating;
    case DeliveryStatus::kActive:
      return api::DeliveryStreamStatus::kActive;
    case DeliveryStatus::kDeleting:
      return api::DeliveryStreamStatus::kDeleting;
  }
  MS_ASSERT(false);
}

Result<S3Destination> understand(const api::ExtendedS3DestinationDescription& described) {
  S3Destination out;
  // The pattern of the model: arn:…:s3:::bucket.
  out.bucket = described.bucket_arn.substr(described.bucket_arn.rfind(':') + 1);
  TRY_ASSIGN(out.prefix, Prefix::parse(described.prefix.value_or(""), PrefixKind::kPrefix));
  std::optional<Prefix> error_output;
  if (!described.error_output_prefix.value_or("").empty()) {
    TRY_ASSIGN(error_output,
               Prefix::parse(*described.error_output_prefix, PrefixKind::kErrorOutput));
  }
  TRY(check_prefixes(out.prefix, error_output));
  TRY_ASSIGN(out.zone, TimeZone::find(described.custom_time_zone.value_or("")));
  if (described.compression_format == api::CompressionFormat::kGzip) {
    out.compression = Compression::kGzip;
    out.extension = ".gz";
  } else if (described.compression_format != api::CompressionFormat::kUncompressed) {
    return not_yet(fmt::format("CompressionFormat {}", described.compression_format));
  }
  // AWS: it replaces the extension of the compression.
  if (const std::string extension = described.file_extension.value_or(""); !extension.empty()) {
    out.extension = extension;
  }
  const api::BufferingHints& hints = described.buffering_hints;
  out.buffer_bytes = static_cast<size_t>(hints.size_in_mbs.value_or(kDefaultSizeMbs)) << 20;
  out.buffer_interval = std::chrono::seconds(hints.interval_in_seconds.value_or(kDefaultIntervalS));
  return out;
}

Result<DeliveryStream> new_delivery_stream(const api::CreateDeliveryStreamInput& in,
                                           std::string account, std::string region) {
  DeliveryStream stream;
  stream.key = {std::move(account), std::move(region), in.delivery_stream_name};
  TRY(refuse_other_destinations(in));
  TRY(read_source(in, stream));
  if (in.extended_s3_destination_configuration) {
    TRY_ASSIGN(stream.described, extended_description(*in.extended_s3_destination_configuration));
  } else {
    TRY(check_encryption(in.s3_destination_configuration->encryption_configuration));
    stream.described = description_of(*in.s3_destination_configuration);
    stream.described.s3_backup_mode = api::S3BackupMode::kDisabled;
  }
  TRY_ASSIGN(stream.destination, understand(stream.described));
  for (const api::Tag& tag : in.tags.value_or(std::vector<api::Tag>())) {
    stream.tags[tag.key] = tag.value.value_or("");
  }
  MS_ASSERT(stream.tags.size() <= kMaxTags);
  return stream;
}

api::DeliveryStreamDescription describe(const DeliveryStream& stream, const std::string& failure) {
  api::DeliveryStreamDescription out;
  out.delivery_stream_name = stream.key.name;
  out.delivery_stream_arn = stream.key.arn();
  out.delivery_stream_status = status_text(stream.status);
  if (!failure.empty()) {
    out.failure_description.emplace(
        api::FailureDescription{api::DeliveryStreamFailureType::kUnknownError, failure});
  }
  out.delivery_stream_encryption_configuration.emplace().status =
      api::DeliveryStreamEncryptionStatus::kDisabled;
  out.delivery_stream_type = stream.type();
  out.version_id = fmt::format("{}", stream.version);
  out.create_timestamp = wire::Timestamp{stream.created_ms};
  if (stream.updated_ms != 0) out.last_update_timestamp = wire::Timestamp{stream.updated_ms};
  if (stream.kinesis) {
    auto& source = out.source.emplace().kinesis_stream_source_description.emplace();
    source.kinesis_stream_arn = stream.kinesis->stream_arn;
    source.role_arn = stream.kinesis->role_arn;
    source.delivery_start_timestamp = wire::Timestamp{stream.kinesis->start_ms};
  } else if (stream.throughput_hint_mbs) {
    out.source.emplace().direct_put_source_description.emplace().throughput_hint_in_mbs =
        stream.throughput_hint_mbs;
  }
  api::DestinationDescription& destination = out.destinations.emplace_back();
  destination.destination_id = kDestinationId;
  destination.extended_s3_destination_description = stream.described;
  // AWS answers both kinds for an S3 destination.
  api::S3DestinationDescription& plain = destination.s3_destination_description.emplace();
  plain.role_arn = stream.described.role_arn;
  plain.bucket_arn = stream.described.bucket_arn;
  plain.prefix = stream.described.prefix;
  plain.error_output_prefix = stream.described.error_output_prefix;
  plain.buffering_hints = stream.described.buffering_hints;
  plain.compression_format = stream.described.compression_format;
  plain.encryption_configuration = stream.described.encryption_configuration;
  plain.cloud_watch_logging_options = stream.described.cloud_watch_logging_options;
  out.has_more_destinations = false;
  return out;
}

}  // namespace millstream::firehose
