#include "analytics/functions/function.h"

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "analytics/functions/kernel.h"

namespace millstream::analytics {
namespace {

Dialects dialect_bit(sql::Dialect dialect) {
  return dialect == sql::Dialect::kKinesis ? Dialects::kKinesis : Dialects::kFlink;
}

bool speaks(const Function& function, sql::Dialect dialect) {
  return (static_cast<unsigned>(function.dialects) & static_cast<unsigned>(dialect_bit(dialect))) !=
         0;
}

const std::vector<Function>& table() {
  static const std::vector<Function> functions = [] {
    FunctionList list;
    add_arithmetic(list);
    add_comparison(list);
    add_logic(list);
    add_conditional(list);
    add_math(list);
    add_string(list);
    add_string_search(list);
    add_regex(list);
    add_datetime(list);
    add_datetime_text(list);
    add_json(list);
    add_conversion(list);
    return list;
  }();
  return functions;
}

// The overloads of each name, in the order of the table.
const std::map<std::string_view, std::vector<const Function*>>& by_name() {
  static const auto index = [] {
    std::map<std::string_view, std::vector<const Function*>> names;
    for (const Function& function : table()) names[function.name].push_back(&function);
    return names;
  }();
  return index;
}

// What the dialects document and Millstream has not: refused by name.
constexpr auto kMissingInFlink = std::to_array<std::string_view>({
    "ARRAY",
    "ARRAY_APPEND",
    "ARRAY_CONCAT",
    "ARRAY_CONTAINS",
    "ARRAY_DISTINCT",
    "ARRAY_EXCEPT",
    "ARRAY_INTERSECT",
    "ARRAY_JOIN",
    "ARRAY_MAX",
    "ARRAY_MIN",
    "ARRAY_POSITION",
    "ARRAY_PREPEND",
    "ARRAY_REMOVE",
    "ARRAY_REVERSE",
    "ARRAY_SLICE",
    "ARRAY_SORT",
    "ARRAY_UNION",
    "CARDINALITY",
    "CURRENT_WATERMARK",
    "DECODE",
    "ELEMENT",
    "ELT",
    "ENCODE",
    "GROUPING",
    "GROUPING_ID",
    "GROUP_ID",
    "JSON",
    "JSON_ARRAY",
    "JSON_ARRAYAGG",
    "JSON_LENGTH",
    "JSON_OBJECT",
    "JSON_OBJECTAGG",
    "JSON_QUOTE",
    "JSON_STRING",
    "JSON_UNQUOTE",
    "MAP",
    "MAP_ENTRIES",
    "MAP_FROM_ARRAYS",
    "MAP_FROM_ENTRIES",
    "MAP_KEYS",
    "MAP_UNION",
    "MAP_VALUES",
    "OBJECT_OF",
    "OBJECT_UPDATE",
    "PARSE_JSON",
    "PARSE_URL",
    "PRINTF",
    "REGEXP_COUNT",
    "REGEXP_EXTRACT_ALL",
    "REGEXP_INSTR",
    "REGEXP_SUBSTR",
    "ROW",
    "SPLIT",
    "STR_TO_MAP",
    "TRANSLATE",
    "TRY_PARSE_JSON",
    "TYPEOF",
    "UNHEX",
});
constexpr auto kMissingInKinesis = std::to_array<std::string_view>({
    "ANOMALY_DETECTION",
    "APPROXIMATE_COUNT_DISTINCT",
    "COLUMN_LOG_PARSE",
    "EXP_AVG",
    "FAST_REGEX_LOG_PARSER",
    "FAST_REGEX_LOG_PARSE",
    "FIXED_COLUMN_LOG_PARSE",
    "GROUP_RANK",
    "HOTSPOTS",
    "LINEAR_INTERPOLATION",
    "RANDOM_CUT_FOREST",
    "RANDOM_CUT_FOREST_WITH_EXPLANATION",
    "REGEX_LOG_PARSE",
    "SYS_LOG_PARSE",
    "TOP_K_ITEMS_TUMBLING",
    "VARIABLE_COLUMN_LOG_PARSE",
    "W3C_LOG_PARSE",
    "XML_PARSE",
});

bool is_missing(std::string_view name, sql::Dialect dialect) {
  if (dialect == sql::Dialect::kFlink) return std::ranges::count(kMissingInFlink, name) > 0;
  return std::ranges::count(kMissingInKinesis, name) > 0;
}

// Levenshtein's distance, at most `limit` + 1.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

std::string nearest_names(std::string_view name, sql::Dialect dialect) {
  std::vector<std::pair<size_t, std::string_view>> near;
  if (name.size() > 40) return "";
  for (const auto& [other, overloads] : by_name()) {
    if (!std::ranges::any_of(overloads,
                             [dialect](const Function* f) { return speaks(*f, dialect); })) {
      continue;
    }
    const size_t steps = distance(name, other);
    if (steps <= 2 || (other.size() > 3 && (name.starts_with(other) || other.starts_with(name)))) {
      near.emplace_back(steps, other);
    }
  }
  std::ranges::sort(near);
  if (near.size() > 3) near.resize(3);
  std::string text;
  for (const auto& [steps, other] : near)
    text += fmt::format("{}{}", text.empty() ? "" : ", ", other);
  return text;
}

std::string types_text(std::span<const BoundPtr> arguments) {
  std::string text;
  for (const BoundPtr& argument : arguments) {
    Type type = argument->type;
    type.nullable = true;
    type.time = TimeAttribute::kNone;
    text += fmt::format("{}{}", text.empty() ? "" : ", ", type_text(type));
  }
  return text;
}

std::string dialects_text(Dialects dialects) {
  switch (dialects) {
    case Dialects::kKinesis:
      return "Kinesis";
    case Dialects::kFlink:
      return "Flink";
    case Dialects::kBoth:
      break;
  }
  return "both";
}

}  // namespace

Result<ResolvedCall> resolve_function(std::string_view name, sql::Dialect dialect,
                                      std::span<const BoundPtr> arguments) {
  std::vector<const Function*> overloads;
  if (const auto found = by_name().find(name); found != by_name().end()) {
    std::ranges::copy_if(found->second, std::back_inserter(overloads),
                         [dialect](const Function* f) { return speaks(*f, dialect); });
  }
  if (overloads.empty()) {
    if (is_missing(name, dialect)) {
      return fail(ErrorCode::kInvalidArgument, "function {} is not yet supported", name);
    }
    const std::string near = nearest_names(name, dialect);
    return fail(ErrorCode::kInvalidArgument, "there is no function {}{}{}", name.substr(0, 80),
                near.empty() ? "" : "; the nearest names are ", near);
  }
  Result<ResolvedCall> first = std::unexpected(Error{});
  for (size_t i = 0; i < overloads.size(); ++i) {
    auto call = overloads[i]->resolve(*overloads[i], arguments, dialect);
    if (call) return call;
    if (i == 0) first = std::move(call);
  }
  if (overloads.size() == 1) return first;
  std::string signatures;
  for (const Function* overload : overloads) {
    if (signatures.find(overload->signature) != std::string::npos) continue;
    signatures += fmt::format("{}{}", signatures.empty() ? "" : ", ", overload->signature);
  }
  return fail(ErrorCode::kInvalidArgument, "{} does not take ({}); it is {}", name,
              types_text(arguments), signatures);
}

std::vector<const Function*> functions_of(sql::Dialect dialect) {
  std::vector<const Function*> functions;
  for (const auto& [name, overloads] : by_name()) {
    for (const Function* function : overloads) {
      if (speaks(*function, dialect)) functions.push_back(function);
    }
  }
  return functions;
}

std::string functions_markdown(sql::Dialect dialect) {
  std::string page = "| function | signature | dialects |\n| --- | --- | --- |\n";
  std::string_view last;
  for (const Function* function : functions_of(dialect)) {
    if (function->signature.empty() || function->signature == last) continue;
    last = function->signature;
    std::string signature(function->signature);
    for (size_t at = 0; (at = signature.find('|', at)) != std::string::npos; at += 2) {
      signature.insert(at, 1, '\\');
    }
    std::string name(function->name);
    for (size_t at = 0; (at = name.find('|', at)) != std::string::npos; at += 2) {
      name.insert(at, 1, '\\');
    }
    page += fmt::format("| {} | `{}` | {} |\n", name, signature, dialects_text(function->dialects));
  }
  return page;
}

const Value* literal_of(const BoundExpression& argument) {
  if (argument.kind == BoundKind::kLiteral) return &argument.literal;
  if (argument.kind != BoundKind::kCast) return nullptr;
  const BoundExpression& inner = *argument.arguments[0];
  const bool keeps = (inner.type.is_string() && argument.type.kind == TypeKind::kVarchar &&
                      inner.type.precision <= argument.type.precision) ||
                     (inner.type.is_integer() && argument.type.is_integer() &&
                      inner.type.kind <= argument.type.kind);
  return keeps ? literal_of(inner) : nullptr;
}

std::optional<std::string> literal_text(const BoundExpression& argument) {
  const Value* value = literal_of(argument);
  if (value == nullptr) return std::nullopt;
  const auto* text = std::get_if<std::string>(value);
  if (text == nullptr) return std::nullopt;
  return *text;
}

std::optional<int64_t> literal_integer(const BoundExpression& argument) {
  const Value* value = literal_of(argument);
  if (value == nullptr) return std::nullopt;
  const auto* number = std::get_if<int64_t>(value);
  if (number == nullptr) return std::nullopt;
  return *number;
}

std::unexpected<Error> no_overload(const Function& self, std::span<const BoundPtr> arguments) {
  return fail(ErrorCode::kInvalidArgument, "{} does not take ({}); it is {}", self.name,
              types_text(arguments), self.signature);
}

ResolvedCall resolved(const Function& self, Type type, std::vector<Type> argument_types,
                      std::span<const BoundPtr> arguments) {
  type.nullable |= std::ranges::any_of(
      arguments, [](const BoundPtr& argument) { return argument->type.nullable; });
  type.time = TimeAttribute::kNone;
  return {&self, std::move(type), std::move(argument_types)};
}

bool takes_string(const Type& type, sql::Dialect dialect) {
  return type.is_string() || type.kind == TypeKind::kNull ||
         (dialect == sql::Dialect::kKinesis && !type.is_binary() && type.kind != TypeKind::kRow);
}

bool takes_number(const Type& type) { return type.is_numeric() || type.kind == TypeKind::kNull; }

Type string_argument(const Type& type) {
  Type result = type.is_string() ? type : varchar_type();
  result.time = TimeAttribute::kNone;
  result.nullable = true;
  return result;
}

}  // namespace millstream::analytics
