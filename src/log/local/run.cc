#include "log/local/run.h"

#include <algorithm>

namespace millstream::local {

void RunQueue::push(Run run, bool is_cached) {
  MS_ASSERT(empty() || back().end() <= run.first);
  unflushed_bytes_ += run.bytes;
  runs_.push_back(std::move(run));
  if (!is_cached) {
    MS_ASSERT(evicted_ + 1 == size());
    evicted_ = size();
  }
}

size_t RunQueue::find(Counter from) const {
  const auto begin = runs_.begin() + static_cast<ptrdiff_t>(head_);
  const auto it =
      std::partition_point(begin, runs_.end(), [&](const Run& run) { return run.end() <= from; });
  return static_cast<size_t>(it - begin);
}

Freed RunQueue::evict(Counter end) {
  if (evicted_ == size()) return {};
  Run& run = runs_[head_ + evicted_];
  if (run.end() != end) return {};
  const size_t bytes = run.bytes;
  for (Piece& piece : run.pieces) piece.body = Slice();
  ++evicted_;
  drop_front(std::min(evicted_, flushed_));
  return {bytes, 1};
}

bool RunQueue::caches(Counter end) const {
  return evicted_ < size() && runs_[head_ + evicted_].end() <= end;
}

void RunQueue::flushed_to(Counter end) {
  while (flushed_ < size() && runs_[head_ + flushed_].end() <= end) {
    unflushed_bytes_ -= runs_[head_ + flushed_].bytes;
    runs_[head_ + flushed_].file.reset();
    ++flushed_;
  }
  drop_front(std::min(evicted_, flushed_));
}

Freed RunQueue::trim(Counter first) {
  size_t count = 0;
  Freed freed;
  while (count < size() && runs_[head_ + count].end() <= first) {
    if (cached(count)) {
      freed.bytes += runs_[head_ + count].bytes;
      ++freed.runs;
    }
    if (count >= flushed_) unflushed_bytes_ -= runs_[head_ + count].bytes;
    ++count;
  }
  evicted_ = std::max(evicted_, count);
  flushed_ = std::max(flushed_, count);
  drop_front(count);
  return freed;
}

Freed RunQueue::clear() {
  Freed freed;
  for (size_t i = evicted_; i < size(); ++i) {
    freed.bytes += runs_[head_ + i].bytes;
    ++freed.runs;
  }
  runs_ = {};
  head_ = evicted_ = flushed_ = 0;
  unflushed_bytes_ = 0;
  return freed;
}

void RunQueue::drop_front(size_t count) {
  if (count == 0) return;
  for (size_t i = 0; i < count; ++i) runs_[head_ + i] = Run();
  head_ += count;
  evicted_ -= count;
  flushed_ -= count;
  compact();
}

void RunQueue::compact() {
  if (head_ == runs_.size()) {
    // A quiet shard keeps no memory; a busy one keeps its capacity.
    if (runs_.capacity() > 64) {
      runs_.clear();
    } else {
      runs_ = {};
    }
    head_ = 0;
  } else if (head_ > runs_.size() / 2 && head_ >= 16) {
    runs_.erase(runs_.begin(), runs_.begin() + static_cast<ptrdiff_t>(head_));
    head_ = 0;
  }
}

}  // namespace millstream::local
