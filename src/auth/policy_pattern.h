// Texts in policies that stand for several: with wildcards, and with variables.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/policy_key.h"
#include "base/result.h"

namespace millstream {

// Whether `text` is like `pattern`, in which * is any number of characters and ? is one. Time is
// bounded by the product of the lengths.
bool matches_wildcards(std::string_view pattern, std::string_view text);
// The same for "aws:..." names, whose letter case does not count.
bool matches_wildcards_ignoring_case(std::string_view pattern, std::string_view text);
// The six parts of an ARN each on its own: a * stays inside its part.
bool matches_arn(std::string_view pattern, std::string_view arn);

// "arn:aws:kinesis:*:*:stream/${aws:username}-*". A variable stands for the request's value,
// character by character: wildcards in it are none. Where the request has no value and the policy
// no default for it, the pattern is like nothing.
//
// Threads: any; constant.
class PolicyPattern {
 public:
  // As it stands: of documents before version 2012-10-17, "${" is text like any other.
  explicit PolicyPattern(std::string text) : text_(std::move(text)) {}
  // ${key}, ${key, 'default'}, and ${*}, ${?}, ${$} for the characters themselves.
  // Errors: kInvalidArgument for what is not closed, for keys that are not here (policy_key.h).
  static Result<PolicyPattern> with_variables(std::string_view text);

  // The text as the policy has it.
  const std::string& text() const { return text_; }

  bool is_like(std::string_view actual, const PolicyRequest& request) const;
  bool is_like_arn(std::string_view actual, const PolicyRequest& request) const;
  // Wildcards are characters here.
  bool equals(std::string_view actual, const PolicyRequest& request) const;
  bool equals_ignoring_case(std::string_view actual, const PolicyRequest& request) const;

 private:
  // A text, in which wildcards count or not; or a variable with its default.
  struct Part {
    std::string text;
    bool is_literal = false;
    std::optional<ConditionKey> key;
    std::optional<std::string> fallback;
  };
  // A character, with kLiteral in it if it is no wildcard.
  using Expanded = std::u16string;

  static Result<Part> variable(std::string_view body);
  std::optional<Expanded> expand(const PolicyRequest& request) const;
  std::optional<std::string> plain(const PolicyRequest& request) const;

  std::string text_;
  std::vector<Part> parts_;  // empty: there are no variables
};

}  // namespace millstream
