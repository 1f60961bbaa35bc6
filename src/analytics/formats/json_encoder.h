// Columns to JSON records.
#pragma once

#include <memory>

#include "analytics/formats/format.h"

namespace millstream::analytics {

// See Encoder::make(). One object a row, its members in the table's order, no white space, no
// line end. Flink: as flink-json 2.2 writes it. Kinesis dialect: the same, but decimals plain
// and timestamps with at least one digit of the second's fraction ("2020-01-02 03:04:05.0").
Result<std::unique_ptr<Encoder>> make_json_encoder(const Table& table, sql::Dialect dialect);

}  // namespace millstream::analytics
