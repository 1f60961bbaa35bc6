#include "auth/policy_condition.h"

#include <algorithm>
#include <optional>

#include <fmt/ranges.h>

#include "auth/policy.h"
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

struct Key {
  std::string_view name;
  ConditionKey key;
};
constexpr Key kKeys[] = {
    {"aws:SecureTransport", ConditionKey::kSecureTransport},
    {"aws:SourceIp", ConditionKey::kSourceIp},
    {"aws:CurrentTime", ConditionKey::kCurrentTime},
    {"aws:PrincipalArn", ConditionKey::kPrincipalArn},
    {"aws:PrincipalAccount", ConditionKey::kPrincipalAccount},
    {"aws:username", ConditionKey::kUserName},
};

template <class Table>
std::string names_of(const Table& table) {
  std::vector<std::string_view> names;
  for (const auto& row : table) names.push_back(row.name);
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

asio::ip::address unmapped(const asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  return address;
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

Result<> read_values(PolicyCondition& condition) {
  for (const std::string& value : condition.values) {
    if (condition.test == ConditionTest::kIpAddress) {
      const auto block = parse_block(value);
      if (!block) {
        return fail(ErrorCode::kInvalidArgument,
                    "'{}' is no address or block of addresses, such as 203.0.113.0/24", value);
      }
      condition.blocks.push_back(*block);
    } else if (is_date(condition.test)) {
      const auto time = parse_date(value);
      if (!time) {
        return fail(ErrorCode::kInvalidArgument, "'{}' is no time, such as 2026-11-24T10:00:00Z",
                    value);
      }
      condition.times.push_back(*time);
    } else if (condition.test == ConditionTest::kBool || condition.test == ConditionTest::kNull) {
      if (to_lower(value) != "true" && to_lower(value) != "false") {
        return fail(ErrorCode::kInvalidArgument, "'{}' is neither true nor false", value);
      }
    }
  }
  return {};
}

// The request's value as text; nothing: the request has none.
std::optional<std::string> value_of(ConditionKey key, const PolicyRequest& request) {
  switch (key) {
    case ConditionKey::kSecureTransport:
      return request.secure_transport ? "true" : "false";
    case ConditionKey::kSourceIp:
      return unmapped(request.source_ip).to_string();
    case ConditionKey::kCurrentTime:
      return format_time(request.now);
    case ConditionKey::kPrincipalArn:
      return std::string(request.principal_arn);
    case ConditionKey::kPrincipalAccount:
      return std::string(request.principal_account);
    case ConditionKey::kUserName:
      if (request.user.empty()) return std::nullopt;
      return std::string(request.user);
  }
  return std::nullopt;
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

bool text_fits(ConditionTest test, const std::string& actual, const std::string& wanted) {
  switch (test) {
    case ConditionTest::kLike:
      return matches_wildcards(wanted, actual);
    case ConditionTest::kArn:
      return matches_arn(wanted, actual);
    case ConditionTest::kEqualsIgnoringCase:
    case ConditionTest::kBool:
      return to_lower(wanted) == to_lower(actual);
    default:
      return wanted == actual;
  }
}

}  // namespace

bool PolicyCondition::holds(const PolicyRequest& request) const {
  const auto actual = value_of(key, request);
  if (test == ConditionTest::kNull) {
    const std::string_view absent = actual ? "false" : "true";
    return std::ranges::any_of(
        values, [absent](const std::string& value) { return to_lower(value) == absent; });
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
    any = std::ranges::any_of(
        values, [&](const std::string& wanted) { return text_fits(test, *actual, wanted); });
  }
  return any != is_negated;
}

Result<PolicyCondition> make_condition(std::string_view operation, std::string_view key,
                                       std::vector<std::string> values) {
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
                operation, names_of(kOperators));
  }
  condition.test = found->test;
  condition.is_negated = found->is_negated;
  const auto* known = std::ranges::find_if(
      kKeys, [key](const Key& candidate) { return to_lower(candidate.name) == to_lower(key); });
  if (known == std::end(kKeys)) {
    return fail(ErrorCode::kInvalidArgument, "the condition key {} is not supported; these are: {}",
                key, names_of(kKeys));
  }
  condition.key = known->key;
  if (const auto wanted = key_of(condition.test); wanted && *wanted != condition.key) {
    return fail(ErrorCode::kInvalidArgument, "{} is for {}, not for {}", operation,
                std::ranges::find(kKeys, *wanted, &Key::key)->name, known->name);
  }
  condition.values = std::move(values);
  TRY(read_values(condition));
  return condition;
}

}  // namespace millstream
