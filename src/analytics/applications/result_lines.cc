#include "analytics/applications/result_lines.h"

#include <cmath>

#include <fmt/format.h>

#include "analytics/applications/message.h"
#include "base/base64.h"
#include "wire/json_encode.h"

namespace millstream::analytics {
namespace {

// value_text() without what makes it a literal of SQL: quotes and the type's name before them.
std::string_view plain(std::string_view literal) {
  const size_t quote = literal.find('\'');
  if (quote == std::string_view::npos) return literal;
  return literal.substr(quote + 1, literal.rfind('\'') - quote - 1);
}

void append_time(std::string& out, int64_t micros, const Type& type) {
  const std::string literal = value_text(Value(micros), type);
  std::string text(plain(literal));
  // As many digits of the second as the type has, at least to the milliseconds that windows have.
  const size_t point = text.find('.');
  const auto digits = static_cast<size_t>(type.precision);
  if (digits > 0) {
    if (point == std::string::npos) text += '.';
    const size_t begin = text.find('.') + 1;
    text.resize(begin + digits, '0');
  }
  wire::append_json_string(out, text);
}

void append_number(std::string& out, double number) {
  if (std::isfinite(number)) {
    fmt::format_to(std::back_inserter(out), "{}", number);
  } else {
    out += std::isnan(number) ? "\"NaN\"" : number > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  }
}

void append_integer(std::string& out, int64_t value, const Type& type) {
  if (type.is_timestamp()) {
    append_time(out, value, type);
  } else if (type.is_integer()) {
    fmt::format_to(std::back_inserter(out), "{}", value);
  } else {
    const std::string literal = value_text(Value(value), type);
    wire::append_json_string(out, type.is_interval() ? std::string_view(literal) : plain(literal));
  }
}

void append_cell(std::string& out, const Column& column, size_t row, const Type& type) {
  if (column.is_null(row)) {
    out += "null";
    return;
  }
  switch (column.physical) {
    case Physical::kBool:
      out += column.bools[row] != 0 ? "true" : "false";
      return;
    case Physical::kInt64:
      return append_integer(out, column.ints[row], type);
    case Physical::kDouble:
      return append_number(out, column.doubles[row]);
    case Physical::kDecimal:
      // As text: clients read numbers as doubles.
      return wire::append_json_string(out, value_text(Value(column.decimals[row]), type));
    case Physical::kString:
      break;
  }
  if (type.is_binary()) {
    wire::append_json_string(out, base64_encode(column.strings[row]));
  } else {
    wire::append_json_string(out, column.strings[row]);
  }
}

}  // namespace

std::string columns_line(const Schema& schema) {
  std::string out = R"({"columns":[)";
  for (size_t i = 0; i < schema.size(); ++i) {
    out += i == 0 ? R"({"name":)" : R"(,{"name":)";
    wire::append_json_string(out, schema[i].name);
    out += R"(,"type":)";
    wire::append_json_string(out, type_text(schema[i].type));
    out += '}';
  }
  return out + "]}\n";
}

Slice result_lines(const Schema& schema, const Batch& batch) {
  std::string out;
  for (size_t row = 0; row < batch.rows; ++row) {
    out += R"({"op":")";
    out += change_text(batch.change(row));
    out += R"(","row":[)";
    for (size_t i = 0; i < schema.size(); ++i) {
      if (i > 0) out += ',';
      append_cell(out, *batch.columns[i], row, schema[i].type);
    }
    out += "]}\n";
  }
  return Slice::copy_of(out);
}

std::string text_line(std::string_view text) {
  std::string out = R"({"text":)";
  wire::append_json_string(out, text);
  return out + "}\n";
}

std::string error_line(std::string_view message) {
  std::string out = R"({"error":{"message":)";
  wire::append_json_string(out, message);
  return out + "}}\n";
}

std::string log_line(std::string_view message) {
  MessageReader in(message);
  const std::string_view level = in.text();
  std::string out = R"({"log":)";
  wire::append_json_string(out, fmt::format("{}: {}", level, in.text()));
  return out + "}\n";
}

}  // namespace millstream::analytics
