#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "leases/condition.h"
#include "leases/legacy.h"
#include "leases/projection.h"
#include "leases/update_expression.h"
#include "wire/json_decode.h"
#include "wire/json_encode.h"

namespace millstream::leases {
namespace {

using testing::HasSubstr;

// {"a":{"N":"1"}} as an item.
Item item(std::string_view json) {
  auto holder =
      wire::from_json<wire::dynamodb::GetItemOutput>(fmt::format(R"({{"Item":{}}})", json));
  EXPECT_TRUE(holder) << json;
  Item parsed = *std::move(holder->item);
  EXPECT_TRUE(normalize(parsed)) << json;
  return parsed;
}

const std::string kItem =
    R"({"s":{"S":"abc"},"n":{"N":"10"},"set":{"SS":["x","y"]},"b":{"BOOL":true},)"
    R"("l":{"L":[{"N":"1"},{"S":"two"}]},"m":{"M":{"in":{"M":{"deep":{"N":"5"}}}}}})";
const std::string kValues =
    R"({":s":{"S":"abc"},":n":{"N":"10.0"},":nine":{"N":"9"},":x":{"S":"x"},":two":{"S":"two"},)"
    R"(":t":{"S":"N"},":more":{"N":"11"},":ab":{"S":"ab"},":l":{"L":[{"N":"3"}]},)"
    R"(":ss":{"SS":["y","z"]}})";

Placeholders placeholders() {
  auto made = Placeholders::create(std::map<std::string, std::string>{{"#s", "s"}, {"#n", "n"}},
                                   item(kValues));
  EXPECT_TRUE(made);
  return *std::move(made);
}

bool test(std::string_view text) {
  Placeholders names = placeholders();
  auto condition = parse_condition("ConditionExpression", text, names);
  EXPECT_TRUE(condition) << text << ": " << (condition ? "" : condition.error().message);
  return condition && holds(*condition, item(kItem));
}

std::string refusal(std::string_view text) {
  Placeholders names = placeholders();
  auto condition = parse_condition("ConditionExpression", text, names);
  return condition ? "accepted" : condition.error().message;
}

TEST(Condition, ComparesByValueAndType) {
  for (const auto* text :
       {"#s = :s", "n = :n", "n <> :nine", "n > :nine", "n BETWEEN :nine AND :more", "s <> :n",
        "s IN (:n, :s)", "begins_with(s, :ab)", "contains(s, :ab)", "contains(set, :x)",
        "contains(l, :two)", "size(s) < :nine", "attribute_type(n, :t)",
        "attribute_exists(m.in.deep)", "attribute_not_exists(m.out)", "l[1] = :two",
        "missing <> :s"}) {
    EXPECT_TRUE(test(text)) << text;
  }
  for (const auto* text :
       {"s = :n", "n < :nine", "missing = :s", "missing < :n", "s > :n", "attribute_exists(l[2])",
        "contains(n, :x)", "size(n) < :nine", "attribute_type(s, :t)"}) {
    EXPECT_FALSE(test(text)) << text;
  }
}

TEST(Condition, BindsNotBeforeAndBeforeOr) {
  EXPECT_TRUE(test("s = :s OR n = :nine AND n = :nine"));
  EXPECT_FALSE(test("(s = :s OR n = :nine) AND n = :nine"));
  EXPECT_TRUE(test("NOT s = :x AND n = :n"));
  EXPECT_TRUE(test("not (s = :x or n = :nine)"));
}

TEST(Condition, RefusesWhatIsNone) {
  EXPECT_EQ(refusal("s = "),
            "Invalid ConditionExpression: Syntax error; token: \"<EOF>\", near: \"=\"");
  EXPECT_THAT(refusal("s = :unknown"), HasSubstr("attribute value: :unknown"));
  EXPECT_THAT(refusal("#unknown = :s"), HasSubstr("attribute name: #unknown"));
  EXPECT_THAT(refusal("frobnicate(s)"), HasSubstr("Invalid function name; function: frobnicate"));
  EXPECT_THAT(refusal("begins_with(s)"), HasSubstr("Incorrect number of operands"));
  EXPECT_THAT(refusal("s = :s s"), HasSubstr("Syntax error"));
  EXPECT_THAT(refusal(std::string(2000, '(')), HasSubstr("too many operators"));
  EXPECT_THAT(refusal(std::string(5000, 's')), HasSubstr("size has exceeded"));
}

TEST(Placeholders, HaveToBeUsed) {
  Placeholders names = placeholders();
  ASSERT_TRUE(parse_condition("ConditionExpression", "s = :s", names));
  const auto unused = names.check_all_used();
  ASSERT_FALSE(unused);
  EXPECT_THAT(unused.error().message,
              HasSubstr("ExpressionAttributeNames unused in expressions: keys: {#n, #s}"));
}

Result<Item> update(std::string_view text) {
  Placeholders names = placeholders();
  TRY_ASSIGN(const Update parsed, parse_update(text, names));
  Item changed = item(kItem);
  TRY(apply(parsed, changed));
  return changed;
}

TEST(UpdateExpression, SetsRemovesAddsAndDeletes) {
  const auto changed = update(
      "SET n = n + :nine, s = if_not_exists(none, :x), l = list_append(l, :l), m.in.more = :s "
      "REMOVE b ADD set :ss, counter :n");
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_EQ(*changed,
            item(R"({"s":{"S":"x"},"n":{"N":"19"},"set":{"SS":["x","y","z"]},"counter":{"N":"10"},)"
                 R"("l":{"L":[{"N":"1"},{"S":"two"},{"N":"3"}]},)"
                 R"("m":{"M":{"in":{"M":{"deep":{"N":"5"},"more":{"S":"abc"}}}}}})"));
  const auto less = update("DELETE set :ss REMOVE l[0], m.in");
  ASSERT_TRUE(less);
  EXPECT_EQ(less->at("set"), item(R"({"v":{"SS":["x"]}})").at("v"));
  EXPECT_EQ(less->at("l"), item(R"({"v":{"L":[{"S":"two"}]}})").at("v"));
}

TEST(UpdateExpression, ReadsTheItemFromBeforeTheUpdate) {
  const auto swapped = update("SET s = n, n = s");
  ASSERT_TRUE(swapped);
  EXPECT_EQ(swapped->at("s").n, "10");
  EXPECT_EQ(swapped->at("n").s, "abc");
}

TEST(UpdateExpression, RefusesWhatCantBe) {
  EXPECT_THAT(update("SET s = :s SET n = :n").error().message, HasSubstr("only be used once"));
  EXPECT_THAT(update("SET m.in = :s, m.in.deep = :s").error().message, HasSubstr("overlap"));
  EXPECT_THAT(update("SET n = s + :n").error().message, HasSubstr("incorrect data type"));
  EXPECT_THAT(update("SET none.deep = :n").error().message, HasSubstr("invalid for update"));
  EXPECT_THAT(update("SET n = none").error().message, HasSubstr("does not exist in the item"));
}

TEST(Projection, KeepsTheWayToEachPart) {
  Placeholders names = placeholders();
  const auto paths = parse_projection("m.in.deep, l[1], none, #s", names);
  ASSERT_TRUE(paths);
  EXPECT_EQ(project(item(kItem), *paths), item(R"({"s":{"S":"abc"},"l":{"L":[{"S":"two"}]},)"
                                               R"("m":{"M":{"in":{"M":{"deep":{"N":"5"}}}}}})"));
}

// As KCL's DynamoDBLeaseSerializer builds them.
TEST(Legacy, ChecksAndRenewsALease) {
  auto in = wire::from_json<wire::dynamodb::UpdateItemInput>(
      R"({"TableName":"t","Key":{},"Expected":{"n":{"Value":{"N":"10"}},"gone":{"Exists":false}},)"
      R"("AttributeUpdates":{"n":{"Value":{"N":"1"},"Action":"ADD"},"s":{"Action":"DELETE"},)"
      R"("owner":{"Value":{"S":"w"},"Action":"PUT"}}})");
  ASSERT_TRUE(in);
  const auto condition = condition_of(*in->expected, in->conditional_operator);
  ASSERT_TRUE(condition);
  Item lease = item(kItem);
  EXPECT_TRUE(holds(*condition, lease));
  ASSERT_TRUE(check(*in->attribute_updates));
  ASSERT_TRUE(leases::apply(*in->attribute_updates, lease));
  EXPECT_EQ(lease.at("n").n, "11");
  EXPECT_EQ(lease.at("owner").s, "w");
  EXPECT_FALSE(lease.contains("s"));
  EXPECT_FALSE(holds(*condition, lease));
}

}  // namespace
}  // namespace millstream::leases
