// Typed values as texts, as Flink's formats write them. Everything appends.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "analytics/data/type.h"

namespace millstream::analytics {

// With quotes. Escapes as Jackson does: \u00XX in upper case, characters beyond U+FFFF as two
// \u escapes, the others as they are. `text` is UTF-8; what is not becomes U+FFFD.
void append_json_string(std::string& out, std::string_view text);
// As Java prints it; NaN and infinities in quotes.
void append_json_double(std::string& out, double value);
void append_json_float(std::string& out, float value);

void append_number(std::string& out, int64_t value);

enum class DecimalStyle : uint8_t {
  kPlain,     // "100.00"
  kStripped,  // BigDecimal.stripTrailingZeros().toString(): "1E+2", "2.7E-8"
};
void append_decimal(std::string& out, Decimal value, int32_t scale, DecimalStyle style);

void append_iso_date(std::string& out, int64_t days);  // "2020-01-02"
// "03:04:05.67", without zeroes at the end; `fraction`: none at all if false.
void append_iso_time(std::string& out, int64_t micros_of_day, bool fraction);
// "2020-01-02 03:04:05.67"; `separator`: ' ' or 'T'; `least`: digits of the second that are
// written also if they are zeroes.
void append_iso_timestamp(std::string& out, int64_t micros, char separator, int least = 0);

}  // namespace millstream::analytics
