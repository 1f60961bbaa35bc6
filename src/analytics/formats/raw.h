// Records whose data is one value: Flink's format 'raw'.
#pragma once

#include <memory>
#include <span>

#include "analytics/formats/format.h"

namespace millstream::analytics {

// Tables with one data column: text and bytes as they are; BOOLEAN one byte; integers, FLOAT and
// DOUBLE in binary, big-endian unless 'raw.endianness' = 'little-endian'. Errors:
// kInvalidArgument: more than one column, another type, another charset than UTF-8.
Result<std::unique_ptr<Decoder>> make_raw_decoder(const Table& table, std::span<const int> columns);
Result<std::unique_ptr<Encoder>> make_raw_encoder(const Table& table);

}  // namespace millstream::analytics
