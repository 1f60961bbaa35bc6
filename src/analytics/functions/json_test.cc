#include <gmock/gmock.h>

#include "analytics/functions/testing.h"

namespace millstream::analytics {
namespace {

using testing::HasSubstr;

std::string value(const char* json, const char* path) {
  return shown("JSON_VALUE", {text(json), text(path)});
}
std::string query(const char* json, const char* path) {
  return shown("JSON_QUERY", {text(json), text(path)});
}
std::string exists(const char* json, const char* path) {
  return shown("JSON_EXISTS", {text(json), text(path)});
}

TEST(JsonFunctions, ValueTakesScalars) {
  EXPECT_EQ(value(R"({"a": true})", "$.a"), "true");
  EXPECT_EQ(value(R"({"a.b": [0.998, 0.996]})", R"($.["a.b"][0])"), "0.998");
  EXPECT_EQ(value(R"({"a": {"b": [1, {"c": "x\u00e4\n"}]}})", "lax $.a.b[1].c"), "xä\n");
  EXPECT_EQ(value(R"({"a": 12345678901234567890123})", "$.a"), "12345678901234567890123");
  EXPECT_EQ(value(R"("top")", "$"), "top");
  EXPECT_EQ(value(R"({"a": 1, "a": 2})", "$['a']"), "2");
}

TEST(JsonFunctions, ValueIsNullWhereThereIsNoScalar) {
  EXPECT_EQ(value(R"({"a": {"b": 1}})", "$.a"), "NULL");
  EXPECT_EQ(value(R"({"a": null})", "$.a"), "NULL");
  EXPECT_EQ(value(R"({"a": 1})", "$.b"), "NULL");
  EXPECT_EQ(value(R"({"a": [1]})", "$.a[1]"), "NULL");
  EXPECT_EQ(value(R"({"a": 1)", "$.a"), "NULL");
  EXPECT_EQ(value("", "$.a"), "NULL");
  EXPECT_EQ(shown("JSON_VALUE", {null_of(TypeKind::kVarchar), text("$.a")}), "NULL");
}

TEST(JsonFunctions, ValueHasDefaultsForEmptyAndForWrong) {
  const auto with_defaults = [](const char* json, const char* path) {
    return shown("JSON_VALUE", {text(json), text(path), text("empty"), text("wrong")});
  };
  EXPECT_EQ(with_defaults(R"({"a": 1})", "$.a"), "1");
  EXPECT_EQ(with_defaults(R"({"a": 1})", "lax $.b"), "empty");
  EXPECT_EQ(with_defaults(R"({"a": 1})", "strict $.b"), "wrong");
  EXPECT_EQ(with_defaults(R"({"a": null})", "$.a"), "empty");
  EXPECT_EQ(with_defaults("nonsense", "lax $.a"), "wrong");
}

TEST(JsonFunctions, QueryTakesObjectsAndArrays) {
  EXPECT_EQ(query(R"({"a": { "b" : [1, 2.50] }})", "$.a"), R"({"b":[1,2.5]})");
  EXPECT_EQ(query(R"({"a": [ ]})", "$.a"), "[]");
  EXPECT_EQ(query(R"({"a": 1})", "$.a"), "NULL");
  EXPECT_EQ(query(R"({"a": 1})", "$.b"), "NULL");
}

TEST(JsonFunctions, ExistsIsNeverNullForText) {
  EXPECT_EQ(exists(R"({"a": [{"b": 1}]})", "$.a[0].b"), "TRUE");
  EXPECT_EQ(exists(R"({"a": [{"b": 1}]})", "$.a[1].b"), "FALSE");
  EXPECT_EQ(exists("nonsense", "$.a"), "FALSE");
  EXPECT_EQ(shown("JSON_EXISTS", {null_of(TypeKind::kVarchar), text("$.a")}), "NULL");
}

TEST(JsonFunctions, RefusePathsThatTheyDoNotKnow) {
  const auto error = [](const char* path) {
    return call_error("JSON_VALUE", {text("{}"), text(path)});
  };
  EXPECT_THAT(error("$..a"), HasSubstr("not yet supported"));
  EXPECT_THAT(error("$.a[*]"), HasSubstr("supported"));
  EXPECT_THAT(error("$.a[?(@.b)]"), HasSubstr("supported"));
  EXPECT_THAT(error("a.b"), HasSubstr("starts with"));
  EXPECT_THAT(error("$.a['b"), HasSubstr("closing quote"));
  std::string deep = "$";
  for (int i = 0; i < 100; ++i) deep += ".a";
  EXPECT_THAT(error(deep.c_str()), HasSubstr("64"));
}

TEST(JsonFunctions, DeepTextsAreBounded) {
  EXPECT_EQ(value(std::string(100'000, '[').c_str(), "$.a"), "NULL");
}

}  // namespace
}  // namespace millstream::analytics
