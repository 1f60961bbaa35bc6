#include "analytics/plan/option_tables.h"

#include <array>

namespace millstream::analytics {
namespace {

using Kind = OptionKind;

constexpr Option required(std::string_view key, Kind kind = Kind::kText) {
  return {.key = key, .kind = kind, .required = true};
}
constexpr Option choice(std::string_view key, std::string_view choices) {
  return {.key = key, .kind = Kind::kChoice, .choices = choices};
}
constexpr Option ignored(std::string_view key) { return {.key = key, .kind = Kind::kIgnored}; }
constexpr Option ignored_prefix(std::string_view key) {
  return {.key = key, .kind = Kind::kIgnored, .prefix = true};
}
constexpr Option not_yet(std::string_view key, bool prefix = false) {
  return {.key = key, .kind = Kind::kNotYet, .prefix = prefix};
}

// flink-connector-aws, docs/connectors/table/kinesis: 5.x ("stream.arn", "source.*") and the
// legacy spelling ("stream", "scan.*"). Either names the stream.
constexpr std::array kStreamOptions = std::to_array<Option>({
    {.key = "stream.arn"},
    {.key = "stream"},
    required("format"),
    {.key = "aws.region"},
    choice("source.init.position", "LATEST|TRIM_HORIZON|AT_TIMESTAMP"),
    {.key = "source.init.timestamp"},
    {.key = "source.init.timestamp.format"},
    choice("scan.stream.initpos", "LATEST|TRIM_HORIZON|AT_TIMESTAMP"),
    {.key = "scan.stream.initpos-timestamp"},
    {.key = "scan.stream.initpos-timestamp-format"},
    {.key = "scan.watermark.idle-timeout", .kind = Kind::kDuration},
    {.key = "scan.parallelism", .kind = Kind::kCount},
    {.key = "sink.parallelism", .kind = Kind::kCount},
    choice("sink.partitioner", "fixed|random"),
    {.key = "sink.partitioner-field-delimiter"},
    not_yet("scan.watermark.alignment.", true),
    ignored_prefix("aws."),
    ignored("source.shard.discovery.interval"),
    choice("source.reader.type", "POLLING|EFO"),
    ignored("source.shard.get-records.max-record-count"),
    ignored_prefix("source.efo."),
    ignored_prefix("scan.stream."),
    ignored_prefix("scan.shard."),
    ignored_prefix("scan.list."),
    ignored("scan.shard-assigner"),
    ignored_prefix("scan.watermark.sync."),
    ignored("scan.watermark.lookahead.millis"),
    ignored("scan.watermark.emit.strategy"),
    ignored_prefix("shard.consumer."),
    ignored_prefix("sink.producer."),
    ignored_prefix("sink.http-client."),
    ignored("sink.batch.max-size"),
    ignored_prefix("sink.requests."),
    ignored_prefix("sink.flush-buffer."),
    ignored("sink.fail-on-error"),
});

constexpr std::array kDeliveryOptions = std::to_array<Option>({
    required("delivery-stream"),
    required("format"),
    {.key = "aws.region"},
    {.key = "sink.parallelism", .kind = Kind::kCount},
    ignored_prefix("aws."),
    ignored_prefix("sink.http-client."),
    ignored("sink.batch.max-size"),
    ignored_prefix("sink.requests."),
    ignored_prefix("sink.flush-buffer."),
    ignored("sink.fail-on-error"),
});

constexpr std::array kFilesystemOptions = std::to_array<Option>({
    required("path"),
    required("format"),
    {.key = "partition.default-name"},
    {.key = "sink.rolling-policy.file-size", .kind = Kind::kSize},
    {.key = "sink.rolling-policy.rollover-interval", .kind = Kind::kDuration},
    {.key = "sink.rolling-policy.inactivity-interval", .kind = Kind::kDuration},
    {.key = "sink.rolling-policy.check-interval", .kind = Kind::kDuration},
    {.key = "sink.parallelism", .kind = Kind::kCount},
    not_yet("source.monitor-interval"),
    not_yet("source.path.regex-pattern"),
    not_yet("source.report-statistics"),
    not_yet("sink.partition-commit.", true),
    not_yet("auto-compaction"),
    not_yet("compaction.file-size"),
});

constexpr std::array kDatagenOptions = std::to_array<Option>({
    {.key = "rows-per-second", .kind = Kind::kCount},
    {.key = "number-of-rows", .kind = Kind::kCount},
    {.key = "scan.parallelism", .kind = Kind::kCount},
});

// 'fields.<column>.<one of these>'
constexpr std::array kDatagenFieldOptions = std::to_array<Option>({
    choice("kind", "random|sequence"),
    {.key = "min", .kind = Kind::kNumber},
    {.key = "max", .kind = Kind::kNumber},
    {.key = "max-past", .kind = Kind::kDuration},
    {.key = "length", .kind = Kind::kCount},
    {.key = "var-len", .kind = Kind::kBoolean},
    {.key = "null-rate", .kind = Kind::kNumber},
    {.key = "start", .kind = Kind::kInteger},
    {.key = "end", .kind = Kind::kInteger},
});

constexpr std::array kPrintOptions = std::to_array<Option>({
    {.key = "print-identifier"},
    {.key = "standard-error", .kind = Kind::kBoolean},
    {.key = "sink.parallelism", .kind = Kind::kCount},
});

constexpr std::array kBlackholeOptions = std::to_array<Option>({
    {.key = "sink.parallelism", .kind = Kind::kCount},
});

constexpr std::array kJsonOptions = std::to_array<Option>({
    {.key = "json.ignore-parse-errors", .kind = Kind::kBoolean},
    {.key = "json.fail-on-missing-field", .kind = Kind::kBoolean},
    choice("json.timestamp-format.standard", "SQL|ISO-8601"),
    {.key = "json.encode.decimal-as-plain-number", .kind = Kind::kBoolean},
    {.key = "json.encode.ignore-null-fields", .kind = Kind::kBoolean},
    ignored("json.map-null-key.mode"),
    ignored("json.map-null-key.literal"),
    ignored("json.decode.json-parser.enabled"),
});

constexpr std::array kCsvOptions = std::to_array<Option>({
    {.key = "csv.field-delimiter", .kind = Kind::kCharacter},
    {.key = "csv.disable-quote-character", .kind = Kind::kBoolean},
    {.key = "csv.quote-character", .kind = Kind::kCharacter},
    {.key = "csv.escape-character", .kind = Kind::kCharacter},
    {.key = "csv.null-literal"},
    {.key = "csv.ignore-parse-errors", .kind = Kind::kBoolean},
    {.key = "csv.allow-comments", .kind = Kind::kBoolean},
    {.key = "csv.write-bigdecimal-in-scientific-notation", .kind = Kind::kBoolean},
    ignored("csv.array-element-delimiter"),
});

constexpr std::array kRawOptions = std::to_array<Option>({
    choice("raw.charset", "UTF-8"),
    choice("raw.endianness", "big-endian|little-endian"),
});

}  // namespace

std::span<const Option> options_of(Connector connector) {
  switch (connector) {
    case Connector::kStream:
      return kStreamOptions;
    case Connector::kDelivery:
      return kDeliveryOptions;
    case Connector::kFilesystem:
      return kFilesystemOptions;
    case Connector::kDatagen:
      return kDatagenOptions;
    case Connector::kPrint:
      return kPrintOptions;
    case Connector::kBlackhole:
      return kBlackholeOptions;
    case Connector::kCollect:
    case Connector::kInternal:
      break;
  }
  return {};
}

std::span<const Option> options_of(Format format) {
  switch (format) {
    case Format::kJson:
      return kJsonOptions;
    case Format::kCsv:
      return kCsvOptions;
    case Format::kRaw:
      return kRawOptions;
    case Format::kNone:
      break;
  }
  return {};
}

const Option* find_option(std::span<const Option> options, std::string_view key) {
  const Option* found = nullptr;
  for (const Option& option : options) {
    if (option.key == key && !option.prefix) return &option;
    if (option.prefix && key.starts_with(option.key)) found = &option;
  }
  return found;
}

std::span<const Option> datagen_field_options() { return kDatagenFieldOptions; }

}  // namespace millstream::analytics
