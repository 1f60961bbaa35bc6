// Rows as texts: the print connector's form, and the values that make partition keys and folders.
#include "analytics/engine/row_text.h"

#include "analytics/functions/decimal.h"
#include "analytics/functions/number_text.h"
#include "analytics/functions/time_value.h"

namespace millstream::analytics {

void append_value_text(const Column& column, size_t row, const Type& type, std::string& out) {
  if (column.is_null(row)) {
    out += "null";
    return;
  }
  switch (type.kind) {
    case TypeKind::kBoolean:
      out += column.bools[row] != 0 ? "true" : "false";
      return;
    case TypeKind::kFloat:
      return append_float(out, static_cast<float>(column.doubles[row]));
    case TypeKind::kDouble:
      return append_double(out, column.doubles[row]);
    case TypeKind::kDecimal:
      return append_decimal(out, column.decimals[row], type.scale);
    case TypeKind::kDate:
      return append_date(out, column.ints[row]);
    case TypeKind::kTime:
      return append_time(out, column.ints[row] * kMicrosPerMilli, type.precision);
    case TypeKind::kTimestamp:
      return append_timestamp(out, column.ints[row], type.precision);
    case TypeKind::kTimestampLtz:
      append_timestamp(out, column.ints[row], type.precision);
      out += 'Z';
      return;
    case TypeKind::kIntervalMonths:
      return append_interval_months(out, column.ints[row]);
    case TypeKind::kIntervalMillis:
      return append_interval_millis(out, column.ints[row]);
    default:
      break;
  }
  if (column.physical == Physical::kString) {
    out += column.strings[row];
  } else if (column.physical == Physical::kInt64) {
    append_integer(out, column.ints[row]);
  }
}

std::string row_text(const Batch& batch, size_t row, const Schema& schema) {
  std::string text(change_text(batch.change(row)));
  text += '[';
  for (size_t i = 0; i < batch.columns.size(); ++i) {
    if (i > 0) text += ", ";
    if (batch.columns[i]) {
      append_value_text(*batch.columns[i], row, schema[i].type, text);
    } else {
      text += "null";
    }
  }
  return text + ']';
}

}  // namespace millstream::analytics
