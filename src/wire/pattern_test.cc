#include "wire/pattern.h"

#include <atomic>
#include <deque>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "wire/service.h"
#include "wire/types.h"

namespace millstream::wire {
namespace {

bool matches(std::string_view java, std::string_view text) {
  // A pattern's compiled form lives until the process ends, so the pattern has to as well.
  static auto& kept = *new std::deque<Pattern>;
  return kept.emplace_back(java).matches(text);
}

TEST(Pattern, EveryPatternOfTheModelsCompiles) {
  std::set<std::string_view> seen;
  const auto check = [&](const Type& type) {
    if (type.pattern && seen.insert(type.pattern->text()).second) type.pattern->matches("");
  };
  for (const Service* service : all_services()) {
    for (const StructType* structure : service->structures) {
      for (const Member& member : structure->members) {
        check(*member.type);
        if (member.type->element) check(*member.type->element);
        if (member.type->key) check(*member.type->key);
      }
    }
  }
  EXPECT_GT(seen.size(), 40u);
}

TEST(Pattern, MatchesTheWholeText) {
  EXPECT_TRUE(matches("[a-zA-Z0-9_.-]+", "a.b"));
  EXPECT_FALSE(matches("[a-zA-Z0-9_.-]+", "a b"));
  EXPECT_FALSE(matches("[a-zA-Z0-9_.-]+", "a\n"));
  EXPECT_FALSE(matches("[a-zA-Z0-9_.-]+", ""));
  EXPECT_TRUE(matches("0|([1-9]\\d{0,38})", "0"));
  EXPECT_FALSE(matches("0|([1-9]\\d{0,38})", "01"));
  EXPECT_FALSE(matches("0|([1-9]\\d{0,38})", "1x"));
}

TEST(Pattern, ReadsJavasDialect) {
  EXPECT_TRUE(matches("[\\u0001-\\uFFFF]*", "aü\x01"));
  EXPECT_FALSE(matches("[\\u0020-\\uFFFF]*", "\x1f"));
  EXPECT_TRUE(matches("[\\uD800\\uDC00-\\uDBFF\\uDFFF]+", "😀"));
  EXPECT_FALSE(matches("[\\uD800\\uDC00-\\uDBFF\\uDFFF]+", "a"));
  EXPECT_TRUE(matches("\\p{ASCII}*", "a\n"));
  EXPECT_FALSE(matches("\\p{ASCII}*", "ü"));
  EXPECT_TRUE(matches("[\\p{L}\\p{Z}\\p{N}_.:\\/=+\\-@%]*", "Schlüssel 1/=+-@"));
  EXPECT_TRUE(matches("\\s", "\x0b"));
  EXPECT_FALSE(matches(".*", "a\nb"));
  EXPECT_FALSE(matches(".*", "a\xE2\x80\xA8"));  // U+2028
  EXPECT_TRUE(matches("\\d{1}+:\\d{12}+:x", "1:123456789012:x"));
}

TEST(Pattern, CompilesOnceWhenThreadsMeet) {
  static const Pattern pattern("[a-z]+(-[0-9]{1,9})?");
  std::atomic<int> wrong = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&wrong] {
      if (!pattern.matches("abc-123") || pattern.matches("abc-")) ++wrong;
    });
  }
  threads.clear();  // joins
  EXPECT_EQ(wrong, 0);
}

TEST(Pattern, KnowsLookAheadAtTheStart) {
  constexpr std::string_view kNotBlank = "^(?!\\s*$).+";
  EXPECT_TRUE(matches(kNotBlank, " a "));
  EXPECT_FALSE(matches(kNotBlank, "  \t"));
  EXPECT_FALSE(matches(kNotBlank, ""));
  constexpr std::string_view kTagKey = "^(?!aws:)[\\p{L}\\p{Z}\\p{N}_.:\\/=+\\-@%]*$";
  EXPECT_TRUE(matches(kTagKey, "awsx"));
  EXPECT_FALSE(matches(kTagKey, "aws:x"));
  EXPECT_FALSE(matches(kTagKey, "a;b"));
  constexpr std::string_view kVariable = "^(?=^\\$)(?=^\\S+$).*$";
  EXPECT_TRUE(matches(kVariable, "$.a"));
  EXPECT_FALSE(matches(kVariable, "a"));
  EXPECT_FALSE(matches(kVariable, "$ a"));
}

TEST(Pattern, KnowsTheHostNamesOfRedshift) {
  constexpr std::string_view kJdbc =
      "jdbc:(redshift|postgresql)://((?!-)[A-Za-z0-9-]{1,63}(?<!-)\\.)+(redshift(-serverless)?)\\."
      "([a-zA-Z0-9\\.\\-]+):\\d{1,5}/[a-zA-Z0-9_$-]+";
  EXPECT_TRUE(matches(kJdbc, "jdbc:redshift://my-c.abc.us-east-1.redshift.amazonaws.com:5439/dev"));
  EXPECT_FALSE(matches(kJdbc, "jdbc:redshift://-my.abc.us-east-1.redshift.amazonaws.com:5439/dev"));
  EXPECT_FALSE(matches(kJdbc, "jdbc:redshift://my-.abc.us-east-1.redshift.amazonaws.com:5439/dev"));
}

}  // namespace
}  // namespace millstream::wire
