// Prefix and ErrorOutputPrefix of an S3 destination: text with !{namespace:value} expressions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/env.h"
#include "base/result.h"
#include "firehose/time_pattern.h"
#include "firehose/time_zone.h"

namespace millstream::firehose {

// AWS limit: of an evaluated prefix, in characters.
inline constexpr size_t kMaxEvaluatedPrefix = 512;

enum class PrefixKind : uint8_t { kPrefix, kErrorOutput };

// Constant. Threads: any.
class Prefix {
 public:
  Prefix() = default;
  // Errors: kInvalidArgument, for what AWS refuses too and, by name, for what is not supported
  // yet (the namespaces of dynamic partitioning).
  static Result<Prefix> parse(std::string_view text, PrefixKind kind);

  bool has_expressions() const { return has_expressions_; }
  bool has_error_type() const { return has_error_type_; }

  // `time`: arrival of the object's oldest record. `error_type` as AWS names it
  // ("processing-failed"); only of an error output. A Prefix without a timestamp
  // expression gets yyyy/MM/dd/HH/ at its end, as on AWS. Each random string is another one in
  // every call.
  std::string evaluate(TimeMs time, const TimeZone& zone, std::string_view error_type = {}) const;

 private:
  struct RandomString {};
  struct ErrorOutputType {};
  using Piece = std::variant<std::string, TimePattern, RandomString, ErrorOutputType>;

  Result<> add_expression(std::string_view expression);

  std::vector<Piece> pieces_;
  PrefixKind kind_ = PrefixKind::kPrefix;
  bool has_expressions_ = false;
  bool has_timestamp_ = false;
  bool has_error_type_ = false;
};

// The rules over both: AWS wants an error output prefix once the prefix has expressions, and
// !{firehose:error-output-type} once the error output prefix has.
Result<> check_prefixes(const Prefix& prefix, const std::optional<Prefix>& error_output);

}  // namespace millstream::firehose
