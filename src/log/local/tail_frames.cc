#include "log/local/tail_frames.h"

#include <algorithm>

#include "base/result.h"

namespace millstream::local {

TailFrame::TailFrame(Content content) : content_(std::move(content)) {
  MS_ASSERT(content_.runs.size() <= RunRef::kMaxRuns);
  if (content_.buffers.empty()) return;
  cost_ = sizeof(TailFrame) + content_.runs.size() * (sizeof(Run) + sizeof(RunRef)) +
          content_.pieces.size() * sizeof(Piece);
  for (const Run& run : content_.runs) cost_ += run.bytes;
}

bool TailFrame::bodies(const Run& run, std::vector<Slice>& into) const {
  into.clear();
  std::lock_guard lock(mutex_);
  if (content_.buffers.empty()) return false;
  for (const Piece& piece : pieces(run)) {
    into.emplace_back(content_.buffers[piece.buffer], piece.body, piece.bytes);
  }
  return true;
}

JournalFileRef TailFrame::file() const {
  std::lock_guard lock(mutex_);
  return content_.file;
}

void TailFrame::evict() {
  std::vector<BufferRef> freed;
  std::lock_guard lock(mutex_);
  freed.swap(content_.buffers);
}

void TailFrame::release_file() {
  std::lock_guard lock(mutex_);
  content_.file.reset();
}

TailFrames::TailFrames(size_t limit_bytes, size_t checkpoint_bytes)
    : limit_bytes_(limit_bytes), easy_bytes_(std::max(limit_bytes / 2, 2 * checkpoint_bytes)) {}

double TailFrames::pressure() const {
  const size_t unflushed = unflushed_bytes_.load(std::memory_order_relaxed);
  // A limit that holds no two checkpoints: they are read back whatever the pace.
  if (unflushed <= easy_bytes_ || easy_bytes_ >= limit_bytes_) return 0;
  return std::min(1.0, static_cast<double>(unflushed - easy_bytes_) /
                           static_cast<double>(limit_bytes_ - easy_bytes_));
}

FrameNumber TailFrames::add_locked(TailFrameRef frame) {
  frames_.push_back(std::move(frame));
  const FrameNumber number = last() + 1;
  last_.store(number, std::memory_order_release);
  return number;
}

FrameNumber TailFrames::add(TailFrameRef frame) {
  bytes_.fetch_add(frame->cost(), std::memory_order_relaxed);
  unflushed_bytes_.fetch_add(frame->cost(), std::memory_order_relaxed);
  std::vector<TailFrameRef> evicted;
  FrameNumber number = 0;
  {
    std::unique_lock lock(mutex_);
    number = add_locked(std::move(frame));
    while (bytes() > limit_bytes_ && evicted_ < number) {
      ++evicted_;
      TailFrameRef& oldest = frames_[evicted_ - first()];
      bytes_.fetch_sub(oldest->cost(), std::memory_order_relaxed);
      evicted.push_back(oldest);
    }
    drop_locked();
  }
  for (const TailFrameRef& each : evicted) each->evict();
  return number;
}

FrameNumber TailFrames::add_evicted(TailFrameRef frame) {
  std::unique_lock lock(mutex_);
  return evicted_ = add_locked(std::move(frame));
}

TailFrameRef TailFrames::find(FrameNumber number) const {
  std::shared_lock lock(mutex_);
  const FrameNumber begin = first();
  if (number < begin || number - begin >= frames_.size()) return nullptr;
  return frames_[number - begin];
}

std::vector<TailFrameRef> TailFrames::range(FrameNumber from, FrameNumber to) const {
  std::shared_lock lock(mutex_);
  const FrameNumber begin = first();
  std::vector<TailFrameRef> found;
  for (FrameNumber i = std::max(from, begin); i <= std::min(to, last()); ++i) {
    found.push_back(frames_[i - begin]);
  }
  return found;
}

void TailFrames::flushed_to(FrameNumber number) {
  std::vector<TailFrameRef> done = range(flushed() + 1, number);
  {
    std::unique_lock lock(mutex_);
    flushed_.store(std::max(flushed(), number), std::memory_order_release);
    drop_locked();
  }
  for (const TailFrameRef& frame : done) {
    frame->release_file();
    unflushed_bytes_.fetch_sub(frame->cost(), std::memory_order_relaxed);
  }
}

void TailFrames::drop_locked() {
  const FrameNumber gone = std::min(evicted_, flushed());
  while (!frames_.empty() && first() <= gone) {
    frames_.pop_front();
    first_.store(first() + 1, std::memory_order_release);
  }
}

}  // namespace millstream::local
