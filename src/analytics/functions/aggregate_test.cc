#include "analytics/functions/aggregate.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace millstream::analytics {
namespace {

constexpr auto kFlink = sql::Dialect::kFlink;

// One group of one aggregate.
class Group {
 public:
  Group(std::string_view name, Type argument, sql::Dialect dialect = kFlink) {
    call_.function = *find_aggregate(name, dialect);
    call_.arguments = {0};
    call_.argument_types = {argument};
    call_.type = *call_.function->resolve(call_.argument_types, dialect);
    accumulator_ = call_.function->make(call_, dialect);
    state_.resize(accumulator_->state_bytes());
  }
  Group& add(const Value& value, bool retract = false) {
    Column column(call_.argument_types[0].physical());
    column.append_value(value, arena_);
    const Column* const argument = &column;
    if (accumulator_->uses_blob()) {
      accumulator_->update_blob(std::span(&argument, 1), 0, blob_);
      return *this;
    }
    const uint32_t row = 0;
    char* const state = state_.data();
    accumulator_->update(std::span(&argument, 1), std::span(&row, 1), std::span(&state, 1),
                         retract);
    return *this;
  }
  Group& take(const Value& value) { return add(value, true); }
  Group& merge(const Group& other) {
    if (accumulator_->uses_blob()) {
      accumulator_->merge_blob(blob_, other.blob_);
    } else {
      accumulator_->merge(state_.data(), other.state_.data());
    }
    return *this;
  }
  Value result() {
    Column out(call_.type.physical());
    if (accumulator_->uses_blob()) {
      accumulator_->result_blob(blob_, out, arena_);
    } else {
      accumulator_->result(state_.data(), out, arena_);
    }
    return out.value(0);
  }
  std::string type() const { return type_text(call_.type); }

 private:
  AggregateCall call_;
  std::unique_ptr<Accumulator> accumulator_;
  std::string state_;
  std::string blob_;
  Arena arena_;
};

const Value kNull;
Value big(int64_t value) { return value; }
const Type kInt = make_type(TypeKind::kInteger);
const Type kDouble = make_type(TypeKind::kDouble);

TEST(Aggregates, OfNoRowsOrOnlyNullsAreNullButCountIsZero) {
  for (const auto* name : {"SUM", "AVG", "MIN", "MAX", "STDDEV_POP", "LAST_VALUE"}) {
    EXPECT_EQ(Group(name, kInt).add(kNull).result(), kNull) << name;
  }
  EXPECT_EQ(Group("COUNT", kInt).add(kNull).result(), big(0));
}

TEST(Aggregates, IntegersSumInTheirTypeAndWrap) {
  EXPECT_EQ(Group("SUM", kInt).add(big(2147483647)).add(big(1)).result(), big(-2147483648LL));
  EXPECT_EQ(Group("SUM", kInt).type(), "INT");
  EXPECT_EQ(Group("AVG", kInt).add(big(-3)).add(big(-4)).result(), big(-3));
}

TEST(Aggregates, DecimalsHaveThirtyEightDigitsAndSixBehindThePointInAverages) {
  const Type money = decimal_type(10, 2);
  EXPECT_EQ(Group("SUM", money).type(), "DECIMAL(38, 2)");
  EXPECT_EQ(Group("AVG", money).type(), "DECIMAL(38, 6)");
  EXPECT_EQ(Group("AVG", money).add(Decimal{100}).add(Decimal{100}).add(Decimal{0}).result(),
            Value(Decimal{666667}));
}

TEST(Aggregates, DoublesTakenBackLeaveNothingBehind) {
  Group group("SUM", kDouble);
  group.add(0.1).add(1e300).add(std::numeric_limits<double>::infinity()).add(std::nan(""));
  group.take(std::nan("")).take(std::numeric_limits<double>::infinity()).take(1e300);
  EXPECT_EQ(group.result(), Value(0.1));
}

TEST(Aggregates, VariancesAreThoseOfTheRowsThatAreThere) {
  Group group("VAR_POP", kDouble);
  for (const double value : {2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0, 100.0}) group.add(value);
  group.take(100.0);
  EXPECT_NEAR(std::get<double>(group.result()), 4.0, 1e-9);
  Group left("STDDEV_SAMP", kDouble);
  left.add(1.0).add(2.0);
  Group right("STDDEV_SAMP", kDouble);
  right.add(3.0).add(6.0);
  EXPECT_NEAR(std::get<double>(left.merge(right).result()), std::sqrt(14.0 / 3), 1e-9);
  EXPECT_EQ(Group("VAR_SAMP", kDouble).add(1.0).result(), kNull);
}

TEST(Aggregates, KeepTheLeastGreatestFirstAndLast) {
  const Type text = varchar_type();
  const std::string a = "a";
  const std::string b = "b";
  EXPECT_EQ(Group("MIN", text).add(b).add(a).add(kNull).result(), Value(a));
  EXPECT_EQ(Group("MAX", text).merge(Group("MAX", text).add(b)).add(a).result(), Value(b));
  EXPECT_EQ(Group("MIN", kInt).add(big(4)).merge(Group("MIN", kInt).add(big(3))).result(), big(3));
  EXPECT_EQ(Group("FIRST_VALUE", kInt).add(kNull).add(big(1)).add(big(2)).result(), big(1));
  EXPECT_EQ(Group("LAST_VALUE", text).add(a).add(b).add(kNull).result(), Value(b));
  EXPECT_EQ(Group("FIRST_VALUE", kInt, sql::Dialect::kKinesis).add(kNull).add(big(1)).result(),
            kNull);
  EXPECT_EQ(Group("LISTAGG", text).add(a).add(kNull).add(b).result(), Value(std::string("a,b")));
}

TEST(Aggregates, WhatADialectHasAndMillstreamNotIsRefusedByName) {
  const auto missing = find_aggregate("COLLECT", kFlink);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message, "aggregate function COLLECT is not yet supported");
  EXPECT_TRUE(is_aggregate("COLLECT", kFlink));
  EXPECT_FALSE(is_aggregate("UPPER", kFlink));
}

}  // namespace
}  // namespace millstream::analytics
