// The options there are, and what their values may be: the data behind options.h.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "analytics/plan/catalog.h"
#include "base/result.h"

namespace millstream::analytics {

enum class OptionKind : uint8_t {
  kText,
  kBoolean,
  kCount,  // an integer, at least 1
  kInteger,
  kNumber,
  kDuration,
  kSize,
  kChoice,  // one of `choices`, in any case
  kCharacter,
  kIgnored,  // of Flink's client: anything, without effect here
  kNotYet,   // refused by name
};
// One option, or with `prefix` all whose key begins so.
struct Option {
  std::string_view key;
  OptionKind kind = OptionKind::kText;
  std::string_view choices = {};  // "a|b"
  bool required = false;
  bool prefix = false;
};

std::span<const Option> options_of(Connector connector);
std::span<const Option> options_of(Format format);
// 'fields.<column>.<one of these>' of datagen.
std::span<const Option> datagen_field_options();

// The option of that key, or of a prefix of it; null: there is none.
const Option* find_option(std::span<const Option> options, std::string_view key);
// Errors: kInvalidArgument, naming the key and what its value must be.
Result<> check_value(const Option& option, std::string_view key, std::string_view value);
// Whether `value` is one of `choices` ("a|b"), in any case.
bool is_choice(std::string_view value, std::string_view choices);
std::string comma_separated(std::span<const std::string_view> words);

}  // namespace millstream::analytics
