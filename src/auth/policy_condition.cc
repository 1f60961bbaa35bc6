#include "auth/policy_condition.h"

#include <algorithm>
#include <optional>

#include <fmt/ranges.h>

#include "base/text.h"

namespace millstream {
namespace {

struct Operator {
  std::string_view name;
  ConditionTest test;
  bool is_negated;
};
constexpr Operator kOperators[] = {
    {"StringEquals", ConditionTest::kEquals, false},
    {"StringNotEquals", ConditionTest::kEquals, true},
    {"StringEqualsIgnoreCase", ConditionTest::kEqualsIgnoringCase, false},
    {"StringNotEqualsIgnoreCase", ConditionTest::kEqualsIgnoringCase, true},
    {"StringLike", ConditionTest::kLike, false},
    {"StringNotLike", ConditionTest::kLike, true},
    {"ArnEquals", ConditionTest::kArn, false},
    {"ArnNotEquals", ConditionTest::kArn, true},
    {"ArnLike", ConditionTest::kArn, false},
    {"ArnNotLike", ConditionTest::kArn, true},
    {"Bool", ConditionTest::kBool, false},
    {"IpAddress", ConditionTest::kIpAddress, false},
    {"NotIpAddress", ConditionTest::kIpAddress, true},
    {"DateEquals", ConditionTest::kDateEquals, false},
    {"DateNotEquals", ConditionTest::kDateEquals, true},
    {"DateLessThan", ConditionTest::kDateBefore, false},
    {"DateLessThanEquals", ConditionTest::kDateUpTo, false},
    {"DateGreaterThan", ConditionTest::kDateAfter, false},
    {"DateGreaterThanEquals", ConditionTest::kDateFrom, false},
    {"Null", ConditionTest::kNull, false},
};

std::string operator_names() {
  std::vector<std::string_view> names;
  for (const Operator& known : kOperators) names.push_back(known.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

constexpr std::string_view kIfExists = "IfExists";

bool is_date(ConditionTest test) {
  return test >= ConditionTest::kDateEquals && test <= ConditionTest::kDateFrom;
}

// The key that a test is made for; nothing: any.
std::optional<ConditionKey> key_of(ConditionTest test) {
  if (test == ConditionTest::kBool) return ConditionKey::kSecureTransport;
  if (test == ConditionTest::kIpAddress) return ConditionKey::kSourceIp;
  if (test == ConditionTest::kArn) return ConditionKey::kPrincipalArn;
  if (is_date(test)) return ConditionKey::kCurrentTime;
  return std::nullopt;
}

std::optional<AddressBlock> parse_block(std::string_view text) {
  const size_t slash = text.find('/');
  boost::system::error_code error;
  AddressBlock block;
  block.address = asio::ip::make_address(std::string(text.substr(0, slash)), error);
  if (error) return std::nullopt;
  const unsigned bits = block.address.is_v4() ? 32 : 128;
  block.prefix = bits;
  if (slash != std::string_view::npos) {
    const auto prefix = parse_integer<unsigned>(text.substr(slash + 1));
    if (!prefix || *prefix > bits) return std::nullopt;
    block.prefix = *prefix;
  }
  return block;
}

template <class Bytes>
bool share_prefix(const Bytes& a, const Bytes& b, unsigned bits) {
  const size_t whole = bits / 8;
  if (!std::equal(a.begin(), a.begin() + whole, b.begin())) return false;
  const unsigned rest = bits % 8;
  if (rest == 0) return true;
  const unsigned mask = 0xFFU << (8 - rest);
  return ((a[whole] ^ b[whole]) & mask) == 0;
}

bool contains(const AddressBlock& block, const asio::ip::address& address) {
  if (block.address.is_v4() != address.is_v4()) return false;
  return address.is_v4() ? share_prefix(block.address.to_v4().to_bytes(),
                                        address.to_v4().to_bytes(), block.prefix)
                         : share_prefix(block.address.to_v6().to_bytes(),
                                        address.to_v6().to_bytes(), block.prefix);
}

// A time of ISO 8601, a day, or seconds since 1970.
std::optional<TimeMs> parse_date(std::string_view text) {
  if (const auto time = parse_time(text)) return time;
  if (const auto day = parse_time(fmt::format("{}T00:00:00Z", text))) return day;
  constexpr int64_t kMaxSeconds = 253'402'300'799;  // the end of the year 9999
  const auto seconds = parse_integer<int64_t>(text);
  if (!seconds || *seconds < 0 || *seconds > kMaxSeconds) return std::nullopt;
  return *seconds * 1'000;
}

bool is_text(ConditionTest test) {
  return test == ConditionTest::kEquals || test == ConditionTest::kEqualsIgnoringCase ||
         test == ConditionTest::kLike || test == ConditionTest::kArn;
}

Result<> add_value(PolicyCondition& condition, const std::string& value, bool variables) {
  if (condition.test == ConditionTest::kIpAddress) {
    const auto block = parse_block(value);
    if (!block) {
      return fail(ErrorCode::kInvalidArgument,
                  "'{}' is no address or block of addresses, such as 203.0.113.0/24", value);
    }
    condition.blocks.push_back(*block);
    return {};
  }
  if (is_date(condition.test)) {
    const auto time = parse_date(value);
    if (!time) {
      return fail(ErrorCode::kInvalidArgument, "'{}' is no time, such as 2026-11-24T10:00:00Z",
                  value);
    }
    condition.times.push_back(*time);
    return {};
  }
  if (is_text(condition.test) && variables) {
    TRY_ASSIGN(PolicyPattern pattern, PolicyPattern::with_variables(value));
    condition.values.push_back(std::move(pattern));
    return {};
  }
  if (!is_text(condition.test) && to_lower(value) != "true" && to_lower(value) != "false") {
    return fail(ErrorCode::kInvalidArgument, "'{}' is neither true nor false", value);
  }
  condition.values.emplace_back(value);
  return {};
}

bool date_fits(ConditionTest test, TimeMs now, TimeMs bound) {
  switch (test) {
    case ConditionTest::kDateBefore:
      return now < bound;
    case ConditionTest::kDateUpTo:
      return now <= bound;
    case ConditionTest::kDateAfter:
      return now > bound;
    case ConditionTest::kDateFrom:
      return now >= bound;
    default:
      return now == bound;
  }
}

bool text_fits(ConditionTest test, const std::string& actual, const PolicyPattern& wanted,
               const PolicyRequest& request) {
  switch (test) {
    case ConditionTest::kLike:
      return wanted.is_like(actual, request);
    case ConditionTest::kArn:
      return wanted.is_like_arn(actual, request);
    case ConditionTest::kEqualsIgnoringCase:
    case ConditionTest::kBool:
      return wanted.equals_ignoring_case(actual, request);
    default:
      return wanted.equals(actual, request);
  }
}

}  // namespace

bool PolicyCondition::holds(const PolicyRequest& request) const {
  const auto actual = value_of(key, request);
  if (test == ConditionTest::kNull) {
    const std::string_view absent = actual ? "false" : "true";
    return std::ranges::any_of(values, [&](const PolicyPattern& value) {
      return value.equals_ignoring_case(absent, request);
    });
  }
  if (!actual) return if_exists || is_negated;
  bool any = false;
  if (test == ConditionTest::kIpAddress) {
    const asio::ip::address address = unmapped(request.source_ip);
    any = std::ranges::any_of(
        blocks, [&address](const AddressBlock& block) { return contains(block, address); });
  } else if (is_date(test)) {
    any = std::ranges::any_of(
        times, [&](const TimeMs bound) { return date_fits(test, request.now, bound); });
  } else {
    any = std::ranges::any_of(values, [&](const PolicyPattern& wanted) {
      return text_fits(test, *actual, wanted, request);
    });
  }
  return any != is_negated;
}

Result<PolicyCondition> make_condition(std::string_view operation, std::string_view key,
                                       const std::vector<std::string>& values, bool variables) {
  PolicyCondition condition;
  std::string_view name = operation;
  if (name.ends_with(kIfExists)) {
    name.remove_suffix(kIfExists.size());
    condition.if_exists = true;
  }
  const auto* found = std::ranges::find(kOperators, name, &Operator::name);
  if (found == std::end(kOperators) ||
      (condition.if_exists && found->test == ConditionTest::kNull)) {
    return fail(ErrorCode::kInvalidArgument,
                "the condition operator {} is not supported; these are: {}, each but Null also "
                "with IfExists",
                operation, operator_names());
  }
  condition.test = found->test;
  condition.is_negated = found->is_negated;
  const auto known = find_condition_key(key);
  if (!known) {
    return fail(ErrorCode::kInvalidArgument, "the condition key {} is not supported; these are: {}",
                key, condition_key_names());
  }
  condition.key = *known;
  if (const auto wanted = key_of(condition.test); wanted && *wanted != condition.key) {
    return fail(ErrorCode::kInvalidArgument, "{} is for {}, not for {}", operation,
                name_of(*wanted), name_of(condition.key));
  }
  for (const std::string& value : values) TRY(add_value(condition, value, variables));
  return condition;
}

}  // namespace millstream
