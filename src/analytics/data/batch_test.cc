#include "analytics/data/batch.h"

#include <limits>

#include <gtest/gtest.h>

namespace millstream::analytics {
namespace {

Schema two_columns() { return {{"n", make_type(TypeKind::kInteger)}, {"s", varchar_type()}}; }

TEST(BatchBuilder, GivesBackTheRowsThatWereAdded) {
  BatchBuilder builder(two_columns());
  builder.add_row(std::vector<Value>{int64_t{1}, std::string("one")});
  builder.add_row(std::vector<Value>{std::monostate(), std::string("none")});
  builder.add_row(std::vector<Value>{int64_t{3}, std::monostate()}, ChangeKind::kDelete, 17);
  const Batch batch = builder.take();
  ASSERT_EQ(batch.rows, 3U);
  EXPECT_EQ(batch.columns[0]->value(0), Value(int64_t{1}));
  EXPECT_EQ(batch.columns[1]->value(0), Value(std::string("one")));
  EXPECT_EQ(batch.columns[0]->value(1), Value(std::monostate()));
  EXPECT_EQ(batch.columns[1]->value(2), Value(std::monostate()));
  EXPECT_EQ(batch.change(0), ChangeKind::kInsert);
  EXPECT_EQ(batch.change(2), ChangeKind::kDelete);
  EXPECT_EQ(batch.watermark(1), kNoWatermark);
  EXPECT_EQ(batch.watermark(2), 17);
  EXPECT_EQ(builder.take().rows, 0U);
}

TEST(Batch, GatherTakesRowsInTheOrderAskedAndKeepsTheirStringsAlive) {
  Batch picked;
  {
    BatchBuilder builder(two_columns());
    for (int64_t i = 0; i < 100; ++i) {
      builder.add_row(std::vector<Value>{i, std::string(static_cast<size_t>(i), 'x')},
                      i % 2 == 0 ? ChangeKind::kInsert : ChangeKind::kUpdateAfter, i);
    }
    const Batch all = builder.take();
    picked = gather(all, std::vector<uint32_t>{99, 3, 3});
  }
  ASSERT_EQ(picked.rows, 3U);
  EXPECT_EQ(picked.columns[0]->value(0), Value(int64_t{99}));
  EXPECT_EQ(picked.columns[1]->value(0), Value(std::string(99, 'x')));
  EXPECT_EQ(picked.columns[1]->value(2), Value(std::string("xxx")));
  EXPECT_EQ(picked.change(1), ChangeKind::kUpdateAfter);
  EXPECT_EQ(picked.watermark(1), 3);
}

TEST(Column, AppendCopiesNullsOfTheOther) {
  Column source(Physical::kInt64);
  source.ints = {1, 2};
  source.set_null(1);
  Column target(Physical::kInt64);
  target.append(source, 0);
  target.append(source, 1);
  target.append(source, 0);
  EXPECT_FALSE(target.is_null(0));
  EXPECT_TRUE(target.is_null(1));
  EXPECT_FALSE(target.is_null(2));
  EXPECT_EQ(target.size(), 3U);
}

TEST(Column, AppendKeepsANullThatComesFirst) {
  Column from(Physical::kInt64);
  from.append_null();
  Column to(Physical::kInt64);
  to.append(from, 0);
  to.ints.push_back(7);
  if (!to.nulls.empty()) to.nulls.push_back(0);
  EXPECT_TRUE(to.is_null(0));
  EXPECT_FALSE(to.is_null(1));
}

TEST(Arena, ViewsStayValidWhileItGrows) {
  Arena arena;
  std::vector<std::string_view> views;
  for (int i = 0; i < 5000; ++i)
    views.push_back(arena.copy(std::string(static_cast<size_t>(i % 7000), 'a')));
  for (int i = 0; i < 5000; ++i) {
    ASSERT_EQ(views[static_cast<size_t>(i)], std::string(static_cast<size_t>(i % 7000), 'a'));
  }
}

TEST(TypeText, SpellsTypesAsTheDialectsDo) {
  EXPECT_EQ(type_text(varchar_type()), "STRING");
  EXPECT_EQ(type_text(varchar_type(4, false)), "VARCHAR(4) NOT NULL");
  EXPECT_EQ(type_text(decimal_type(10, 2)), "DECIMAL(10, 2)");
  EXPECT_EQ(type_text(timestamp_type(3, TimeAttribute::kRowtime)), "TIMESTAMP(3) *ROWTIME*");
}

TEST(ValueText, ShowsEveryKindOfConstant) {
  EXPECT_EQ(value_text(std::monostate(), varchar_type()), "NULL");
  EXPECT_EQ(value_text(std::string("it's"), varchar_type()), "'it''s'");
  EXPECT_EQ(value_text(Decimal{-5}, decimal_type(10, 2)), "-0.05");
  EXPECT_EQ(value_text(Decimal{12345}, decimal_type(10, 2)), "123.45");
  EXPECT_EQ(value_text(std::numeric_limits<Decimal>::min(), decimal_type(38, 0)),
            "-170141183460469231731687303715884105728");
  EXPECT_EQ(value_text(int64_t{-1}, timestamp_type()), "TIMESTAMP '1969-12-31 23:59:59.999999'");
  EXPECT_EQ(value_text(int64_t{1'764'000'000'000'000}, timestamp_type()),
            "TIMESTAMP '2025-11-24 16:00:00'");
  EXPECT_EQ(value_text(int64_t{0}, make_type(TypeKind::kDate)), "DATE '1970-01-01'");
  EXPECT_EQ(value_text(int64_t{10'500}, make_type(TypeKind::kIntervalMillis)),
            "INTERVAL '10.500' SECOND");
}

}  // namespace
}  // namespace millstream::analytics
