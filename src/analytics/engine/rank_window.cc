#include <algorithm>
#include <utility>
#include <vector>

#include "analytics/engine/keyed_rows.h"
#include "analytics/engine/rank.h"
#include "analytics/engine/ranked_rows.h"
#include "analytics/engine/row_output.h"
#include "analytics/engine/time_queue.h"
#include "base/bytes.h"

namespace millstream::analytics {
namespace {

// A window's rows may leave when the watermark is at its last millisecond.
constexpr int64_t kLastMilli = 1000;

std::vector<int> with(std::vector<int> columns, int column) {
  if (std::find(columns.begin(), columns.end(), column) == columns.end()) columns.push_back(column);
  return columns;
}

class WindowRank final : public Operator {
 public:
  WindowRank(const PlanNode& node, const OperatorContext& context)
      : rank_(std::get<RankNode>(node.node)),
        limit_(static_cast<size_t>(rank_.limit)),
        end_column_(static_cast<size_t>(*rank_.window_end)),
        keyed_(with(rank_.partition_by, *rank_.window_end), partitioning(node)[0]),
        ends_(context.state->row_store("windows", sizeof(int64_t))),
        rows_(context.state->row_store("rows", 0), rank_.order_by, node.inputs[0]->schema,
              rank_.limit == 1 && rank_.order_time && rank_.order_by[0].descending),
        output_(node.inputs[0]->schema, node.schema) {}

  Result<> open() override {
    ends_.for_each_key([this](RowStore::KeyRef key) { due_.push(end_of(key), key); });
    return {};
  }

  Result<> process(size_t, const Batch& batch, int64_t, Output& out) override {
    const Column* ends = batch.columns[end_column_].get();
    keyed_.encode(batch);
    uint64_t late = 0;
    for (size_t row = 0; row < batch.rows; ++row) {
      const int64_t end = ends->ints[row] - kLastMilli;
      if (ends->is_null(row) || end <= batch.watermark(row)) {
        ++late;
        continue;
      }
      add(batch, row, end);
    }
    if (late > 0) out.count_late(late);
    return {};
  }

  Result<bool> advance(EventTime watermark, int64_t, Output& out) override {
    while (!due_.empty() && due_.next() <= watermark) {
      if (out.is_full()) {
        output_.flush(out);
        return false;
      }
      const int64_t time = due_.pop(windows_);
      // Equal in every run: by key.
      std::sort(windows_.begin(), windows_.end(), [this](auto a, auto b) {
        return std::pair(ends_.group(a), ends_.key(a)) < std::pair(ends_.group(b), ends_.key(b));
      });
      size_t next = 0;
      while (next < windows_.size() && !out.is_full()) leave(windows_[next++], out);
      for (; next < windows_.size(); ++next) due_.push(time, windows_[next]);
    }
    output_.flush(out);
    return true;
  }

 private:
  int64_t end_of(RowStore::KeyRef key) { return load_le<int64_t>(ends_.fixed(key)); }

  void add(const Batch& batch, size_t row, int64_t end) {
    const std::string_view key = keyed_.keys()[row];
    const uint64_t hash = keyed_.hashes()[row];
    const uint8_t group = keyed_.groups()[row];
    const size_t before = ends_.keys();
    const RowStore::KeyRef window = ends_.find_or_insert_one(key, hash, group);
    if (ends_.keys() != before) {
      store_le(ends_.fixed(window), end);
      ends_.touch(window);
      due_.push(end, window);
    }
    const RowStore::KeyRef ref = rows_.store().find_or_insert_one(key, hash, group);
    rows_.set(batch, row);
    RankedRows::List& list = rows_.list(ref);
    const size_t place = rows_.place(list);
    if (place >= limit_) return;
    rows_.insert(ref, list, place);
    if (list.size() > limit_) rows_.erase(list, limit_);
  }

  void leave(RowStore::KeyRef window, Output& out) {
    const std::string_view key = ends_.key(window);
    const RowStore::KeyRef ref = rows_.store().find_one(key, hash_key(key), ends_.group(window));
    if (ref != RowStore::kNone) {
      RankedRows::List& list = rows_.list(ref);
      for (size_t at = 0; at < list.size(); ++at) {
        output_.add(rows_.encoded(list[at].row));
        if (rank_.output_rank) output_.behind(0).ints.push_back(static_cast<int64_t>(at) + 1);
        output_.finish();
        rows_.store().erase(list[at].row, RowStore::Erase::kLogged);
        if (output_.is_full()) output_.flush(out);
      }
      rows_.release(ref);
    }
    ends_.erase_key(window, RowStore::Erase::kLogged);
  }

  RankNode rank_;
  size_t limit_;
  size_t end_column_;
  KeyedRows keyed_;
  RowStore& ends_;  // each window and key, with the time at which it is due
  RankedRows rows_;
  RowOutput output_;
  TimeQueue<RowStore::KeyRef> due_;
  std::vector<RowStore::KeyRef> windows_;
};

}  // namespace

std::unique_ptr<Operator> make_window_rank(const PlanNode& node, const OperatorContext& context) {
  return std::make_unique<WindowRank>(node, context);
}

}  // namespace millstream::analytics
