#include "analytics/engine/over_frame.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/bytes.h"

namespace millstream::analytics {
namespace {

constexpr size_t kTimeBytes = sizeof(int64_t);
constexpr size_t kScratchBytes = size_t{64} << 10;

void clear(Column& column) {
  column.bools.clear();
  column.ints.clear();
  column.doubles.clear();
  column.decimals.clear();
  column.strings.clear();
  column.nulls.clear();
}

}  // namespace

Result<std::unique_ptr<OverFrame>> OverFrame::make(const OverNode& node, const Schema& input,
                                                   sql::Dialect dialect, OperatorState& state) {
  std::unique_ptr<OverFrame> frame(new OverFrame());
  frame->by_rows_ = node.rows;
  frame->preceding_ = node.preceding;
  frame->preceding_us_ = node.rows ? 0 : node.preceding.value_or(0) * 1000;
  for (const AggregateCall& call : node.aggregates) TRY(frame->add_call(call, dialect));
  if (!frame->is_bounded()) frame->columns_.clear();
  frame->store_ = &state.row_store("window", frame->fixed_bytes_);
  frame->codec_ = std::make_unique<RowCodec>(input, frame->columns_);
  frame->old_memory_ = std::make_unique<Arena>();
  frame->old_.reserve(frame->columns_.size());
  for (const int column : frame->columns_) {
    frame->old_.emplace_back(input[static_cast<size_t>(column)].type.physical());
  }
  for (Column& column : frame->old_) frame->old_columns_.push_back(&column);
  if (!frame->is_bounded()) return frame;
  const auto kept = [&](int column) -> const Column* {
    const auto at = std::find(frame->columns_.begin(), frame->columns_.end(), column);
    return &frame->old_[static_cast<size_t>(at - frame->columns_.begin())];
  };
  for (Call& call : frame->calls_) {
    for (const int column : call.call.arguments) call.old_arguments.push_back(kept(column));
    if (call.call.filter >= 0) call.old_filter = kept(call.call.filter);
  }
  return frame;
}

Result<> OverFrame::add_call(const AggregateCall& aggregate, sql::Dialect dialect) {
  if (aggregate.distinct) {
    return fail(ErrorCode::kInvalidArgument, "DISTINCT in OVER windows is not yet supported: {}",
                aggregate.text);
  }
  Call call;
  call.call = aggregate;
  call.accumulator = aggregate.function->make(aggregate, dialect);
  const bool has_blob = call.accumulator->uses_blob();
  call.runs = !has_blob && (!is_bounded() || call.accumulator->can_retract());
  if (call.runs) {
    call.offset = fixed_bytes_;
    fixed_bytes_ += (call.accumulator->state_bytes() + 7) / 8 * 8;
  } else {
    call.index = others_++;
  }
  std::vector<int> columns = aggregate.arguments;
  if (aggregate.filter >= 0) columns.push_back(aggregate.filter);
  for (const int column : columns) {
    if (std::find(columns_.begin(), columns_.end(), column) == columns_.end()) {
      columns_.push_back(column);
    }
  }
  calls_.push_back(std::move(call));
  return {};
}

void OverFrame::open() {
  if (!is_bounded()) return;
  store_->for_each_key([this](KeyRef key) {
    if (store_->count(key) == 0) return;
    // The aggregates in the fixed bytes are those of after the last row: without what had left.
    const int64_t first = first_time(last_time(key));
    while (by_rows_ ? store_->count(key) > static_cast<uint64_t>(*preceding_) + 1
                    : load_le<int64_t>(store_->payload(store_->first(key)).data()) < first) {
      store_->erase(store_->first(key), RowStore::Erase::kSilent);
    }
  });
}

void OverFrame::begin(const Batch& batch) {
  for (Call& call : calls_) {
    call.arguments.clear();
    for (const int column : call.call.arguments) {
      call.arguments.push_back(batch.columns[static_cast<size_t>(column)].get());
    }
    call.filter =
        call.call.filter < 0 ? nullptr : batch.columns[static_cast<size_t>(call.call.filter)].get();
  }
}

int64_t OverFrame::last_time(KeyRef key) const {
  const RowStore::RowRef row = store_->last(key);
  return row == RowStore::kNone ? kNoWatermark : load_le<int64_t>(store_->payload(row).data());
}

int64_t OverFrame::idle_at(KeyRef key) const {
  int64_t time = 0;
  return __builtin_add_overflow(last_time(key), preceding_us_, &time) ? kEndOfTime : time;
}

int64_t OverFrame::first_time(int64_t time) const {
  int64_t first = 0;
  return __builtin_sub_overflow(time, preceding_us_, &first) ? kNoWatermark : first;
}

void OverFrame::add(KeyRef key, const Batch& batch, uint32_t row, int64_t time) {
  if (is_bounded()) leave(key, time);
  char* const fixed = store_->fixed(key);
  for (const Call& call : calls_) {
    if (!call.runs || !passes(call.filter, row)) continue;
    char* const state = fixed + call.offset;
    call.accumulator->update(call.arguments, {&row, 1}, {&state, 1}, false);
  }
  if (fixed_bytes_ > 0) store_->touch(key);
  if (others_ > 0 && is_bounded()) {
    Memory& window = memory(key);
    for (const Call& call : calls_) {
      if (!call.runs && passes(call.filter, row)) {
        take(call, false, row, window.calls[call.index].newer);
      }
    }
  }
  if (is_bounded()) {
    payload_.assign(kTimeBytes, '\0');
    store_le(payload_.data(), time);
    codec_->encode(batch, row, payload_);
    store_->append(key, payload_);
  } else if (others_ > 0) {
    read_blobs(key);
    for (const Call& call : calls_) {
      if (!call.runs && passes(call.filter, row)) take(call, false, row, blobs_[call.index]);
    }
    write_blobs(key);
  }
}

// Before the new row of `time` is there.
void OverFrame::leave(KeyRef key, int64_t time) {
  const int64_t first = first_time(time);
  bool left = false;
  while (store_->count(key) > 0) {
    const bool stays = by_rows_
                           ? store_->count(key) <= static_cast<uint64_t>(*preceding_)
                           : load_le<int64_t>(store_->payload(store_->first(key)).data()) >= first;
    if (stays) break;
    pop(key);
    left = true;
  }
  // Nothing of the rounding of earlier sums stays.
  if (left && store_->count(key) == 0) std::memset(store_->fixed(key), 0, fixed_bytes_);
}

void OverFrame::pop(KeyRef key) {
  const RowStore::RowRef row = store_->first(key);
  const uint32_t at = 0;
  decode(row);
  char* const fixed = store_->fixed(key);
  for (const Call& call : calls_) {
    if (!call.runs || !passes(call.old_filter, at)) continue;
    char* const state = fixed + call.offset;
    call.accumulator->update(call.old_arguments, {&at, 1}, {&state, 1}, true);
  }
  if (others_ > 0) {
    Memory& window = memory(key);
    if (window.older == 0) turn(key, window);
    --window.older;
    for (Stacks& stacks : window.calls) stacks.older.pop_back();
  }
  store_->erase(row, RowStore::Erase::kSilent);
}

// From the newest row to the oldest: each one's result with all behind it.
void OverFrame::turn(KeyRef key, Memory& window) {
  for (Stacks& stacks : window.calls) stacks.newer.clear();
  for (const Call& call : calls_) {
    if (!call.runs && !call.accumulator->uses_blob()) {
      window.calls[call.index].newer.assign(call.accumulator->state_bytes(), '\0');
    }
  }
  for (RowStore::RowRef row = store_->last(key); row != RowStore::kNone;
       row = store_->previous(row)) {
    decode(row);
    for (const Call& call : calls_) {
      if (call.runs) continue;
      std::string state;
      if (!call.accumulator->uses_blob()) state.assign(call.accumulator->state_bytes(), '\0');
      if (passes(call.old_filter, 0)) take(call, true, 0, state);
      std::vector<std::string>& older = window.calls[call.index].older;
      if (!older.empty()) merge(call, state, older.back());
      older.push_back(std::move(state));
    }
    ++window.older;
  }
}

OverFrame::Memory& OverFrame::memory(KeyRef key) {
  const uint32_t user = store_->user(key);
  if (user != 0) return memories_[user - 1];
  uint32_t index;
  if (free_memories_.empty()) {
    index = static_cast<uint32_t>(memories_.size());
    memories_.emplace_back();
  } else {
    index = free_memories_.back();
    free_memories_.pop_back();
  }
  store_->set_user(key, index + 1);
  Memory& window = memories_[index];
  window.calls.resize(others_);
  for (const Call& call : calls_) {
    if (!call.runs && !call.accumulator->uses_blob()) {
      window.calls[call.index].newer.assign(call.accumulator->state_bytes(), '\0');
    }
  }
  // After a restore: what is in the state counts as new.
  for (RowStore::RowRef row = store_->first(key); row != RowStore::kNone; row = store_->next(row)) {
    decode(row);
    for (const Call& call : calls_) {
      if (!call.runs && passes(call.old_filter, 0)) {
        take(call, true, 0, window.calls[call.index].newer);
      }
    }
  }
  return window;
}

void OverFrame::decode(RowStore::RowRef row) {
  for (Column& column : old_) clear(column);
  if (old_memory_->bytes() > kScratchBytes) old_memory_ = std::make_unique<Arena>();
  codec_->decode(store_->payload(row).substr(kTimeBytes), old_columns_, *old_memory_);
}

void OverFrame::take(const Call& call, bool old, uint32_t row, std::string& state) const {
  const auto& arguments = old ? call.old_arguments : call.arguments;
  if (call.accumulator->uses_blob()) {
    call.accumulator->update_blob(arguments, row, state);
    return;
  }
  char* const data = state.data();
  call.accumulator->update(arguments, {&row, 1}, {&data, 1}, false);
}

void OverFrame::merge(const Call& call, std::string& to, const std::string& from) const {
  if (call.accumulator->uses_blob()) {
    call.accumulator->merge_blob(to, from);
  } else {
    call.accumulator->merge(to.data(), from.data());
  }
}

void OverFrame::append_result(const Call& call, const std::string& state, Column& out,
                              Arena& arena) const {
  if (call.accumulator->uses_blob()) {
    call.accumulator->result_blob(state, out, arena);
  } else {
    call.accumulator->result(state.data(), out, arena);
  }
}

void OverFrame::result(KeyRef key, std::span<Column* const> out, Arena& arena) {
  const char* const fixed = store_->fixed(key);
  if (others_ > 0 && !is_bounded()) read_blobs(key);
  for (size_t i = 0; i < calls_.size(); ++i) {
    const Call& call = calls_[i];
    if (call.runs) {
      call.accumulator->result(fixed + call.offset, *out[i], arena);
    } else if (!is_bounded()) {
      append_result(call, blobs_[call.index], *out[i], arena);
    } else {
      const Stacks& stacks = memory(key).calls[call.index];
      if (stacks.older.empty()) {
        append_result(call, stacks.newer, *out[i], arena);
      } else {
        std::string whole = stacks.older.back();
        merge(call, whole, stacks.newer);
        append_result(call, whole, *out[i], arena);
      }
    }
  }
}

// Of an unbounded window: one row with all blobs, a length of 4 bytes before each.
void OverFrame::read_blobs(KeyRef key) {
  blobs_.assign(others_, {});
  const RowStore::RowRef row = store_->first(key);
  if (row == RowStore::kNone) return;
  std::string_view rest = store_->payload(row);
  for (std::string& blob : blobs_) {
    const auto size = load_le<uint32_t>(rest.data());
    blob.assign(rest.substr(4, size));
    rest.remove_prefix(4 + size);
  }
}

void OverFrame::write_blobs(KeyRef key) {
  payload_.clear();
  for (const std::string& blob : blobs_) {
    char size[4];
    store_le(size, static_cast<uint32_t>(blob.size()));
    payload_.append(size, sizeof size).append(blob);
  }
  const RowStore::RowRef row = store_->first(key);
  if (row == RowStore::kNone) {
    store_->append(key, payload_);
  } else if (store_->payload(row) != payload_) {
    store_->replace(row, payload_);
  }
}

void OverFrame::erase(KeyRef key) {
  while (store_->count(key) > 0) store_->erase(store_->first(key), RowStore::Erase::kLogged);
  if (const uint32_t user = store_->user(key); user != 0) {
    memories_[user - 1] = {};
    free_memories_.push_back(user - 1);
    store_->set_user(key, 0);
  }
  store_->erase_key(key, RowStore::Erase::kLogged);
}

}  // namespace millstream::analytics
