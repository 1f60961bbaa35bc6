// CSV records to columns.
#pragma once

#include <memory>
#include <span>

#include "analytics/formats/format.h"

namespace millstream::analytics {

// See Decoder::make(). Flink: a record is one row (the first), of as many fields as the table has
// data columns. Kinesis dialect: any number of rows, split by 'record.row.delimiter'; fields
// that no column names are not looked at, fields that a row lacks are NULL, and so is an empty
// field of another type than text.
Result<std::unique_ptr<Decoder>> make_csv_decoder(const Table& table, std::span<const int> columns,
                                                  sql::Dialect dialect);

}  // namespace millstream::analytics
