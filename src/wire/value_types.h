// Types that the generated structs of all services share.
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/env.h"

namespace millstream::wire {

// A point in time. Milliseconds: AWS's answers have no more.
struct Timestamp {
  TimeMs ms = 0;
  friend auto operator<=>(const Timestamp&, const Timestamp&) = default;
};

// A value of an enum of the model, e.g. kinesis::StreamStatus::kActive. Members of enum type
// are std::string (a newer client may know more values), and take it as it is.
class EnumValue : public std::string_view {
 public:
  constexpr explicit EnumValue(std::string_view text) : std::string_view(text) {}
  operator std::string() const { return std::string(data(), size()); }
};

// Input of an operation that has none.
struct NoInput {};

}  // namespace millstream::wire
