// Which partition key a line of input gets.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/record_source.h"

namespace millstream::cli {

// Made from --partition-key: "random" (spreads over all shards), "constant" or "constant:KEY"
// (one shard, one order), or the name of a field of the JSON object that each line is
// ("field:NAME" for a field whose name is one of those words).
class PartitionKeyRule {
 public:
  static Result<PartitionKeyRule> parse(std::string_view text);

  // Errors: kInvalidArgument, with the line: no JSON object, no such field, a value that is no
  // partition key.
  Result<std::string> key_of(const SourceLine& line) const;

 private:
  enum class Kind : uint8_t { kRandom, kConstant, kField };
  PartitionKeyRule(Kind kind, std::string_view text) : kind_(kind), text_(text) {}

  Kind kind_;
  std::string text_;
};

}  // namespace millstream::cli
