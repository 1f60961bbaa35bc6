// Values as people write them in configuration: sizes, times, lists.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace millstream {

// All errors: kInvalidArgument, saying what was given and what is expected.

// "64MiB", "1GiB", "500KB", "4096". KB, MB … are powers of 1,000, KiB, MiB … of 1,024.
Result<uint64_t> parse_size(std::string_view text);
std::string format_size(uint64_t bytes);  // the shortest exact form

// "250ms", "30s", "5m", "2h", "1d", "0".
Result<std::chrono::milliseconds> parse_duration(std::string_view text);
std::string format_duration(std::chrono::milliseconds duration);

// "true", "yes", "on", "1" and their opposites.
Result<bool> parse_switch(std::string_view text);
Result<int64_t> parse_count(std::string_view text, int64_t min, int64_t max);

using Fields = std::vector<std::pair<std::string, std::string>>;
// "a=1,b=2"
Result<Fields> parse_fields(std::string_view text);

// "unknown … 'foo'; did you mean 'fox'?" or with all `known` when none is near.
std::string unknown_name(std::string_view what, std::string_view name,
                         const std::vector<std::string_view>& known);

}  // namespace millstream
