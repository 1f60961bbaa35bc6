#include "log/local/committer.h"

#include <algorithm>

#include "log/local/limits.h"

namespace millstream::local {
namespace {

constexpr double kPacedBytesPerMs = 50'000;
// How many shards ahead memory is asked for: about as long as one takes.
constexpr size_t kPrefetch = 8;
constexpr auto kRoomRetry = std::chrono::milliseconds(20);

std::chrono::nanoseconds now() { return std::chrono::steady_clock::now().time_since_epoch(); }

Error closing() {
  return Error{ErrorCode::kUnavailable, "The log is closing; try again when the server is up."};
}

}  // namespace

Committer::Committer(FrameBuilder& builder, JournalWriter& writer, JournalSpace& space,
                     ShardTable& shards, WriterTable& writers, TailFrames& frames, Health& health,
                     size_t pending_bytes)
    : builder_(builder),
      writer_(writer),
      space_(space),
      shards_(shards),
      writers_(writers),
      frames_(frames),
      health_(health),
      pending_limit_(pending_bytes) {}

Committer::~Committer() { stop(); }

void Committer::start(uint64_t journal_bytes) {
  journal_bytes_ = journal_bytes;
  thread_ = std::thread([this] { loop(); });
}

void Committer::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

awaitable<> Committer::run(Op& op) {
  // Twice the limit may wait; they are refused when they do not get room in time.
  if (op.bytes > 0 && pending_bytes() > 2 * pending_limit_) {
    op.error = Error{ErrorCode::kThrottled,
                     "Too many bytes wait to be written; send more slowly or try again."};
    co_return;
  }
  op.queued = now();
  co_await suspend(op, [this, &op] { submit(op); });
}

void Committer::submit(Op& op) {
  bool wake = false;
  bool refused = false;
  {
    std::lock_guard lock(mutex_);
    if (stopping_) {
      refused = true;
    } else {
      pending_bytes_.fetch_add(op.bytes, std::memory_order_relaxed);
      queue_.push_back(&op);
      wake = idle_;
      idle_ = false;
    }
  }
  if (wake) wake_.notify_one();
  if (refused) {
    op.error = closing();
    CompletionBatch batch;
    batch.add(&op);
    batch.post();
  }
}

Snapshot Committer::snapshot() {
  std::unique_lock lock(mutex_);
  if (stopped_ || !thread_.joinable()) return take_snapshot();
  snapshot_wanted_ = true;
  const uint64_t made = snapshots_made_;
  wake_.notify_one();
  snapshot_ready_.wait(lock, [&] { return snapshots_made_ > made || stopped_; });
  if (snapshots_made_ == made) return take_snapshot();
  Snapshot result = *std::move(snapshot_);
  snapshot_.reset();
  return result;
}

void Committer::room_made() {
  {
    std::lock_guard lock(mutex_);
    room_ = true;
  }
  wake_.notify_one();
}

void Committer::loop() {
  bool blocked = false;
  for (;;) {
    bool snapshot_wanted = false;
    {
      std::unique_lock lock(mutex_);
      if (blocked) {
        wake_.wait_for(lock, kRoomRetry, [&] { return room_ || snapshot_wanted_; });
      } else if (waiting_.empty()) {
        idle_ = true;
        wake_.wait(lock, [&] { return !queue_.empty() || stopping_ || snapshot_wanted_; });
        idle_ = false;
      }
      room_ = false;
      waiting_.insert(waiting_.end(), queue_.begin(), queue_.end());
      queue_.clear();
      if (waiting_.empty() && stopping_) {
        stopped_ = true;
        snapshot_ready_.notify_all();
        return;
      }
      snapshot_wanted = std::exchange(snapshot_wanted_, false);
    }
    if (snapshot_wanted) give_snapshot();
    if (health_.failed()) fail_all(health_.failure());
    expire();
    blocked = !waiting_.empty() && !commit();
    done_.post();
    pace();
  }
}

void Committer::give_snapshot() {
  Snapshot snapshot = take_snapshot();
  {
    std::lock_guard lock(mutex_);
    snapshot_ = std::move(snapshot);
    ++snapshots_made_;
  }
  snapshot_ready_.notify_all();
}

bool Committer::commit() {
  if (!make_room()) {
    if (health_.failed()) fail_all(health_.failure());
    return waiting_.empty();
  }
  Frame frame;
  fill(frame);
  const bool has_entries = builder_.finish(writer_.next_place(), writer_.next_lsn());
  if (has_entries) {
    auto written = writer_.write(frame.bytes, frame.entries, frame.bodies, frame.body_bytes);
    if (!written) {
      for (Op* op : frame.ops) {
        op->error = written.error();
        answer(*op);
      }
      fail_all(written.error());
      return true;
    }
    frame_bytes_ = align_up(frame.bytes.size() + frame.body_bytes);
    journal_bytes_.fetch_add(frame_bytes_, std::memory_order_relaxed);
    publish(frame);
  }
  for (Op* op : frame.ops) answer(*op);
  if (commit_callback_) commit_callback_();
  return true;
}

// Where the flusher lags, everybody slows down a little before somebody is refused, or records
// leave memory before they are flushed: at the limit down to kPacedBytesPerMs, whatever the size of
// the appends.
void Committer::pace() {
  const auto bytes = static_cast<double>(std::exchange(frame_bytes_, 0));
  const double pressure = std::max(space_.pressure(), frames_.pressure());
  if (bytes == 0 || pressure == 0) return;
  std::this_thread::sleep_for(
      std::chrono::duration<double, std::milli>(bytes / kPacedBytesPerMs * pressure * pressure));
}

// Leaves the file in use with room for at least the first waiting change.
bool Committer::make_room() {
  const uint64_t first = align_up(kFrameHeadSize + FrameBuilder::bound(*waiting_.front()));
  uint64_t all = kFrameHeadSize;
  for (const Op* op : waiting_) {
    all += FrameBuilder::bound(*op);
    if (all > kFrameBytes) break;
  }
  const uint64_t room = writer_.room();
  // The end of a file is filled with a smaller frame, unless it is hardly worth a sync.
  if (room >= first && (room >= align_up(all) || room >= writer_.file_bytes() / 8)) return true;
  auto rolled = writer_.roll(first);
  return rolled && *rolled;
}

void Committer::fill(Frame& frame) {
  const uint64_t room = writer_.room();
  builder_.begin(frame);
  uint64_t bytes = kFrameHeadSize;
  while (!waiting_.empty()) {
    const uint64_t bound = FrameBuilder::bound(*waiting_.front());
    const bool first = frame.ops.empty();
    if (!first && (bytes + bound > kFrameBytes || align_up(bytes + bound) > room)) break;
    bytes += bound;
    builder_.add(*waiting_.front());
    waiting_.pop_front();
  }
}

void Committer::publish(Frame& frame) {
  for (const Frame::Effect& effect : frame.effects) {
    if (effect.kind == Op::Kind::kCreate) publish_effect(effect);
  }
  if (frame.tail) publish_runs(frame);
  for (const Frame::Effect& effect : frame.effects) {
    if (effect.kind != Op::Kind::kCreate) publish_effect(effect);
  }
}

void Committer::publish_runs(Frame& frame) {
  const TailFrame& tail = *frame.tail;
  const FrameNumber number = frames_.add(frame.tail);
  const FrameNumber first = frames_.first();
  const size_t count = frame.shards.size();
  for (size_t i = 0; i < count; ++i) {
    if (i + 2 * kPrefetch < count) frame.shards[i + 2 * kPrefetch]->prefetch_durable();
    if (i + kPrefetch < count) frame.shards[i + kPrefetch]->tail.prefetch_push();
    ShardState& shard = *frame.shards[i];
    const Run& run = tail.run(i);
    std::lock_guard lock(shard.mutex);
    shard.durable.tip = run.first + run.records;
    shard.durable.arrival_ms = run.arrival_ms;
    shard.tail.push(RunRef::of(number, i, run.first, run.records, run.bytes), first);
    if (!shard.waiters.empty()) collect_waiters(shard);
  }
}

void Committer::publish_effect(const Frame::Effect& effect) {
  ShardState& shard = *effect.shard;
  {
    std::lock_guard lock(shard.mutex);
    switch (effect.kind) {
      case Op::Kind::kCreate:
        shard.durable.exists = true;
        break;
      case Op::Kind::kSeal:
        shard.durable.sealed = true;
        collect_waiters(shard);
        break;
      case Op::Kind::kRemove:
        shard.durable.exists = false;
        shard.tail.clear();
        collect_waiters(shard);
        break;
      case Op::Kind::kTrim:
        shard.durable.trim = effect.value;
        shard.tail.trim(effect.value);
        break;
      case Op::Kind::kSetRetention:
        shard.durable.retention_ms = static_cast<TimeMs>(effect.value);
        break;
      case Op::Kind::kAppend:
      case Op::Kind::kOpenWriter:
        MS_ASSERT(false);
    }
  }
  if (effect.kind == Op::Kind::kRemove) shards_.erase(shard.id);
}

void Committer::collect_waiters(ShardState& shard) {
  std::erase_if(shard.waiters, [&](const std::shared_ptr<Waiter>& waiter) {
    const bool over =
        !shard.durable.exists || shard.durable.sealed || shard.durable.tip > waiter->position;
    if (over && waiter->settle(Waiter::Outcome::kReady)) done_.add(waiter.get());
    return over;
  });
}

void Committer::answer(Op& op) {
  pending_bytes_.fetch_sub(op.bytes, std::memory_order_relaxed);
  done_.add(&op);
}

void Committer::fail_all(const Error& error) {
  for (Op* op : waiting_) {
    op->error = error;
    answer(*op);
  }
  waiting_.clear();
}

void Committer::expire() {
  while (!waiting_.empty() && now() - waiting_.front()->queued > kRoomPatience) {
    Op& op = *waiting_.front();
    waiting_.pop_front();
    op.error = space_.obstacle().value_or(
        Error{ErrorCode::kThrottled,
              "The journal has no room until older records are flushed; send more slowly or try "
              "again."});
    answer(op);
  }
}

Snapshot Committer::take_snapshot() const {
  Snapshot snapshot;
  snapshot.lsn = writer_.next_lsn() - 1;
  snapshot.frame = frames_.last();
  snapshot.epoch = builder_.epoch();
  for (ShardRef& shard : shards_.all()) {
    const ShardState::Assigned& state = shard->assigned;
    snapshot.shards.push_back(
        {std::move(shard), state.options, state.next, state.trim, state.arrival_ms, state.sealed});
  }
  for (const auto& [id, writer] : writers_.all()) snapshot.writers.emplace_back(id, writer);
  return snapshot;
}

}  // namespace millstream::local
