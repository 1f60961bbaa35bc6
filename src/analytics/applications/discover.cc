#include "analytics/applications/discover.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <simdjson.h>

#include "analytics/applications/tables.h"
#include "base/text.h"
#include "log/record.h"
#include "wire/arn.h"

namespace millstream::analytics {
namespace {

namespace api = wire::kinesisanalyticsv2;
namespace dom = simdjson::dom;

constexpr size_t kMaxRecords = 100;                  // sampled of an input
constexpr size_t kMaxColumns = 1000;                 // API model RecordColumns
constexpr int kMaxNesting = 8;                       // deeper members are left as text
constexpr size_t kMaxObjectBytes = size_t{1} << 20;  // of an object, from its beginning
constexpr std::chrono::milliseconds kWait{5000};     // for records of a quiet stream

// What values of a column have been seen. A column is as wide as the widest of them.
enum class Seen : uint8_t { kNothing, kBoolean, kInteger, kBigint, kDouble, kTimestamp, kText };

struct Found {
  std::string name;
  std::string mapping;
  Seen seen = Seen::kNothing;
  size_t length = 1;
};

Seen wider(Seen a, Seen b) {
  if (a == Seen::kNothing || a == b) return b;
  if (b == Seen::kNothing) return a;
  const auto is_number = [](Seen s) { return s >= Seen::kInteger && s <= Seen::kDouble; };
  return is_number(a) && is_number(b) ? std::max(a, b) : Seen::kText;
}

std::string sql_type(const Found& column) {
  switch (column.seen) {
    case Seen::kBoolean:
      return "BOOLEAN";
    case Seen::kInteger:
      return "INTEGER";
    case Seen::kBigint:
      return "BIGINT";
    case Seen::kDouble:
      return "DOUBLE";
    case Seen::kTimestamp:
      return "TIMESTAMP";
    default: {
      size_t length = 4;  // as AWS rounds: a power of two with some room
      while (length < column.length) length *= 2;
      return fmt::format("VARCHAR({})", length);
    }
  }
}

// "2026-11-25 01:02:03[.456]".
bool is_timestamp(std::string_view text) {
  constexpr std::string_view kShape = "dddd-dd-dd dd:dd:dd";
  if (text.size() < kShape.size()) return false;
  for (size_t i = 0; i < kShape.size(); ++i) {
    const bool is_digit = text[i] >= '0' && text[i] <= '9';
    if (kShape[i] == 'd' ? !is_digit : text[i] != kShape[i]) return false;
  }
  return text.size() == kShape.size() || text[kShape.size()] == '.';
}

Seen integer_width(int64_t value) {
  const bool fits = value >= INT32_MIN && value <= INT32_MAX;
  return fits ? Seen::kInteger : Seen::kBigint;
}

std::string column_name(std::string_view text) {
  std::string name;
  for (const char c : text) {
    const bool is_word =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    name += is_word ? c : '_';
  }
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) name.insert(0, "COL_");
  return name;
}

class JsonSample {
 public:
  // False if the record is no object of JSON.
  bool add(const std::string& record) {
    dom::object object;
    if (parser_.parse(record).get(object) != simdjson::SUCCESS) return false;
    rows_.emplace_back();
    walk(object, "$", "", 0);
    return true;
  }
  std::vector<Found> columns;
  std::vector<std::vector<std::string>> rows() const {
    auto all = rows_;
    for (auto& row : all) row.resize(columns.size());
    return all;
  }

 private:
  void walk(dom::object object, const std::string& path, const std::string& prefix, int depth) {
    for (const auto field : object) {
      const std::string key(field.key);
      const std::string name = prefix + column_name(key);
      const bool plain = column_name(key) == key;
      const std::string at = plain ? path + "." + key : fmt::format("{}['{}']", path, key);
      dom::object inner;
      if (depth < kMaxNesting && field.value.get(inner) == simdjson::SUCCESS) {
        walk(inner, at, name + "_", depth + 1);
        continue;
      }
      take(at, name, field.value);
    }
  }

  void take(const std::string& path, const std::string& name, dom::element value) {
    const bool is_array = value.is_array();
    const std::string mapping = is_array ? path + "[0:]" : path;
    auto found = std::ranges::find(columns, mapping, &Found::mapping);
    if (found == columns.end()) {
      if (columns.size() == kMaxColumns) return;
      columns.push_back({.name = free_name(name), .mapping = mapping});
      found = columns.end() - 1;
    }
    std::string text = simdjson::minify(value);
    Seen seen = Seen::kText;
    int64_t integer = 0;
    std::string_view string;
    if (value.is_null()) {
      seen = Seen::kNothing;
      text.clear();
    } else if (value.is_bool()) {
      seen = Seen::kBoolean;
    } else if (value.get(integer) == simdjson::SUCCESS) {
      seen = integer_width(integer);
    } else if (value.is_number()) {
      seen = Seen::kDouble;
    } else if (value.get(string) == simdjson::SUCCESS) {
      text = string;
      if (is_timestamp(text)) seen = Seen::kTimestamp;
    }
    found->seen = wider(found->seen, seen);
    found->length = std::max(found->length, text.size());
    auto& row = rows_.back();
    row.resize(std::max(row.size(), columns.size()));
    row[static_cast<size_t>(found - columns.begin())] = std::move(text);
  }

  std::string free_name(const std::string& name) const {
    std::string free = name;
    for (int i = 2; std::ranges::find(columns, free, &Found::name) != columns.end(); ++i) {
      free = fmt::format("{}_{}", name, i);
    }
    return free;
  }

  dom::parser parser_;
  std::vector<std::vector<std::string>> rows_;
};

Seen text_width(std::string_view text) {
  if (text.empty()) return Seen::kNothing;
  if (const auto integer = parse_integer<int64_t>(text)) return integer_width(*integer);
  double number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec == std::errc() && parsed.ptr == text.data() + text.size()) return Seen::kDouble;
  if (const auto lower = to_lower(text); lower == "true" || lower == "false") return Seen::kBoolean;
  return is_timestamp(text) ? Seen::kTimestamp : Seen::kText;
}

// The character that divides all rows into equally many columns, at least two.
std::optional<char> delimiter_of(const std::vector<std::string_view>& rows) {
  for (const char delimiter : {',', '|', '\t', ';'}) {
    const size_t columns = split(rows.front(), delimiter).size();
    const auto fits = [&](std::string_view row) { return split(row, delimiter).size() == columns; };
    if (columns > 1 && std::ranges::all_of(rows, fits)) return delimiter;
  }
  return std::nullopt;
}

Result<api::DiscoverInputSchemaResponse> infer_csv(const std::vector<std::string>& records) {
  std::vector<std::string_view> rows;
  for (const std::string& record : records) {
    for (const std::string_view line : split(record, '\n')) {
      if (!trim(line).empty()) rows.push_back(trim(line));
    }
  }
  const auto delimiter = rows.empty() ? std::nullopt : delimiter_of(rows);
  if (!delimiter) {
    return fail(ErrorCode::kUndetectableSchema,
                "The {} records that were sampled are neither objects of JSON nor rows of CSV.",
                records.size());
  }
  api::DiscoverInputSchemaResponse out;
  std::vector<Found> columns(split(rows.front(), *delimiter).size());
  auto& parsed = out.parsed_input_records.emplace();
  for (const std::string_view row : rows) {
    auto& values = parsed.emplace_back();
    for (const std::string_view value : split(row, *delimiter)) {
      Found& column = columns[values.size()];
      column.seen = wider(column.seen, text_width(trim(value)));
      column.length = std::max(column.length, value.size());
      values.emplace_back(value);
    }
  }
  auto& schema = out.input_schema.emplace();
  schema.record_format.record_format_type = api::RecordFormatType::kCsv;
  auto& csv = schema.record_format.mapping_parameters.emplace().csv_mapping_parameters.emplace();
  csv.record_row_delimiter = "\n";
  csv.record_column_delimiter = std::string(1, *delimiter);
  schema.record_encoding = "UTF-8";
  for (size_t i = 0; i < columns.size(); ++i) {
    auto& column = schema.record_columns.emplace_back();
    column.name = fmt::format("COL_{:03}", i);
    column.sql_type = sql_type(columns[i]);
  }
  return out;
}

awaitable<Result<std::vector<std::string>>> sample_shards(HostContext& host,
                                                          std::vector<ShardId> shards,
                                                          bool from_begin) {
  std::vector<std::string> records;
  for (const ShardId shard : shards) {
    CO_TRY_ASSIGN(const ShardStatus status, host.log.status(shard));
    Counter from = status.first;
    // Counters may have gaps: the newest are sought by number, then from the beginning.
    if (!from_begin && status.tip > status.first + kMaxRecords) from = status.tip - kMaxRecords;
    const ReadLimits limits{static_cast<uint32_t>(kMaxRecords), kMaxObjectBytes};
    CO_TRY_ASSIGN(const ReadResult read, co_await host.log.read(shard, from, limits));
    for (const StoredBatch& batch : read.batches) {
      RecordCursor cursor(batch.body.view());
      RecordView record;
      while (records.size() < kMaxRecords && cursor.next(record)) records.emplace_back(record.data);
    }
  }
  if (!records.empty() || shards.empty()) co_return records;
  // A quiet stream: the next record of its first shard.
  CO_TRY_ASSIGN(const ShardStatus status, host.log.status(shards[0]));
  (void)co_await host.log.wait(shards[0], status.tip, kWait);
  const ReadLimits limits{static_cast<uint32_t>(kMaxRecords), kMaxObjectBytes};
  CO_TRY_ASSIGN(const ReadResult read, co_await host.log.read(shards[0], status.tip, limits));
  for (const StoredBatch& batch : read.batches) {
    RecordCursor cursor(batch.body.view());
    RecordView record;
    while (records.size() < kMaxRecords && cursor.next(record)) records.emplace_back(record.data);
  }
  co_return records;
}

Result<std::vector<ShardId>> shards_of(HostContext& host, const wire::RequestContext& caller,
                                       const std::string& arn) {
  TRY_ASSIGN(const wire::Arn parsed, wire::parse_arn(arn));
  if (parsed.account != caller.account) {
    return fail(ErrorCode::kInvalidArgument, "{} belongs to another account.", arn);
  }
  if (parsed.service == "firehose") {
    TRY_ASSIGN(const auto name, wire::parse_delivery_stream_arn(arn));
    return host.delivery_shards(name.account, name.region, name.name);
  }
  TRY_ASSIGN(const auto name, wire::parse_stream_arn(arn));
  const auto stream = host.catalog.find({name.account, name.region, name.name});
  if (!stream) return fail(ErrorCode::kInvalidArgument, "{} does not exist.", arn);
  std::vector<ShardId> shards;
  for (const auto& shard : stream->shards) shards.push_back(shard.log_id);
  return shards;
}

}  // namespace

Result<api::DiscoverInputSchemaResponse> infer_schema(std::vector<std::string> records) {
  if (records.empty()) {
    return fail(ErrorCode::kUndetectableSchema,
                "There are no records to sample: put some, or start at TRIM_HORIZON.");
  }
  JsonSample sample;
  const bool is_json =
      std::ranges::all_of(records, [&](const std::string& record) { return sample.add(record); });
  api::DiscoverInputSchemaResponse out;
  if (is_json && !sample.columns.empty()) {
    auto& schema = out.input_schema.emplace();
    schema.record_format.record_format_type = api::RecordFormatType::kJson;
    schema.record_format.mapping_parameters.emplace()
        .json_mapping_parameters.emplace()
        .record_row_path = "$";
    schema.record_encoding = "UTF-8";
    for (const Found& column : sample.columns) {
      schema.record_columns.push_back(
          {.name = column.name, .mapping = column.mapping, .sql_type = sql_type(column)});
    }
    out.parsed_input_records = sample.rows();
  } else {
    TRY_ASSIGN(out, infer_csv(records));
  }
  out.processed_input_records = records;
  out.raw_input_records = std::move(records);
  return out;
}

awaitable<Result<api::DiscoverInputSchemaResponse>> discover_input_schema(
    HostContext& host, wire::RequestContext caller, api::DiscoverInputSchemaRequest in) {
  if (in.input_processing_configuration) {
    co_return fail(ErrorCode::kInvalidArgument,
                   "InputProcessingConfiguration is not yet supported: discover the schema of the "
                   "records as they are.");
  }
  if (in.resource_arn.has_value() == in.s3_configuration.has_value()) {
    co_return fail(ErrorCode::kInvalidArgument, "Give either ResourceARN or S3Configuration.");
  }
  std::vector<std::string> records;
  if (in.s3_configuration) {
    CO_TRY_ASSIGN(const std::string bucket, bucket_of_arn(in.s3_configuration->bucket_arn));
    const auto object = co_await host.lake.get(bucket, in.s3_configuration->file_key);
    if (!object) {
      co_return fail(ErrorCode::kInvalidArgument, "{}", object.error().message);
    }
    for (const auto line : split(object->view().substr(0, kMaxObjectBytes), '\n')) {
      if (records.size() < kMaxRecords && !trim(line).empty()) records.emplace_back(trim(line));
    }
  } else {
    CO_TRY_ASSIGN(auto shards, shards_of(host, caller, *in.resource_arn));
    const auto& position = in.input_starting_position_configuration;
    const bool from_begin =
        position && position->input_starting_position == api::InputStartingPosition::kTrimHorizon;
    CO_TRY_ASSIGN(records, co_await sample_shards(host, std::move(shards), from_begin));
  }
  co_return infer_schema(std::move(records));
}

}  // namespace millstream::analytics
