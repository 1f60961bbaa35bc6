// Calls, casts and the forms with a grammar of their own.
#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "analytics/functions/aggregate.h"
#include "analytics/functions/function.h"
#include "analytics/functions/time_value.h"
#include "analytics/plan/expression_binder.h"
#include "analytics/plan/type_names.h"

namespace millstream::analytics {
namespace {

using Kind = sql::ExpressionKind;

BoundPtr word(std::string text) {
  Type type = make_type(TypeKind::kChar, false);
  type.precision = static_cast<int32_t>(text.size());
  return bound_literal(std::move(text), std::move(type));
}

BoundPtr unit_word(sql::TimeUnit unit) { return word(std::string(time_unit_name(unit))); }

// Of a window of time: they mean something beside GROUP BY only.
constexpr std::array<std::string_view, 11> kGroupWindows = {
    "TUMBLE",    "HOP",     "SESSION",     "TUMBLE_START",  "TUMBLE_END", "TUMBLE_ROWTIME",
    "HOP_START", "HOP_END", "HOP_ROWTIME", "SESSION_START", "SESSION_END"};
constexpr std::array<std::string_view, 11> kOverOnly = {
    "ROW_NUMBER", "RANK", "DENSE_RANK", "PERCENT_RANK", "CUME_DIST", "NTILE",
    "LAG",        "LEAD", "NTH_VALUE",  "FIRST_VALUE",  "LAST_VALUE"};

bool contains(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

BoundPtr clock_value(BoundKind kind, Type type) {
  auto result = std::make_shared<BoundExpression>();
  result->kind = kind;
  type.nullable = false;
  result->type = std::move(type);
  return result;
}

// The type of CURRENT_TIMESTAMP and kin; nullopt: it is none of them.
std::optional<Type> clock_type(std::string_view name, sql::Dialect dialect) {
  const bool flink = dialect == sql::Dialect::kFlink;
  Type point = timestamp_type(3);
  if (name == "LOCALTIMESTAMP") return point;
  if (name == "CURRENT_TIMESTAMP" || name == "CURRENT_ROW_TIMESTAMP" || (flink && name == "NOW")) {
    if (flink) point.kind = TypeKind::kTimestampLtz;
    return point;
  }
  if (name == "CURRENT_DATE") return make_type(TypeKind::kDate);
  if (name == "CURRENT_TIME" || name == "LOCALTIME") return make_type(TypeKind::kTime);
  return std::nullopt;
}

}  // namespace

std::string function_name(const sql::QualifiedName& name) {
  std::string upper = name.empty() ? std::string() : name.back().text;
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return upper;
}

Result<BoundPtr> ExpressionBinder::bind_call(const sql::Expression& expression) {
  const std::string name = function_name(expression.name);
  const std::string_view place = place_.empty() ? "here" : std::string_view(place_);
  if (expression.over != nullptr) {
    return fail_at(expression, fmt::format("OVER is not allowed {}: it belongs into the select "
                                           "list; filter its result outside, in SELECT … FROM "
                                           "(SELECT … OVER …) WHERE …",
                                           place));
  }
  if (rules_.dialect == sql::Dialect::kFlink && contains(kGroupWindows, name)) {
    return fail_at(expression,
                   fmt::format("{} is not allowed {}: a group window stands in GROUP BY, and its "
                               "start and end beside it in the select list",
                               name, place));
  }
  if (is_aggregate(name, rules_.dialect)) {
    return fail_at(expression, fmt::format("Aggregate expression is illegal {}: {}", place, name));
  }
  if (contains(kOverOnly, name)) {
    return fail_at(expression, fmt::format("{} needs a window: write {}(…) OVER (…)", name, name));
  }
  if (expression.distinct || expression.filter != nullptr || !expression.order_by.empty() ||
      expression.star) {
    return fail_at(expression, fmt::format("{} is not an aggregate function: it takes no {}", name,
                                           expression.distinct            ? "DISTINCT"
                                           : expression.filter != nullptr ? "FILTER"
                                           : expression.star              ? "*"
                                                                          : "ORDER BY"));
  }
  if (name == "JSON_VALUE" || name == "JSON_QUERY" || name == "JSON_EXISTS") {
    return bind_json(expression, name);
  }
  if (!expression.argument_names.empty()) {
    return fail_at(expression, fmt::format("{} takes no arguments by name", name));
  }
  TRY_ASSIGN(const std::optional<BoundPtr> clock, bind_clock(expression, name));
  if (clock) return *clock;
  TRY_ASSIGN(std::vector<BoundPtr> arguments, bind_all(expression.arguments));
  return resolve(expression, name, std::move(arguments));
}

Result<BoundPtr> ExpressionBinder::bind_json(const sql::Expression& expression,
                                             std::string_view name) {
  const bool returns = !expression.type.name.empty();
  const bool is_value = name == "JSON_VALUE";
  if (!is_value && (returns || expression.arguments.size() > 2)) {
    return fail_at(expression, fmt::format("{} with {} is not yet supported", name,
                                           returns ? "RETURNING" : "DEFAULT"));
  }
  TRY_ASSIGN(const std::vector<BoundPtr> bound, bind_all(expression.arguments));
  std::vector<BoundPtr> arguments(bound.begin(), bound.begin() + 2);
  if (bound.size() > 2) {
    // Values for nothing found, and for what is wrong: texts here, RETURNING's type below.
    std::array<BoundPtr, 2> defaults;
    for (BoundPtr& value : defaults) value = bound_literal(std::monostate(), varchar_type());
    for (size_t i = 2; i < bound.size(); ++i) {
      const bool on_error = expression.argument_names[i] == "DEFAULT_ON_ERROR";
      if (on_error && returns) {
        return fail_at(expression,
                       "JSON_VALUE with both RETURNING and DEFAULT … ON ERROR is not yet "
                       "supported: write COALESCE(JSON_VALUE(…), …)");
      }
      if (!can_cast(bound[i]->type, varchar_type(), rules_.dialect)) {
        return fail_at(expression, "DEFAULT takes a value that has a text");
      }
      defaults[on_error ? 1 : 0] = analytics::bound_cast(bound[i], varchar_type());
    }
    std::ranges::copy(defaults, std::back_inserter(arguments));
  }
  TRY_ASSIGN(BoundPtr value, resolve(expression, name, std::move(arguments)));
  if (!returns) return value;
  TRY_ASSIGN(Type type, resolve_type(expression.type, rules_.dialect, rules_.script));
  type.nullable = true;
  if (!can_cast(value->type, type, rules_.dialect)) {
    return fail_at(expression, fmt::format("RETURNING {} is not yet supported", type_text(type)));
  }
  return analytics::bound_cast(std::move(value), std::move(type), /*try_cast=*/true);
}

Result<std::optional<BoundPtr>> ExpressionBinder::bind_clock(const sql::Expression& expression,
                                                             std::string_view name) {
  const bool flink = rules_.dialect == sql::Dialect::kFlink;
  const bool is_proctime = flink && name == "PROCTIME";
  auto type = clock_type(name, rules_.dialect);
  if (!is_proctime && !type) return std::nullopt;
  if (is_proctime && !expression.arguments.empty()) {
    return fail_at(expression, "PROCTIME() takes no arguments");
  }
  if (is_proctime) {
    Type time = timestamp_type(3, TimeAttribute::kProctime);
    time.kind = TypeKind::kTimestampLtz;
    return clock_value(BoundKind::kProctime, std::move(time));
  }
  if (!expression.arguments.empty()) {  // LOCALTIMESTAMP(3)
    TRY_ASSIGN(const int64_t digits, constant_count(rules_, *expression.arguments[0],
                                                    "the number of digits of a second"));
    if (digits > kMaxTimestampPrecision) {
      return fail_at(expression, fmt::format("{} with more than {} digits of a second is not yet "
                                             "supported",
                                             name, kMaxTimestampPrecision));
    }
    if (type->kind != TypeKind::kDate) type->precision = static_cast<int32_t>(digits);
  }
  return clock_value(BoundKind::kCurrentTime, *std::move(type));
}

Result<BoundPtr> ExpressionBinder::bind_cast(const sql::Expression& expression) {
  TRY_ASSIGN(BoundPtr value, bind(*expression.arguments[0]));
  TRY_ASSIGN(Type type, resolve_type(expression.type, rules_.dialect, rules_.script));
  const bool is_try = expression.text == "TRY_CAST";
  if (!can_cast(value->type, type, rules_.dialect)) {
    Type from = value->type;
    from.time = TimeAttribute::kNone;
    from.nullable = type.nullable = true;
    return fail_at(expression, fmt::format("Cast function cannot convert value of type {} to type "
                                           "{}",
                                           type_text(from), type_text(type)));
  }
  type.time = TimeAttribute::kNone;
  if (value->kind == BoundKind::kLiteral && value->type.kind == TypeKind::kNull) {
    type.nullable = true;
    return bound_literal(std::monostate(), std::move(type));
  }
  // A cast takes a time attribute its meaning, also a cast to its own type.
  if (value->kind == BoundKind::kColumn && value->type.time != TimeAttribute::kNone) {
    auto plain = std::make_shared<BoundExpression>();
    plain->kind = BoundKind::kCast;
    type.nullable = value->type.nullable || is_try;
    plain->type = std::move(type);
    plain->arguments.push_back(std::move(value));
    plain->try_cast = is_try;
    return plain;
  }
  return analytics::bound_cast(std::move(value), std::move(type), is_try);
}

Result<BoundPtr> ExpressionBinder::bind_special(const sql::Expression& expression) {
  const auto bind_to = [&](std::string_view function,
                           std::vector<BoundPtr> first = {}) -> Result<BoundPtr> {
    TRY_ASSIGN(std::vector<BoundPtr> rest, bind_all(expression.arguments));
    std::ranges::move(rest, std::back_inserter(first));
    return resolve(expression, function, std::move(first));
  };
  switch (expression.kind) {
    case Kind::kUnary: {
      if (expression.text == "NOT") return bind_to("NOT");
      TRY_ASSIGN(BoundPtr value, bind(*expression.arguments[0]));
      if (expression.text == "+") {
        if (value->type.is_numeric() || value->type.is_interval()) return value;
        return fail_at(expression, "+ takes a number");
      }
      // -1 is a number, not a computation.
      const auto* number = std::get_if<int64_t>(&value->literal);
      if (value->kind == BoundKind::kLiteral && number != nullptr &&
          (value->type.is_integer() || value->type.is_interval())) {
        return bound_literal(-*number, value->type);
      }
      return resolve(expression, "NEGATE", {std::move(value)});
    }
    case Kind::kIs:
      return bind_to(fmt::format("IS {}{}", expression.negated ? "NOT " : "", expression.text));
    case Kind::kLike: {
      TRY_ASSIGN(BoundPtr like, bind_to(expression.text));
      return negated_if(expression, expression.negated, std::move(like));
    }
    case Kind::kExtract:
      return bind_to("EXTRACT", {unit_word(expression.unit)});
    case Kind::kFloor: {
      TRY_ASSIGN(BoundPtr value, bind(*expression.arguments[0]));
      return resolve(expression, expression.text, {std::move(value), unit_word(expression.unit)});
    }
    case Kind::kStep:
      return bind_to("STEP");
    case Kind::kTrim: {
      TRY_ASSIGN(std::vector<BoundPtr> values, bind_all(expression.arguments));
      BoundPtr characters = values.size() > 1 ? values[1] : word(" ");
      return resolve(expression, "TRIM",
                     {word(expression.text), std::move(characters), std::move(values[0])});
    }
    case Kind::kSubstring:
      return bind_to("SUBSTRING");
    case Kind::kPosition:
      return bind_to("POSITION");
    case Kind::kOverlay:
      return bind_to("OVERLAY");
    case Kind::kTimestampAdd:
      return bind_to("TIMESTAMPADD", {unit_word(expression.unit)});
    case Kind::kTimestampDiff:
      return bind_to("TIMESTAMPDIFF", {unit_word(expression.unit)});
    case Kind::kExists:
      return fail_at(expression, fmt::format("EXISTS {} is not yet supported: in WHERE it may "
                                             "stand by itself or between ANDs",
                                             place_.empty() ? "here" : place_));
    case Kind::kSubquery:
      return fail_at(expression,
                     "a query as a value (scalar sub-query) is not yet supported: "
                     "write a join");
    case Kind::kRow:
      return fail_at(expression, "a ROW as a value is not yet supported");
    case Kind::kArray:
      return fail_at(expression, "ARRAY is not yet supported");
    case Kind::kElement:
      return fail_at(expression, "elements of an ARRAY or MAP are not yet supported");
    case Kind::kStar:
      return fail_at(expression, "* stands in the select list or in COUNT(*)");
    case Kind::kDescriptor:
    case Kind::kTable:
    case Kind::kCursor:
      return fail_at(expression,
                     "DESCRIPTOR, TABLE and CURSOR are arguments of functions over "
                     "tables only: FROM TABLE(…)");
    default:
      return fail_at(expression, "this expression is not yet supported");
  }
}

}  // namespace millstream::analytics
