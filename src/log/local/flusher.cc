#include "log/local/flusher.h"

#include "base/logging.h"

namespace millstream::local {
namespace {

constexpr auto kIdleStep = std::chrono::seconds(1);
constexpr auto kExpiryInterval = std::chrono::minutes(1);
constexpr auto kRetryInterval = std::chrono::seconds(1);
// While a change waits for room in the journal.
constexpr auto kUrgentRetryInterval = std::chrono::milliseconds(50);

}  // namespace

Flusher::Flusher(Committer& committer, JournalSpace& space, Checkpointer& checkpointer,
                 PackMerger& merger, Retention& retention, DiskBudget& disk, Health& health,
                 FlusherOptions options)
    : committer_(committer),
      space_(space),
      checkpointer_(checkpointer),
      merger_(merger),
      retention_(retention),
      disk_(disk),
      health_(health),
      options_(options) {}

Flusher::~Flusher() { stop(); }

void Flusher::start() {
  last_checkpoint_ = last_expiry_ = retry_after_ = std::chrono::steady_clock::now();
  running_ = true;
  thread_ = std::thread([this] { loop(); });
}

void Flusher::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Flusher::wake() {
  {
    std::lock_guard lock(mutex_);
    if (woken_) return;
    woken_ = true;
  }
  wake_.notify_one();
}

Result<> Flusher::checkpoint_now() {
  return run_on_thread([this] { return checkpoint(); });
}

Result<> Flusher::expire_now() {
  return run_on_thread([this] { return retention_.run(); });
}

Result<> Flusher::run_on_thread(Work work) {
  Request request{.work = std::move(work)};
  std::unique_lock lock(mutex_);
  if (stopping_ || !running_) {
    return fail(ErrorCode::kUnavailable, "The log is closing; try again when it is open.");
  }
  requests_.push_back(&request);
  wake_.notify_one();
  finished_.wait(lock, [&] { return request.result.has_value(); });
  return *std::move(request.result);
}

void Flusher::loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait_for(lock, kIdleStep, [&] { return woken_ || stopping_ || !requests_.empty(); });
    woken_ = false;
    while (!requests_.empty()) {
      Request* request = requests_.front();
      requests_.erase(requests_.begin());
      lock.unlock();
      Result<> result = request->work();
      lock.lock();
      request->result = std::move(result);
      finished_.notify_all();
    }
    if (stopping_) {
      running_ = false;
      return;
    }
    lock.unlock();
    step();
    lock.lock();
  }
}

void Flusher::step() {
  if (health_.failed()) return;
  const auto now = std::chrono::steady_clock::now();
  space_.recycle();
  if (now >= retry_after_) {
    if (!prepare()) retry_after_ = now + kUrgentRetryInterval;
    if (checkpoint_due()) {
      if (auto done = checkpoint(); !done) {
        log_error("log", "checkpoint failed, will be tried again: {}", done.error().message);
        retry_after_ = now + kRetryInterval;
      }
    }
  }
  space_.shrink();
  watch_disk();
  // A merge takes room before it gives any.
  if (merge_due_ && !disk_.full()) {
    // One at a time: journal files come first.
    auto merged = merger_.run();
    if (!merged) log_error("log", "merging packs failed: {}", merged.error().message);
    merge_due_ = merged.value_or(false);
    if (merge_due_) wake();
  }
  if (now - last_expiry_ >= kExpiryInterval) expire();
}

void Flusher::expire() {
  last_expiry_ = std::chrono::steady_clock::now();
  if (auto done = retention_.run(); !done) {
    log_error("log", "deleting expired files failed: {}", done.error().message);
  }
}

uint64_t Flusher::unwritten_bytes() const {
  return committer_.journal_bytes() - flushed_bytes_ + committer_.pending_bytes();
}

void Flusher::watch_disk() {
  const auto now = std::chrono::steady_clock::now();
  if (!disk_.due(now)) return;
  disk_.measure(now, unwritten_bytes());
  if (disk_.wanted_bytes() > 0) {
    // Shards that are gone take room in the journal, too.
    if (disk_.full() && unwritten_bytes() > 0) std::ignore = checkpoint();
    expire();
    disk_.measure(now, unwritten_bytes());
    if (space_wanted_ && disk_.wanted_bytes() > 0) space_wanted_(disk_.wanted_bytes());
  }
  disk_.judge();
}

bool Flusher::checkpoint_due() const {
  const uint64_t unflushed = committer_.journal_bytes() - flushed_bytes_;
  if (space_.starved() || unflushed >= options_.checkpoint_bytes) return true;
  // Also what crashes before left.
  if (space_.used_bytes() > options_.journal_bytes / 2 && space_.releasable()) return true;
  return unflushed > 0 &&
         std::chrono::steady_clock::now() - last_checkpoint_ >= options_.checkpoint_age;
}

Result<> Flusher::checkpoint() {
  last_checkpoint_ = std::chrono::steady_clock::now();
  const uint64_t bytes = committer_.journal_bytes();
  const std::string place = "checkpoint";
  if (auto done = checkpointer_.run(); !done) {
    health_.add({place, 0, 0,
                 fmt::format("Flushing to packs and segments failed: {}. The records stay in "
                             "the journal; writes are refused when it is full.",
                             done.error().message)});
    return done;
  }
  health_.clear(place);
  flushed_bytes_ = bytes;
  merge_due_ = true;
  space_.recycle();
  committer_.room_made();
  // The checkpoint itself is complete, whatever comes of this.
  (void)prepare();
  return {};
}

bool Flusher::prepare() {
  const std::string place = "journal";
  if (auto prepared = space_.prepare(); !prepared) {
    health_.add({place, 0, 0,
                 fmt::format("No room for another journal file: {}. Writes are refused once the "
                             "present ones are full; free disk space.",
                             prepared.error().message)});
    return false;
  }
  health_.clear(place);
  return true;
}

}  // namespace millstream::local
