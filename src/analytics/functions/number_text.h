// Numbers as text, the way Java (and so Flink) writes and reads them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace millstream::analytics {

void append_integer(std::string& out, int64_t value);
// Double.toString and Float.toString: "1.0", "1.0E10", "NaN", "-Infinity"; the shortest digits
// that denote the value.
void append_double(std::string& out, double value);
void append_float(std::string& out, float value);

// White space of both ends (what Java's trim() takes: all characters up to the blank).
std::string_view trim_space(std::string_view text);

// [+-]digits[.digits], the fraction dropped; within [lowest, highest].
std::optional<int64_t> parse_integer(std::string_view text, int64_t lowest, int64_t highest);
// Double.parseDouble: also "NaN", "Infinity", "1e5", "1.5f".
std::optional<double> parse_double(std::string_view text);
// "t", "true", "y", "yes", "1" and their opposites, in any case.
std::optional<bool> parse_boolean(std::string_view text);

}  // namespace millstream::analytics
