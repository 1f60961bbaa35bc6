#include "analytics/engine/sort.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analytics/engine/order_key.h"
#include "analytics/engine/row_output.h"
#include "analytics/engine/row_store.h"
#include "analytics/engine/time_queue.h"
#include "base/bytes.h"

namespace millstream::analytics {
namespace {

// OFFSET and LIMIT: counts the rows that pass.
class Window {
 public:
  Window(const SortNode& sort, OperatorState& state)
      : state_(state), offset_(sort.offset), limit_(sort.limit) {}

  void open() {
    const std::string_view stored = state_.value("rows");
    if (stored.size() == sizeof seen_) seen_ = load_le<int64_t>(stored.data());
  }
  bool is_over() const { return limit_ && seen_ >= offset_ && seen_ - offset_ >= *limit_; }
  // Whether the next row passes.
  bool next() {
    if (is_over()) return false;
    return seen_++ >= offset_;
  }
  void save() {
    if (!limit_ && offset_ == 0) return;
    char bytes[sizeof seen_];
    store_le(bytes, seen_);
    state_.set_value("rows", {bytes, sizeof bytes});
  }

 private:
  OperatorState& state_;
  int64_t offset_;
  std::optional<int64_t> limit_;
  int64_t seen_ = 0;
};

class Limit final : public Operator {
 public:
  Limit(const SortNode& sort, const OperatorContext& context) : window_(sort, *context.state) {}

  Result<> open() override {
    window_.open();
    return {};
  }
  Result<> process(size_t, const Batch& batch, int64_t, Output& out) override {
    if (window_.is_over()) return {};
    rows_.clear();
    for (uint32_t row = 0; row < batch.rows; ++row) {
      if (window_.next()) rows_.push_back(row);
    }
    window_.save();
    if (!rows_.empty()) out.emit(rows_.size() == batch.rows ? batch : gather(batch, rows_));
    return {};
  }

 private:
  Window window_;
  std::vector<uint32_t> rows_;
};

// What both sorts share: rows of one key; a payload is the length of the order key (4 bytes), the
// order key and the encoded row.
class StoredRows : public Operator {
 public:
  StoredRows(const PlanNode& node, const OperatorContext& context)
      : sort_(std::get<SortNode>(node.node)),
        window_(sort_, *context.state),
        store_(context.state->row_store("rows", 0)),
        order_(sort_.order_by),
        codec_(node.inputs[0]->schema),
        output_(node.inputs[0]->schema, node.schema) {}

 protected:
  void encode(const Batch& batch, size_t row) {
    payload_.assign(4, '\0');
    order_.encode(batch, row, payload_);
    store_le(payload_.data(), static_cast<uint32_t>(payload_.size() - 4));
    codec_.encode(batch, row, payload_);
  }
  RowStore::RowRef append() {
    const uint64_t hash = hash_key({});
    const auto group = static_cast<uint8_t>(key_group(hash));
    return store_.append(store_.find_or_insert_one({}, hash, group), payload_);
  }
  std::string_view order_of(RowStore::RowRef row) const {
    const std::string_view payload = store_.payload(row);
    return payload.substr(4, load_le<uint32_t>(payload.data()));
  }
  void sort(std::vector<RowStore::RowRef>& rows) const {
    std::sort(rows.begin(), rows.end(), [this](RowStore::RowRef a, RowStore::RowRef b) {
      const int order = order_of(a).compare(order_of(b));
      return order != 0 ? order < 0 : store_.id(a) < store_.id(b);
    });
  }
  void leave(RowStore::RowRef row, Output& out) {
    if (window_.next()) {
      output_.add(store_.payload(row).substr(4 + order_of(row).size()));
      output_.finish();
    }
    store_.erase(row, RowStore::Erase::kLogged);
    if (output_.is_full()) output_.flush(out);
  }

  SortNode sort_;
  Window window_;
  RowStore& store_;
  OrderKey order_;
  RowCodec codec_;
  RowOutput output_;
  std::string payload_;
};

class BoundedSort final : public StoredRows {
 public:
  BoundedSort(const PlanNode& node, const OperatorContext& context)
      : StoredRows(node, context), retracts_(node.inputs[0]->mode == ChangelogMode::kUpdates) {}

  Result<> open() override {
    window_.open();
    if (retracts_) {
      visit_rows([this](RowStore::RowRef row) {
        by_payload_.emplace(std::hash<std::string_view>()(store_.payload(row)), row);
      });
    }
    return {};
  }

  Result<> process(size_t, const Batch& batch, int64_t, Output&) override {
    for (size_t row = 0; row < batch.rows; ++row) {
      encode(batch, row);
      if (!is_addition(batch.change(row))) {
        take_back();
        continue;
      }
      const RowStore::RowRef ref = append();
      if (retracts_) by_payload_.emplace(std::hash<std::string_view>()(payload_), ref);
    }
    return {};
  }

  Result<bool> advance(EventTime watermark, int64_t, Output& out) override {
    if (watermark != kEndOfTime) return true;
    if (!is_sorted_) {
      visit_rows([this](RowStore::RowRef row) { sorted_.push_back(row); });
      sort(sorted_);
      by_payload_.clear();
      is_sorted_ = true;
    }
    while (next_ < sorted_.size() && !out.is_full()) leave(sorted_[next_++], out);
    output_.flush(out);
    window_.save();
    return next_ == sorted_.size();
  }

 private:
  template <class Visit>
  void visit_rows(Visit visit) {
    store_.for_each_key([&](RowStore::KeyRef key) {
      for (auto row = store_.first(key); row != RowStore::kNone; row = store_.next(row)) visit(row);
    });
  }

  void take_back() {
    auto [at, end] = by_payload_.equal_range(std::hash<std::string_view>()(payload_));
    for (; at != end; ++at) {
      if (store_.payload(at->second) != payload_) continue;
      store_.erase(at->second, RowStore::Erase::kLogged);
      by_payload_.erase(at);
      return;
    }
  }

  bool retracts_;
  std::unordered_multimap<size_t, RowStore::RowRef> by_payload_;
  bool is_sorted_ = false;
  std::vector<RowStore::RowRef> sorted_;
  size_t next_ = 0;
};

class TemporalSort final : public StoredRows {
 public:
  using StoredRows::StoredRows;

  Result<> open() override {
    window_.open();
    // The row time is the first of the order: its key begins with it.
    store_.for_each_key([this](RowStore::KeyRef key) {
      for (auto row = store_.first(key); row != RowStore::kNone; row = store_.next(row)) {
        due_.push(time_of(row), row);
      }
    });
    return {};
  }

  Result<> process(size_t, const Batch& batch, int64_t, Output& out) override {
    const Column* times = batch.columns[static_cast<size_t>(*sort_.rowtime)].get();
    uint64_t late = 0;
    for (uint32_t row = 0; row < batch.rows; ++row) {
      if (times == nullptr || times->is_null(row)) {
        out.row_error(
            "the row time of this row is NULL, which ORDER BY has no place for: leave such rows "
            "out with WHERE … IS NOT NULL",
            batch, row);
        continue;
      }
      if (times->ints[row] <= batch.watermark(row)) {
        ++late;
        continue;
      }
      encode(batch, row);
      due_.push(times->ints[row], append());
    }
    if (late > 0) out.count_late(late);
    return {};
  }

  Result<bool> advance(EventTime watermark, int64_t, Output& out) override {
    bool is_done = true;
    bool any = false;
    while (is_done && !due_.empty() && due_.next() <= watermark) {
      if (out.is_full()) {
        is_done = false;
        continue;
      }
      (void)due_.pop(rows_);
      sort(rows_);
      for (const RowStore::RowRef row : rows_) leave(row, out);
      any = true;
    }
    output_.flush(out);
    if (any) window_.save();
    return is_done;
  }

 private:
  int64_t time_of(RowStore::RowRef row) const {
    // A byte that tells NULLs, then the time (order_key.cc).
    return static_cast<int64_t>(order_prefix(order_of(row).substr(1)) ^ uint64_t{1} << 63);
  }

  TimeQueue<RowStore::RowRef> due_;
  std::vector<RowStore::RowRef> rows_;
};

}  // namespace

Result<std::unique_ptr<Operator>> make_sort(const PlanNode& node, OperatorContext context) {
  const SortNode& sort = std::get<SortNode>(node.node);
  const bool retracts = node.inputs[0]->mode == ChangelogMode::kUpdates;
  if (sort.order_by.empty()) {
    if (retracts) {
      return fail(ErrorCode::kInvalidArgument,
                  "LIMIT without ORDER BY over rows that are updated is not yet supported; add "
                  "ORDER BY");
    }
    return std::make_unique<Limit>(sort, context);
  }
  if (!sort.rowtime) return std::make_unique<BoundedSort>(node, context);
  const RankNode::Order& first = sort.order_by.front();
  if (retracts || first.column != *sort.rowtime || first.descending) {
    return fail(ErrorCode::kInvalidArgument,
                "ORDER BY a row time is not yet supported over rows that are updated, descending, "
                "or behind another column");
  }
  return std::make_unique<TemporalSort>(node, context);
}

}  // namespace millstream::analytics
