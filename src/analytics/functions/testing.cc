#include "analytics/functions/testing.h"

#include "analytics/functions/decimal.h"

namespace millstream::analytics {

BoundPtr number(std::string_view digits) {
  const size_t point = digits.find('.');
  const int scale =
      point == std::string_view::npos ? 0 : static_cast<int>(digits.size() - point - 1);
  bool overflow = false;
  const auto value = parse_decimal(digits, 38, scale, overflow);
  EXPECT_TRUE(value.has_value()) << digits;
  int precision = 1;
  while (!fits_digits(*value, precision)) ++precision;
  return bound_literal(*value, decimal_type(std::max(precision, scale), scale));
}

BoundPtr value_of_type(std::string_view written, const Type& type) {
  auto expression = bound_cast(text(std::string(written)), type);
  const auto value = evaluate_constant(*expression, sql::Dialect::kFlink);
  EXPECT_TRUE(value.has_value()) << written;
  return bound_literal(value.value_or(kNoValue), type);
}

BoundPtr timestamp(std::string_view written, int32_t precision) {
  return value_of_type(written, timestamp_type(precision));
}

namespace {
Result<BoundPtr> bind(std::string_view name, std::vector<BoundPtr> arguments,
                      sql::Dialect dialect) {
  TRY_ASSIGN(ResolvedCall resolved, resolve_function(name, dialect, arguments));
  EXPECT_EQ(resolved.argument_types.size(), arguments.size()) << name;
  for (size_t i = 0; i < arguments.size(); ++i) {
    arguments[i] = bound_cast(arguments[i], resolved.argument_types[i]);
  }
  return bound_call(*resolved.function, std::move(arguments), resolved.type);
}
}  // namespace

BoundPtr call(std::string_view name, std::vector<BoundPtr> arguments, sql::Dialect dialect) {
  auto bound = bind(name, std::move(arguments), dialect);
  EXPECT_TRUE(bound.has_value()) << name << ": " << (bound ? "" : bound.error().message);
  return bound ? *bound : bound_literal(std::monostate(), make_type(TypeKind::kNull));
}

std::string call_error(std::string_view name, std::vector<BoundPtr> arguments,
                       sql::Dialect dialect) {
  auto bound = bind(name, std::move(arguments), dialect);
  if (!bound) return bound.error().message;
  auto program = Program::compile({&*bound, 1}, {.dialect = dialect});
  return program ? "" : program.error().message;
}

BoundPtr kind_of(BoundKind kind, std::vector<BoundPtr> arguments, Type type) {
  auto expression = std::make_shared<BoundExpression>();
  expression->kind = kind;
  expression->type = std::move(type);
  expression->arguments = std::move(arguments);
  return expression;
}

std::string shown(const BoundPtr& expression, ProgramSettings settings) {
  const BoundPtr as_text =
      expression->type.is_string() ? expression : bound_cast(expression, varchar_type());
  auto program = Program::compile({&as_text, 1}, std::move(settings));
  if (!program) return "error: " + program.error().message;
  Batch batch;
  batch.rows = 1;
  std::vector<std::shared_ptr<Arena>> memory;
  std::vector<RowError> errors;
  const auto columns = (*program)->run(batch, 1'577'934'245'678'901, memory, errors);
  if (!errors.empty()) return "error: " + std::string(errors[0].message);
  const Value value = columns[0]->value(0);
  return std::holds_alternative<std::string>(value) ? std::get<std::string>(value) : "NULL";
}

std::string kinesis(std::string_view name, std::vector<BoundPtr> arguments) {
  return shown(name, std::move(arguments), sql::Dialect::kKinesis);
}

std::string cast_text(const BoundPtr& value, const Type& type, sql::Dialect dialect,
                      bool try_cast) {
  if (!can_cast(value->type, type, dialect)) return "no such cast";
  return shown(bound_cast(value, type, try_cast), {.dialect = dialect});
}

std::string type_of(const BoundPtr& expression) { return type_text(expression->type); }

}  // namespace millstream::analytics
