#include "analytics/formats/json_encoder.h"

#include <algorithm>

#include "analytics/formats/encoder_columns.h"
#include "analytics/formats/value_format.h"
#include "analytics/formats/value_parser.h"
#include "base/base64.h"

namespace millstream::analytics {
namespace {

struct JsonStyle {
  bool skip_nulls = false;
  DecimalStyle decimals = DecimalStyle::kStripped;
  char separator = ' ';  // of timestamps
  int fraction = 0;      // digits of the second written in any case
  bool time_fraction = false;
};

// What stands before a column's value: the ends and beginnings of nested objects, the name.
struct Member {
  std::string before;
  std::string name;  // `before` of a table whose NULL members are left out: just "name":
};

class JsonEncoder : public Encoder {
 public:
  JsonEncoder(EncoderColumns columns, JsonStyle style)
      : columns_(std::move(columns)), style_(style) {
    size_t open = 0;
    std::vector<std::string> within;
    for (size_t i = 0; i < columns_.size(); ++i) {
      std::vector<std::string> path = columns_[i].path;
      if (path.empty()) path.push_back(columns_[i].name);
      size_t common = 0;
      while (common < within.size() && common + 1 < path.size() && within[common] == path[common]) {
        ++common;
      }
      Member member;
      member.before.append(within.size() - common, '}');
      member.before += i == 0 ? "{" : ",";
      for (size_t step = common; step + 1 < path.size(); ++step) {
        append_json_string(member.before, path[step]);
        member.before += ":{";
      }
      append_json_string(member.name, path.back());
      member.name += ':';
      member.before += member.name;
      within.assign(path.begin(), path.end() - 1);
      open = std::max(open, within.size());
      members_.push_back(std::move(member));
    }
    is_nested_ = open > 0;
    end_ = columns_.size() == 0 ? "{}" : std::string(within.size() + 1, '}');
  }

  bool is_nested() const { return is_nested_; }

  void encode(const Batch& batch, std::span<const uint32_t> rows, std::string& bytes,
              std::vector<uint32_t>& ends) override {
    inputs_.clear();
    for (size_t i = 0; i < columns_.size(); ++i) inputs_.push_back(&columns_.of(batch, i));
    ends.reserve(ends.size() + rows.size());
    for (const uint32_t row : rows) {
      if (style_.skip_nulls) {
        append_without_nulls(bytes, row);
      } else {
        for (size_t i = 0; i < members_.size(); ++i) {
          bytes += members_[i].before;
          append_value(bytes, i, row);
        }
        bytes += end_;
      }
      ends.push_back(static_cast<uint32_t>(bytes.size()));
    }
  }

 private:
  void append_without_nulls(std::string& bytes, uint32_t row) {
    char before = '{';
    for (size_t i = 0; i < members_.size(); ++i) {
      if (inputs_[i]->is_null(row)) continue;
      bytes += before;
      before = ',';
      bytes += members_[i].name;
      append_value(bytes, i, row);
    }
    if (before == '{') bytes += before;
    bytes += '}';
  }

  void append_value(std::string& bytes, size_t index, size_t row) {
    const Column& column = *inputs_[index];
    if (column.is_null(row)) {
      bytes += "null";
      return;
    }
    const Type& type = columns_[index].type;
    switch (type.kind) {
      case TypeKind::kBoolean:
        bytes += column.bools[row] != 0 ? "true" : "false";
        break;
      case TypeKind::kFloat:
        append_json_float(bytes, static_cast<float>(column.doubles[row]));
        break;
      case TypeKind::kDouble:
        append_json_double(bytes, column.doubles[row]);
        break;
      case TypeKind::kDecimal:
        append_decimal(bytes, column.decimals[row], type.scale, style_.decimals);
        break;
      case TypeKind::kChar:
      case TypeKind::kVarchar:
        append_json_string(bytes, column.strings[row]);
        break;
      case TypeKind::kBinary:
      case TypeKind::kVarbinary:
        bytes += '"';
        bytes += base64_encode(column.strings[row]);
        bytes += '"';
        break;
      case TypeKind::kDate:
        bytes += '"';
        append_iso_date(bytes, column.ints[row]);
        bytes += '"';
        break;
      case TypeKind::kTime:
        bytes += '"';
        append_iso_time(bytes, column.ints[row] * 1000, style_.time_fraction);
        bytes += '"';
        break;
      case TypeKind::kTimestamp:
      case TypeKind::kTimestampLtz:
        bytes += '"';
        append_iso_timestamp(bytes, column.ints[row], style_.separator, style_.fraction);
        bytes += type.kind == TypeKind::kTimestampLtz ? "Z\"" : "\"";
        break;
      case TypeKind::kNull:
      case TypeKind::kRow:
        bytes += "null";
        break;
      default:
        append_number(bytes, column.ints[row]);
    }
  }

  EncoderColumns columns_;
  JsonStyle style_;
  std::vector<Member> members_;
  std::string end_;
  bool is_nested_ = false;
  std::vector<const Column*> inputs_;  // of the batch under way
};

}  // namespace

Result<std::unique_ptr<Encoder>> make_json_encoder(const Table& table, sql::Dialect dialect) {
  const FormatOptions options(table);
  JsonStyle style;
  TRY_ASSIGN(style.skip_nulls, options.flag("json.encode.ignore-null-fields"));
  TRY_ASSIGN(const bool plain, options.flag("json.encode.decimal-as-plain-number"));
  const std::string standard = options.text("json.timestamp-format.standard", "SQL");
  if (equals_ignoring_case(standard, "iso-8601")) {
    style.separator = 'T';
  } else if (!equals_ignoring_case(standard, "sql")) {
    return fail(ErrorCode::kInvalidArgument,
                "json.timestamp-format.standard '{}' is not yet supported for sinks; write 'SQL' "
                "or 'ISO-8601'.",
                standard);
  }
  if (dialect == sql::Dialect::kKinesis) {
    style.decimals = DecimalStyle::kPlain;
    style.fraction = 1;
    style.time_fraction = true;
  } else if (plain) {
    style.decimals = DecimalStyle::kPlain;
  }
  auto encoder = std::make_unique<JsonEncoder>(EncoderColumns(table), style);
  if (encoder->is_nested() && style.skip_nulls) {
    return fail(ErrorCode::kInvalidArgument,
                "Table {}: json.encode.ignore-null-fields with ROW columns is not yet supported.",
                table.name);
  }
  return encoder;
}

}  // namespace millstream::analytics
