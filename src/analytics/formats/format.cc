#include "analytics/formats/format.h"

#include "analytics/formats/csv_decoder.h"
#include "analytics/formats/csv_encoder.h"
#include "analytics/formats/json_decoder.h"
#include "analytics/formats/json_encoder.h"
#include "analytics/formats/raw.h"

namespace millstream::analytics {
namespace {

std::unexpected<Error> no_format(const Table& table) {
  return fail(ErrorCode::kInvalidArgument,
              "Table {} has no format: add 'format' = 'json', 'csv' or 'raw' to its options.",
              table.name);
}

}  // namespace

Result<std::unique_ptr<Decoder>> Decoder::make(const Table& table, std::span<const int> columns,
                                               sql::Dialect dialect) {
  switch (table.format) {
    case Format::kJson:
      return make_json_decoder(table, columns, dialect);
    case Format::kCsv:
      return make_csv_decoder(table, columns, dialect);
    case Format::kRaw:
      return make_raw_decoder(table, columns);
    case Format::kNone:
      break;
  }
  return no_format(table);
}

Result<std::unique_ptr<Encoder>> Encoder::make(const Table& table, sql::Dialect dialect) {
  switch (table.format) {
    case Format::kJson:
      return make_json_encoder(table, dialect);
    case Format::kCsv:
      return make_csv_encoder(table, dialect);
    case Format::kRaw:
      return make_raw_encoder(table);
    case Format::kNone:
      break;
  }
  return no_format(table);
}

}  // namespace millstream::analytics
