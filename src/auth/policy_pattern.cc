#include "auth/policy_pattern.h"

#include "base/text.h"

namespace millstream {
namespace {

constexpr char16_t kLiteral = 0x100;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool same(char pattern, char c) { return pattern == c; }
bool same(char16_t pattern, char c) { return (pattern & 0xff) == static_cast<unsigned char>(c); }

template <class Pattern, class Equal>
bool matches(Pattern pattern, std::string_view text, Equal equal) {
  size_t p = 0;
  size_t t = 0;
  size_t star = Pattern::npos;  // of the last * seen
  size_t resume = 0;            // where the text goes on behind it
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || equal(pattern[p], text[t]))) {
      ++p;
      ++t;
    } else if (star != Pattern::npos) {
      p = star + 1;  // the * takes one character more
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

template <class Pattern>
bool matches_exactly(Pattern pattern, std::string_view text) {
  return matches(pattern, text, [](auto a, char b) { return same(a, b); });
}

template <class Pattern>
bool matches_by_parts(Pattern pattern, std::string_view arn) {
  constexpr int kParts = 6;
  for (int part = 1; part < kParts; ++part) {
    size_t pattern_end = 0;
    while (pattern_end < pattern.size() && !same(pattern[pattern_end], ':')) ++pattern_end;
    const size_t arn_end = arn.find(':');
    if (pattern_end == pattern.size() || arn_end == std::string_view::npos) return false;
    if (!matches_exactly(pattern.substr(0, pattern_end), arn.substr(0, arn_end))) return false;
    pattern.remove_prefix(pattern_end + 1);
    arn.remove_prefix(arn_end + 1);
  }
  return matches_exactly(pattern, arn);
}

void append(std::u16string& to, std::string_view text, char16_t flag) {
  for (const char c : text) to += static_cast<char16_t>(static_cast<unsigned char>(c) | flag);
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

bool matches_wildcards(std::string_view pattern, std::string_view text) {
  return matches_exactly(pattern, text);
}

bool matches_wildcards_ignoring_case(std::string_view pattern, std::string_view text) {
  return matches(pattern, text, [](char a, char b) { return lower(a) == lower(b); });
}

bool matches_arn(std::string_view pattern, std::string_view arn) {
  return matches_by_parts(pattern, arn);
}

Result<PolicyPattern::Part> PolicyPattern::variable(std::string_view body) {
  if (body == "*" || body == "?" || body == "$") {
    return Part{.text = std::string(body), .is_literal = true};
  }
  const size_t comma = body.find(',');
  const std::string_view name = trimmed(body.substr(0, comma));
  Part part;
  part.key = find_condition_key(name);
  if (!part.key) {
    return fail(ErrorCode::kInvalidArgument,
                "the policy variable ${{{}}} is not supported; these are: {}, *, ?, $", name,
                condition_key_names());
  }
  if (comma == std::string_view::npos) return part;
  const std::string_view fallback = trimmed(body.substr(comma + 1));
  if (fallback.size() < 2 || !fallback.starts_with('\'') || !fallback.ends_with('\'')) {
    return fail(ErrorCode::kInvalidArgument,
                "the default of the policy variable ${{{}}} must stand between single quotes",
                body);
  }
  part.fallback = fallback.substr(1, fallback.size() - 2);
  return part;
}

Result<PolicyPattern> PolicyPattern::with_variables(std::string_view text) {
  PolicyPattern pattern{std::string(text)};
  size_t at = 0;
  for (size_t start = 0; (start = text.find("${", at)) != std::string_view::npos;) {
    const size_t end = text.find('}', start);
    if (end == std::string_view::npos) {
      return fail(ErrorCode::kInvalidArgument, "'{}': a policy variable has no end", text);
    }
    if (start > at) pattern.parts_.push_back({.text = std::string(text.substr(at, start - at))});
    TRY_ASSIGN(Part part, variable(text.substr(start + 2, end - start - 2)));
    pattern.parts_.push_back(std::move(part));
    at = end + 1;
  }
  if (at > 0 && at < text.size()) pattern.parts_.push_back({.text = std::string(text.substr(at))});
  return pattern;
}

std::optional<PolicyPattern::Expanded> PolicyPattern::expand(const PolicyRequest& request) const {
  Expanded expanded;
  for (const Part& part : parts_) {
    if (!part.key) {
      append(expanded, part.text, part.is_literal ? kLiteral : char16_t{0});
      continue;
    }
    const auto value = value_of(*part.key, request);
    if (!value && !part.fallback) return std::nullopt;
    append(expanded, value ? *value : *part.fallback, kLiteral);
  }
  return expanded;
}

std::optional<std::string> PolicyPattern::plain(const PolicyRequest& request) const {
  if (parts_.empty()) return text_;
  const auto expanded = expand(request);
  if (!expanded) return std::nullopt;
  std::string text;
  for (const char16_t c : *expanded) text += static_cast<char>(c & 0xff);
  return text;
}

bool PolicyPattern::is_like(std::string_view actual, const PolicyRequest& request) const {
  if (parts_.empty()) return matches_wildcards(text_, actual);
  const auto expanded = expand(request);
  return expanded && matches_exactly(std::u16string_view(*expanded), actual);
}

bool PolicyPattern::is_like_arn(std::string_view actual, const PolicyRequest& request) const {
  if (parts_.empty()) return matches_arn(text_, actual);
  const auto expanded = expand(request);
  return expanded && matches_by_parts(std::u16string_view(*expanded), actual);
}

bool PolicyPattern::equals(std::string_view actual, const PolicyRequest& request) const {
  if (parts_.empty()) return text_ == actual;
  const auto text = plain(request);
  return text && *text == actual;
}

bool PolicyPattern::equals_ignoring_case(std::string_view actual,
                                         const PolicyRequest& request) const {
  const auto text = plain(request);
  return text && to_lower(*text) == to_lower(actual);
}

}  // namespace millstream
