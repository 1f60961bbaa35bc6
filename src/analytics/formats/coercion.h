// What a source's values become in a column: the conversions that each format and dialect has.
#pragma once

#include <string>
#include <string_view>

#include "analytics/formats/row_writer.h"
#include "analytics/formats/value_parser.h"

namespace millstream::analytics {

enum class CoercionRules : uint8_t {
  kFlinkJson,  // as flink-json 2.2 with its default parser
  kFlinkCsv,   // as flink-csv 2.2
  kKinesis,    // "Mapping JSON Data Types to SQL Data Types" of the developer guide
};

// Where a text lies.
enum class Lifetime : uint8_t {
  kRecord,   // in the record's data: columns may point into it
  kScratch,  // copied if a column keeps it
};

// All functions set `row` of the column (perhaps to NULL). False: the value can't be converted;
// the row of the column is then as it was.
//
// Threads: one at a time.
class Coercion {
 public:
  Coercion(CoercionRules rules, TimeSyntax timestamps) : rules_(rules), timestamps_(timestamps) {}

  bool text(ColumnWriter& column, size_t row, std::string_view text, Lifetime lifetime,
            Arena& arena);
  bool number(ColumnWriter& column, size_t row, const NumberParts& number);
  bool boolean(ColumnWriter& column, size_t row, bool value, Arena& arena);
  // An object or array of a JSON text.
  bool container(ColumnWriter& column, size_t row, std::string_view text, Arena& arena);

 private:
  bool is_kinesis() const { return rules_ == CoercionRules::kKinesis; }
  bool flink_integer(ColumnWriter& column, size_t row, const NumberParts& number);
  bool kinesis_integer(ColumnWriter& column, size_t row, const NumberParts& number);
  bool decimal(ColumnWriter& column, size_t row, const NumberParts& number);
  bool approximate(ColumnWriter& column, size_t row, const NumberParts& number);
  bool text_as_number(ColumnWriter& column, size_t row, std::string_view text);
  bool text_as_time(ColumnWriter& column, size_t row, std::string_view text);
  bool text_as_bytes(ColumnWriter& column, size_t row, std::string_view text, Arena& arena);
  void keep(ColumnWriter& column, size_t row, std::string_view text, Lifetime lifetime,
            Arena& arena);

  CoercionRules rules_;
  TimeSyntax timestamps_;
  std::string scratch_;
};

// "column PRICE: 'abc' is no DECIMAL(10, 2)"
std::string conversion_error(const ColumnWriter& column, std::string_view value);

}  // namespace millstream::analytics
