#include "analytics/engine/over.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "analytics/engine/keyed_rows.h"
#include "analytics/engine/over_frame.h"
#include "analytics/engine/row_output.h"
#include "analytics/engine/time_queue.h"
#include "base/bytes.h"

namespace millstream::analytics {
namespace {

constexpr size_t kTimeBytes = sizeof(int64_t);
constexpr std::string_view kNoTime =
    "the column that an OVER window is ordered by is NULL in this row; leave such rows out with "
    "WHERE … IS NOT NULL";

class Over : public Operator {
 public:
  Over(const PlanNode& node, std::unique_ptr<OverFrame> frame)
      : over_(std::get<OverNode>(node.node)),
        frame_(std::move(frame)),
        keyed_(over_.partition_by, partitioning(node)[0]) {
    for (const AggregateCall& call : over_.aggregates) types_.push_back(call.type.physical());
  }

  Result<> open() override {
    frame_->open();
    if (expires()) {
      frame_->store().for_each_key([this](OverFrame::KeyRef key) {
        if (frame_->store().count(key) > 0) idle_.push(frame_->idle_at(key), key);
      });
    }
    return {};
  }

 protected:
  // The keys of a window by time go once no row can reach theirs any more.
  bool expires() const { return frame_->is_bounded() && !over_.rows; }

  void add(OverFrame::KeyRef key, const Batch& batch, uint32_t row, int64_t time) {
    const bool is_new = expires() && frame_->store().count(key) == 0;
    frame_->add(key, batch, row, time);
    if (is_new) idle_.push(frame_->idle_at(key), key);
  }

  void expire(int64_t time) {
    while (!idle_.empty() && idle_.next() <= time) {
      (void)idle_.pop(idle_keys_);
      for (const OverFrame::KeyRef key : idle_keys_) {
        const int64_t due = frame_->idle_at(key);
        if (due <= time) {
          frame_->erase(key);
        } else {
          idle_.push(due, key);
        }
      }
    }
  }

  OverNode over_;
  std::unique_ptr<OverFrame> frame_;
  KeyedRows keyed_;
  std::vector<Physical> types_;
  TimeQueue<OverFrame::KeyRef> idle_;  // each key with rows once, not before it may go
  std::vector<OverFrame::KeyRef> idle_keys_;
};

class OverImmediate final : public Over {
 public:
  using Over::Over;

  Result<> process(size_t, const Batch& batch, int64_t now_us, Output& out) override {
    const Column* times = nullptr;
    if (!over_.processing_time) {
      times = batch.columns[static_cast<size_t>(over_.order_column)].get();
    }
    std::vector<std::shared_ptr<Column>> results;
    std::vector<Column*> columns;
    for (const Physical type : types_) {
      columns.push_back(results.emplace_back(std::make_shared<Column>(type)).get());
    }
    auto arena = std::make_shared<Arena>();
    keyed_.encode(batch);
    refs_.resize(batch.rows);
    frame_->store().find_or_insert(keyed_.keys(), keyed_.hashes(), keyed_.groups(), refs_);
    frame_->begin(batch);
    std::vector<uint32_t> good;
    for (uint32_t row = 0; row < batch.rows; ++row) {
      if (!over_.processing_time && (times == nullptr || times->is_null(row))) {
        out.row_error(kNoTime, batch, row);
        continue;
      }
      good.push_back(row);
      int64_t time = times == nullptr ? now_us : times->ints[row];
      if (frame_->is_bounded()) time = std::max(time, frame_->last_time(refs_[row]));
      add(refs_[row], batch, row, time);
      frame_->result(refs_[row], columns, *arena);
    }
    if (good.empty()) return {};
    Batch result = good.size() == batch.rows ? batch : gather(batch, good);
    result.columns.insert(result.columns.end(), results.begin(), results.end());
    if (arena->bytes() > 0) result.memory.push_back(std::move(arena));
    out.emit(std::move(result));
    return {};
  }

  Result<bool> advance(EventTime watermark, int64_t now_us, Output&) override {
    // A row of one batch may come with the time of the last row of the batch before.
    const int64_t time = over_.processing_time ? now_us : watermark;
    if (time != kNoWatermark) expire(time - 1);
    return true;
  }

 private:
  std::vector<OverFrame::KeyRef> refs_;
};

class OverByWatermark final : public Over {
 public:
  OverByWatermark(const PlanNode& node, const OperatorContext& context,
                  std::unique_ptr<OverFrame> frame)
      : Over(node, std::move(frame)),
        state_(*context.state),
        waiting_(state_.row_store("waiting", 0)),
        codec_(node.inputs[0]->schema),
        output_(node.inputs[0]->schema, node.schema) {
    bind();
  }

  Result<> open() override {
    TRY(Over::open());
    const std::string_view stored = state_.value("emitted");
    if (stored.size() == kTimeBytes) emitted_ = load_le<int64_t>(stored.data());
    std::vector<RowStore::RowRef> gone;
    waiting_.for_each_key([&](RowStore::KeyRef key) {
      for (auto row = waiting_.first(key); row != RowStore::kNone; row = waiting_.next(row)) {
        const int64_t time = time_of(row);
        if (time <= emitted_) {
          gone.push_back(row);
        } else {
          due_.push(time, row);
        }
      }
    });
    for (const RowStore::RowRef row : gone) waiting_.erase(row, RowStore::Erase::kSilent);
    return {};
  }

  Result<> process(size_t, const Batch& batch, int64_t, Output& out) override {
    const Column* times = batch.columns[static_cast<size_t>(over_.order_column)].get();
    keyed_.encode(batch);
    uint64_t late = 0;
    for (uint32_t row = 0; row < batch.rows; ++row) {
      if (times == nullptr || times->is_null(row)) {
        out.row_error(kNoTime, batch, row);
        continue;
      }
      const int64_t time = times->ints[row];
      if (time <= std::max(batch.watermark(row), emitted_)) {
        ++late;
        continue;
      }
      payload_.assign(kTimeBytes, '\0');
      store_le(payload_.data(), time);
      codec_.encode(batch, row, payload_);
      const RowStore::KeyRef key = waiting_.find_or_insert_one(
          keyed_.keys()[row], keyed_.hashes()[row], keyed_.groups()[row]);
      due_.push(time, waiting_.append(key, payload_));
    }
    if (late > 0) out.count_late(late);
    return {};
  }

  Result<bool> advance(EventTime watermark, int64_t, Output& out) override {
    const int64_t before = emitted_;
    bool is_done = true;
    while (!due_.empty() && due_.next() <= watermark) {
      if (out.is_full()) {
        is_done = false;
        break;
      }
      emitted_ = due_.pop(rows_);
      std::sort(rows_.begin(), rows_.end(), [this](auto a, auto b) {
        return std::pair(waiting_.group(waiting_.key_of(a)), waiting_.id(a)) <
               std::pair(waiting_.group(waiting_.key_of(b)), waiting_.id(b));
      });
      leave(out);
    }
    flush(out);
    if (emitted_ != before) {
      char bytes[kTimeBytes];
      store_le(bytes, emitted_);
      state_.set_value("emitted", {bytes, sizeof bytes});
    }
    // What has yet to leave still meets the rows before it.
    if (is_done) expire(watermark);
    return is_done;
  }

 private:
  int64_t time_of(RowStore::RowRef row) const {
    return load_le<int64_t>(waiting_.payload(row).data());
  }

  // The rows of one time.
  void leave(Output& out) {
    refs_.clear();
    for (const RowStore::RowRef row : rows_) {
      const RowStore::KeyRef waiting = waiting_.key_of(row);
      const std::string_view key = waiting_.key(waiting);
      refs_.push_back(
          frame_->store().find_or_insert_one(key, hash_key(key), waiting_.group(waiting)));
    }
    if (over_.rows) {
      for (size_t i = 0; i < rows_.size(); ++i) {
        join(i, output_.rows());
        finish(i);
        if (output_.is_full()) flush(out);
      }
      return;
    }
    // Peers: all are in the window before the first result.
    const size_t start = output_.rows();
    for (size_t i = 0; i < rows_.size(); ++i) join(i, start + i);
    for (size_t i = 0; i < rows_.size(); ++i) finish(i);
    if (output_.is_full()) flush(out);
  }

  void join(size_t index, size_t row) {
    output_.add(waiting_.payload(rows_[index]).substr(kTimeBytes));
    add(refs_[index], output_.view(), static_cast<uint32_t>(row), emitted_);
  }
  void finish(size_t index) {
    frame_->result(refs_[index], results_, output_.arena());
    output_.finish();
    waiting_.erase(rows_[index], RowStore::Erase::kSilent);
  }

  void flush(Output& out) {
    output_.flush(out);
    bind();
  }
  void bind() {
    results_.clear();
    for (size_t i = 0; i < types_.size(); ++i) results_.push_back(&output_.behind(i));
    frame_->begin(output_.view());
  }

  OperatorState& state_;
  RowStore& waiting_;  // payload: time, row
  RowCodec codec_;
  RowOutput output_;
  int64_t emitted_ = kNoWatermark;  // all that waited up to here have left
  TimeQueue<RowStore::RowRef> due_;
  std::vector<RowStore::RowRef> rows_;
  std::vector<OverFrame::KeyRef> refs_;
  std::vector<Column*> results_;
  std::string payload_;
};

}  // namespace

Result<std::unique_ptr<Operator>> make_over(const PlanNode& node, OperatorContext context) {
  const OverNode& over = std::get<OverNode>(node.node);
  const PlanNode& input = *node.inputs[0];
  if (input.mode != ChangelogMode::kAppend) {
    return fail(ErrorCode::kInvalidArgument,
                "OVER windows over rows that are updated are not yet supported; use rows that only "
                "come, such as those of a window aggregation");
  }
  TRY_ASSIGN(auto frame, OverFrame::make(over, input.schema, context.dialect, *context.state));
  if (over.immediate || over.processing_time) {
    return std::make_unique<OverImmediate>(node, std::move(frame));
  }
  return std::make_unique<OverByWatermark>(node, context, std::move(frame));
}

}  // namespace millstream::analytics
