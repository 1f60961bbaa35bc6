// Joins, rows a second of CPU time on one core, with collecting the changes of state as a commit
// does.
//   join_bench [million rows a side]
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "analytics/engine/join.h"
#include "analytics/engine/state_io.h"

namespace millstream::analytics {
namespace {

constexpr size_t kBatchRows = 10'000;
constexpr size_t kMatches = 2;  // rows of one key on each side

class CountingOutput final : public Output {
 public:
  void emit(Batch batch) override { rows += batch.rows; }
  bool is_full() const override { return false; }
  void row_error(std::string_view, const Batch&, uint32_t) override {}
  void count_late(uint64_t) override {}
  size_t rows = 0;
};

// Keys without order, so that memory is touched as in life.
uint64_t scattered(uint64_t x) {
  x *= 0x9E3779B97F4A7C15;
  return x ^ x >> 32;
}

Batch rows_of(const Schema& schema, size_t first, size_t rows_a_side) {
  BatchBuilder builder(schema);
  for (size_t i = first; i < first + kBatchRows; ++i) {
    builder.column(0).ints.push_back(
        static_cast<int64_t>(scattered(scattered(i) % (rows_a_side / kMatches))));
    builder.column(1).ints.push_back(static_cast<int64_t>(i));
    builder.finish_row();
  }
  return builder.take();
}

int run(size_t rows_a_side) {
  auto input = std::make_shared<PlanNode>();
  input->node = ValuesNode{};
  input->schema = {{"k", make_type(TypeKind::kBigint)}, {"v", make_type(TypeKind::kBigint)}};
  PlanNode plan;
  plan.inputs = {input, input};
  JoinNode node;
  node.kind = sql::JoinKind::kInner;
  node.left_keys = {0};
  node.right_keys = {0};
  plan.node = node;
  NodeState state;
  OperatorContext context;
  context.state = &state;
  auto join = make_join(plan, context);
  if (!join) return 1;

  CountingOutput out;
  std::string changes;
  size_t logged = 0;
  std::clock_t busy = 0;
  for (size_t first = 0; first < rows_a_side; first += kBatchRows) {
    const Batch left = rows_of(input->schema, first, rows_a_side);
    const Batch right = rows_of(input->schema, first, rows_a_side);
    const auto start = std::clock();
    if (!(*join)->process(0, left, 0, out) || !(*join)->process(1, right, 0, out)) return 1;
    changes.clear();
    state.take_changes(0, changes);
    logged += changes.size();
    busy += std::clock() - start;
  }
  const double seconds = static_cast<double>(busy) / CLOCKS_PER_SEC;
  const auto rows = static_cast<double>(2 * rows_a_side);
  std::printf(
      "inner join: %.0f rows in, %zu out, %.2f M rows/s, %.0f bytes of state a row, "
      "%.0f bytes of log a row\n",
      rows, out.rows, rows / seconds / 1e6, static_cast<double>(state.bytes()) / rows,
      static_cast<double>(logged) / rows);
  return 0;
}

}  // namespace
}  // namespace millstream::analytics

int main(int argc, char** argv) {
  const size_t millions = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 10;
  return millstream::analytics::run(millions * 1'000'000);
}
