#include "analytics/formats/raw.h"

#include <gmock/gmock.h>

#include "analytics/formats/formats_test_support.h"

namespace millstream::analytics {
namespace {

using testing::HasSubstr;

Table raw(const Type& type, std::map<std::string, std::string> options = {}) {
  return test_table(Format::kRaw, {{"a", type}}, std::move(options));
}

TEST(Raw, TakesTheDataAsTheOnlyValue) {
  EXPECT_EQ(decode_one(raw(varchar_type()), "a,\"b\""), "'a,\"b\"'");
  EXPECT_EQ(decode_one(raw(varchar_type()), "a\xff\xc3\xa9\xe2\x82"),
            "'a\xEF\xBF\xBD\u00e9\xEF\xBF\xBD\xEF\xBF\xBD'");
  EXPECT_EQ(decode_one(raw(make_type(TypeKind::kInteger)), std::string("\0\0\1\2", 4)), "258");
  EXPECT_EQ(decode_one(raw(make_type(TypeKind::kSmallint), {{"raw.endianness", "little-endian"}}),
                       "\xfe\xff"),
            "-2");
  EXPECT_THAT(decode_one(raw(make_type(TypeKind::kBigint)), "1"), HasSubstr("is not 8"));
}

TEST(Raw, ReadsBackWhatItWrites) {
  const std::pair<Type, Value> cases[] = {{make_type(TypeKind::kBoolean), true},
                                          {make_type(TypeKind::kTinyint), int64_t{-5}},
                                          {make_type(TypeKind::kSmallint), int64_t{-300}},
                                          {make_type(TypeKind::kInteger), int64_t{-70'000}},
                                          {make_type(TypeKind::kBigint), INT64_MIN},
                                          {make_type(TypeKind::kFloat), 0.5},
                                          {make_type(TypeKind::kDouble), -1e300},
                                          {varchar_type(), std::string("x y")}};
  for (const char* const order : {"big-endian", "little-endian"}) {
    for (const auto& [type, value] : cases) {
      const Table table = raw(type, {{"raw.endianness", order}});
      EXPECT_EQ(decode_one(table, encode(table, {{value}}).at(0)), value_text(value, type));
    }
  }
  EXPECT_EQ(encode(raw(varchar_type()), {{Value()}}).at(0), "");
}

TEST(Raw, RefusesOtherTables) {
  const Table two = test_table(Format::kRaw, {{"a", varchar_type()}, {"b", varchar_type()}});
  EXPECT_THAT(Decoder::make(two, std::vector<int>{0}, sql::Dialect::kFlink).error().message,
              HasSubstr("single physical column"));
  EXPECT_FALSE(Encoder::make(raw(make_type(TypeKind::kDate)), sql::Dialect::kFlink).has_value());
  EXPECT_THAT(Encoder::make(raw(varchar_type(), {{"raw.charset", "UTF-16"}}), sql::Dialect::kFlink)
                  .error()
                  .message,
              HasSubstr("not yet supported"));
}

}  // namespace
}  // namespace millstream::analytics
