// Records from text: each line of standard input or of files is one.
#pragma once

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace millstream::cli {

// AWS limit: the data of a record, 10 MiB (a stream may have a lower one).
inline constexpr size_t kMaxRecordBytes = size_t{10} << 20;

struct SourceLine {
  std::string text;   // without the line end
  std::string where;  // "flights.ndjson:17"
};

// Reads file after file; empty lines are skipped, a last line without an end counts.
//
// Threads: one; next() blocks on the file.
class RecordSource {
 public:
  // No files, or "-": standard input. Errors: kNotFound, naming the file.
  static Result<RecordSource> open(std::vector<std::string> files);
  RecordSource(RecordSource&& other) noexcept;
  RecordSource& operator=(RecordSource&&) = delete;
  ~RecordSource();

  // Nothing at the end. Errors: kIo, kRequestTooLarge (a line above kMaxRecordBytes).
  Result<std::optional<SourceLine>> next();

  uint64_t bytes_read() const { return bytes_read_; }
  uint64_t bytes_total() const { return bytes_total_; }  // 0: unknown (a pipe)

 private:
  explicit RecordSource(std::vector<std::string> files) : files_(std::move(files)) {}
  Result<bool> open_next();

  std::vector<std::string> files_;
  size_t next_file_ = 0;
  std::FILE* stream_ = nullptr;
  char* line_ = nullptr;  // of getline()
  size_t line_capacity_ = 0;
  std::string name_;
  uint64_t line_number_ = 0;
  uint64_t bytes_read_ = 0;
  uint64_t bytes_total_ = 0;
};

}  // namespace millstream::cli
