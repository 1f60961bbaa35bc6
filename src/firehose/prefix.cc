#include "firehose/prefix.h"

#include <fmt/format.h>

#include "base/random.h"

namespace millstream::firehose {
namespace {

constexpr std::string_view kOpen = "!{";
constexpr size_t kRandomCharacters = 11;  // AWS: !{firehose:random-string}

std::string_view member_of(PrefixKind kind) {
  return kind == PrefixKind::kPrefix ? "Prefix" : "ErrorOutputPrefix";
}

const TimePattern& default_pattern() {
  static const TimePattern pattern = *TimePattern::parse("yyyy/MM/dd/HH/");
  return pattern;
}

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};

}  // namespace

Result<Prefix> Prefix::parse(std::string_view text, PrefixKind kind) {
  Prefix prefix;
  prefix.kind_ = kind;
  while (!text.empty()) {
    const size_t open = text.find(kOpen);
    if (open != 0) prefix.pieces_.emplace_back(std::string(text.substr(0, open)));
    if (open == std::string_view::npos) break;
    text.remove_prefix(open + kOpen.size());
    const size_t close = text.find('}');
    if (close == std::string_view::npos) {
      return fail(ErrorCode::kInvalidArgument,
                  "{} has an expression without an end: !{{{}; expressions are "
                  "!{{namespace:value}}",
                  member_of(kind), text);
    }
    TRY(prefix.add_expression(text.substr(0, close)));
    text.remove_prefix(close + 1);
  }
  if (prefix.evaluate(0, TimeZone(), "format-conversion-failed").size() > kMaxEvaluatedPrefix) {
    return fail(ErrorCode::kInvalidArgument, "{} is longer than {} characters when it is evaluated",
                member_of(kind), kMaxEvaluatedPrefix);
  }
  return prefix;
}

Result<> Prefix::add_expression(std::string_view expression) {
  has_expressions_ = true;
  const size_t colon = expression.find(':');
  const std::string_view space = expression.substr(0, colon);
  const std::string_view value =
      colon == std::string_view::npos ? "" : expression.substr(colon + 1);
  if (space == "timestamp") {
    TRY_ASSIGN(TimePattern pattern, TimePattern::parse(value));
    pieces_.emplace_back(std::move(pattern));
    has_timestamp_ = true;
    return {};
  }
  if (space == "firehose" && value == "random-string") {
    pieces_.emplace_back(RandomString{});
    return {};
  }
  if (space == "firehose" && value == "error-output-type") {
    if (kind_ == PrefixKind::kPrefix) {
      return fail(ErrorCode::kInvalidArgument,
                  "Prefix can't contain !{{firehose:error-output-type}}; it belongs in "
                  "ErrorOutputPrefix");
    }
    pieces_.emplace_back(ErrorOutputType{});
    has_error_type_ = true;
    return {};
  }
  if (space == "partitionKeyFromQuery" || space == "partitionKeyFromLambda") {
    return fail(ErrorCode::kInvalidArgument,
                "!{{{}}} in {} needs dynamic partitioning, which this server does not support yet",
                expression, member_of(kind_));
  }
  return fail(ErrorCode::kInvalidArgument,
              "!{{{}}} in {} is not an expression: use !{{timestamp:pattern}}, "
              "!{{firehose:random-string}} or, in ErrorOutputPrefix, "
              "!{{firehose:error-output-type}}",
              expression, member_of(kind_));
}

std::string Prefix::evaluate(TimeMs time, const TimeZone& zone, std::string_view error_type) const {
  const TimeMs local = zone.local_time(time);
  std::string out;
  for (const Piece& piece : pieces_) {
    std::visit(Overloaded{[&](const std::string& text) { out += text; },
                          [&](const TimePattern& pattern) { out += pattern.format(local); },
                          [&](RandomString) { out += uuid_v4().substr(0, kRandomCharacters); },
                          [&](ErrorOutputType) { out += error_type; }},
               piece);
  }
  if (kind_ == PrefixKind::kPrefix && !has_timestamp_) out += default_pattern().format(local);
  return out;
}

Result<> check_prefixes(const Prefix& prefix, const std::optional<Prefix>& error_output) {
  if (prefix.has_expressions() && !error_output) {
    return fail(ErrorCode::kInvalidArgument,
                "ErrorOutputPrefix can't be null or empty when Prefix contains expressions");
  }
  if (error_output && error_output->has_expressions() && !error_output->has_error_type()) {
    return fail(ErrorCode::kInvalidArgument,
                "ErrorOutputPrefix must contain !{{firehose:error-output-type}} when it contains "
                "expressions");
  }
  return {};
}

}  // namespace millstream::firehose
