// Texts as typed values, as the formats spell them: Java's rules for Flink, the documented
// coercions for the Kinesis dialect. No locale, no allocation, no exceptions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "analytics/data/type.h"
#include "analytics/sql/ast.h"

namespace millstream::analytics {

enum class Parsed : uint8_t {
  kValue,
  kNull,   // no error, but no value either: a DECIMAL with too many digits, in Flink
  kError,  // the text is no value of the type
};

// A number taken apart: value = (negative ? -1 : 1) * digits * 10^exponent.
struct NumberParts {
  bool negative = false;
  bool integral = true;   // no '.', no 'e'
  bool exact = true;      // `digits` holds all of them (at most 19)
  uint64_t digits = 0;    // meaningless unless `exact`
  int32_t exponent = 0;   // bounded to +-100'000
  std::string_view text;  // all of it
};

// The decimal number that `text` starts with, by JSON's grammar. False: none (then `parts` is
// undefined). `parts.text` tells how long it is.
bool scan_json_number(std::string_view text, NumberParts& parts);
// The same for Java's grammar of BigDecimal and parseDouble: '+', ".5" and "5." too; all of it.
bool scan_java_number(std::string_view text, NumberParts& parts);

// The nearest double (float, for `single`); overflow is infinity.
double to_double(const NumberParts& number, bool single);

// What becomes of digits that a DECIMAL has no room for.
enum class DecimalFit : uint8_t {
  kRound,  // Flink: HALF_UP to the scale; too large: kNull
  kExact,  // Kinesis: kError
};
Parsed to_decimal(const NumberParts& number, int32_t precision, int32_t scale, DecimalFit fit,
                  Decimal& value);

// Java's Long.parseLong: an optional sign and digits.
bool parse_java_long(std::string_view text, int64_t& value);
// Java's Double.parseDouble, hexadecimal floats left out: also "NaN", "Infinity", "1.5d".
bool parse_java_double(std::string_view text, bool single, double& value);

// What the standard formatters of Flink's formats accept.
enum class TimeSyntax : uint8_t {
  kSql,            // "2020-12-30 12:13:14.123"
  kIso,            // "2020-12-30T12:13:14.123", seconds may be missing
  kIsoWithOffset,  // "2020-12-30T12:13:14.123+02:00"
  kLenient,        // Kinesis dialect: blank or 'T', one-digit months and days, with or without
                   // time, seconds and zone; digits after the ninth are cut
};

// `zone`: the text ends in 'Z' (kSql and kIso: it must, or must not). Microseconds since 1970;
// digits of the second after the `precision`th are cut.
bool parse_timestamp(std::string_view text, TimeSyntax syntax, bool zone, int32_t precision,
                     int64_t& micros);
// "2020-02-29". `lenient`: as java.sql.Date.valueOf: one-digit months and days, and days past
// the month's end run over into the next.
bool parse_date(std::string_view text, bool lenient, int64_t& days);
// "12:13:14.567" in milliseconds of the day. `seconds`: they must be there.
bool parse_time(std::string_view text, bool seconds, int32_t precision, int64_t& millis);

std::string_view trim_java(std::string_view text);  // String.trim(): all up to U+0020
bool equals_ignoring_case(std::string_view text, std::string_view lower);

// The first `characters` of UTF-8 text.
std::string_view first_characters(std::string_view text, size_t characters);

// base64 as Jackson reads it (with padding, blanks between groups of four). False: it is none.
bool decode_base64_lenient(std::string_view text, std::string& bytes);

// Part of a value for an error message: short, printable, valid UTF-8.
std::string excerpt(std::string_view text);

}  // namespace millstream::analytics
