// Delimited text as rows of fields (RFC 4180, with the options of Jackson's CSV reader).
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "analytics/data/batch.h"

namespace millstream::analytics {

struct CsvSyntax {
  std::string column_delimiter = ",";
  std::string row_delimiter;  // empty: \n, \r\n or \r
  bool has_quote = true;
  char quote = '"';
  bool has_escape = false;
  char escape = '\\';
  bool comments = false;     // lines that start with '#' are none
  bool trim_blanks = false;  // around fields, outside of quotes
};

struct CsvField {
  std::string_view text;  // of the input, or of the arena
  bool quoted = false;
};

// Life cycle: start() a text, then next() until it is done. Threads: one at a time.
class CsvReader {
 public:
  explicit CsvReader(CsvSyntax syntax);

  void start(std::string_view text, Arena& arena);
  // Whether there is another row; the delimiter behind the last row starts none.
  bool more();
  // The fields of the next row, at least one. False: it is malformed, see error(); the rest of
  // the text then is lost.
  bool next(std::vector<CsvField>& fields);
  const std::string& error() const { return error_; }

 private:
  enum class Stop : uint8_t { kColumn, kRow, kEnd };

  bool take(std::string_view delimiter);
  bool at_row_end() const;
  bool take_row_end();
  bool quoted_field(CsvField& field);
  void plain_field(CsvField& field);
  bool stop(Stop& stop);
  char unescaped();
  bool is_special(char c) const { return special_[static_cast<unsigned char>(c)]; }

  CsvSyntax syntax_;
  std::array<bool, 256> special_{};  // characters that may end a plain field, or escape
  const char* begin_ = nullptr;
  const char* p_ = nullptr;
  const char* end_ = nullptr;
  Arena* arena_ = nullptr;
  std::string scratch_;
  std::string error_;
};

}  // namespace millstream::analytics
