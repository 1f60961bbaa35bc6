#include "analytics/engine/session_aggregate.h"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <utility>

#include "analytics/engine/keyed_rows.h"
#include "analytics/engine/window_output.h"
#include "base/bytes.h"

namespace millstream::analytics {
namespace {

constexpr uint32_t kHeadBytes = sizeof(int64_t);  // the end, before the accumulators
constexpr size_t kStartBytes = 9;                 // append_key_int64

struct Session {
  WindowBounds bounds;
  StateRow row = kNoRow;
};

class SessionAggregate final : public Operator {
 public:
  SessionAggregate(const PlanNode& node, OperatorContext context, std::unique_ptr<AggregateSet> set)
      : window_(std::get<WindowAggregateNode>(node.node).window),
        context_(std::move(context)),
        set_(std::move(set)),
        times_(node, context_),
        keys_(std::get<WindowAggregateNode>(node.node).keys, std::nullopt),
        output_(node, times_) {}

  Result<> open() override {
    table_ = &context_.state->table({.name = "sessions",
                                     .fixed_bytes = kHeadBytes + set_->fixed_bytes(),
                                     .has_blob = set_->uses_blob()});
    values_ = set_->values(*context_.state, "values/", true);
    table_->for_each_row([this](StateRow row) {
      const WindowBounds bounds{decode_key_int64(table_->key(row)),
                                load_le<int64_t>(std::as_const(*table_).value(row))};
      remember(key_of(row), {bounds, row});
    });
    return {};
  }

  Result<> process(size_t, const Batch& batch, int64_t now_us, Output& out) override {
    if (batch.rows == 0) return {};
    if (std::ranges::any_of(batch.changes, [](ChangeKind kind) { return !is_addition(kind); })) {
      return fail(ErrorCode::kInvalidArgument,
                  "a window aggregation over a query that updates its rows is not yet supported");
    }
    keys_.encode(batch);
    uint64_t late = 0;
    for (uint32_t row = 0; row < batch.rows; ++row) {
      int64_t time = 0;
      if (!times_.time_of(batch, row, now_us, out, time)) continue;
      const StateRow state = window_for(batch, row, time);
      if (state == kNoRow) {
        ++late;
        continue;
      }
      table_->touch(state);
      set_->update(batch, std::span(&row, 1), std::span(&state, 1), *table_, kHeadBytes, values_);
    }
    if (late > 0) out.count_late(late);
    return {};
  }

  Result<bool> advance(EventTime watermark, int64_t now_us, Output& out) override {
    while (!ends_.empty()) {
      const auto first = ends_.begin();
      if (!times_.is_over(times_.deadline(first->first), watermark, now_us)) break;
      fire(first->first, first->second, now_us);
      ends_.erase(first);
      if (!output_.is_full()) continue;
      output_.flush(out);
      if (out.is_full() && !ends_.empty()) return false;
    }
    output_.flush(out);
    return true;
  }

  int64_t next_timer_us() const override {
    return times_.by_clock() && !ends_.empty() ? times_.deadline(ends_.begin()->first) : kEndOfTime;
  }

 private:
  std::string_view key_of(StateRow row) const {
    const std::string_view key = table_->key(row);
    return key.substr(0, key.size() - kStartBytes);
  }

  // Sessions of a key lie in order of their starts.
  void remember(std::string_view key, const Session& session) {
    std::vector<Session>& sessions = sessions_[std::string(key)];
    const auto at =
        std::ranges::upper_bound(sessions, session.bounds.start, {},
                                 [](const Session& other) { return other.bounds.start; });
    sessions.insert(at, session);
    ends_.emplace(session.bounds.end, table_->key(session.row));
  }

  StateRow make(std::string_view key, uint8_t group, const WindowBounds& bounds) {
    std::string full(key);
    append_key_int64(bounds.start, full);
    const StateRow row = table_->find_or_insert_one(full, hash_key(full), group);
    table_->touch(row);
    store_le(table_->value(row), bounds.end);
    return row;
  }

  // The state of the window that the row belongs to; kNoRow: it is late.
  StateRow window_for(const Batch& batch, uint32_t row, int64_t time) {
    const std::string_view key = keys_.keys()[row];
    const WindowBounds own{time, time + window_.size_ms * 1000};
    WindowBounds merged = own;
    std::vector<Session> touching;
    if (const auto at = sessions_.find(std::string(key)); at != sessions_.end()) {
      for (const Session& session : at->second) {
        // What was over when the row came takes no more, whether it has been emitted or not.
        if (times_.is_late(times_.deadline(session.bounds.end), batch, row)) continue;
        if (!takes(session, own)) continue;
        touching.push_back(session);
        if (window_.kind == WindowKind::kStagger) return session.row;
        merged.start = std::min(merged.start, session.bounds.start);
        merged.end = std::max(merged.end, session.bounds.end);
      }
    }
    if (times_.is_late(times_.deadline(merged.end), batch, row)) return kNoRow;
    if (touching.size() == 1 && touching[0].bounds == merged) return touching[0].row;
    return merge(key, keys_.groups()[row], merged, touching);
  }

  // Windows that only touch are one, too, as in Flink.
  bool takes(const Session& session, const WindowBounds& own) const {
    if (window_.kind == WindowKind::kStagger) {
      return session.bounds.start <= own.start && own.start < session.bounds.end;
    }
    return session.bounds.start <= own.end && own.start <= session.bounds.end;
  }

  StateRow merge(std::string_view key, uint8_t group, const WindowBounds& merged,
                 const std::vector<Session>& touching) {
    for (const Session& session : touching) forget(key, session);
    StateRow to = kNoRow;
    if (!touching.empty() && touching[0].bounds.start == merged.start) {
      to = touching[0].row;
      table_->touch(to);
      store_le(table_->value(to), merged.end);
    } else {
      to = make(key, group, merged);
    }
    for (const Session& session : touching) {
      if (session.row == to) continue;
      set_->merge(*table_, to, session.row, kHeadBytes);
      table_->erase(session.row);
    }
    remember(key, {merged, to});
    return to;
  }

  void forget(std::string_view key, const Session& session) {
    ends_.erase({session.bounds.end, std::string(table_->key(session.row))});
    const auto at = sessions_.find(std::string(key));
    std::erase_if(at->second, [&](const Session& other) { return other.row == session.row; });
    if (at->second.empty()) sessions_.erase(at);
  }

  void fire(int64_t end, const std::string& full_key, int64_t now_us) {
    const StateRow row = table_->find_one(full_key, hash_key(full_key));
    MS_ASSERT(row != kNoRow);
    const WindowBounds bounds{decode_key_int64(full_key), end};
    output_.add(*table_, row, kHeadBytes, *set_, values_, bounds, now_us);
    const auto at = sessions_.find(std::string(key_of(row)));
    std::erase_if(at->second, [row](const Session& other) { return other.row == row; });
    if (at->second.empty()) sessions_.erase(at);
    for (const auto& values : values_) values->erase_all(full_key);
    table_->erase(row);
  }

  WindowSpec window_;
  OperatorContext context_;
  std::unique_ptr<AggregateSet> set_;
  WindowTimes times_;
  KeyedRows keys_;
  WindowOutput output_;
  StateTable* table_ = nullptr;
  AggregateValues values_;
  std::unordered_map<std::string, std::vector<Session>> sessions_;
  std::set<std::pair<int64_t, std::string>> ends_;  // end, key in the table
};

}  // namespace

Result<std::unique_ptr<Operator>> make_session_aggregate(const PlanNode& node,
                                                         OperatorContext context) {
  const auto& aggregate = std::get<WindowAggregateNode>(node.node);
  std::vector<int> keys = aggregate.keys;
  std::vector<int> partition = aggregate.window.partition_by;
  std::ranges::sort(keys);
  std::ranges::sort(partition);
  if (!partition.empty() && keys != partition) {
    return fail(ErrorCode::kInvalidArgument,
                "a session window whose PARTITION BY differs from the other columns of GROUP BY "
                "is not yet supported; make them the same");
  }
  if (aggregate.window.size_ms <= 0) {
    return fail(ErrorCode::kInvalidArgument, "a window's size must be above zero");
  }
  TRY_ASSIGN(auto set, AggregateSet::make(aggregate.aggregates, context.dialect, false));
  if (aggregate.window.kind == WindowKind::kSession && set->uses_values()) {
    return fail(ErrorCode::kInvalidArgument,
                "DISTINCT inside an aggregate of a session window is not yet supported");
  }
  return std::make_unique<SessionAggregate>(node, std::move(context), std::move(set));
}

}  // namespace millstream::analytics
