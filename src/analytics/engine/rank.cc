#include "analytics/engine/rank.h"

#include <algorithm>
#include <vector>

#include "analytics/engine/keyed_rows.h"
#include "analytics/engine/ranked_rows.h"
#include "analytics/engine/row_output.h"

namespace millstream::analytics {
namespace {

class TopN final : public Operator {
 public:
  TopN(const PlanNode& node, const OperatorContext& context)
      : rank_(std::get<RankNode>(node.node)),
        limit_(static_cast<size_t>(rank_.limit)),
        keyed_(rank_.partition_by, partitioning(node)[0]),
        rows_(context.state->row_store("rows", 0), rank_.order_by, node.inputs[0]->schema),
        output_(node.inputs[0]->schema, node.schema) {}

  Result<> process(size_t, const Batch& batch, int64_t, Output& out) override {
    keyed_.encode(batch);
    refs_.resize(batch.rows);
    rows_.store().find_or_insert(keyed_.keys(), keyed_.hashes(), keyed_.groups(), refs_);
    for (size_t row = 0; row < batch.rows; ++row) {
      rows_.set(batch, row);
      RankedRows::List& list = rows_.list(refs_[row]);
      if (is_addition(batch.change(row))) {
        add(refs_[row], list, out);
      } else {
        remove(list, out);
      }
    }
    // A key that comes again in the batch must still have its list: they go at its end.
    for (const RowStore::KeyRef key : refs_) {
      if (rows_.store().count(key) == 0) rows_.release(key);
    }
    output_.flush(out);
    return {};
  }

 private:
  void add(RowStore::KeyRef key, RankedRows::List& list, Output& out) {
    const size_t place = rows_.place(list);
    if (place >= limit_ && !rank_.input_retracts) return;
    rows_.insert(key, list, place);
    if (place < limit_) {
      if (!rank_.output_rank) {
        if (list.size() > limit_) emit(list[limit_].row, limit_, ChangeKind::kDelete, out);
        emit(list[place].row, place, ChangeKind::kInsert, out);
      } else {
        const size_t end = std::min(list.size(), limit_);
        for (size_t at = place; at < end; ++at) {
          const bool had = at + 1 < list.size();
          if (had) emit(list[at + 1].row, at, ChangeKind::kUpdateBefore, out);
          emit(list[at].row, at, had ? ChangeKind::kUpdateAfter : ChangeKind::kInsert, out);
        }
      }
    }
    if (list.size() > limit_ && !rank_.input_retracts) rows_.erase(list, limit_);
  }

  void remove(RankedRows::List& list, Output& out) {
    // What was never added can't be taken back (Flink skips it, too).
    const std::optional<size_t> place = rows_.find(list);
    if (!place) return;
    if (*place < limit_) {
      if (!rank_.output_rank) {
        emit(list[*place].row, *place, ChangeKind::kDelete, out);
        if (list.size() > limit_) emit(list[limit_].row, limit_, ChangeKind::kInsert, out);
      } else {
        const size_t end = std::min(list.size(), limit_);
        for (size_t at = *place; at < end; ++at) {
          const bool has = at + 1 < list.size();
          emit(list[at].row, at, has ? ChangeKind::kUpdateBefore : ChangeKind::kDelete, out);
          if (has) emit(list[at + 1].row, at, ChangeKind::kUpdateAfter, out);
        }
      }
    }
    rows_.erase(list, *place);
  }

  void emit(RowStore::RowRef row, size_t place, ChangeKind change, Output& out) {
    output_.add(rows_.encoded(row));
    if (rank_.output_rank) output_.behind(0).ints.push_back(static_cast<int64_t>(place) + 1);
    output_.finish(change);
    if (output_.is_full()) output_.flush(out);
  }

  RankNode rank_;
  size_t limit_;
  KeyedRows keyed_;
  RankedRows rows_;
  RowOutput output_;
  std::vector<RowStore::KeyRef> refs_;
};

}  // namespace

Result<std::unique_ptr<Operator>> make_rank(const PlanNode& node, OperatorContext context) {
  const RankNode& rank = std::get<RankNode>(node.node);
  if (rank.limit < 0) return fail(ErrorCode::kInvalidArgument, "a LIMIT must not be below zero");
  if (rank.window_end) {
    if (rank.input_retracts) {
      return fail(ErrorCode::kInvalidArgument,
                  "top-N of a window over rows that are updated is not yet supported");
    }
    return make_window_rank(node, context);
  }
  if (rank.limit == 1 && rank.order_time && rank.order_by.size() == 1 && !rank.input_retracts) {
    return make_deduplicate(node, context);
  }
  return std::make_unique<TopN>(node, context);
}

}  // namespace millstream::analytics
