#include "analytics/engine/group_aggregate.h"

#include <bit>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include "analytics/engine/aggregate_set.h"
#include "analytics/engine/keyed_rows.h"
#include "analytics/engine/pair_writer.h"

namespace millstream::analytics {
namespace {

// A row of the table "groups": these, then the accumulators.
struct GroupHead {
  int64_t count = 0;      // rows in the group
  int64_t access_ms = 0;  // processing time of the last one; with a time to live only
};

bool equal_values(const Column& a, size_t i, const Column& b, size_t j) {
  if (a.is_null(i) || b.is_null(j)) return a.is_null(i) == b.is_null(j);
  switch (a.physical) {
    case Physical::kBool:
      return a.bools[i] == b.bools[j];
    case Physical::kInt64:
      return a.ints[i] == b.ints[j];
    case Physical::kDouble:
      // NaN equals NaN: a result that stays NaN has not changed.
      return a.doubles[i] == b.doubles[j] || (std::isnan(a.doubles[i]) && std::isnan(b.doubles[j]));
    case Physical::kDecimal:
      return a.decimals[i] == b.decimals[j];
    case Physical::kString:
      break;
  }
  return a.strings[i] == b.strings[j];
}

// Empty again, with its memory.
void clear(Column& column) {
  column.bools.clear();
  column.ints.clear();
  column.doubles.clear();
  column.decimals.clear();
  column.strings.clear();
  column.nulls.clear();
}

class GroupAggregate final : public Operator {
 public:
  GroupAggregate(const PlanNode& node, OperatorContext context, std::unique_ptr<AggregateSet> set)
      : schema_(node.schema),
        keys_count_(std::get<GroupAggregateNode>(node.node).keys.size()),
        context_(std::move(context)),
        set_(std::move(set)),
        keys_(std::get<GroupAggregateNode>(node.node).keys, std::nullopt),
        out_(schema_) {
    for (size_t i = keys_count_; i < schema_.size(); ++i) {
      before_.emplace_back(schema_[i].type.physical());
      after_.emplace_back(schema_[i].type.physical());
    }
    for (Column& column : before_) before_columns_.push_back(&column);
    for (Column& column : after_) after_columns_.push_back(&column);
  }

  Result<> open() override {
    table_ = &context_.state->table(
        {.name = "groups",
         .fixed_bytes = static_cast<uint32_t>(sizeof(GroupHead)) + set_->fixed_bytes(),
         .has_blob = set_->uses_blob()});
    values_ = set_->values(*context_.state, "values/", context_.state_ttl_ms > 0);
    if (context_.state_ttl_ms > 0) {
      table_->for_each_row([this](StateRow row) { remember(row, head(row).access_ms); });
    }
    return {};
  }

  Result<> process(size_t, const Batch& batch, int64_t now_us, Output&) override {
    if (batch.rows == 0) return {};
    keys_.encode(batch);
    states_.resize(batch.rows);
    table_->find_or_insert(keys_.keys(), keys_.hashes(), keys_.groups(), states_);
    all_.resize(batch.rows);
    for (uint32_t i = 0; i < batch.rows; ++i) {
      all_[i] = i;
      const StateRow state = states_[i];
      if (table_->touch(state)) keep_before(state, now_us / 1000);
      GroupHead now = head(state);
      now.count += is_addition(batch.change(i)) ? 1 : -1;
      set_head(state, now);
    }
    set_->update(batch, all_, states_, *table_, sizeof(GroupHead), values_);
    return {};
  }

  Result<bool> advance(EventTime, int64_t now_us, Output& out) override {
    for (const Changed& changed : changed_) emit(changed, out);
    if (out_.rows() > 0) out.emit(out_.take());
    changed_.clear();
    before_count_ = 0;
    for (Column& column : before_) clear(column);
    arena_ = std::make_unique<Arena>();
    expire(now_us / 1000);
    return true;
  }

  int64_t next_timer_us() const override {
    if (buckets_.empty()) return kEndOfTime;
    return (bucket_end(buckets_.begin()->first) + context_.state_ttl_ms) * 1000;
  }

 private:
  static constexpr size_t kNoBefore = SIZE_MAX;
  struct Changed {
    StateRow state;
    size_t before;  // a row of before_, or kNoBefore
  };

  GroupHead head(StateRow row) const {
    return load_le<GroupHead>(std::as_const(*table_).value(row));
  }
  void set_head(StateRow row, const GroupHead& value) { store_le(table_->value(row), value); }

  // The first row of this batch for the group.
  void keep_before(StateRow state, int64_t now_ms) {
    GroupHead now = head(state);
    if (context_.state_ttl_ms > 0) {
      if (now.count != 0 && now.access_ms + context_.state_ttl_ms <= now_ms) {
        reset(state);
        now = {};
      }
      const bool is_new = now.count == 0;
      if (is_new || bucket(now.access_ms) != bucket(now_ms)) remember(state, now_ms);
      now.access_ms = now_ms;
      set_head(state, now);
    }
    if (now.count <= 0) {
      changed_.push_back({state, kNoBefore});
      return;
    }
    changed_.push_back({state, before_count_});
    set_->result(*table_, state, sizeof(GroupHead), values_, before_columns_, *arena_);
    ++before_count_;
  }

  void reset(StateRow state) {
    std::fill_n(table_->value(state), table_->shape().fixed_bytes, char{0});
    if (set_->uses_blob()) table_->set_blob(state, {});
    for (const auto& values : values_) values->erase_all(table_->key(state));
  }

  void emit(const Changed& changed, Output& out) {
    const bool was = changed.before != kNoBefore;
    const bool is = head(changed.state).count > 0;
    if (is) {
      for (Column* const column : after_columns_) clear(*column);
      set_->result(*table_, changed.state, sizeof(GroupHead), values_, after_columns_, *arena_);
    }
    if (was && is) {
      if (is_same(changed.before)) return;
      append(changed.state, before_, changed.before, ChangeKind::kUpdateBefore);
      append(changed.state, after_, 0, ChangeKind::kUpdateAfter);
    } else if (is) {
      append(changed.state, after_, 0, ChangeKind::kInsert);
    } else {
      if (was) append(changed.state, before_, changed.before, ChangeKind::kDelete);
      // A count below 0 stays: the row that was taken back is still to come.
      if (head(changed.state).count == 0) table_->erase(changed.state);
    }
    if (out_.rows() >= kPieceRows) out.emit(out_.take());
  }

  bool is_same(size_t before) const {
    // With a time to live every row goes on, so that state below lives on, too (as in Flink).
    if (context_.state_ttl_ms > 0) return before_.empty();
    for (size_t i = 0; i < before_.size(); ++i) {
      if (!equal_values(before_[i], before, after_[i], 0)) return false;
    }
    return true;
  }

  void append(StateRow state, const std::vector<Column>& values, size_t row, ChangeKind change) {
    key_columns_.clear();
    for (size_t i = 0; i < keys_count_; ++i) key_columns_.push_back(&out_.column(i));
    decode_key(table_->key(state), key_columns_, out_.arena());
    for (size_t i = 0; i < values.size(); ++i) {
      Column& column = out_.column(keys_count_ + i);
      column.append(values[i], row);
      if (column.physical == Physical::kString) {
        column.strings.back() = out_.arena().copy(column.strings.back());
      }
    }
    out_.finish_row(change);
  }

  // --- Time to live.

  int64_t bucket_ms() const { return std::max<int64_t>(1, context_.state_ttl_ms / 16); }
  int64_t bucket(int64_t time_ms) const { return time_ms / bucket_ms(); }
  int64_t bucket_end(int64_t index) const { return (index + 1) * bucket_ms(); }
  void remember(StateRow row, int64_t time_ms) { buckets_[bucket(time_ms)].push_back(row); }

  void expire(int64_t now_ms) {
    if (context_.state_ttl_ms <= 0) return;
    while (!buckets_.empty() &&
           bucket_end(buckets_.begin()->first) + context_.state_ttl_ms <= now_ms) {
      const auto [index, rows] = std::move(*buckets_.begin());
      buckets_.erase(buckets_.begin());
      for (const StateRow row : rows) {
        // It may have been used again since, or be another group's by now.
        if (!table_->is_live(row) || bucket(head(row).access_ms) != index) continue;
        for (const auto& values : values_) values->erase_all(table_->key(row));
        table_->erase(row);
      }
    }
  }

  Schema schema_;
  size_t keys_count_;
  OperatorContext context_;
  std::unique_ptr<AggregateSet> set_;
  KeyedRows keys_;
  StateTable* table_ = nullptr;
  AggregateValues values_;
  std::map<int64_t, std::vector<StateRow>> buckets_;
  // Of the batch under way.
  std::vector<Changed> changed_;
  std::vector<Column> before_;
  size_t before_count_ = 0;
  std::vector<Column> after_;
  std::vector<Column*> before_columns_;
  std::vector<Column*> after_columns_;
  std::unique_ptr<Arena> arena_ = std::make_unique<Arena>();
  BatchBuilder out_;
  std::vector<Column*> key_columns_;
  std::vector<StateRow> states_;
  std::vector<uint32_t> all_;
};

}  // namespace

Result<std::unique_ptr<Operator>> make_group_aggregate(const PlanNode& node,
                                                       OperatorContext context) {
  const auto& group = std::get<GroupAggregateNode>(node.node);
  TRY_ASSIGN(auto set, AggregateSet::make(group.aggregates, context.dialect, group.input_retracts));
  return std::make_unique<GroupAggregate>(node, std::move(context), std::move(set));
}

}  // namespace millstream::analytics
