#include "analytics/plan/options.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "analytics/plan/option_tables.h"
#include "base/text.h"

namespace millstream::analytics {
namespace {

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
  const Option* option = find_option(datagen_field_options(), rest.substr(dot + 1));
  if (option == nullptr) {
    std::vector<std::string_view> known;
    for (const Option& each : datagen_field_options()) known.push_back(each.key);
    return fail(ErrorCode::kInvalidArgument,
                "Unsupported options found for 'datagen': '{}'. Supported for a column: {}.", key,
                comma_separated(known));
  }
  return check_value(*option, key, value);
}

std::unexpected<Error> unknown_option(const Table& table, std::string_view key) {
  std::vector<std::string_view> known{"connector"};
  for (const auto options : {options_of(table.connector), options_of(table.format)}) {
    for (const Option& option : options) {
      if (!option.prefix && option.kind != OptionKind::kNotYet) known.push_back(option.key);
    }
  }
  std::ranges::sort(known);
  const auto nearest = nearest_word(key, known);
  return fail(ErrorCode::kInvalidArgument,
              "Unsupported options found for '{}': '{}'{}. Supported options: {}.",
              connector_text(table.connector), key,
              nearest ? fmt::format(" (did you mean '{}'?)", *nearest) : "",
              comma_separated(known));
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
              connector_text(table.connector), comma_separated(missing));
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

}  // namespace

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
              comma_separated(names));
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
              comma_separated(names));
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
    if (option == nullptr || option->kind != OptionKind::kIgnored) continue;
    warnings.push_back(fmt::format("option '{}' of table '{}' has no effect on the embedded engine",
                                   key, table.name));
  }
  return warnings;
}
}  // namespace millstream::analytics
