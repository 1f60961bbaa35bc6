// Random expressions over random rows against an evaluator of one row that is written from the
// rules alone.
#include <array>
#include <optional>
#include <random>

#include "analytics/functions/testing.h"

namespace millstream::analytics {
namespace {

const Schema kSchema = {{"a", make_type(TypeKind::kBigint)},
                        {"b", make_type(TypeKind::kBigint)},
                        {"c", make_type(TypeKind::kBigint)}};
constexpr size_t kColumns = 3;

// What a row's value may be: an error, NULL, or a number (booleans: 0 and 1).
struct Outcome {
  bool error = false;
  bool null = false;
  int64_t value = 0;
  friend bool operator==(const Outcome& a, const Outcome& b) {
    if (a.error || b.error) return a.error == b.error;
    if (a.null || b.null) return a.null == b.null;
    return a.value == b.value;
  }
};
const Outcome kFailed{.error = true};
const Outcome kNullOutcome{.null = true};
using Row = std::array<std::optional<int64_t>, kColumns>;

int64_t wrapping(std::string_view name, int64_t x, int64_t y) {
  const auto a = static_cast<uint64_t>(x);
  const auto b = static_cast<uint64_t>(y);
  return static_cast<int64_t>(name == "+" ? a + b : name == "-" ? a - b : a * b);
}

Outcome computed(std::string_view name, std::span<const Outcome> arguments) {
  for (const Outcome& argument : arguments) {
    if (argument.error) return kFailed;
  }
  if (name == "IS NULL") return {.value = arguments[0].null};
  for (const Outcome& argument : arguments) {
    if (argument.null) return kNullOutcome;
  }
  const int64_t x = arguments[0].value;
  if (name == "NOT") return {.value = x == 0};
  const int64_t y = arguments[1].value;
  if (name == "/") {
    if (y == 0) return kFailed;
    return {.value = y == -1 ? wrapping("-", 0, x) : x / y};
  }
  if (name == "<") return {.value = x < y};
  if (name == "=") return {.value = x == y};
  return {.value = wrapping(name, x, y)};
}

// In order, as Java does: what stands behind a deciding value does not count, what stands before
// it does.
Outcome logic(std::span<const Outcome> arguments, int64_t deciding) {
  bool null = false;
  for (const Outcome& argument : arguments) {
    if (argument.error) return kFailed;
    null |= argument.null;
    if (!argument.null && argument.value == deciding) return argument;
  }
  return null ? kNullOutcome : Outcome{.value = 1 - deciding};
}

Outcome evaluate(const BoundExpression& expression, const Row& row) {  // NOLINT(misc-no-recursion)
  const auto of = [&](size_t i) { return evaluate(*expression.arguments[i], row); };
  const size_t count = expression.arguments.size();
  switch (expression.kind) {
    case BoundKind::kColumn: {
      const auto& value = row[static_cast<size_t>(expression.column)];
      return value ? Outcome{.value = *value} : kNullOutcome;
    }
    case BoundKind::kLiteral:
      return {.value = std::get<int64_t>(expression.literal)};
    case BoundKind::kCase:
      for (size_t i = 0; i + 1 < count; i += 2) {
        const Outcome condition = of(i);
        if (condition.error) return kFailed;
        if (!condition.null && condition.value == 1) return of(i + 1);
      }
      return of(count - 1);
    case BoundKind::kCoalesce:
      for (size_t i = 0; i < count; ++i) {
        const Outcome value = of(i);
        if (value.error || !value.null) return value;
      }
      return kNullOutcome;
    default:
      break;
  }
  std::vector<Outcome> arguments;
  for (size_t i = 0; i < count; ++i) arguments.push_back(of(i));
  if (expression.kind == BoundKind::kAnd) return logic(arguments, 0);
  if (expression.kind == BoundKind::kOr) return logic(arguments, 1);
  return computed(expression.function->name, arguments);
}

class Grower {
 public:
  explicit Grower(uint64_t seed) : random_(seed) {}
  size_t below(size_t bound) { return random_() % bound; }

  BoundPtr number(int depth) {  // NOLINT(misc-no-recursion)
    const size_t kind = depth == 0 ? below(3) : 2 + below(6);
    switch (kind) {
      case 0:
        return big(static_cast<int64_t>(below(4)));
      case 1:
      case 2: {
        const size_t index = below(kColumns);
        return bound_column(static_cast<int>(index), kSchema[index]);
      }
      case 3:
        return kind_of(BoundKind::kCase,
                       {truth_value(depth - 1), number(depth - 1), truth_value(depth - 1),
                        number(depth - 1), number(depth - 1)},
                       make_type(TypeKind::kBigint));
      case 4:
        return kind_of(BoundKind::kCoalesce, {number(depth - 1), number(depth - 1)},
                       make_type(TypeKind::kBigint));
      case 5:
        return call("/", {number(depth - 1), number(depth - 1)});
      default: {
        const char* const names[] = {"+", "-", "*"};
        return call(names[below(3)], {number(depth - 1), number(depth - 1)});
      }
    }
  }

  BoundPtr truth_value(int depth) {  // NOLINT(misc-no-recursion)
    const size_t kind = depth == 0 ? below(2) : below(6);
    const int next = std::max(depth - 1, 0);
    switch (kind) {
      case 0:
        return call("<", {number(next), number(next)});
      case 1:
        return call("=", {number(next), number(next)});
      case 2:
        return call("IS NULL", {number(next)});
      case 3:
        return call("NOT", {truth_value(next)});
      default:
        return kind_of(kind == 4 ? BoundKind::kAnd : BoundKind::kOr,
                       {truth_value(next), truth_value(next)}, make_type(TypeKind::kBoolean));
    }
  }

 private:
  std::mt19937_64 random_;
};

std::vector<Row> random_rows(Grower& random, size_t count) {
  std::vector<Row> rows(count);
  for (Row& row : rows) {
    for (auto& value : row) {
      const size_t kind = random.below(6);
      if (kind > 0) value = kind == 1 ? INT64_MAX : static_cast<int64_t>(random.below(4)) - 1;
    }
  }
  return rows;
}

Batch batch_of(std::span<const Row> rows) {
  BatchBuilder builder(kSchema);
  for (const Row& row : rows) {
    std::vector<Value> values;
    for (const auto& value : row) values.push_back(value ? Value(*value) : kNoValue);
    builder.add_row(values);
  }
  return builder.take();
}

// What the program says about the rows, `size` of them at a time.
std::vector<Outcome> outcomes(const BoundPtr& expression, std::span<const Row> rows, size_t size) {
  auto program = *Program::compile({&expression, 1}, {});
  std::vector<Outcome> result;
  for (size_t at = 0; at < rows.size(); at += size) {
    const Batch batch = batch_of(rows.subspan(at, std::min(size, rows.size() - at)));
    std::vector<std::shared_ptr<Arena>> memory;
    std::vector<RowError> errors;
    const auto columns = program->run(batch, 0, memory, errors);
    for (size_t i = 0; i < batch.rows; ++i) {
      const Value value = columns[0]->value(i);
      Outcome outcome{.null = columns[0]->is_null(i)};
      if (const auto* number = std::get_if<int64_t>(&value)) outcome.value = *number;
      if (const auto* flag = std::get_if<bool>(&value)) outcome.value = *flag ? 1 : 0;
      result.push_back(outcome);
    }
    for (const RowError& error : errors) result[at + error.row] = kFailed;
  }
  return result;
}

TEST(ProgramProperty, AgreesWithTheRulesOfOneRowForBatchesOfAnySize) {
  size_t failed = 0;
  size_t valued = 0;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Grower random(seed);
    const BoundPtr expression = seed % 2 == 0 ? random.number(4) : random.truth_value(4);
    const auto rows = random_rows(random, 500);
    std::vector<Outcome> expected;
    for (const Row& row : rows) expected.push_back(evaluate(*expression, row));
    for (const size_t size : {1U, 7U, 1000U}) {
      const auto seen = outcomes(expression, rows, size);
      for (size_t i = 0; i < rows.size(); ++i) {
        ASSERT_EQ(seen[i], expected[i]) << "seed " << seed << ", batches of " << size << ", row "
                                        << i << ": " << expression_text(*expression, kSchema);
      }
    }
    for (const Outcome& outcome : expected) {
      failed += outcome.error ? 1 : 0;
      valued += !outcome.error && !outcome.null ? 1 : 0;
    }
  }
  // The rows reach all outcomes.
  EXPECT_GT(failed, 1000U);
  EXPECT_GT(valued, 1000U);
}

}  // namespace
}  // namespace millstream::analytics
