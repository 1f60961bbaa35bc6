#include "leases/number.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millstream::leases {
namespace {

Number number(std::string_view text) {
  auto parsed = Number::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(Number());
}

TEST(Number, HasOneFormForEachValue) {
  for (const auto& [text, plain] : std::vector<std::pair<std::string_view, std::string_view>>{
           {"1", "1"},
           {"1.0", "1"},
           {"10E-1", "1"},
           {"+0.1e1", "1"},
           {"-0", "0"},
           {"000", "0"},
           {"-12.50", "-12.5"},
           {"1e3", "1000"},
           {"0.001", "0.001"},
           {".5", "0.5"},
           {"-1E-3", "-0.001"},
           {"120", "120"},
           {"1234567890123456789012345678901234567800",
            "1234567890123456789012345678901234567800"}}) {
    EXPECT_EQ(number(text).text(), plain) << text;
  }
  EXPECT_EQ(number("1"), number("1.00"));
}

TEST(Number, RefusesWhatIsNoneOrOutOfRange) {
  for (const auto* text : {"", "-", "abc", "1x", "1e", "1e+-1", "--1", "1..2", "e5", " 1", "0x1"}) {
    EXPECT_FALSE(Number::parse(text)) << text;
  }
  EXPECT_TRUE(Number::parse("9.99e125"));
  EXPECT_FALSE(Number::parse("1e126"));
  EXPECT_TRUE(Number::parse("-1e-130"));
  EXPECT_FALSE(Number::parse("1e-131"));
  EXPECT_FALSE(Number::parse("1e99999999999999999999"));
  EXPECT_FALSE(Number::parse("123456789012345678901234567890123456789"));  // 39 digits
}

TEST(Number, OrdersByValueAlsoInItsBytes) {
  const std::vector<std::string_view> ordered{
      "-9.99e125", "-1000", "-12.5", "-12", "-1", "-0.5", "-1e-130", "0",       "1e-130",
      "0.5",       "0.51",  "1",     "2",   "10", "10.5", "100",     "9.99e125"};
  for (size_t i = 0; i + 1 < ordered.size(); ++i) {
    const Number low = number(ordered[i]);
    const Number high = number(ordered[i + 1]);
    EXPECT_LT(compare(low, high), 0) << ordered[i];
    EXPECT_GT(compare(high, low), 0) << ordered[i];
    EXPECT_LT(low.order_key(), high.order_key()) << ordered[i] << " " << ordered[i + 1];
  }
}

TEST(Number, AddsExactly) {
  const auto sum = [](std::string_view a, std::string_view b) {
    const auto total = add(number(a), number(b));
    return total ? total->text() : total.error().message;
  };
  EXPECT_EQ(sum("0.1", "0.2"), "0.3");
  EXPECT_EQ(sum("99", "1"), "100");
  EXPECT_EQ(sum("1", "-1"), "0");
  EXPECT_EQ(sum("1", "-2.5"), "-1.5");
  EXPECT_EQ(sum("-1", "-0.001"), "-1.001");
  EXPECT_EQ(sum("49999999999999999999999999999999999999", "1"),
            "50000000000000000000000000000000000000");
  EXPECT_THAT(sum("1e38", "0.1"), testing::HasSubstr("38 significant digits"));
  EXPECT_THAT(sum("9.99e125", "9.99e125"), testing::HasSubstr("overflow"));
}

}  // namespace
}  // namespace millstream::leases
