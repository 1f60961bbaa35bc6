// Records to columns, and columns to records.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analytics/data/batch.h"
#include "analytics/plan/catalog.h"
#include "base/bytes.h"
#include "base/env.h"
#include "base/result.h"

namespace millstream::analytics {

// One record of an input, with what metadata columns need.
struct InputRecord {
  std::string_view data;
  std::string_view partition_key;
  TimeMs arrival_ms = 0;
  uint64_t counter = 0;
};

// A record, or a part of it, that is no row.
struct DecodeError {
  uint32_t record = 0;  // index into the input
  std::string message;  // what was wrong where: "column PRICE: 'abc' is no DECIMAL(10, 2)"
};

// What a decoder does with a record that it can't read.
enum class OnDecodeError : uint8_t {
  kReport,  // no row, one DecodeError (Kinesis: error_stream; Flink: the application fails)
  kSkip,    // 'json.ignore-parse-errors' = 'true': a field NULL, or no row; counted
};

// Threads: one at a time; it keeps parser buffers.
class Decoder {
 public:
  // `columns`: the table's columns that are needed, ascending; only data columns (not computed
  // ones nor metadata) are decoded. Options of the format come from table.options.
  static Result<std::unique_ptr<Decoder>> make(const Table& table, std::span<const int> columns,
                                               sql::Dialect dialect);
  virtual ~Decoder() = default;

  // Appends rows to `into` and `record_of_row` (equally long, or both empty). `into` has
  // table.columns.size() entries afterwards, nullptr where not decoded. `record_of_row`: which
  // record each row came from (a record may hold several rows). Strings without escapes point
  // into the records' data: whoever owns it adds it to `arena.keep()`. Nothing is read behind a
  // record's end. Never fails as a whole.
  virtual void decode(std::span<const InputRecord> records, Arena& arena,
                      std::vector<std::shared_ptr<Column>>& into,
                      std::vector<uint32_t>& record_of_row, std::vector<DecodeError>& errors,
                      uint64_t& skipped) = 0;
};

// Rows as records' data, one record a row.
class Encoder {
 public:
  static Result<std::unique_ptr<Encoder>> make(const Table& table, sql::Dialect dialect);
  virtual ~Encoder() = default;
  // Appends the data of rows `rows` (all are +I) to `bytes`; `ends[i]`: where row i ends there.
  // The batch has a column for each of the table's, or for each that stands in the data (neither
  // computed nor metadata).
  virtual void encode(const Batch& batch, std::span<const uint32_t> rows, std::string& bytes,
                      std::vector<uint32_t>& ends) = 0;
};

}  // namespace millstream::analytics
