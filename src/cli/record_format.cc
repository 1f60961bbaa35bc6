#include "cli/record_format.h"

#include <simdjson.h>

#include "base/base64.h"
#include "base/logging.h"
#include "base/text.h"
#include "wire/json_encode.h"

namespace millstream::cli {
namespace {

bool is_text(std::string_view data) { return simdjson::validate_utf8(data.data(), data.size()); }

std::string time_of(const wire::kinesis::Record& record) {
  return record.approximate_arrival_timestamp
             ? format_time(record.approximate_arrival_timestamp->ms)
             : std::string("-");
}

// One colour for each shard, from its number's last digits.
int colour_of(std::string_view shard) {
  constexpr int kColours[] = {36, 32, 33, 35, 34, 31};
  const size_t digits = shard.find_last_not_of("0123456789") + 1;
  const auto number = parse_integer<uint64_t>(shard.substr(digits)).value_or(0);
  return kColours[number % std::size(kColours)];
}

}  // namespace

std::string human_line(std::string_view shard, const wire::kinesis::Record& record, bool colour) {
  const std::string data =
      is_text(record.data) ? escape_control(record.data) : "base64:" + base64_encode(record.data);
  const std::string key = escape_control(record.partition_key.value_or(""));
  if (!colour) return fmt::format("{}  {}  {}  {}", time_of(record), shard, key, data);
  return fmt::format("\x1b[2m{}\x1b[0m  \x1b[{}m{}\x1b[0m  \x1b[1m{}\x1b[0m  {}", time_of(record),
                     colour_of(shard), shard, key, data);
}

std::string ndjson_line(std::string_view shard, const wire::kinesis::Record& record) {
  std::string line = fmt::format(R"({{"time":"{}","shard":)", time_of(record));
  wire::append_json_string(line, shard);
  line += R"(,"sequence_number":)";
  wire::append_json_string(line, record.sequence_number);
  line += R"(,"partition_key":)";
  wire::append_json_string(line, record.partition_key.value_or(""));
  if (is_text(record.data)) {
    line += R"(,"data":)";
    wire::append_json_string(line, record.data);
  } else {
    line += R"(,"data_base64":)";
    wire::append_json_blob(line, record.data);
  }
  return line + '}';
}

}  // namespace millstream::cli
