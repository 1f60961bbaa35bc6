// JSON records to columns.
#pragma once

#include <memory>
#include <span>

#include "analytics/formats/format.h"

namespace millstream::analytics {

// See Decoder::make(). Flink: a record is one object or an array of objects, and what follows it
// is not looked at. Kinesis dialect: any number of objects, one after the other; array elements
// become rows of their own where the paths say so (json_path.h).
Result<std::unique_ptr<Decoder>> make_json_decoder(const Table& table, std::span<const int> columns,
                                                   sql::Dialect dialect);

}  // namespace millstream::analytics
