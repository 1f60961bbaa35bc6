#include "analytics/engine/window_join.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "analytics/engine/keyed_rows.h"
#include "analytics/engine/pair_condition.h"
#include "analytics/engine/pair_writer.h"
#include "analytics/engine/row_codec.h"
#include "analytics/engine/row_store.h"

namespace millstream::analytics {
namespace {

using KeyRef = RowStore::KeyRef;
using RowRef = RowStore::RowRef;
using sql::JoinKind;

constexpr EventTime kMilli = 1000;  // microseconds
constexpr std::array<std::string_view, 2> kPrefixes{"left/", "right/"};

// The watermark that ends a window.
EventTime last_moment(EventTime window_end) { return window_end - kMilli; }

struct Side {
  Side(const Schema& schema, std::vector<int> key_columns, std::vector<int> partition)
      : codec(schema), keys(std::move(key_columns), std::move(partition)), rows(schema) {}

  RowCodec codec;
  KeyedRows keys;
  StateRows rows;  // of a window that is put out
  int window_end = -1;
  bool padded = false;
};

// The key columns besides the windows' ends, which are equal anyway.
std::array<std::vector<int>, 2> keys_within(const WindowJoinNode& node) {
  std::array<std::vector<int>, 2> keys;
  for (size_t i = 0; i < node.left_keys.size(); ++i) {
    if (node.left_keys[i] == node.left_window_end && node.right_keys[i] == node.right_window_end) {
      continue;
    }
    keys[0].push_back(node.left_keys[i]);
    keys[1].push_back(node.right_keys[i]);
  }
  return keys;
}

class WindowJoin final : public Operator {
 public:
  WindowJoin(const WindowJoinNode& node, const PlanNode& plan, const OperatorContext& context,
             std::unique_ptr<PairCondition> condition)
      : kind_(node.kind),
        state_(*context.state),
        sides_{Side(plan.inputs[0]->schema, keys_within(node)[0], node.left_keys),
               Side(plan.inputs[1]->schema, keys_within(node)[1], node.right_keys)},
        writer_(plan.inputs[0]->schema, plan.inputs[1]->schema, left_only()),
        condition_(std::move(condition)) {
    sides_[0].window_end = node.left_window_end;
    sides_[1].window_end = node.right_window_end;
    // A row of an anti join without a partner leaves, too: it must be kept.
    sides_[0].padded =
        kind_ == JoinKind::kLeft || kind_ == JoinKind::kFull || kind_ == JoinKind::kAnti;
    sides_[1].padded = kind_ == JoinKind::kRight || kind_ == JoinKind::kFull;
  }

  Result<> open() override {
    for (size_t side = 0; side < kPrefixes.size(); ++side) {
      for (RowStore* store : state_.row_stores(kPrefixes[side])) {
        const std::string_view name = store->name().substr(kPrefixes[side].size());
        EventTime end = 0;
        std::from_chars(name.data(), name.data() + name.size(), end);
        windows_[end][side] = store;
      }
    }
    return {};
  }

  Result<> process(size_t input, const Batch& batch, int64_t, Output& out) override {
    Side& side = sides_[input];
    side.keys.encode(batch);
    encoded_.encode(side.codec, batch);
    const Column& ends = *batch.columns[static_cast<size_t>(side.window_end)];
    uint64_t late = 0;
    EventTime current = kNoWatermark;
    RowStore* store = nullptr;
    for (uint32_t row = 0; row < batch.rows; ++row) {
      if (ends.is_null(row)) {
        out.row_error("the window of the row is NULL: a join of windows needs one", batch, row);
        continue;
      }
      const EventTime end = ends.ints[row];
      if (last_moment(end) <= batch.watermark(row)) {
        ++late;
        continue;
      }
      if (side.keys.has_null(row) && !side.padded) continue;  // meets none
      if (store == nullptr || end != current) {
        store = store_of(input, end);
        current = end;
      }
      store->append(key_of(side, *store, input, row), encoded_[row]);
    }
    if (late > 0) out.count_late(late);
    return {};
  }

  Result<bool> advance(EventTime watermark, int64_t now_us, Output& out) override {
    while (!windows_.empty() && last_moment(windows_.begin()->first) <= watermark) {
      if (!put_out(windows_.begin()->first, windows_.begin()->second, now_us, out)) return false;
      for (size_t side = 0; side < kPrefixes.size(); ++side) {
        if (windows_.begin()->second[side] != nullptr) {
          state_.drop(name_of(side, windows_.begin()->first));
        }
      }
      windows_.erase(windows_.begin());
    }
    return true;
  }

 private:
  using Window = std::array<RowStore*, 2>;
  struct Candidate {
    uint32_t row;
    RowRef partner;  // kNone: the row's partners are complete
  };

  bool left_only() const { return kind_ == JoinKind::kSemi || kind_ == JoinKind::kAnti; }
  static std::string name_of(size_t side, EventTime end) {
    return fmt::format("{}{}", kPrefixes[side], end);
  }

  RowStore* store_of(size_t side, EventTime end) {
    RowStore*& store = windows_[end][side];
    if (store == nullptr) store = &state_.row_store(name_of(side, end), 0);
    return store;
  }

  // Keys with a NULL are told from all of the other side.
  KeyRef key_of(const Side& side, RowStore& store, size_t input, uint32_t row) {
    const std::string_view key = side.keys.keys()[row];
    const uint8_t group = side.keys.groups()[row];
    if (!side.keys.has_null(row)) {
      return store.find_or_insert_one(key, side.keys.hashes()[row], group);
    }
    null_key_.assign(key);
    append_key_int64(static_cast<int64_t>(input), null_key_);
    return store.find_or_insert_one(null_key_, hash_key(null_key_), group);
  }

  // --- A window's end. Keys leave one after another: some hundred rows at a time.

  // False: `out` is full; what was put out is gone from the state then.
  bool put_out(EventTime end, Window& window, int64_t now_us, Output& out) {
    out_ = &out;
    now_us_ = now_us;
    watermark_ = last_moment(end) - 1;
    keys_.clear();
    if (window[0] != nullptr) {
      window[0]->for_each_key([this](KeyRef key) { keys_.push_back(key); });
    }
    const size_t left_keys = keys_.size();
    if (window[1] != nullptr && sides_[1].padded) {
      window[1]->for_each_key([this](KeyRef key) { keys_.push_back(key); });
    }
    for (size_t i = 0; i < keys_.size(); ++i) {
      if (out.is_full()) {
        forget(window, std::span(keys_).first(std::min(i, left_keys)), 0);
        if (i > left_keys) forget(window, std::span(keys_).subspan(left_keys, i - left_keys), 1);
        return false;
      }
      if (i < left_keys) {
        put_left_key(window, keys_[i]);
      } else {
        put_right_key(window, keys_[i]);
      }
    }
    return true;
  }

  // Rows of the left side with those of the right of the same key.
  void put_left_key(Window& window, KeyRef key) {
    RowStore& left = *window[0];
    KeyRef partners = RowStore::kNone;
    if (window[1] != nullptr) {
      const std::string_view text = left.key(key);
      partners = window[1]->find_one(text, hash_key(text), left.group(key));
    }
    if (partners != RowStore::kNone || sides_[0].padded) {
      RowRef row = left.first(key);
      while (row != RowStore::kNone) {
        for (; row != RowStore::kNone && !sides_[0].rows.is_full(); row = left.next(row)) {
          sides_[0].rows.add(left.payload(row));
        }
        join_rows(window[1], partners, sides_[0].rows.take());
      }
    }
  }

  void join_rows(RowStore* right, KeyRef key, const Batch& batch) {
    matches_ = 0;
    writer_.begin(batch, 0);
    if (condition_) condition_->begin(batch, 0);
    for (uint32_t row = 0; row < batch.rows; ++row) {
      if (key != RowStore::kNone) {
        for (RowRef partner = right->first(key); partner != RowStore::kNone;
             partner = right->next(partner)) {
          add_candidate(*right, row, partner);
        }
      }
      if (condition_) {
        candidates_.push_back({row, RowStore::kNone});
      } else {
        end_row(row);
      }
    }
    settle(right);
    writer_.flush(*out_);
  }

  void add_candidate(RowStore& right, uint32_t row, RowRef partner) {
    if (!condition_) {
      match(right, row, partner);
      return;
    }
    candidates_.push_back({row, partner});
    condition_->add(row, right.payload(partner));
    if (condition_->is_full()) settle(&right);
  }

  void settle(RowStore* right) {
    if (!condition_) return;
    const std::vector<uint8_t>& holds = condition_->take(now_us_, *out_);
    size_t pair = 0;
    for (const Candidate& candidate : candidates_) {
      if (candidate.partner == RowStore::kNone) {
        end_row(candidate.row);
      } else if (holds[pair++] != 0) {
        match(*right, candidate.row, candidate.partner);
      }
    }
    candidates_.clear();
  }

  void match(RowStore& right, uint32_t row, RowRef partner) {
    ++matches_;
    if (left_only()) return;
    put(row, right.payload(partner));
    if (sides_[1].padded && right.mark(partner) == 0) right.set_mark(partner, 1);
  }

  void end_row(uint32_t row) {
    const bool matched = std::exchange(matches_, 0) > 0;
    const bool alone = kind_ == JoinKind::kSemi ? matched : sides_[0].padded && !matched;
    if (alone) put(row, std::nullopt);
  }

  void put(uint32_t row, std::optional<std::string_view> partner) {
    writer_.add(row, partner, ChangeKind::kInsert, watermark_);
    if (writer_.is_full()) writer_.flush(*out_);
  }

  // Rows of the right side that have met none: the left ones have all been put out.
  void put_right_key(Window& window, KeyRef key) {
    const RowStore& right = *window[1];
    const Batch none = sides_[0].rows.take();
    writer_.begin(none, 0);
    for (RowRef row = right.first(key); row != RowStore::kNone; row = right.next(row)) {
      if (right.mark(row) == 0) put(PairWriter::kNoRow, right.payload(row));
    }
    writer_.flush(*out_);
  }

  // The rest of the window leaves with the next batches. (A left key's partners stay: an outer
  // right side has to know that they have met.)
  static void forget(Window& window, std::span<const KeyRef> keys, size_t side) {
    RowStore& store = *window[side];
    for (const KeyRef key : keys) {
      while (store.first(key) != RowStore::kNone) {
        store.erase(store.first(key), RowStore::Erase::kLogged);
      }
    }
  }

  JoinKind kind_;
  OperatorState& state_;
  std::array<Side, 2> sides_;
  PairWriter writer_;
  std::unique_ptr<PairCondition> condition_;
  std::map<EventTime, Window> windows_;  // not put out yet, by their ends

  EncodedRows encoded_;
  std::string null_key_;
  std::vector<KeyRef> keys_;
  std::vector<Candidate> candidates_;
  Output* out_ = nullptr;
  int64_t now_us_ = 0;
  EventTime watermark_ = kNoWatermark;  // before the rows of the window that is put out
  uint32_t matches_ = 0;                // of the row under way
};

}  // namespace

Result<std::unique_ptr<Operator>> make_window_join(const PlanNode& node, OperatorContext context) {
  const auto& join = std::get<WindowJoinNode>(node.node);
  TRY_ASSIGN(auto condition, PairCondition::make(join.condition, node.inputs[0]->schema,
                                                 node.inputs[1]->schema, context));
  return std::make_unique<WindowJoin>(join, node, context, std::move(condition));
}

}  // namespace millstream::analytics
