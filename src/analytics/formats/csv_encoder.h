// Columns to CSV records.
#pragma once

#include <memory>

#include "analytics/formats/format.h"

namespace millstream::analytics {

// See Encoder::make(). One line a row, without a line end; quotes where Jackson's CSV writer puts
// them. Kinesis dialect: the same with a comma, timestamps as the JSON encoder writes them.
Result<std::unique_ptr<Encoder>> make_csv_encoder(const Table& table, sql::Dialect dialect);

}  // namespace millstream::analytics
