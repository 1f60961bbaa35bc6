#include "analytics/engine/reference_join.h"

#include <gmock/gmock.h>

#include "analytics/engine/join_test_support.h"

namespace millstream::analytics {
namespace {

using sql::JoinKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::shared_ptr<const ReferenceTable> table_of(const std::vector<JoinEvent>& rows) {
  // In two pieces, as files come.
  BatchBuilder builder(join_input());
  std::vector<Batch> pieces;
  for (size_t i = 0; i < rows.size(); ++i) {
    builder.add_row(rows[i].values());
    if (i == rows.size() / 2) pieces.push_back(builder.take());
  }
  pieces.push_back(builder.take());
  return std::make_shared<ReferenceTable>(join_input(), pieces);
}

PlanNode plan_of(JoinKind kind, bool with_keys, BoundPtr condition) {
  auto table = std::make_shared<Table>();
  table->name = "prices";
  ReferenceJoinNode node;
  node.kind = kind;
  node.table = table;
  if (with_keys) {
    node.left_keys = {0};
    node.table_keys = {0};
  }
  node.condition = std::move(condition);
  PlanNode plan = join_plan(std::move(node));
  plan.inputs.pop_back();
  return plan;
}

std::vector<JoinEvent> random_rows(uint32_t seed, size_t count, int64_t first_value) {
  std::mt19937 random(seed);
  std::vector<JoinEvent> rows(count);
  for (JoinEvent& row : rows) {
    if (random() % 10 != 0) row.key = random() % 50;
    row.value = first_value + static_cast<int64_t>(random() % 40);
  }
  return rows;
}

TEST(ReferenceJoin, MeetsTheTablesRowsOfTheSameKey) {
  ReferenceTables tables;
  const auto table = random_rows(1, 70, 0);
  tables.put("prices", table_of(table));
  OperatorContext context;
  context.references = &tables;
  const auto rows = random_rows(2, 5000, 0);
  for (const JoinKind kind : {JoinKind::kInner, JoinKind::kLeft}) {
    for (const bool with_condition : {false, true}) {
      const auto expected = slow_join(kind, rows, table, [&](const auto& a, const auto& b) {
        return !with_condition || a.value < b.value;
      });
      for (const size_t size : {size_t{1}, size_t{7}, size_t{3000}}) {
        JoinRun run(plan_of(kind, true, with_condition ? compare_values("<") : nullptr), context);
        for (size_t at = 0; at < rows.size(); at += size) {
          run.batch(std::span(rows).subspan(at, std::min(size, rows.size() - at)), kNoWatermark);
        }
        EXPECT_EQ(sorted(run.out.rows), expected) << size;
      }
    }
  }
}

TEST(ReferenceJoin, WithoutAnEqualityComparesEveryRowInPieces) {
  ReferenceTables tables;
  std::vector<JoinEvent> table(3000);
  for (size_t i = 0; i < table.size(); ++i) {
    table[i].key = 1;
    table[i].value = static_cast<int64_t>(i);
  }
  tables.put("prices", table_of(table));
  OperatorContext context;
  context.references = &tables;
  std::vector<JoinEvent> rows;
  for (const int64_t value : {2990, 5000, 1495}) rows.push_back({.key = 1, .value = value});
  JoinRun run(plan_of(JoinKind::kLeft, false, compare_values("<")), context);
  run.batch(rows, kNoWatermark);
  EXPECT_EQ(sorted(run.out.rows),
            slow_join(JoinKind::kLeft, rows, table,
                      [](const auto& a, const auto& b) { return a.value < b.value; }));
}

TEST(ReferenceJoin, SeesATableThatTookTheOldOnesPlace) {
  ReferenceTables tables;
  tables.put("prices", table_of({{.key = 1, .value = 10}}));
  OperatorContext context;
  context.references = &tables;
  JoinRun run(plan_of(JoinKind::kInner, true, nullptr), context);
  const std::vector<JoinEvent> row{{.key = 1, .value = 1}};
  run.batch(row, kNoWatermark);
  tables.put("prices", table_of({{.key = 1, .value = 20}}));
  run.batch(row, kNoWatermark);
  EXPECT_THAT(run.out.rows, ElementsAre("1:1 1:10", "1:1 1:20"));
}

TEST(ReferenceJoin, NamesTheTableThatHasNotBeenRead) {
  ReferenceTables tables;
  NodeState state;
  OperatorContext context;
  context.state = &state;
  context.references = &tables;
  auto made = make_reference_join(plan_of(JoinKind::kInner, true, nullptr), context);
  ASSERT_TRUE(made);
  BatchBuilder builder(join_input());
  builder.add_row(JoinEvent{.key = 1}.values());
  RowsOut out;
  const auto done = (*made)->process(0, builder.take(), 0, out);
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message, HasSubstr("'prices' has not been read"));
}

}  // namespace
}  // namespace millstream::analytics
