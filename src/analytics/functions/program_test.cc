#include "analytics/functions/program.h"

#include <gmock/gmock.h>

#include "analytics/functions/testing.h"

namespace millstream::analytics {
namespace {

using testing::ElementsAre;

const Schema kSchema = {{"a", make_type(TypeKind::kBigint)},
                        {"b", make_type(TypeKind::kBigint)},
                        {"s", varchar_type()}};
BoundPtr a() { return bound_column(0, kSchema[0]); }
BoundPtr b() { return bound_column(1, kSchema[1]); }
BoundPtr s() { return bound_column(2, kSchema[2]); }

Batch rows(const std::vector<std::vector<Value>>& values) {
  BatchBuilder builder(kSchema);
  for (const auto& row : values) builder.add_row(row);
  return builder.take();
}
Value n(int64_t value) { return value; }
Value t(std::string value) { return value; }

struct Runner {
  explicit Runner(std::vector<BoundPtr> expressions) {
    auto compiled = Program::compile(expressions, {});
    EXPECT_TRUE(compiled.has_value());
    program = std::move(*compiled);
  }
  std::vector<ColumnPtr> operator()(const Batch& input) {
    memory.clear();
    errors.clear();
    return program->run(input, 0, memory, errors);
  }
  std::unique_ptr<Program> program;
  std::vector<std::shared_ptr<Arena>> memory;
  std::vector<RowError> errors;
};

TEST(Program, PassesColumnsThroughWithoutCopying) {
  Runner run({a(), s()});
  const Batch batch = rows({{n(1), n(2), t("x")}});
  const auto columns = run(batch);
  EXPECT_EQ(columns[0], batch.columns[0]);
  EXPECT_EQ(columns[1], batch.columns[2]);
}

TEST(Program, ComputesEqualExpressionsOnce) {
  Runner run({call("+", {a(), b()}), call("+", {a(), b()})});
  const auto columns = run(rows({{n(1), n(2), t("")}, {n(3), kNoValue, t("")}}));
  EXPECT_EQ(columns[0], columns[1]);
  EXPECT_EQ(columns[0]->value(0), n(3));
  EXPECT_TRUE(columns[0]->is_null(1));
}

TEST(Program, ReportsTheFirstErrorOfEachRowInOrder) {
  Runner run({call("/", {a(), b()}), call("%", {b(), a()})});
  run(rows({{n(1), n(0), t("")}, {n(0), n(1), t("")}, {n(2), n(1), t("")}, {n(0), n(0), t("")}}));
  ASSERT_EQ(run.errors.size(), 3U);
  EXPECT_EQ(run.errors[0].row, 0U);
  EXPECT_EQ(run.errors[0].expression, 0U);
  EXPECT_EQ(run.errors[1].row, 1U);
  EXPECT_EQ(run.errors[1].expression, 1U);
  EXPECT_EQ(run.errors[2].row, 3U);
  EXPECT_EQ(run.errors[2].expression, 0U);
  EXPECT_EQ(run.errors[0].message, "division by zero");
}

TEST(Program, AnErrorBesideANullCountsButItsOwnOnNullDoesNot) {
  // NULL / 0 is NULL; NULL + 1 / 0 has failed before it is added.
  Runner run({call("/", {a(), b()}), call("+", {a(), call("/", {b(), b()})})});
  const auto columns = run(rows({{kNoValue, n(0), t("")}}));
  EXPECT_TRUE(columns[0]->is_null(0));
  ASSERT_EQ(run.errors.size(), 1U);
  EXPECT_EQ(run.errors[0].expression, 1U);
}

TEST(Program, BranchesThatAreNotTakenCannotFail) {
  const Type big_type = make_type(TypeKind::kBigint);
  const Type boolean = make_type(TypeKind::kBoolean);
  const auto ratio = call("/", {a(), b()});
  const auto is_zero = call("=", {b(), big(0)});
  const auto positive = call(">", {ratio, big(0)});
  Runner run({kind_of(BoundKind::kCase, {is_zero, big(-1), ratio}, big_type),
              call("IF", {is_zero, big(-1), ratio}),
              kind_of(BoundKind::kOr, {is_zero, positive}, boolean),
              kind_of(BoundKind::kAnd, {call("<>", {b(), big(0)}), positive}, boolean),
              kind_of(BoundKind::kCoalesce, {a(), ratio}, big_type)});
  const auto columns =
      run(rows({{n(6), n(0), t("")}, {n(6), n(3), t("")}, {kNoValue, n(5), t("")}}));
  EXPECT_TRUE(run.errors.empty());
  EXPECT_EQ(columns[0]->value(0), n(-1));
  EXPECT_EQ(columns[0]->value(1), n(2));
  EXPECT_EQ(columns[1]->value(0), n(-1));
  EXPECT_EQ(columns[2]->value(0), Value(true));
  EXPECT_EQ(columns[3]->value(0), Value(false));
  EXPECT_EQ(columns[3]->value(1), Value(true));
  EXPECT_TRUE(columns[3]->is_null(2));
  EXPECT_EQ(columns[4]->value(0), n(6));
  EXPECT_TRUE(columns[4]->is_null(2));
}

TEST(Program, BranchesThatAreTakenFail) {
  const auto ratio = call("/", {a(), b()});
  Runner run({call("IF", {call("=", {b(), big(0)}), ratio, big(0)}),
              kind_of(BoundKind::kOr, {call(">", {ratio, big(0)}), truth(true)},
                      make_type(TypeKind::kBoolean))});
  run(rows({{n(1), n(0), t("")}}));
  ASSERT_EQ(run.errors.size(), 1U);
  EXPECT_EQ(run.errors[0].expression, 0U);
}

TEST(Program, SelectsTheRowsThatAreTrue) {
  auto condition = call(">", {call("/", {a(), b()}), big(1)});
  auto program = *Program::compile({&condition, 1}, {});
  std::vector<RowError> errors;
  const Batch batch = rows({{n(4), n(2), t("")},
                            {n(1), n(2), t("")},
                            {kNoValue, n(1), t("")},
                            {n(5), n(0), t("")},
                            {n(9), n(3), t("")}});
  EXPECT_THAT(program->select(batch, 0, errors), ElementsAre(0, 4));
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].row, 3U);
}

TEST(Program, BatchesOfAllSizesFollowEachOther) {
  Runner run({call("+", {a(), big(1)}), integer(7), text("seven")});
  for (const size_t size : {5U, 0U, 1U, 100U, 3U}) {
    const auto columns = run(rows(std::vector<std::vector<Value>>(size, {n(1), n(2), t("x")})));
    for (const auto& column : columns) EXPECT_EQ(column->size(), size);
    if (size > 0) {
      EXPECT_EQ(columns[0]->value(size - 1), n(2));
      EXPECT_EQ(columns[2]->value(size - 1), t("seven"));
    }
  }
}

TEST(Program, ResultsOutliveTheProgramAndItsNextRun) {
  auto memory = std::vector<std::shared_ptr<Arena>>();
  ColumnPtr first;
  {
    Runner run({bound_cast(a(), varchar_type())});
    first = run(rows({{n(12), n(0), t("")}}))[0];
    memory = run.memory;
    run(rows({{n(99), n(0), t("")}}));
  }
  EXPECT_EQ(first->value(0), t("12"));
}

TEST(Program, ExpressionsThatAreGraphsStaySmall) {
  // 60 doublings: a tree of 2^60 nodes, a graph of 60.
  BoundPtr sum = a();
  for (int i = 0; i < 60; ++i) sum = call("+", {sum, sum});
  Runner run({sum});
  EXPECT_EQ(run(rows({{n(3), n(0), t("")}}))[0]->value(0), n(static_cast<int64_t>(3ULL << 60U)));
  EXPECT_THAT(columns_of(*sum), ElementsAre(0));
  const std::vector<BoundPtr> replacements = {b()};
  EXPECT_THAT(columns_of(*substitute(sum, replacements)), ElementsAre(1));
  EXPECT_LT(expression_text(*sum).size(), size_t{1} << 20U);
}

TEST(Program, ListsOfConstantsAreNotColumns) {
  std::vector<BoundPtr> list = {s()};
  for (int i = 0; i < 20'000; ++i) {
    list.push_back(bound_literal(t(fmt::format("key-{}", i)), varchar_type()));
  }
  std::vector<BoundPtr> other = {s(), bound_literal(t("key-20000"), varchar_type())};
  Runner run({call("IN", list), call("IN", other)});
  // As columns the list would take 20,000 x 100,000 x 16 bytes: more than any machine has.
  std::vector<std::vector<Value>> input;
  for (int i = 0; i < 100'000; ++i) input.push_back({n(1), n(2), t(fmt::format("key-{}", i))});
  const auto columns = run(rows(input));
  EXPECT_EQ(std::ranges::count(columns[0]->bools, 1), 20'000);
  EXPECT_EQ(std::ranges::count(columns[1]->bools, 1), 1);
}

TEST(Program, RefusesBottomlessNesting) {
  BoundPtr sum = a();
  for (int i = 0; i < 3000; ++i) sum = call("+", {sum, b()});
  EXPECT_FALSE(Program::compile({&sum, 1}, {}).has_value());
}

TEST(Program, RefusesUnknownTimeZones) {
  const auto one = integer(1);
  const auto program = Program::compile({&one, 1}, {.time_zone = "Mars/Olympus"});
  ASSERT_FALSE(program.has_value());
  EXPECT_THAT(program.error().message, testing::HasSubstr("Mars/Olympus"));
}

}  // namespace
}  // namespace millstream::analytics
