#include "analytics/functions/testing.h"

namespace millstream::analytics {
namespace {

constexpr auto kBigint = TypeKind::kBigint;

TEST(Arithmetic, IntegersWrapAtTheirWidthInFlink) {
  EXPECT_EQ(shown("+", {integer(2147483647), integer(1)}), "-2147483648");
  EXPECT_EQ(shown("*", {big(INT64_MAX), big(2)}), "-2");
  EXPECT_EQ(shown("-", {big(INT64_MIN), big(1)}), "9223372036854775807");
  EXPECT_EQ(shown("NEGATE", {integer(-2147483648LL)}), "-2147483648");
  EXPECT_EQ(shown("+", {integer(2147483647), big(1)}), "2147483648");
  EXPECT_EQ(shown("/", {big(INT64_MIN), big(-1)}), "-9223372036854775808");
}

TEST(Arithmetic, IntegerDivisionCutsAndFailsAtZero) {
  EXPECT_EQ(shown("/", {integer(7), integer(2)}), "3");
  EXPECT_EQ(shown("/", {integer(-7), integer(2)}), "-3");
  EXPECT_EQ(shown("%", {integer(-7), integer(2)}), "-1");
  EXPECT_EQ(shown("MOD", {integer(7), integer(3)}), "1");
  EXPECT_EQ(shown("/", {integer(7), integer(0)}), "error: division by zero");
  EXPECT_EQ(kinesis("/", {integer(7), integer(0)}), "error: division by zero");
}

TEST(Arithmetic, DoublesFollowIeee) {
  EXPECT_EQ(shown("/", {real(1), real(0)}), "Infinity");
  EXPECT_EQ(shown("/", {real(0), real(0)}), "NaN");
  EXPECT_EQ(shown("+", {integer(1), real(0.5)}), "1.5");
}

TEST(Arithmetic, DecimalsHaveFlinksTypes) {
  EXPECT_EQ(type_of(call("+", {number("1.50"), number("10.125")})), "DECIMAL(6, 3)");
  EXPECT_EQ(shown("+", {number("1.50"), number("10.125")}), "11.625");
  EXPECT_EQ(shown("*", {number("1.50"), number("0.5")}), "0.750");
  EXPECT_EQ(type_of(call("/", {number("1.00"), number("3.0")})), "DECIMAL(8, 6)");
  EXPECT_EQ(shown("/", {number("1.00"), number("3.0")}), "0.333333");
  // Nexmark's query 1: 0.908 * a BIGINT.
  EXPECT_EQ(shown("*", {number("0.908"), big(1000)}), "908.000");
}

TEST(Arithmetic, AnOverflowingDecimalIsNullInFlink) {
  const auto large = number("99999999999999999999999999999999999999");
  EXPECT_EQ(shown("+", {large, large}), "NULL");
}

TEST(MathFunctions, Round) {
  EXPECT_EQ(shown("ROUND", {number("2.345"), integer(2)}), "2.35");
  EXPECT_EQ(shown("ROUND", {number("-2.345"), integer(2)}), "-2.35");
  EXPECT_EQ(shown("ROUND", {real(2.5)}), "3.0");
  EXPECT_EQ(shown("ROUND", {real(2.345), integer(2)}), "2.35");
  EXPECT_EQ(shown("ROUND", {integer(1234), integer(-2)}), "1200");
  EXPECT_EQ(shown("TRUNCATE", {number("42.345"), integer(2)}), "42.34");
  EXPECT_EQ(shown("TRUNCATE", {real(-42.345), integer(1)}), "-42.3");
}

TEST(MathFunctions, WholeNumbers) {
  EXPECT_EQ(shown("FLOOR", {real(-1.5)}), "-2.0");
  EXPECT_EQ(shown("CEIL", {real(-1.5)}), "-1.0");
  EXPECT_EQ(shown("FLOOR", {number("-1.5")}), "-2");
  EXPECT_EQ(shown("CEIL", {number("1.1")}), "2");
  EXPECT_EQ(kinesis("CEILING", {integer(3)}), "3");
  EXPECT_EQ(shown("ABS", {integer(-3)}), "3");
  EXPECT_EQ(shown("ABS", {number("-1.50")}), "1.50");
  EXPECT_EQ(shown("SIGN", {integer(-3)}), "-1");
}

TEST(MathFunctions, Powers) {
  EXPECT_EQ(shown("POWER", {integer(2), integer(10)}), "1024.0");
  EXPECT_EQ(shown("SQRT", {integer(9)}), "3.0");
  EXPECT_EQ(shown("EXP", {integer(0)}), "1.0");
  EXPECT_EQ(shown("LOG10", {integer(1000)}), "3.0");
  EXPECT_EQ(shown("LOG2", {integer(8)}), "3.0");
  EXPECT_EQ(shown("LN", {integer(1)}), "0.0");
  EXPECT_EQ(shown("SQRT", {null_of(kBigint)}), "NULL");
}

TEST(MathFunctions, ExtremesAreNullIfAnArgumentIs) {
  EXPECT_EQ(shown("GREATEST", {integer(1), integer(3), integer(2)}), "3");
  EXPECT_EQ(shown("LEAST", {text("b"), text("a")}), "a");
  EXPECT_EQ(shown("GREATEST", {integer(1), null_of(TypeKind::kInteger)}), "NULL");
}

TEST(MathFunctions, ASeedRepeatsRandomNumbers) {
  EXPECT_EQ(shown("RAND", {integer(7)}), shown("RAND", {integer(7)}));
  EXPECT_EQ(shown("RAND_INTEGER", {integer(1)}), "0");
  EXPECT_TRUE(shown("RAND_INTEGER", {integer(0)}).starts_with("error: "));
}

}  // namespace
}  // namespace millstream::analytics
