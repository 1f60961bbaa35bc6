// Expressions of the lease tables: whatever the text, parsing ends, within bounds, and what it
// accepts can be applied.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "leases/condition.h"
#include "leases/projection.h"
#include "leases/update_expression.h"

using namespace millstream::leases;

namespace {

AttributeValue text(std::string value) {
  AttributeValue made;
  made.s = std::move(value);
  return made;
}

AttributeValue number(std::string value) {
  AttributeValue made;
  made.n = std::move(value);
  return made;
}

Item sample() {
  Item item{{"a", text("abc")}, {"b", number("12.5")}};
  item["l"].l.emplace({number("1"), text("two")});
  item["m"].m.emplace(Item{{"a", number("3")}});
  item["s"].ss = {"x", "y"};
  return item;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view expression(reinterpret_cast<const char*>(data), size);
  Item values{{":a", text("abc")}, {":b", number("7")}};
  values[":s"].ss = {"y", "z"};
  auto placeholders =
      Placeholders::create(std::map<std::string, std::string>{{"#a", "a"}}, std::move(values));
  if (!placeholders) __builtin_trap();
  Item item = sample();
  if (const auto condition = parse_condition("ConditionExpression", expression, *placeholders)) {
    (void)holds(*condition, item);
  }
  if (const auto paths = parse_projection(expression, *placeholders)) (void)project(item, *paths);
  if (const auto update = parse_update(expression, *placeholders)) {
    if (apply(*update, item) && !normalize(item)) __builtin_trap();
  }
  if (const auto parsed = Number::parse(expression)) {
    const auto again = Number::parse(parsed->text());
    if (!again || *again != *parsed) __builtin_trap();
  }
  return 0;
}
