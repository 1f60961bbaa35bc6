// What all expressions of DynamoDB share: words, document paths, placeholders.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "leases/attribute_value.h"

namespace millstream::leases {

// AWS limits (Developer Guide, "Quotas"): length of an expression, operators and functions in it.
// The second also bounds how deep one can nest.
inline constexpr size_t kMaxExpressionBytes = 4096;
inline constexpr int kMaxOperators = 300;

struct PathStep {
  std::string name;             // of a map's member
  std::optional<size_t> index;  // or the place in a list
  friend bool operator==(const PathStep&, const PathStep&) = default;
};
using Path = std::vector<PathStep>;  // begins with a name

std::string to_string(const Path& path);  // "[a, b, [1]]", as in DynamoDB's messages
const AttributeValue* find(const Item& item, const Path& path);  // nullptr: not there

// The placeholders of one request: #name and :value, and which of them were used. The maps
// outlive it.
class Placeholders {
 public:
  using Names = std::optional<std::map<std::string, std::string>>;
  using Values = std::optional<Item>;

  // Checks and normalizes the values.
  static Result<Placeholders> create(const Names& names, const Values& values);

  Result<std::string> name(std::string_view placeholder);
  Result<AttributeValue> value(std::string_view placeholder);
  // DynamoDB refuses placeholders that no expression of the request uses.
  Result<> check_all_used() const;

 private:
  std::map<std::string, std::string> names_;
  Item values_;
  std::set<std::string> used_;
};

// Reads one expression. `label` ("ConditionExpression") begins its messages.
class ExpressionReader {
 public:
  ExpressionReader(std::string_view label, std::string_view text, Placeholders& placeholders)
      : label_(label), text_(text), placeholders_(placeholders) {}

  // Splits the text into words. Before anything else.
  Result<> start();

  std::string_view peek(size_t ahead = 0) const;  // empty at the end
  std::string_view next();
  bool at_end() const { return place_ == words_.size(); }
  bool take(std::string_view symbol);                                 // if it comes next
  bool at_keyword(std::string_view keyword, size_t ahead = 0) const;  // in any case
  bool take_keyword(std::string_view keyword);
  Result<> expect(std::string_view symbol);
  Result<Path> path();
  Result<AttributeValue> value();  // of a :placeholder
  // Counts an operator or function, and a level of parentheses.
  Result<> count_operator();

  std::unexpected<Error> error(std::string_view what) const;  // "Invalid …Expression: what"
  std::unexpected<Error> syntax_error() const;                // at the next word

 private:
  Result<std::string> path_name();

  std::string_view label_;
  std::string_view text_;
  Placeholders& placeholders_;
  std::vector<std::string_view> words_;  // of text_
  size_t place_ = 0;
  int operators_ = 0;
};

}  // namespace millstream::leases
