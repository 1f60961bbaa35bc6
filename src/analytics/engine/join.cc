#include "analytics/engine/join.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "analytics/engine/keyed_rows.h"
#include "analytics/engine/pair_condition.h"
#include "analytics/engine/pair_writer.h"
#include "analytics/engine/row_codec.h"
#include "analytics/engine/row_store.h"
#include "base/bytes.h"

namespace millstream::analytics {
namespace {

using KeyRef = RowStore::KeyRef;
using RowRef = RowStore::RowRef;
using sql::JoinKind;

constexpr size_t kTimeBytes = 8;  // before a row, if state has a time to live
// Rows that nobody looks at are looked for so many times within their time to live.
constexpr int64_t kSweepsInLife = 4;
// Rows whose memory is asked for before they are dealt with.
constexpr size_t kAhead = 16;

struct Side {
  Side(const Schema& schema, const std::vector<int>& key_columns, RowStore& rows)
      : codec(schema), keys(key_columns, std::nullopt), store(rows) {}

  RowCodec codec;
  KeyedRows keys;
  RowStore& store;
  bool padded = false;   // outer: put out with NULLs while it has no partner
  bool counted = false;  // its rows' marks are the numbers of their partners
};

class Join final : public Operator {
 public:
  Join(const JoinNode& node, const PlanNode& plan, const OperatorContext& context,
       std::unique_ptr<PairCondition> condition)
      : kind_(node.kind),
        ttl_us_(life_of(context)),
        skip_(ttl_us_ > 0 ? kTimeBytes : 0),
        sides_{Side(plan.inputs[0]->schema, node.left_keys, store_of(context, "left")),
               Side(plan.inputs[1]->schema, node.right_keys, store_of(context, "right"))},
        writer_(plan.inputs[0]->schema, plan.inputs[1]->schema, left_only()),
        condition_(std::move(condition)) {
    sides_[0].padded = kind_ == JoinKind::kLeft || kind_ == JoinKind::kFull;
    sides_[1].padded = kind_ == JoinKind::kRight || kind_ == JoinKind::kFull;
    sides_[0].counted = sides_[0].padded || left_only();
    sides_[1].counted = sides_[1].padded;
  }

  Result<> process(size_t input, const Batch& batch, int64_t now_us, Output& out) override {
    input_ = input;
    batch_ = &batch;
    now_us_ = now_us;
    out_ = &out;
    find_rows();
    writer_.begin(batch, input);
    if (condition_) condition_->begin(batch, input);
    matches_ = 0;
    const Side& other = sides_[1 - input];
    for (uint32_t row = 0; row < batch.rows; ++row) {
      prefetch_for(row + kAhead);
      if (other_keys_[row] != RowStore::kNone && !sides_[input].keys.has_null(row)) {
        for (RowRef partner = other.store.first(other_keys_[row]); partner != RowStore::kNone;
             partner = other.store.next(partner)) {
          other.store.prefetch(other.store.next(partner));
          add_candidate(row, partner);
        }
      }
      if (condition_) {
        candidates_.push_back({row, RowStore::kNone});
      } else {
        end_row(row);
      }
    }
    settle();
    writer_.flush(out);
    return {};
  }

  Result<bool> advance(EventTime, int64_t now_us, Output&) override {
    if (ttl_us_ == 0 || now_us < next_sweep_us_) return true;
    for (Side& side : sides_) {
      expired_.clear();
      side.store.for_each_key([&](KeyRef key) {
        if (is_expired(side.store.first(key), side.store, now_us)) expired_.push_back(key);
      });
      for (const KeyRef key : expired_) expire(side.store, key, now_us);
    }
    next_sweep_us_ = now_us + ttl_us_ / kSweepsInLife;
    return true;
  }

 private:
  // A row and a partner by key; kNone: the row's partners are complete.
  struct Candidate {
    uint32_t row;
    RowRef partner;
  };

  static int64_t life_of(const OperatorContext& context) {
    constexpr int64_t kLongest = std::numeric_limits<int64_t>::max() / 4000;
    return std::min(context.state_ttl_ms, kLongest) * 1000;
  }
  // Rows with their time are another stored format.
  static RowStore& store_of(const OperatorContext& context, std::string name) {
    if (context.state_ttl_ms > 0) name += "/ttl";
    return context.state->row_store(name, 0);
  }

  bool left_only() const { return kind_ == JoinKind::kSemi || kind_ == JoinKind::kAnti; }
  bool is_plain() const { return !sides_[0].padded && !sides_[1].padded; }
  std::string_view row_of(const RowStore& store, RowRef row) const {
    return store.payload(row).substr(skip_);
  }

  void find_rows() {
    Side& own = sides_[input_];
    const Side& other = sides_[1 - input_];
    own.keys.encode(*batch_);
    own_keys_.resize(batch_->rows);
    other_keys_.resize(batch_->rows);
    encoded_.encode(own.codec, *batch_);
    other.store.find(own.keys.keys(), own.keys.hashes(), own.keys.groups(), other_keys_);
    own.store.find_or_insert(own.keys.keys(), own.keys.hashes(), own.keys.groups(), own_keys_);
    if (ttl_us_ == 0) return;
    for (const KeyRef key : other_keys_) {
      if (key != RowStore::kNone) expire(sides_[1 - input_].store, key, now_us_);
    }
  }

  // What the rows behind will touch.
  void prefetch_for(size_t row) const {
    if (row >= other_keys_.size()) return;
    const RowStore& own = sides_[input_].store;
    const RowStore& other = sides_[1 - input_].store;
    other.prefetch(other_keys_[row]);
    own.prefetch(own_keys_[row]);
    if (row < kAhead + kAhead / 2) return;
    const size_t nearer = row - kAhead / 2;
    if (other_keys_[nearer] != RowStore::kNone) other.prefetch(other.first(other_keys_[nearer]));
    own.prefetch(own.last(own_keys_[nearer]));
  }

  bool is_expired(RowRef row, const RowStore& store, int64_t now_us) const {
    return row != RowStore::kNone &&
           load_le<int64_t>(store.payload(row).data()) + ttl_us_ <= now_us;
  }
  // The rows of a key stand in the order of their arrival.
  void expire(RowStore& store, KeyRef key, int64_t now_us) const {
    for (RowRef row = store.first(key); is_expired(row, store, now_us); row = store.first(key)) {
      store.erase(row, RowStore::Erase::kLogged);
    }
  }

  void add_candidate(uint32_t row, RowRef partner) {
    if (!condition_) {
      match(row, partner);
      return;
    }
    candidates_.push_back({row, partner});
    condition_->add(row, row_of(sides_[1 - input_].store, partner));
    if (condition_->is_full()) settle();
  }

  // Goes through the candidates in their order, once the condition has been computed for all.
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
    if (left_only() && input_ == 0) return;  // it is enough to know how many
    const ChangeKind change = batch_->change(row);
    const bool added = is_addition(change);
    Side& other = sides_[1 - input_];
    const std::string_view partner_row = row_of(other.store, partner);
    const uint32_t before = other.counted ? other.store.mark(partner) : 0;
    if (left_only()) {
      const bool changes_it = before == (added ? 0U : 1U);
      if (changes_it) put_left(row, partner_row, added == (kind_ == JoinKind::kSemi));
    } else {
      if (other.padded && added && before == 0) {
        put(PairWriter::kNoRow, partner_row, ChangeKind::kDelete, row);
      }
      put(row, partner_row, kind_of(change), row);
      if (other.padded && !added && before == 1) {
        put(PairWriter::kNoRow, partner_row, ChangeKind::kInsert, row);
      }
    }
    if (!other.counted) return;
    if (added) {
      other.store.set_mark(partner, before + 1);
    } else if (before > 0) {
      other.store.set_mark(partner, before - 1);
    }
  }

  void end_row(uint32_t row) {
    const uint32_t matches = std::exchange(matches_, 0);
    Side& own = sides_[input_];
    const ChangeKind change = batch_->change(row);
    if (left_only()) {
      if (input_ == 0 && (matches > 0) == (kind_ == JoinKind::kSemi)) {
        put(row, std::nullopt, change, row);
      }
    } else if (own.padded && matches == 0) {
      put(row, std::nullopt, kind_of(change), row);
    }
    if (own.keys.has_null(row)) return;
    if (!is_addition(change)) {
      take_back(own.store, own_keys_[row], encoded_[row]);
    } else {
      own.store.append(own_keys_[row], stored(encoded_[row]), own.counted ? matches : 0);
    }
  }

  std::string_view stored(std::string_view encoded) {
    if (ttl_us_ == 0) return encoded;
    char time[kTimeBytes];
    store_le(time, now_us_);
    with_time_.assign(time, kTimeBytes);
    with_time_.append(encoded);
    return with_time_;
  }

  // A row that is not there has lived out its time.
  void take_back(RowStore& store, KeyRef key, std::string_view encoded) const {
    RowRef row = store.last(key);
    while (row != RowStore::kNone && row_of(store, row) != encoded) row = store.previous(row);
    if (row != RowStore::kNone) store.erase(row, RowStore::Erase::kLogged);
  }

  // Padding makes pairs come and go by themselves: an update is no pair of changes any more.
  ChangeKind kind_of(ChangeKind change) const {
    if (is_plain()) return change;
    return is_addition(change) ? ChangeKind::kInsert : ChangeKind::kDelete;
  }
  void put_left(uint32_t cause, std::string_view left, bool appears) {
    put(PairWriter::kNoRow, left, appears ? ChangeKind::kInsert : ChangeKind::kDelete, cause);
  }
  void put(uint32_t row, std::optional<std::string_view> partner, ChangeKind change,
           uint32_t cause) {
    writer_.add(row, partner, change, batch_->watermark(cause));
    if (writer_.is_full()) writer_.flush(*out_);
  }

  JoinKind kind_;
  int64_t ttl_us_;
  size_t skip_;
  std::array<Side, 2> sides_;
  PairWriter writer_;
  std::unique_ptr<PairCondition> condition_;
  int64_t next_sweep_us_ = 0;

  // Of the call of process() under way.
  size_t input_ = 0;
  const Batch* batch_ = nullptr;
  int64_t now_us_ = 0;
  Output* out_ = nullptr;
  EncodedRows encoded_;
  std::vector<KeyRef> own_keys_;
  std::vector<KeyRef> other_keys_;
  std::vector<Candidate> candidates_;
  std::vector<KeyRef> expired_;
  std::string with_time_;
  uint32_t matches_ = 0;  // of the row under way
};

}  // namespace

Result<std::unique_ptr<Operator>> make_join(const PlanNode& node, OperatorContext context) {
  const auto& join = std::get<JoinNode>(node.node);
  TRY_ASSIGN(auto condition, PairCondition::make(join.condition, node.inputs[0]->schema,
                                                 node.inputs[1]->schema, context));
  return std::make_unique<Join>(join, node, context, std::move(condition));
}

}  // namespace millstream::analytics
