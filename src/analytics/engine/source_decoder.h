// Records of an input as rows: decoded, with metadata, computed columns and watermarks.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "analytics/engine/source.h"
#include "analytics/formats/format.h"
#include "analytics/functions/program.h"

namespace millstream::analytics {

// A row or record that could not be processed.
struct RowFailure {
  std::string message;
  std::string data;  // the record, or the row's values; cut at kMaxFailureData
  EventTime rowtime = kNoWatermark;
};
inline constexpr size_t kMaxFailureData = 32 * 1024;  // ERROR_STREAM's DATA_ROW holds hex of it

struct DecodedChunk {
  size_t source = 0;
  uint32_t slot = 0;
  // By the table's columns. Its `watermarks`: the greatest watermark of the rows before each row
  // within this chunk; the executor adds what came before.
  Batch batch;
  EventTime max_watermark = kNoWatermark;
};

// Threads: one at a time.
class SourceDecoder {
 public:
  static Result<std::unique_ptr<SourceDecoder>> make(const SourceNode& source, sql::Dialect dialect,
                                                     const std::string& time_zone);

  // `now_us`: the batch's time; ROWTIME is it, in whole milliseconds.
  DecodedChunk decode(const SourceChunk& chunk, int64_t now_us, std::vector<RowFailure>& failures,
                      uint64_t& skipped);

  // The watermark is the clock's: ROWTIME of the Kinesis dialect.
  static bool is_by_clock(const Table& table);

 private:
  SourceDecoder() = default;
  void add_metadata(const SourceChunk& chunk, int64_t now_us, Arena& arena, Batch& batch);
  void add_computed(int64_t now_us, DecodedChunk& decoded, std::vector<RowFailure>& failures);
  void read_records(const SourceChunk& chunk, Arena& arena);
  std::string text_of(const Batch& batch, uint32_t row) const;

  std::shared_ptr<const Table> table_;
  std::unique_ptr<Decoder> decoder_;
  std::vector<int> metadata_;  // needed columns of this kind
  std::vector<int> computed_;  // needed columns of this kind, in the program's order
  std::unique_ptr<Program> program_;
  bool has_watermark_ = false;  // the program's last expression
  std::optional<int> rowtime_;

  // Scratch.
  std::vector<InputRecord> records_;
  std::vector<uint32_t> record_of_row_;
  std::vector<DecodeError> errors_;
  std::vector<RowError> row_errors_;
};

}  // namespace millstream::analytics
