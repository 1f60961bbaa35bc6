#include "log/local/run.h"

#include <algorithm>

#include "base/result.h"

namespace millstream::local {

void RunQueue::push(const RunRef& run, FrameNumber first) {
  MS_ASSERT(end_ <= run.first());
  if (runs_.size() == runs_.capacity()) {
    // Grows only where little is stale, so that the moves stay few.
    if (const size_t stale = find_frame(first); stale >= (runs_.size() + 3) / 4) drop_front(stale);
  }
  end_ = run.end;
  unflushed_bytes_ += run.bytes;
  runs_.push_back(run);
  next_.store(runs_.data() + runs_.size(), std::memory_order_relaxed);
}

size_t RunQueue::find(Counter from) const {
  const auto it =
      std::ranges::partition_point(runs_, [&](const RunRef& r) { return r.end <= from; });
  return static_cast<size_t>(it - runs_.begin());
}

size_t RunQueue::find_frame(FrameNumber frame) const {
  const auto it =
      std::ranges::partition_point(runs_, [&](const RunRef& r) { return r.frame() < frame; });
  return static_cast<size_t>(it - runs_.begin());
}

void RunQueue::flushed_to(Counter end) {
  for (; flushed_ < size() && runs_[flushed_].end <= end; ++flushed_) {
    unflushed_bytes_ -= runs_[flushed_].bytes;
  }
}

void RunQueue::trim(Counter first) {
  const size_t count = find(first);
  for (size_t i = flushed_; i < count; ++i) unflushed_bytes_ -= runs_[i].bytes;
  flushed_ = std::max(flushed_, count);
  drop_front(count);
}

void RunQueue::drop_stale(FrameNumber first) {
  drop_front(find_frame(first));
  if (runs_.size() <= runs_.capacity() / 4) runs_.shrink_to_fit();
}

void RunQueue::clear() {
  runs_ = {};
  flushed_ = 0;
  unflushed_bytes_ = 0;
}

void RunQueue::drop_front(size_t count) {
  MS_ASSERT(count <= flushed_);
  runs_.erase(runs_.begin(), runs_.begin() + static_cast<ptrdiff_t>(count));
  flushed_ -= count;
}

}  // namespace millstream::local
