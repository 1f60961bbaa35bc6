// GROUP BY of BIGINT keys with its state's changes collected: rows a second of one core (of its
// time spent here: others may use the machine, too), and memory per key.
// Usage: state_bench [keys] [rows].
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <random>

#include "analytics/engine/group_aggregate.h"
#include "analytics/engine/state_io.h"

namespace millstream::analytics {
namespace {

constexpr size_t kBatchRows = 10'000;

class Counted final : public Output {
 public:
  void emit(Batch batch) override { rows += batch.rows; }
  bool is_full() const override { return false; }
  void row_error(std::string_view, const Batch&, uint32_t) override {}
  void count_late(uint64_t) override {}
  uint64_t rows = 0;
};

AggregateCall sum_of(int column) {
  AggregateCall call;
  call.function = *find_aggregate("SUM", sql::Dialect::kFlink);
  call.arguments = {column};
  call.argument_types = {make_type(TypeKind::kBigint)};
  call.type = make_type(TypeKind::kBigint);
  return call;
}

PlanNode sum_by_key() {
  auto input = std::make_shared<PlanNode>();
  input->node = ValuesNode{};
  input->schema = {{"k", make_type(TypeKind::kBigint, false)}, {"v", make_type(TypeKind::kBigint)}};
  GroupAggregateNode node;
  node.keys = {0};
  node.aggregates = {sum_of(1)};
  PlanNode plan;
  plan.inputs = {input};
  plan.schema = {input->schema[0], {"s", make_type(TypeKind::kBigint)}};
  plan.node = std::move(node);
  return plan;
}

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

Batch random_batch(std::mt19937_64& random, uint64_t keys) {
  auto k = std::make_shared<Column>(Physical::kInt64);
  auto v = std::make_shared<Column>(Physical::kInt64);
  for (size_t i = 0; i < kBatchRows; ++i) {
    k->ints.push_back(static_cast<int64_t>(random() % keys));
    v->ints.push_back(static_cast<int64_t>(random() % 1000));
  }
  Batch batch;
  batch.rows = kBatchRows;
  batch.columns = {k, v};
  return batch;
}

int run(uint64_t keys, uint64_t rows) {
  NodeState state;
  OperatorContext context;
  context.state = &state;
  auto made = make_operator(sum_by_key(), context);
  if (!made || !(*made)->open()) return 1;
  Operator& group = **made;
  Counted out;
  std::mt19937_64 random(1);
  std::string changes;
  uint64_t logged = 0;
  double seconds = 0;
  for (uint64_t done = 0; done < rows; done += kBatchRows) {
    const Batch batch = random_batch(random, keys);
    const double start = cpu_seconds();
    if (!group.process(0, batch, 0, out)) return 1;
    if (!group.advance(0, 0, out)) return 1;
    changes.clear();
    state.take_changes(0, changes);
    seconds += cpu_seconds() - start;
    logged += changes.size();
  }
  std::printf(
      "%.0f keys, %llu rows: %.2f M rows/s, %.1f bytes of memory a key, %.1f bytes of "
      "changes a row, %llu rows out\n",
      static_cast<double>(state.rows()), static_cast<unsigned long long>(rows),
      static_cast<double>(rows) / seconds / 1e6,
      static_cast<double>(state.bytes()) / static_cast<double>(state.rows()),
      static_cast<double>(logged) / static_cast<double>(rows),
      static_cast<unsigned long long>(out.rows));
  return 0;
}

}  // namespace
}  // namespace millstream::analytics

int main(int argc, char** argv) {
  const uint64_t keys = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10'000'000;
  const uint64_t rows = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 20'000'000;
  return millstream::analytics::run(keys == 0 ? 1 : keys, rows);
}
