#include "analytics/formats/csv_encoder.h"

#include <algorithm>

#include "analytics/formats/encoder_columns.h"
#include "analytics/formats/value_format.h"
#include "analytics/functions/number_text.h"
#include "base/base64.h"

namespace millstream::analytics {
namespace {

struct CsvStyle {
  std::string delimiter = ",";
  bool has_quote = true;
  char quote = '"';
  bool has_escape = false;
  char escape = '\\';
  std::string null_literal;
  DecimalStyle decimals = DecimalStyle::kPlain;
  int fraction = 0;
};

class CsvEncoder : public Encoder {
 public:
  CsvEncoder(EncoderColumns columns, CsvStyle style)
      : columns_(std::move(columns)), style_(std::move(style)) {
    // Jackson: all characters up to the greatest special one ask for quotes.
    for (const char c : style_.delimiter) safe_ = std::max(safe_, static_cast<unsigned char>(c));
    safe_ = std::max(safe_, static_cast<unsigned char>(style_.quote));
  }

  void encode(const Batch& batch, std::span<const uint32_t> rows, std::string& bytes,
              std::vector<uint32_t>& ends) override {
    inputs_.clear();
    for (size_t i = 0; i < columns_.size(); ++i) inputs_.push_back(&columns_.of(batch, i));
    ends.reserve(ends.size() + rows.size());
    for (const uint32_t row : rows) {
      for (size_t i = 0; i < inputs_.size(); ++i) {
        if (i > 0) bytes += style_.delimiter;
        append_value(bytes, i, row);
      }
      ends.push_back(static_cast<uint32_t>(bytes.size()));
    }
  }

 private:
  bool needs_quotes(std::string_view text) const {
    if (!style_.has_quote) return false;
    // Jackson looks at the first 24 characters of a text only, and quotes longer ones.
    constexpr size_t kLooked = 24;
    size_t characters = 0;
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      characters += (byte & 0xC0U) != 0x80U ? 1 : 0;
      characters += byte >= 0xF0U ? 1 : 0;  // Java counts two
      if (byte <= safe_ || (style_.has_escape && c == style_.escape) || characters > kLooked) {
        return true;
      }
    }
    return false;
  }

  void append_text(std::string& bytes, std::string_view text) const {
    if (!needs_quotes(text)) {
      bytes += text;
      return;
    }
    bytes += style_.quote;
    for (const char c : text) {
      if (c == style_.quote || (style_.has_escape && c == style_.escape)) bytes += c;
      bytes += c;
    }
    bytes += style_.quote;
  }

  void append_value(std::string& bytes, size_t index, size_t row) {
    const Column& column = *inputs_[index];
    const Type& type = columns_[index].type;
    if (column.is_null(row)) {
      bytes += style_.null_literal;
      return;
    }
    scratch_.clear();
    switch (type.kind) {
      case TypeKind::kBoolean:
        bytes += column.bools[row] != 0 ? "true" : "false";
        break;
      case TypeKind::kFloat:
        append_float(bytes, static_cast<float>(column.doubles[row]));
        break;
      case TypeKind::kDouble:
        append_double(bytes, column.doubles[row]);
        break;
      case TypeKind::kDecimal:
        append_decimal(bytes, column.decimals[row], type.scale, style_.decimals);
        break;
      case TypeKind::kChar:
      case TypeKind::kVarchar:
        append_text(bytes, column.strings[row]);
        break;
      case TypeKind::kBinary:
      case TypeKind::kVarbinary:
        append_text(bytes, base64_encode(column.strings[row]));
        break;
      case TypeKind::kDate:
        append_iso_date(scratch_, column.ints[row]);
        append_text(bytes, scratch_);
        break;
      case TypeKind::kTime:
        append_iso_time(scratch_, column.ints[row] * 1000, true);
        append_text(bytes, scratch_);
        break;
      case TypeKind::kTimestamp:
      case TypeKind::kTimestampLtz:
        append_iso_timestamp(scratch_, column.ints[row], ' ', style_.fraction);
        if (type.kind == TypeKind::kTimestampLtz) scratch_ += 'Z';
        append_text(bytes, scratch_);
        break;
      case TypeKind::kNull:
      case TypeKind::kRow:
        bytes += style_.null_literal;
        break;
      default:
        append_number(bytes, column.ints[row]);
    }
  }

  EncoderColumns columns_;
  CsvStyle style_;
  unsigned char safe_ = 0;
  std::string scratch_;
  std::vector<const Column*> inputs_;  // of the batch under way
};

}  // namespace

Result<std::unique_ptr<Encoder>> make_csv_encoder(const Table& table, sql::Dialect dialect) {
  const FormatOptions options(table);
  CsvStyle style;
  TRY_ASSIGN(const char delimiter, options.character("csv.field-delimiter", ','));
  TRY_ASSIGN(const bool no_quote, options.flag("csv.disable-quote-character"));
  TRY_ASSIGN(style.quote, options.character("csv.quote-character", '"'));
  TRY_ASSIGN(style.escape, options.character("csv.escape-character", '\\'));
  TRY_ASSIGN(const bool scientific,
             options.flag("csv.write-bigdecimal-in-scientific-notation", true));
  style.delimiter = delimiter;
  style.has_quote = !no_quote;
  style.has_escape = options.has("csv.escape-character");
  style.null_literal = options.text("csv.null-literal");
  if (options.has("record.column.delimiter")) {
    style.delimiter = options.text("record.column.delimiter");
  }
  if (dialect == sql::Dialect::kKinesis) {
    style.fraction = 1;
  } else if (scientific) {
    style.decimals = DecimalStyle::kStripped;
  }
  return std::make_unique<CsvEncoder>(EncoderColumns(table), std::move(style));
}

}  // namespace millstream::analytics
