// The rules for tags of AWS: API model TagKey, TagValue, and texts as measured. Pure functions.
#pragma once

#include <map>
#include <span>
#include <string>

#include "base/result.h"
#include "streams/catalog.h"

namespace millstream::streams {

using Tags = std::map<std::string, std::string>;

inline constexpr size_t kMaxTags = 50;  // AWS limit: tags of one resource

// Adds `added` to the tags of `stream`. kInvalidArgument for characters that tags may not have,
// keys of AWS's own, or too many tags.
Result<> add_tags(Stream& stream, const Tags& added);
// Removes those that are there. kInvalidArgument for keys that can't be tags.
Result<> remove_tags(Stream& stream, std::span<const std::string> keys);

}  // namespace millstream::streams
