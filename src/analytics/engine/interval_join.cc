#include "analytics/engine/interval_join.h"

#include <algorithm>
#include <array>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "analytics/engine/keyed_rows.h"
#include "analytics/engine/pair_condition.h"
#include "analytics/engine/pair_writer.h"
#include "analytics/engine/row_codec.h"
#include "analytics/engine/row_store.h"
#include "analytics/engine/time_queue.h"
#include "base/bytes.h"

namespace millstream::analytics {
namespace {

using KeyRef = RowStore::KeyRef;
using RowRef = RowStore::RowRef;
using sql::JoinKind;

// Before a stored row: its time; in a window by rows the number of its arrival.
constexpr size_t kTimeBytes = 8;
constexpr int64_t kMicros = 1000;  // in a millisecond
// The last time that a row can wait for: all are gone at the end of time.
constexpr EventTime kLastExpiry = kEndOfTime - 1;

EventTime later_by(EventTime time, int64_t by_ms) {
  int64_t by = 0;
  int64_t sum = 0;
  if (__builtin_mul_overflow(by_ms, kMicros, &by)) by = by_ms < 0 ? kNoWatermark : kLastExpiry;
  if (__builtin_add_overflow(time, by, &sum)) return by < 0 ? kNoWatermark + 1 : kLastExpiry;
  return std::min(sum, kLastExpiry);
}

struct Side {
  Side(const Schema& schema, const std::vector<int>& key_columns, const std::vector<int>& partition,
       RowStore& rows_of_side)
      : codec(schema),
        keys(key_columns, partition),
        store(rows_of_side),
        no_rows(BatchBuilder(schema).take()) {}

  RowCodec codec;
  KeyedRows keys;
  RowStore& store;
  Batch no_rows;
  int time_column = -1;
  bool padded = false;
  int64_t keep_ms = 0;          // how much later than the row a partner can be
  int64_t rows = 0;             // a window by rows; 0: by time
  TimeQueue<RowRef> waiting;    // by time: rows by their last moment
  std::deque<RowRef> in_order;  // by rows
  int64_t next_number = 0;      // by rows
  std::vector<Batch> to_merge;  // Kinesis dialect
};

class IntervalJoin final : public Operator {
 public:
  IntervalJoin(const IntervalJoinNode& node, const PlanNode& plan, const OperatorContext& context,
               std::unique_ptr<PairCondition> condition)
      : processing_time_(node.processing_time),
        in_order_(context.dialect == sql::Dialect::kKinesis && !node.processing_time),
        lower_ms_(node.lower_ms),
        upper_ms_(node.upper_ms),
        sides_{Side(plan.inputs[0]->schema, node.left_keys, partition(node, node.left_keys),
                    context.state->row_store("left", 0)),
               Side(plan.inputs[1]->schema, node.right_keys, partition(node, node.right_keys),
                    context.state->row_store("right", 0))},
        writer_(plan.inputs[0]->schema, plan.inputs[1]->schema, false),
        padding_(plan.inputs[0]->schema, plan.inputs[1]->schema, false),
        condition_(std::move(condition)) {
    sides_[0].padded = node.kind == JoinKind::kLeft || node.kind == JoinKind::kFull;
    sides_[1].padded = node.kind == JoinKind::kRight || node.kind == JoinKind::kFull;
    sides_[0].time_column = node.left_time;
    sides_[1].time_column = node.right_time;
    // left - right is in [lower, upper]: a left row's last partner comes at its time - lower.
    sides_[0].keep_ms = -node.lower_ms;
    sides_[1].keep_ms = node.upper_ms;
    sides_[0].rows = node.left_rows;
    sides_[1].rows = node.right_rows;
  }

  Result<> open() override {
    for (Side& side : sides_) {
      side.store.for_each_key([&side](KeyRef key) {
        for (RowRef row = side.store.first(key); row != RowStore::kNone;
             row = side.store.next(row)) {
          if (side.rows > 0) {
            side.in_order.push_back(row);
          } else {
            side.waiting.push(expiry_of(side, row), row);
          }
        }
      });
      std::ranges::sort(side.in_order, {}, [&side](RowRef row) { return time_of(side, row); });
      if (!side.in_order.empty()) side.next_number = time_of(side, side.in_order.back()) + 1;
    }
    return {};
  }

  Result<> process(size_t input, const Batch& batch, int64_t now_us, Output& out) override {
    if (in_order_) {
      sides_[input].to_merge.push_back(batch);
    } else {
      join_rows(input, batch, now_us, out);
    }
    return {};
  }

  Result<bool> advance(EventTime watermark, int64_t now_us, Output& out) override {
    if (in_order_) merge(now_us, out);
    const bool at_end = watermark == kEndOfTime;
    const EventTime time = processing_time_ && !at_end ? now_us : watermark;
    advanced_ = std::max(advanced_, watermark);
    const bool done = expire(time, out);
    if (done && at_end) {
      for (size_t side = 0; side < sides_.size(); ++side) shrink(side, 0, out);
    }
    return done;
  }

  // A padded row can be as old as the window is long.
  EventTime output_watermark(EventTime watermark) const override {
    if (in_order_ || processing_time_ || watermark == kEndOfTime || watermark == kNoWatermark) {
      return watermark;
    }
    return later_by(watermark, -std::max({int64_t{0}, sides_[0].keep_ms, sides_[1].keep_ms}));
  }

  int64_t next_timer_us() const override {
    if (!processing_time_) return kEndOfTime;
    return std::min(next_padding_[0], next_padding_[1]);
  }

 private:
  struct Candidate {
    uint32_t row;
    RowRef partner;  // kNone: the row's partners are complete
  };

  // Windows by rows are over whole inputs: these meet in one place (plan/partitioning.cc).
  static std::vector<int> partition(const IntervalJoinNode& node, const std::vector<int>& keys) {
    return node.left_rows > 0 || node.right_rows > 0 ? std::vector<int>() : keys;
  }
  static int64_t time_of(const Side& side, RowRef row) {
    return load_le<int64_t>(side.store.payload(row).data());
  }
  static EventTime expiry_of(const Side& side, RowRef row) {
    return later_by(time_of(side, row), side.keep_ms);
  }
  static std::string_view row_of(const Side& side, RowRef row) {
    return side.store.payload(row).substr(kTimeBytes);
  }

  // --- Rows that arrive.

  // Rows of both inputs by their time; rows without a time as they stand.
  void merge(int64_t now_us, Output& out) {
    struct Place {
      size_t batch = 0;
      uint32_t row = 0;
    };
    std::array<Place, 2> places;
    const auto next_time = [&](size_t input) {
      const Side& side = sides_[input];
      const Place& place = places[input];
      if (place.batch == side.to_merge.size()) return kEndOfTime;
      const Column& times =
          *side.to_merge[place.batch].columns[static_cast<size_t>(side.time_column)];
      return times.is_null(place.row) ? kNoWatermark : times.ints[place.row];
    };
    const auto has_rows = [&](size_t input) {
      return places[input].batch < sides_[input].to_merge.size();
    };
    std::vector<uint32_t> run;
    while (has_rows(0) || has_rows(1)) {
      const size_t input = has_rows(0) && (!has_rows(1) || next_time(0) <= next_time(1)) ? 0 : 1;
      Place& place = places[input];
      const Batch& batch = sides_[input].to_merge[place.batch];
      const EventTime until = next_time(1 - input);
      run.clear();
      do {
        run.push_back(place.row++);
      } while (place.row < batch.rows && (!has_rows(1 - input) || next_time(input) < until ||
                                          (input == 0 && next_time(input) == until)));
      if (place.row == batch.rows) place = {place.batch + 1, 0};
      if (run.size() == batch.rows) {
        join_rows(input, batch, now_us, out);
      } else {
        join_rows(input, gather(batch, run), now_us, out);
      }
    }
    for (Side& side : sides_) side.to_merge.clear();
  }

  void join_rows(size_t input, const Batch& batch, int64_t now_us, Output& out) {
    input_ = input;
    batch_ = &batch;
    now_us_ = now_us;
    out_ = &out;
    matches_ = 0;
    Side& own = sides_[input];
    Side& other = sides_[1 - input];
    own.keys.encode(batch);
    encoded_.encode(own.codec, batch);
    own_keys_.resize(batch.rows);
    other_keys_.resize(batch.rows);
    other.store.find(own.keys.keys(), own.keys.hashes(), own.keys.groups(), other_keys_);
    own.store.find_or_insert(own.keys.keys(), own.keys.hashes(), own.keys.groups(), own_keys_);
    writer_.begin(batch, input);
    if (condition_) condition_->begin(batch, input);
    // Of the own side, for rows that leave a window by rows.
    padding_.begin(other.no_rows, 1 - input);
    for (uint32_t row = 0; row < batch.rows; ++row) join_row(row);
    settle();
    writer_.flush(out);
    padding_.flush(out);
    note_timers();
  }

  void join_row(uint32_t row) {
    const Side& own = sides_[input_];
    const Side& other = sides_[1 - input_];
    if (!processing_time_ && times().is_null(row)) {
      out_->row_error("the time of the row is NULL: a join by time needs one", *batch_, row);
      return;
    }
    if (other_keys_[row] != RowStore::kNone && !own.keys.has_null(row)) {
      for (RowRef partner = other.store.first(other_keys_[row]); partner != RowStore::kNone;
           partner = other.store.next(partner)) {
        if (meets(row, partner)) add_candidate(row, partner);
      }
    }
    if (condition_) {
      candidates_.push_back({row, RowStore::kNone});
    } else {
      end_row(row);
    }
  }

  const Column& times() const {
    return *batch_->columns[static_cast<size_t>(sides_[input_].time_column)];
  }
  EventTime own_time(uint32_t row) const { return processing_time_ ? now_us_ : times().ints[row]; }
  // The time that had been reached when the row came.
  EventTime reached(uint32_t row) const {
    return processing_time_ ? now_us_ : batch_->watermark(row);
  }

  bool meets(uint32_t row, RowRef partner) const {
    const Side& other = sides_[1 - input_];
    if (other.rows > 0) return true;
    const EventTime theirs = time_of(other, partner);
    const EventTime own = own_time(row);
    const EventTime left = input_ == 0 ? own : theirs;
    const EventTime right = input_ == 0 ? theirs : own;
    // What has expired by the row's watermark is not met, however late it is cleared away.
    return left >= later_by(right, lower_ms_) && left <= later_by(right, upper_ms_) &&
           later_by(theirs, other.keep_ms) >= reached(row);
  }

  void add_candidate(uint32_t row, RowRef partner) {
    if (!condition_) {
      match(row, partner);
      return;
    }
    candidates_.push_back({row, partner});
    condition_->add(row, row_of(sides_[1 - input_], partner));
    if (condition_->is_full()) settle();
  }

  void settle() {
    if (!condition_) return;
    const std::vector<uint8_t>& holds = condition_->take(now_us_, *out_);
    size_t pair = 0;
    for (const Candidate& candidate : candidates_) {
      if (candidate.partner == RowStore::kNone) {
        end_row(candidate.row);
      } else if (holds[pair++] != 0) {
        match(candidate.row, candidate.partner);
      }
    }
    candidates_.clear();
  }

  void match(uint32_t row, RowRef partner) {
    ++matches_;
    Side& other = sides_[1 - input_];
    writer_.add(row, row_of(other, partner), ChangeKind::kInsert,
                output_watermark(batch_->watermark(row)));
    if (writer_.is_full()) writer_.flush(*out_);
    if (other.padded && other.store.mark(partner) == 0) other.store.set_mark(partner, 1);
  }

  void end_row(uint32_t row) {
    const bool matched = std::exchange(matches_, 0) > 0;
    Side& own = sides_[input_];
    if (own.rows > 0) {
      own.in_order.push_back(keep(row, own.next_number++, matched));
      shrink(input_, static_cast<size_t>(own.rows), *out_);
      return;
    }
    const EventTime expiry = later_by(own_time(row), own.keep_ms);
    // An inner row without a key meets none.
    const bool of_use = own.padded || !own.keys.has_null(row);
    // Not by the row's own watermark: in a batch, rows of the right input that came before this
    // one follow behind it.
    if (expiry > (processing_time_ ? now_us_ : advanced_)) {
      if (of_use) own.waiting.push(expiry, keep(row, own_time(row), matched));
    } else if (!matched && own.padded) {
      writer_.add(row, std::nullopt, ChangeKind::kInsert, output_watermark(batch_->watermark(row)));
      if (writer_.is_full()) writer_.flush(*out_);
    }
  }

  RowRef keep(uint32_t row, int64_t time, bool matched) {
    char bytes[kTimeBytes];
    store_le(bytes, time);
    with_time_.assign(bytes, kTimeBytes);
    with_time_.append(encoded_[row]);
    return sides_[input_].store.append(own_keys_[row], with_time_, matched ? 1 : 0);
  }

  // --- Rows that go.

  // The oldest rows of a window by rows, down to `count`.
  void shrink(size_t input, size_t count, Output& out) {
    Side& side = sides_[input];
    if (side.in_order.size() <= count) return;
    if (count == 0) padding_.begin(sides_[1 - input].no_rows, 1 - input);
    while (side.in_order.size() > count) {
      const RowRef row = side.in_order.front();
      side.in_order.pop_front();
      if (side.padded && side.store.mark(row) == 0) pad(side, row, kNoWatermark, out);
      side.store.erase(row, RowStore::Erase::kLogged);
    }
    if (count == 0) padding_.flush(out);
  }

  void pad(const Side& side, RowRef row, EventTime watermark, Output& out) {
    padding_.add(PairWriter::kNoRow, row_of(side, row), ChangeKind::kInsert, watermark);
    if (padding_.is_full()) padding_.flush(out);
  }

  // All whose last moment is before `time`. False: `out` is full.
  bool expire(EventTime time, Output& out) {
    constexpr size_t kNobody = 2;
    size_t last = kNobody;
    bool done = true;
    for (;;) {
      const size_t input = sides_[0].waiting.next() <= sides_[1].waiting.next() ? 0 : 1;
      Side& side = sides_[input];
      if (side.waiting.empty() || side.waiting.next() >= time) break;
      if (input != last) {
        if (last != kNobody) padding_.flush(out);
        padding_.begin(sides_[1 - input].no_rows, 1 - input);
        last = input;
      }
      if (out.is_full()) {
        done = false;
        break;
      }
      const EventTime moment = side.waiting.pop(due_);
      // Per key in order of arrival.
      std::ranges::sort(due_, {}, [&side](RowRef row) {
        return std::pair(side.store.group(side.store.key_of(row)), side.store.id(row));
      });
      const EventTime watermark = processing_time_ ? kNoWatermark : output_watermark(moment - 1);
      for (const RowRef row : due_) {
        if (side.padded && side.store.mark(row) == 0) pad(side, row, watermark, out);
        side.store.erase(row, side.padded ? RowStore::Erase::kLogged : RowStore::Erase::kSilent);
      }
    }
    if (last != kNobody) padding_.flush(out);
    note_timers();
    return done;
  }

  void note_timers() {
    if (!processing_time_) return;
    for (size_t i = 0; i < sides_.size(); ++i) {
      const bool waits = sides_[i].padded && !sides_[i].waiting.empty();
      next_padding_[i] = waits ? sides_[i].waiting.next() + 1 : kEndOfTime;
    }
  }

  bool processing_time_;
  bool in_order_;
  int64_t lower_ms_;
  int64_t upper_ms_;
  std::array<Side, 2> sides_;
  PairWriter writer_;
  PairWriter padding_;
  std::unique_ptr<PairCondition> condition_;
  EventTime advanced_ = kNoWatermark;
  std::array<int64_t, 2> next_padding_{kEndOfTime, kEndOfTime};

  // Of the call under way.
  size_t input_ = 0;
  const Batch* batch_ = nullptr;
  int64_t now_us_ = 0;
  Output* out_ = nullptr;
  EncodedRows encoded_;
  std::vector<KeyRef> own_keys_;
  std::vector<KeyRef> other_keys_;
  std::vector<Candidate> candidates_;
  std::vector<RowRef> due_;
  std::string with_time_;
  uint32_t matches_ = 0;  // of the row under way
};

}  // namespace

Result<std::unique_ptr<Operator>> make_interval_join(const PlanNode& node,
                                                     OperatorContext context) {
  const auto& join = std::get<IntervalJoinNode>(node.node);
  if (join.kind == JoinKind::kSemi || join.kind == JoinKind::kAnti) {
    return fail(ErrorCode::kInvalidArgument,
                "a semi or anti join by an interval of time is not yet supported: leave the "
                "condition on time out, or write a join");
  }
  TRY_ASSIGN(auto condition, PairCondition::make(join.condition, node.inputs[0]->schema,
                                                 node.inputs[1]->schema, context));
  return std::make_unique<IntervalJoin>(join, node, context, std::move(condition));
}

}  // namespace millstream::analytics
