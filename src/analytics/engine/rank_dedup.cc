#include <algorithm>
#include <utility>
#include <vector>

#include "analytics/engine/keyed_rows.h"
#include "analytics/engine/rank.h"
#include "analytics/engine/row_output.h"
#include "analytics/engine/row_store.h"
#include "analytics/engine/time_queue.h"
#include "base/bytes.h"

namespace millstream::analytics {
namespace {

constexpr size_t kTimeBytes = sizeof(int64_t);
constexpr std::string_view kNoTime =
    "the event time of this row is NULL: give it one, or leave it out with WHERE … IS NOT NULL";

// Keeps each key's first row by processing time: which keys have come.
class KeepFirstSeen final : public Operator {
 public:
  KeepFirstSeen(const PlanNode& node, const OperatorContext& context)
      : rank_(std::get<RankNode>(node.node)),
        keyed_(rank_.partition_by, partitioning(node)[0]),
        seen_(context.state->table({.name = "seen"})) {}

  Result<> process(size_t, const Batch& batch, int64_t, Output& out) override {
    keyed_.encode(batch);
    refs_.resize(batch.rows);
    inserted_.assign(batch.rows, 0);
    seen_.find_or_insert(keyed_.keys(), keyed_.hashes(), keyed_.groups(), refs_, inserted_);
    rows_.clear();
    for (uint32_t row = 0; row < batch.rows; ++row) {
      if (inserted_[row] != 0) rows_.push_back(row);
    }
    if (rows_.empty()) return {};
    Batch result = gather(batch, rows_);
    if (rank_.output_rank) {
      auto ranks = std::make_shared<Column>(Physical::kInt64);
      ranks->ints.assign(rows_.size(), 1);
      result.columns.push_back(std::move(ranks));
    }
    out.emit(std::move(result));
    return {};
  }

 private:
  RankNode rank_;
  KeyedRows keyed_;
  StateTable& seen_;
  std::vector<StateRow> refs_;
  std::vector<uint8_t> inserted_;
  std::vector<uint32_t> rows_;
};

// One row a key: its time, then the row.
class Deduplicate : public Operator {
 public:
  Deduplicate(const PlanNode& node, const OperatorContext& context)
      : rank_(std::get<RankNode>(node.node)),
        by_clock_(node.inputs[0]->schema[static_cast<size_t>(*rank_.order_time)].type.time ==
                  TimeAttribute::kProctime),
        keyed_(rank_.partition_by, partitioning(node)[0]),
        store_(context.state->row_store("rows", 0)),
        codec_(node.inputs[0]->schema),
        output_(node.inputs[0]->schema, node.schema) {}

  Result<> process(size_t, const Batch& batch, int64_t now_us, Output& out) override {
    const Column* times = batch.columns[static_cast<size_t>(*rank_.order_time)].get();
    keyed_.encode(batch);
    refs_.resize(batch.rows);
    store_.find_or_insert(keyed_.keys(), keyed_.hashes(), keyed_.groups(), refs_);
    for (uint32_t row = 0; row < batch.rows; ++row) {
      if (!by_clock_ && (times == nullptr || times->is_null(row))) {
        out.row_error(kNoTime, batch, row);
        continue;
      }
      const int64_t time = by_clock_ ? now_us : times->ints[row];
      payload_.assign(kTimeBytes, '\0');
      store_le(payload_.data(), time);
      codec_.encode(batch, row, payload_);
      take(refs_[row], time, batch.watermark(row), out);
    }
    output_.flush(out);
    return {};
  }

 protected:
  virtual void take(RowStore::KeyRef key, int64_t time, EventTime watermark, Output& out) = 0;

  int64_t time_of(RowStore::RowRef row) const {
    return load_le<int64_t>(store_.payload(row).data());
  }
  void emit(std::string_view payload, ChangeKind change, Output& out) {
    output_.add(payload.substr(kTimeBytes));
    if (rank_.output_rank) output_.behind(0).ints.push_back(1);
    output_.finish(change);
    if (output_.is_full()) output_.flush(out);
  }

  RankNode rank_;
  bool by_clock_;
  KeyedRows keyed_;
  RowStore& store_;
  RowCodec codec_;
  RowOutput output_;
  std::vector<RowStore::KeyRef> refs_;
  std::string payload_;
};

class KeepLast final : public Deduplicate {
 public:
  using Deduplicate::Deduplicate;

 private:
  void take(RowStore::KeyRef key, int64_t time, EventTime, Output& out) override {
    const RowStore::RowRef old = store_.first(key);
    if (old == RowStore::kNone) {
      emit(payload_, ChangeKind::kInsert, out);
      store_.append(key, payload_);
      return;
    }
    if (by_clock_) {
      // The same row again changes nothing.
      if (store_.payload(old).substr(kTimeBytes) == std::string_view(payload_).substr(kTimeBytes)) {
        return;
      }
    } else if (time < time_of(old)) {
      return;
    }
    emit(store_.payload(old), ChangeKind::kUpdateBefore, out);
    emit(payload_, ChangeKind::kUpdateAfter, out);
    store_.replace(old, payload_);
  }
};

// The first row by event time, once the watermark has passed it. The mark of a row that has left
// is 1; only its time stays.
class KeepFirst final : public Deduplicate {
 public:
  using Deduplicate::Deduplicate;

  Result<> open() override {
    store_.for_each_key([this](RowStore::KeyRef key) {
      const RowStore::RowRef row = store_.first(key);
      if (row != RowStore::kNone && store_.mark(row) == 0) due_.push(time_of(row), key);
    });
    return {};
  }

  Result<bool> advance(EventTime watermark, int64_t, Output& out) override {
    while (!due_.empty() && due_.next() <= watermark) {
      if (out.is_full()) {
        output_.flush(out);
        return false;
      }
      const int64_t time = due_.pop(keys_);
      std::erase_if(keys_, [&](RowStore::KeyRef key) {
        const RowStore::RowRef row = store_.first(key);
        return store_.mark(row) != 0 || time_of(row) != time;
      });
      // In order of arrival within a key group.
      std::sort(keys_.begin(), keys_.end(), [this](auto a, auto b) {
        return std::pair(store_.group(a), store_.id(store_.first(a))) <
               std::pair(store_.group(b), store_.id(store_.first(b)));
      });
      keys_.erase(std::unique(keys_.begin(), keys_.end()), keys_.end());
      for (const RowStore::KeyRef key : keys_) {
        const RowStore::RowRef row = store_.first(key);
        emit(store_.payload(row), ChangeKind::kInsert, out);
        payload_.assign(store_.payload(row).substr(0, kTimeBytes));
        store_.set_mark(store_.replace(row, payload_), 1);
      }
    }
    output_.flush(out);
    return true;
  }

 private:
  void take(RowStore::KeyRef key, int64_t time, EventTime watermark, Output& out) override {
    if (time <= watermark) {
      out.count_late(1);
      return;
    }
    const RowStore::RowRef old = store_.first(key);
    if (old == RowStore::kNone) {
      store_.append(key, payload_);
    } else if (store_.mark(old) != 0 || time >= time_of(old)) {
      return;
    } else {
      store_.replace(old, payload_);
    }
    due_.push(time, key);
  }

  TimeQueue<RowStore::KeyRef> due_;
  std::vector<RowStore::KeyRef> keys_;
};

}  // namespace

std::unique_ptr<Operator> make_deduplicate(const PlanNode& node, const OperatorContext& context) {
  const RankNode& rank = std::get<RankNode>(node.node);
  if (rank.order_by[0].descending) return std::make_unique<KeepLast>(node, context);
  const Type& time = node.inputs[0]->schema[static_cast<size_t>(*rank.order_time)].type;
  if (time.time == TimeAttribute::kProctime) {
    return std::make_unique<KeepFirstSeen>(node, context);
  }
  return std::make_unique<KeepFirst>(node, context);
}

}  // namespace millstream::analytics
