#include "leases/attribute_value.h"

#include <algorithm>

namespace millstream::leases {
namespace {

// Numbers of stored values have been parsed once.
Number stored_number(const std::string& text) {
  auto number = Number::parse(text);
  MS_ASSERT(number);
  return *std::move(number);
}

Result<> normalize_number(std::string& text) {
  TRY_ASSIGN(const Number number, Number::parse(text));
  text = number.text();
  return {};
}

Result<> normalize_set(std::vector<std::string>& set, std::string_view kind) {
  if (set.empty()) {
    return fail(ErrorCode::kValidation,
                "One or more parameter values were invalid: An {} set  may not be empty", kind);
  }
  std::ranges::sort(set);
  if (std::ranges::adjacent_find(set) != set.end()) {
    return fail(ErrorCode::kValidation,
                "One or more parameter values were invalid: Input collection [{}] contains "
                "duplicates.",
                kind == "binary" ? "…" : fmt::format("{}", fmt::join(set, ", ")));
  }
  return {};
}

Result<> normalize(AttributeValue& value, int depth);

Result<> normalize_children(AttributeValue& value, int depth) {
  if (value.m) {
    for (auto& [name, child] : *value.m) TRY(normalize(child, depth + 1));
  }
  if (value.l) {
    for (AttributeValue& child : *value.l) TRY(normalize(child, depth + 1));
  }
  return {};
}

int members_of(const AttributeValue& value) {
  return value.s.has_value() + value.n.has_value() + value.b.has_value() + value.ss.has_value() +
         value.ns.has_value() + value.bs.has_value() + value.m.has_value() + value.l.has_value() +
         value.null.has_value() + value.bool_.has_value();
}

Result<> normalize(AttributeValue& value, int depth) {
  if (depth > kMaxDepth) {
    return fail(ErrorCode::kValidation,
                "Nesting Levels have exceeded supported limits: Attributes can be nested {} deep",
                kMaxDepth);
  }
  const int members = members_of(value);
  if (members != 1) {
    return fail(ErrorCode::kValidation, "{}",
                members == 0 ? "Supplied AttributeValue is empty, must contain exactly one of the "
                               "supported datatypes"
                             : "Supplied AttributeValue has more than one datatypes set, must "
                               "contain exactly one of the supported datatypes");
  }
  if (value.null && !*value.null) {
    return fail(ErrorCode::kValidation,
                "One or more parameter values were invalid: Null attribute value types must have "
                "the value of true");
  }
  if (value.n) return normalize_number(*value.n);
  if (value.ss) return normalize_set(*value.ss, "string");
  if (value.bs) return normalize_set(*value.bs, "binary");
  if (value.ns) {
    for (std::string& number : *value.ns) TRY(normalize_number(number));
    return normalize_set(*value.ns, "number");
  }
  return normalize_children(value, depth);
}

// AWS: a byte for each two digits, one for the exponent, one for the sign.
size_t number_size(std::string_view text) {
  const auto digits = std::ranges::count_if(text, [](char c) { return c >= '1' && c <= '9'; });
  return static_cast<size_t>(digits + 1) / 2 + 1 + (text.starts_with('-') ? 1 : 0);
}

}  // namespace

ValueType type_of(const AttributeValue& value) {
  if (members_of(value) != 1) return ValueType::kNone;
  if (value.s) return ValueType::kS;
  if (value.n) return ValueType::kN;
  if (value.b) return ValueType::kB;
  if (value.ss) return ValueType::kSs;
  if (value.ns) return ValueType::kNs;
  if (value.bs) return ValueType::kBs;
  if (value.m) return ValueType::kM;
  if (value.l) return ValueType::kL;
  return value.null ? ValueType::kNull : ValueType::kBool;
}

std::string_view type_name(ValueType type) {
  constexpr std::string_view kNames[] = {"none", "S", "N", "B",    "SS",  "NS",
                                         "BS",   "M", "L", "NULL", "BOOL"};
  return kNames[static_cast<size_t>(type)];
}

Result<> normalize(AttributeValue& value) { return normalize(value, 1); }

Result<> normalize(Item& item) {
  for (auto& [name, value] : item) TRY(normalize(value, 1));
  return {};
}

size_t size_of(const AttributeValue& value) {
  if (value.s) return value.s->size();
  if (value.n) return number_size(*value.n);
  if (value.b) return value.b->size();
  size_t bytes = 0;
  if (value.ss || value.bs) {
    for (const std::string& element : value.ss ? *value.ss : *value.bs) bytes += element.size();
  } else if (value.ns) {
    for (const std::string& element : *value.ns) bytes += number_size(element);
  } else if (value.m) {
    bytes = 3 + value.m->size();
    for (const auto& [name, child] : *value.m) bytes += name.size() + size_of(child);
  } else if (value.l) {
    bytes = 3 + value.l->size();
    for (const AttributeValue& child : *value.l) bytes += size_of(child);
  } else {
    bytes = 1;
  }
  return bytes;
}

size_t size_of(const Item& item) {
  size_t bytes = 0;
  for (const auto& [name, value] : item) bytes += name.size() + size_of(value);
  return bytes;
}

bool equal(const AttributeValue& a, const AttributeValue& b) { return a == b; }

std::optional<int> order(const AttributeValue& a, const AttributeValue& b) {
  if (a.s && b.s) return a.s->compare(*b.s);
  if (a.b && b.b) return a.b->compare(*b.b);
  if (a.n && b.n) return compare(stored_number(*a.n), stored_number(*b.n));
  return std::nullopt;
}

std::string key_bytes(const AttributeValue& value) {
  if (value.s) return *value.s;
  if (value.b) return *value.b;
  MS_ASSERT(value.n);
  return stored_number(*value.n).order_key();
}

AttributeValue number_value(const Number& number) {
  AttributeValue value;
  value.n = number.text();
  return value;
}

}  // namespace millstream::leases
