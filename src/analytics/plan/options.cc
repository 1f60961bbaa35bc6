#include "analytics/plan/options.h"

#include <algorithm>
#include <array>
#include <limits>
#include <span>

#include <fmt/format.h>

#include "base/text.h"

namespace millstream::analytics {
namespace {

enum class Kind : uint8_t {
  kText,
  kBoolean,
  kCount,  // an integer, at least 1
  kInteger,
  kNumber,
  kDuration,
  kSize,
  kChoice,  // one of `choices`, in any case
  kCharacter,
  kIgnored,  // of Flink's client: anything, without effect here
  kNotYet,   // refused by name
};

// One option, or with `prefix` all whose key begins so.
struct Option {
  std::string_view key;
  Kind kind = Kind::kText;
  std::string_view choices = {};  // "a|b"
  bool required = false;
  bool prefix = false;
};

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

struct NamedConnector {
  std::string_view name;
  Connector connector;
};
constexpr std::array kConnectors = std::to_array<NamedConnector>({
    {"blackhole", Connector::kBlackhole},
    {"datagen", Connector::kDatagen},
    {"filesystem", Connector::kFilesystem},
    {"firehose", Connector::kDelivery},
    {"kinesis", Connector::kStream},
    {"kinesis-legacy", Connector::kStream},
    {"print", Connector::kPrint},
});

struct NamedFormat {
  std::string_view name;
  Format format;
};
constexpr std::array kFormats = std::to_array<NamedFormat>({
    {"csv", Format::kCsv},
    {"json", Format::kJson},
    {"raw", Format::kRaw},
});
constexpr std::array<std::string_view, 12> kFormatsNotYet = {
    "avro",          "avro-confluent", "canal-json",    "debezium-avro-confluent",
    "debezium-json", "maxwell-json",   "ogg-json",      "orc",
    "parquet",       "protobuf",       "json-registry", "avro-glue"};
constexpr std::array<std::string_view, 9> kConnectorsNotYet = {
    "kafka",     "upsert-kafka", "jdbc", "elasticsearch-7", "opensearch", "dynamodb",
    "hbase-2.2", "mysql-cdc",    "faker"};

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

std::string joined(std::span<const std::string_view> words) {
  std::string text;
  for (std::string_view word : words) {
    if (!text.empty()) text += ", ";
    text += word;
  }
  return text;
}

bool is_number(std::string_view value) {
  double number = 0;
  const char* end = value.data() + value.size();
  const auto result = std::from_chars(value.data(), end, number);
  return result.ec == std::errc() && result.ptr == end;
}

// One character, or an escape for one ("\t").
bool is_character(std::string_view value) {
  return value.size() == 1 || value == "\\t" || value == "\\n" || value == "\\r" ||
         value == "\\\\" || (value.size() == 6 && value.starts_with("\\u"));
}

bool is_choice(std::string_view value, std::string_view choices) {
  const std::string wanted = to_lower(value);
  return std::ranges::any_of(split(choices, '|'),
                             [&](std::string_view choice) { return to_lower(choice) == wanted; });
}

// What the value of such an option must be, if it isn't; "" if it is.
std::string problem_of(const Option& option, std::string_view value) {
  switch (option.kind) {
    case Kind::kText:
      return value.empty() ? "a text that is not empty" : "";
    case Kind::kBoolean:
      return is_choice(value, "true|false") ? "" : "true or false";
    case Kind::kCount: {
      const auto number = parse_integer<int64_t>(value);
      return number && *number >= 1 ? "" : "a whole number, at least 1";
    }
    case Kind::kInteger:
      return parse_integer<int64_t>(value) ? "" : "a whole number";
    case Kind::kNumber:
      return is_number(value) ? "" : "a number";
    case Kind::kDuration:
      return parse_duration_ms(value) ? "" : "a duration, as in '10 s', '5 min' or '500 ms'";
    case Kind::kSize:
      return parse_size_bytes(value) ? "" : "a size, as in '128 mb' or '1 gb'";
    case Kind::kChoice: {
      if (is_choice(value, option.choices)) return "";
      const auto choices = split(option.choices, '|');
      return choices.size() == 1 ? std::string(choices[0]) : "one of " + joined(choices);
    }
    case Kind::kCharacter:
      return is_character(value) ? "" : "a single character";
    case Kind::kIgnored:
    case Kind::kNotYet:
      break;
  }
  return "";
}

Result<> check_value(const Option& option, std::string_view key, std::string_view value) {
  if (option.kind == Kind::kNotYet) {
    return fail(ErrorCode::kInvalidArgument, "option '{}' is not yet supported", key);
  }
  const std::string problem = problem_of(option, value);
  if (problem.empty()) return {};
  return fail(ErrorCode::kInvalidArgument, "Invalid value for option '{}': '{}' must be {}.", key,
              value, problem);
}

Result<> check_datagen_field(const Table& table, std::string_view key, std::string_view value) {
  constexpr std::string_view kFields = "fields.";
  const std::string_view rest = key.substr(kFields.size());
  const size_t dot = rest.rfind('.');
  if (dot == std::string_view::npos) {
    return fail(ErrorCode::kInvalidArgument,
                "Unsupported options found for 'datagen': '{}'; write 'fields.<column>.kind'", key);
  }
  const std::string_view column = rest.substr(0, dot);
  const bool exists = std::ranges::any_of(
      table.columns, [&](const TableColumn& known) { return known.name == column; });
  if (!exists) {
    return fail(ErrorCode::kInvalidArgument, "option '{}': the table has no column '{}'", key,
                column);
  }
  const Option* option = find_option(kDatagenFieldOptions, rest.substr(dot + 1));
  if (option == nullptr) {
    std::vector<std::string_view> known;
    for (const Option& each : kDatagenFieldOptions) known.push_back(each.key);
    return fail(ErrorCode::kInvalidArgument,
                "Unsupported options found for 'datagen': '{}'. Supported for a column: {}.", key,
                joined(known));
  }
  return check_value(*option, key, value);
}

std::unexpected<Error> unknown_option(const Table& table, std::string_view key) {
  std::vector<std::string_view> known{"connector"};
  for (const auto options : {options_of(table.connector), options_of(table.format)}) {
    for (const Option& option : options) {
      if (!option.prefix && option.kind != Kind::kNotYet) known.push_back(option.key);
    }
  }
  std::ranges::sort(known);
  const auto nearest = nearest_word(key, known);
  return fail(ErrorCode::kInvalidArgument,
              "Unsupported options found for '{}': '{}'{}. Supported options: {}.",
              connector_text(table.connector), key,
              nearest ? fmt::format(" (did you mean '{}'?)", *nearest) : "", joined(known));
}

Result<> check_known(const Table& table) {
  for (const auto& [key, value] : table.options) {
    if (key == "connector") continue;
    if (table.connector == Connector::kDatagen && key.starts_with("fields.")) {
      TRY(check_datagen_field(table, key, value));
      continue;
    }
    const Option* option = find_option(options_of(table.connector), key);
    if (option == nullptr) option = find_option(options_of(table.format), key);
    if (option == nullptr) return unknown_option(table, key);
    if (key != "format") TRY(check_value(*option, key, value));
  }
  return {};
}

Result<> check_required(const Table& table) {
  std::vector<std::string_view> missing;
  for (const Option& option : options_of(table.connector)) {
    if (option.required && !table.options.contains(std::string(option.key))) {
      missing.push_back(option.key);
    }
  }
  const bool is_stream = table.connector == Connector::kStream;
  if (is_stream && !table.options.contains("stream") && !table.options.contains("stream.arn")) {
    missing.push_back("stream.arn (or stream)");
  }
  if (missing.empty()) return {};
  return fail(ErrorCode::kInvalidArgument,
              "One or more required options are missing for '{}'. Missing required options are: "
              "{}.",
              connector_text(table.connector), joined(missing));
}

bool is_true(const Table& table, const std::string& key) {
  const auto found = table.options.find(key);
  return found != table.options.end() && to_lower(found->second) == "true";
}

Result<> check_stream(const Table& table) {
  const auto position_of = [&](const std::string& key, const std::string& time) -> Result<> {
    const auto found = table.options.find(key);
    if (found == table.options.end() || to_lower(found->second) != "at_timestamp") return {};
    if (table.options.contains(time)) return {};
    return fail(ErrorCode::kInvalidArgument, "'{}' = 'AT_TIMESTAMP' needs the option '{}'", key,
                time);
  };
  TRY(position_of("source.init.position", "source.init.timestamp"));
  TRY(position_of("scan.stream.initpos", "scan.stream.initpos-timestamp"));
  if (table.options.contains("stream") && table.options.contains("stream.arn")) {
    return fail(ErrorCode::kInvalidArgument, "name the stream once: by 'stream.arn' or 'stream'");
  }
  return {};
}

Result<> check_path(const Table& table) {
  const std::string& path = table.options.at("path");
  std::string_view rest = path;
  constexpr std::string_view kLake = "lake://";
  if (rest.starts_with(kLake)) {
    rest.remove_prefix(kLake.size());
  } else if (rest.starts_with("/")) {
    rest.remove_prefix(1);
  } else {
    return fail(ErrorCode::kInvalidArgument,
                "'path' = '{}' is not yet supported: name a folder of the lake, "
                "'lake://bucket/prefix' or '/bucket/prefix'",
                path);
  }
  const auto parts = split(rest, '/');
  const auto is_bad = [](std::string_view part) { return part == "." || part == ".."; };
  if (rest.empty() || parts[0].empty() || std::ranges::any_of(parts, is_bad)) {
    return fail(ErrorCode::kInvalidArgument,
                "'path' = '{}' names no bucket of the lake: write 'lake://bucket/prefix'", path);
  }
  return {};
}

Result<> check_datagen(const Table& table) {
  for (const TableColumn& column : table.columns) {
    const std::string prefix = fmt::format("fields.{}.", column.name);
    const auto kind = table.options.find(prefix + "kind");
    const bool is_sequence = kind != table.options.end() && to_lower(kind->second) == "sequence";
    if (!is_sequence) continue;
    for (const std::string_view end : {"start", "end"}) {
      if (table.options.contains(prefix + std::string(end))) continue;
      return fail(ErrorCode::kInvalidArgument,
                  "Could not find required property '{}{}' for sequence generator.", prefix, end);
    }
  }
  return {};
}

Result<> check_raw(const Table& table) {
  std::string physical;
  int count = 0;
  for (const TableColumn& column : table.columns) {
    if (column.computed != nullptr || column.metadata != Metadata::kNone) continue;
    physical +=
        fmt::format("{}`{}` {}", count == 0 ? "" : ", ", column.name, type_text(column.type));
    ++count;
  }
  if (count == 1) return {};
  return fail(ErrorCode::kInvalidArgument,
              "The 'raw' format only supports single physical column. However the defined schema "
              "contains {} physical columns: [{}]",
              count == 0 ? "no" : "multiple", physical);
}

// What a program that embeds Flink sets and what has its counterpart here by itself.
struct SessionOption {
  Option option;
  bool has_effect = true;
};
constexpr std::array kSessionOptions = std::to_array<SessionOption>({
    {{.key = "table.exec.state.ttl", .kind = Kind::kDuration}},
    {{.key = "table.exec.source.idle-timeout", .kind = Kind::kDuration}},
    {{.key = "table.local-time-zone"}},
    {{.key = "parallelism.default", .kind = Kind::kInteger}},
    {{.key = "pipeline.name"}},
    {choice("execution.runtime-mode", "streaming")},
    {choice("table.sql-dialect", "default"), false},
    {{.key = "table.exec.mini-batch.enabled", .kind = Kind::kBoolean}, false},
    {{.key = "table.exec.mini-batch.allow-latency", .kind = Kind::kDuration}, false},
    {{.key = "table.exec.mini-batch.size", .kind = Kind::kInteger}, false},
    {{.key = "table.optimizer.agg-phase-strategy"}, false},
    {{.key = "table.optimizer.distinct-agg.split.enabled", .kind = Kind::kBoolean}, false},
    {{.key = "execution.checkpointing.interval", .kind = Kind::kDuration}, false},
    {{.key = "execution.checkpointing.mode"}, false},
    {{.key = "sql-client.execution.result-mode"}, false},
});
constexpr std::array<std::string_view, 12> kSessionPrefixes = {
    "akka.",     "client.", "execution.",  "jobmanager.", "metrics.", "parallelism.",
    "pipeline.", "rest.",   "sql-client.", "state.",      "table.",   "taskmanager."};

struct Unit {
  std::string_view names;  // "s|sec|second"
  int64_t factor;
};
constexpr std::array kDurations = std::to_array<Unit>({
    {"d|day|days", 86'400'000},
    {"h|hour|hours", 3'600'000},
    {"m|min|minute|minutes", 60'000},
    {"s|sec|secs|second|seconds", 1'000},
    {"ms|milli|millis|millisecond|milliseconds|", 1},
});
constexpr std::array kSizes = std::to_array<Unit>({
    {"b|bytes|", 1},
    {"k|kb|kibibytes", int64_t{1} << 10},
    {"m|mb|mebibytes", int64_t{1} << 20},
    {"g|gb|gibibytes", int64_t{1} << 30},
    {"t|tb|tebibytes", int64_t{1} << 40},
});

std::optional<int64_t> parse_units(std::string_view text, std::span<const Unit> units) {
  text = trim(text);
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = parse_integer<int64_t>(text.substr(0, digits));
  if (!number) return std::nullopt;
  const std::string name = to_lower(trim(text.substr(digits)));
  for (const Unit& unit : units) {
    const auto names = split(unit.names, '|');
    if (std::ranges::find(names, name) == names.end()) continue;
    if (*number > std::numeric_limits<int64_t>::max() / unit.factor) return std::nullopt;
    return *number * unit.factor;
  }
  return std::nullopt;
}

}  // namespace

std::optional<int64_t> parse_duration_ms(std::string_view text) {
  return parse_units(text, kDurations);
}

std::optional<int64_t> parse_size_bytes(std::string_view text) { return parse_units(text, kSizes); }

Result<Connector> connector_of(const std::map<std::string, std::string>& options) {
  const auto named = options.find("connector");
  if (named == options.end()) {
    return fail(ErrorCode::kInvalidArgument,
                "Table options do not contain an option key 'connector' for discovering a "
                "connector.");
  }
  const auto found = std::ranges::find(kConnectors, named->second, &NamedConnector::name);
  if (found != kConnectors.end()) return found->connector;
  if (std::ranges::find(kConnectorsNotYet, named->second) != kConnectorsNotYet.end()) {
    return fail(ErrorCode::kInvalidArgument, "connector '{}' is not yet supported", named->second);
  }
  std::vector<std::string_view> names;
  for (const NamedConnector& connector : kConnectors) names.push_back(connector.name);
  const auto nearest = nearest_word(named->second, names);
  return fail(ErrorCode::kInvalidArgument,
              "Could not find any factory for identifier '{}'{}. Available factory identifiers "
              "are: {}.",
              named->second, nearest ? fmt::format(" (did you mean '{}'?)", *nearest) : "",
              joined(names));
}

Result<Format> format_of(const std::map<std::string, std::string>& options) {
  const auto named = options.find("format");
  if (named == options.end()) return Format::kNone;
  const auto found = std::ranges::find(kFormats, named->second, &NamedFormat::name);
  if (found != kFormats.end()) return found->format;
  if (std::ranges::find(kFormatsNotYet, named->second) != kFormatsNotYet.end()) {
    return fail(ErrorCode::kInvalidArgument,
                "format '{}' is not yet supported: use json, csv or raw", named->second);
  }
  std::vector<std::string_view> names;
  for (const NamedFormat& format : kFormats) names.push_back(format.name);
  const auto nearest = nearest_word(named->second, names);
  return fail(ErrorCode::kInvalidArgument,
              "Could not find any factory for identifier '{}'{}. Available formats are: {}.",
              named->second, nearest ? fmt::format(" (did you mean '{}'?)", *nearest) : "",
              joined(names));
}

std::string_view connector_text(Connector connector) {
  if (connector == Connector::kCollect) return "collect";
  if (connector == Connector::kInternal) return "in-application stream";
  const auto found = std::ranges::find(kConnectors, connector, &NamedConnector::connector);
  return found == kConnectors.end() ? "" : found->name;
}

std::string_view format_text(Format format) {
  const auto found = std::ranges::find(kFormats, format, &NamedFormat::format);
  return found == kFormats.end() ? "" : found->name;
}

Result<> check_table_options(const Table& table) {
  if (table.connector == Connector::kInternal || table.connector == Connector::kCollect) return {};
  TRY(check_known(table));
  TRY(check_required(table));
  if (table.connector == Connector::kStream) TRY(check_stream(table));
  if (table.connector == Connector::kFilesystem) TRY(check_path(table));
  if (table.connector == Connector::kDatagen) TRY(check_datagen(table));
  if (table.format == Format::kRaw) TRY(check_raw(table));
  if (is_true(table, "json.fail-on-missing-field") && is_true(table, "json.ignore-parse-errors")) {
    return fail(ErrorCode::kInvalidArgument,
                "json.fail-on-missing-field and json.ignore-parse-errors shouldn't both be true.");
  }
  return {};
}

std::vector<std::string> option_warnings(const Table& table) {
  std::vector<std::string> warnings;
  for (const auto& [key, value] : table.options) {
    const Option* option = find_option(options_of(table.connector), key);
    if (option == nullptr) option = find_option(options_of(table.format), key);
    if (option == nullptr || option->kind != Kind::kIgnored) continue;
    warnings.push_back(fmt::format("option '{}' of table '{}' has no effect on the embedded engine",
                                   key, table.name));
  }
  return warnings;
}

Result<std::string> check_session_option(std::string_view key, std::string_view value) {
  std::vector<std::string_view> known;
  for (const SessionOption& each : kSessionOptions) {
    known.push_back(each.option.key);
    if (each.option.key != key) continue;
    if (key == "execution.runtime-mode" && to_lower(value) == "batch") {
      return fail(ErrorCode::kInvalidArgument,
                  "'execution.runtime-mode' = 'batch' is not yet supported");
    }
    TRY(check_value(each.option, key, value));
    if (each.has_effect) return std::string();
    return fmt::format("option '{}' has no effect on the embedded engine", key);
  }
  const auto nearest = nearest_word(key, known);
  const bool is_flinks = std::ranges::any_of(
      kSessionPrefixes, [&](std::string_view prefix) { return key.starts_with(prefix); });
  if (nearest && edit_distance(key, *nearest) <= 3) {
    return fail(ErrorCode::kInvalidArgument, "unknown option '{}'; did you mean '{}'?", key,
                *nearest);
  }
  if (is_flinks) return fmt::format("option '{}' has no effect on the embedded engine", key);
  return fail(ErrorCode::kInvalidArgument, "unknown option '{}'. Options with an effect: {}.", key,
              "parallelism.default, pipeline.name, table.exec.source.idle-timeout, "
              "table.exec.state.ttl, table.local-time-zone");
}

}  // namespace millstream::analytics
