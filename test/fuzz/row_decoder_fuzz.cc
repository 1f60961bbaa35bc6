// libFuzzer: any bytes as a record of JSON, CSV or raw text. The first byte picks format, dialect
// and options; no decoder reads outside of the record, and every row and error can be shown.
#include <cstddef>
#include <cstdint>
#include <vector>

#include <simdjson.h>

#include "analytics/formats/format.h"

namespace {

using namespace millstream;
using namespace millstream::analytics;

Table every_type(Format format) {
  Table table;
  table.name = "t";
  table.format = format;
  Type bytes = make_type(TypeKind::kVarbinary);
  bytes.precision = 8;
  for (const auto& [name, type] :
       {std::pair{"i", make_type(TypeKind::kInteger)}, std::pair{"d", make_type(TypeKind::kDouble)},
        std::pair{"n", decimal_type(12, 3)}, std::pair{"s", varchar_type(12)},
        std::pair{"t", timestamp_type(3)}, std::pair{"b", make_type(TypeKind::kBoolean)},
        std::pair{"y", bytes}, std::pair{"e", make_type(TypeKind::kDate)},
        std::pair{"x", make_type(TypeKind::kBigint)}}) {
    TableColumn& column = table.columns.emplace_back();
    column.name = name;
    column.type = type;
  }
  return table;
}

std::unique_ptr<Decoder> decoder_of(uint8_t choice) {
  const auto dialect = (choice & 1U) != 0 ? sql::Dialect::kFlink : sql::Dialect::kKinesis;
  const bool json = (choice & 2U) != 0;
  Table table = every_type(json ? Format::kJson : Format::kCsv);
  if (json) {
    table.columns[8].path = {"o", "x"};
    if (dialect == sql::Dialect::kKinesis) table.columns[8].path = {"o", "x", "[0:]", "y"};
  }
  if ((choice & 4U) != 0) {
    table.options[json ? "json.ignore-parse-errors" : "csv.ignore-parse-errors"] = "true";
  }
  if (!json && (choice & 8U) != 0) table.options["csv.escape-character"] = "\\";
  std::vector<int> columns;
  for (size_t i = 0; i < table.columns.size(); ++i) columns.push_back(static_cast<int>(i));
  auto decoder = Decoder::make(table, columns, dialect);
  MS_ASSERT(decoder.has_value());
  return *std::move(decoder);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  // Kept: they hold buffers from record to record, as in a job.
  static std::vector<std::unique_ptr<Decoder>> decoders = [] {
    std::vector<std::unique_ptr<Decoder>> all;
    for (uint8_t choice = 0; choice < 16; ++choice) all.push_back(decoder_of(choice));
    return all;
  }();
  // A block of exactly its size, so that a read behind its end is seen.
  const std::vector<char> block(data + 1, data + size);
  const InputRecord record{.data = {block.data(), block.size()}, .partition_key = {}};
  Arena arena;
  std::vector<std::shared_ptr<Column>> columns;
  std::vector<uint32_t> record_of_row;
  std::vector<DecodeError> errors;
  uint64_t skipped = 0;
  decoders[data[0] % 16]->decode({&record, 1}, arena, columns, record_of_row, errors, skipped);
  for (const auto& column : columns) {
    if (!column) continue;
    MS_ASSERT(column->size() == record_of_row.size());
    for (size_t row = 0; row < record_of_row.size(); ++row) (void)column->value(row);
  }
  for (const DecodeError& error : errors) {
    MS_ASSERT(simdjson::validate_utf8(error.message));
    // Cut texts; each byte that is not UTF-8 is shown as three.
    MS_ASSERT(error.message.size() < 1000);
  }
  return 0;
}
