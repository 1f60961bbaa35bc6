#include "log/local/local_log.h"

#include <algorithm>

#include "base/hash.h"
#include "base/logging.h"
#include "log/local/flusher.h"
#include "log/local/limits.h"
#include "log/local/recovery.h"
#include "log/local/tierer.h"
#include "log/local/wait.h"
#include "log/record.h"

namespace millstream {
namespace {

using namespace local;

constexpr uint64_t kMinSegmentBytes = 256;
constexpr uint64_t kMaxSegmentBytes = uint64_t{1} << 20;
constexpr uint64_t kMinJournalFileBytes = uint64_t{16} << 10;

// A shard with this share of a checkpoint is busy: it gets segments of its own.
uint64_t segment_bytes_of(const LocalLogOptions& options) {
  return std::clamp(options.checkpoint_bytes / 64, kMinSegmentBytes, kMaxSegmentBytes);
}

// The rest of a disk budget is for what the journal's records become.
uint64_t journal_bytes_of(const LocalLogOptions& options) {
  return options.disk_bytes == 0 ? options.journal_bytes
                                 : std::min(options.journal_bytes, options.disk_bytes / 4);
}

uint64_t chunk_bytes_of(const TierOptions& options) {
  return std::max<uint64_t>(1, options.chunk_bytes / kTierPageBytes) * kTierPageBytes;
}

class LocalLogImpl final : public LocalLog {
 public:
  // `store`: see TierOptions; kept nowhere else.
  LocalLogImpl(Env& env, LocalLogOptions options, std::shared_ptr<ObjectStore> store)
      : env_(env),
        options_(std::move(options)),
        readers_(static_cast<size_t>(std::max(options_.reader_threads, 1))),
        tier_readers_(static_cast<size_t>(std::max(options_.tier.reader_threads, 1))),
        space_(env, {.folder = options_.folder + "/journal",
                     .budget_bytes = journal_bytes_of(options_),
                     .file_bytes =
                         align_up(std::max(options_.journal_file_bytes, kMinJournalFileBytes))}),
        writer_(space_, health_, options_.durability),
        frames_(options_.tail_cache_bytes, options_.checkpoint_bytes),
        builder_(env, shards_, writers_),
        tier_store_(std::move(store), options_.tier.bucket, options_.tier.prefix,
                    options_.tier.read_timeout),
        chunks_(env, options_.folder + "/tier-cache", options_.tier.cache_bytes,
                chunk_bytes_of(options_.tier)),
        tier_reader_(env, tier_store_, chunks_, health_, tier_counters_),
        files_(env, tier_reader_, std::max<size_t>(options_.open_files, 8)),
        reader_(env, frames_, files_, health_, readers_, tier_readers_),
        committer_(builder_, writer_, space_, shards_, writers_, frames_, health_,
                   options_.pending_bytes),
        catalog_(env, options_.folder, files_, tier_reader_, health_),
        checkpointer_(env, committer_, space_, catalog_, frames_, reader_, health_,
                      {.segment_bytes = segment_bytes_of(options_),
                       .roll_bytes = options_.roll_bytes,
                       .roll_age = options_.roll_age}),
        merger_(env, catalog_, reader_, files_, shards_, health_,
                {.roll_bytes = options_.roll_bytes, .roll_age = options_.roll_age}),
        retention_(env, catalog_, shards_, health_),
        disk_(env, health_,
              {.folder = options_.folder,
               .budget_bytes = options_.disk_bytes,
               .warning_percent = options_.disk_warning_percent,
               .critical_percent = options_.disk_critical_percent}),
        flusher_(committer_, space_, checkpointer_, merger_, retention_, disk_, health_,
                 {.checkpoint_bytes = options_.checkpoint_bytes,
                  .checkpoint_age = options_.checkpoint_age,
                  .journal_bytes = journal_bytes_of(options_)}),
        tierer_(env, tier_store_, tier_reader_, catalog_, flusher_, health_, options_.tier.after,
                chunk_bytes_of(options_.tier)) {}

  ~LocalLogImpl() override {
    (void)stop(false);
    readers_.join();
    tier_readers_.join();
  }

  Result<> recover();
  void start();

  awaitable<Result<std::vector<Appended>>> append(std::vector<ShardBatch> batches,
                                                  WriterStamp stamp) override;
  awaitable<Result<OpenedWriter>> open_writer(uint64_t writer) override;
  awaitable<Result<>> create(ShardId shard, ShardOptions options) override;
  awaitable<Result<Counter>> seal(ShardId shard) override;
  awaitable<Result<>> remove(ShardId shard) override;
  awaitable<Result<>> trim(ShardId shard, Counter first) override;
  awaitable<Result<>> set_retention(ShardId shard, TimeMs retention_ms) override;
  awaitable<Result<ReadResult>> read(ShardId shard, Counter from, ReadLimits limits) override;
  awaitable<Result<>> wait(ShardId shard, Counter position,
                           std::chrono::milliseconds timeout) override;
  awaitable<Result<Counter>> position_at(ShardId shard, TimeMs time) override;
  Result<ShardStatus> status(ShardId shard) override;
  std::vector<ShardId> shards() override;
  awaitable<Result<>> close() override;

  std::vector<LogProblem> problems() const override { return health_.problems(); }
  DiskUse disk_use() const override { return disk_.use(); }
  Result<> checkpoint_now() override { return flusher_.checkpoint_now(); }
  Result<> expire_now() override { return flusher_.expire_now(); }
  Result<uint64_t> tier_now(uint64_t bytes) override { return tierer_.tier_now(bytes); }
  TierStats tier_stats() const override { return tier_reader_.stats(); }

 private:
  // Nothing if the shard does not exist, or not durably yet.
  ShardRef find(ShardId shard) const;
  Result<Manifest> load_manifest();
  Result<> open_tier(const Manifest& manifest);
  Result<> stop(bool checkpoint);
  void cancel_waiters();

  Env& env_;
  const LocalLogOptions options_;
  std::unique_ptr<FileLock> lock_;
  asio::thread_pool readers_;
  asio::thread_pool tier_readers_;
  Health health_;
  ShardTable shards_;
  WriterTable writers_;
  JournalSpace space_;
  JournalWriter writer_;
  TailFrames frames_;
  FrameBuilder builder_;
  TierCounters tier_counters_;
  TierStore tier_store_;
  ChunkCache chunks_;
  TierReader tier_reader_;
  FileCache files_;
  LogReader reader_;
  Committer committer_;
  FileCatalog catalog_;
  Checkpointer checkpointer_;
  PackMerger merger_;
  Retention retention_;
  DiskBudget disk_;
  Flusher flusher_;
  Tierer tierer_;
  uint64_t replayed_bytes_ = 0;
  std::atomic<bool> closing_{false};
  std::mutex stop_mutex_;
  bool stopped_ = false;
};

Result<Manifest> LocalLogImpl::load_manifest() {
  const std::string path = catalog_.manifest_path();
  TRY_ASSIGN(const bool exists, env_.exists(path));
  if (exists) {
    TRY_ASSIGN(const std::string bytes, env_.read_file(path));
    return decode_manifest(bytes, path);
  }
  // The manifest comes first, in a new folder.
  TRY_ASSIGN(const auto journal, env_.list(options_.folder + "/journal"));
  TRY_ASSIGN(const auto data, env_.list(catalog_.data_folder()));
  if (!journal.empty() || !data.empty()) {
    return fail(ErrorCode::kCorruption,
                "{} is missing, but {} holds the files of a log. Restore it from a backup, or "
                "choose an empty folder.",
                path, options_.folder);
  }
  Manifest fresh;
  TRY(env_.write_file_durably(path, encode_manifest(fresh)));
  return fresh;
}

Result<> LocalLogImpl::open_tier(const Manifest& manifest) {
  const bool tiered = std::ranges::any_of(manifest.files, &ManifestFile::tiered);
  if (!tier_store_.exists()) {
    if (tiered) {
      health_.add({"object store", 0, 0,
                   "Older records were moved to the object store, but log.tier.url is not set: "
                   "reads of them fail. Set it to what it was."});
    }
    const std::string cache = options_.folder + "/tier-cache";
    TRY_ASSIGN(const bool cached, env_.exists(cache));
    return cached ? env_.remove(cache) : Result<>();
  }
  TRY_ASSIGN(const std::string id, load_log_id(env_, options_.folder, tiered));
  tier_store_.start(id);
  if (auto opened = chunks_.open(); !opened) {
    log_warning("log", "reads from the object store are not cached: {}", opened.error().message);
  }
  return {};
}

Result<> LocalLogImpl::recover() {
  TRY(env_.make_folders(options_.folder + "/journal"));
  TRY(env_.make_folders(catalog_.data_folder()));
  TRY_ASSIGN(lock_, env_.lock(options_.folder + "/LOCK"));
  TRY(env_.sync_folder(options_.folder));
  TRY_ASSIGN(const Manifest manifest, load_manifest());
  for (const ManifestShard& entry : manifest.shards) {
    auto shard = std::make_shared<ShardState>(entry.id);
    shard->assigned.next = entry.next;
    shard->assigned.arrival_ms = entry.arrival_ms;
    shard->assigned.options = entry.options;
    shard->assigned.trim = entry.trim;
    shard->assigned.sealed = entry.sealed;
    shard->durable.exists = true;
    shard->durable.sealed = entry.sealed;
    shard->durable.tip = entry.next;
    shard->durable.trim = entry.trim;
    shard->durable.arrival_ms = entry.arrival_ms;
    shard->durable.retention_ms = entry.options.retention_ms;
    shard->damaged = entry.damaged;
    shards_.insert(std::move(shard));
  }
  for (const auto& [id, state] : manifest.writers) writers_.restore(id, state);
  TRY(open_tier(manifest));
  TRY(catalog_.load(manifest, shards_));
  JournalRecovery recovery(env_, options_.folder + "/journal", shards_, writers_, frames_, space_,
                           health_);
  TRY_ASSIGN(const RecoveredJournal recovered, recovery.run(manifest));
  TRY_ASSIGN(const uint64_t epoch, secure_tail(recovered, space_, writer_));
  builder_.start_at(epoch);
  replayed_bytes_ = recovered.replayed_bytes;
  if (recovered.replayed_bytes > 0) {
    log_info("log", "{} bytes of the journal were replayed", recovered.replayed_bytes);
  }
  return {};
}

void LocalLogImpl::start() {
  space_.on_wanted([this] { flusher_.wake(); });
  disk_.on_refusal([this] { flusher_.wake(); });
  space_.on_ready([this] { committer_.room_made(); });
  committer_.on_commit([this, next = options_.checkpoint_bytes]() mutable {
    const uint64_t bytes = committer_.journal_bytes();
    if (bytes < next) return;
    next = bytes + options_.checkpoint_bytes / 4 + 1;
    flusher_.wake();
  });
  disk_.measure(std::chrono::steady_clock::now(), replayed_bytes_);
  disk_.judge();
  committer_.start(replayed_bytes_);
  flusher_.on_space_wanted([this](uint64_t bytes) { tierer_.request_space(bytes); });
  catalog_.on_tiered_removed([this](const DataFile& file) { tierer_.removed(file); });
  flusher_.start();
  flusher_.wake();
  tierer_.start();
}

ShardRef LocalLogImpl::find(ShardId shard) const {
  ShardRef found = shards_.find(shard);
  if (!found) return nullptr;
  std::lock_guard lock(found->mutex);
  return found->durable.exists ? found : nullptr;
}

awaitable<Result<std::vector<Appended>>> LocalLogImpl::append(std::vector<ShardBatch> batches,
                                                              WriterStamp stamp) {
  Op op;
  op.kind = Op::Kind::kAppend;
  for (const ShardBatch& batch : batches) {
    if (batch.records == 0 || batch.body.size() < kRecordHeaderSize) {
      co_return fail(ErrorCode::kInvalidArgument, "A batch needs at least one record.");
    }
    if (batch.body.size() < kSmallBodyBytes && crc32c(batch.body.view()) != batch.checksum) {
      co_return fail(ErrorCode::kInvalidArgument,
                     "The checksum of a batch for shard {} does not match its records.",
                     static_cast<uint64_t>(batch.shard));
    }
    op.bytes += batch.body.size();
  }
  const size_t limit = stamp.writer == 0 ? kMaxAppendBytes : kMaxWriterAppendBytes;
  if (op.bytes > limit) {
    co_return fail(ErrorCode::kInvalidArgument, "An append of {} bytes is above the limit of {}.",
                   op.bytes, limit);
  }
  if (batches.empty()) co_return std::vector<Appended>();
  CO_TRY(disk_.admit(op.bytes));
  op.batches = std::move(batches);
  op.stamp = stamp;
  co_await committer_.run(op);
  if (op.error) co_return std::unexpected(*std::move(op.error));
  co_return std::move(op.appended);
}

awaitable<Result<OpenedWriter>> LocalLogImpl::open_writer(uint64_t writer) {
  if (writer == 0) co_return fail(ErrorCode::kInvalidArgument, "0 is no writer's id.");
  Op op;
  op.kind = Op::Kind::kOpenWriter;
  op.stamp.writer = writer;
  co_await committer_.run(op);
  if (op.error) co_return std::unexpected(*std::move(op.error));
  co_return op.opened;
}

awaitable<Result<>> LocalLogImpl::create(ShardId shard, ShardOptions options) {
  Op op;
  op.kind = Op::Kind::kCreate;
  op.shard = shard;
  op.options = options;
  co_await committer_.run(op);
  if (op.error) co_return std::unexpected(*std::move(op.error));
  co_return Result<>();
}

awaitable<Result<Counter>> LocalLogImpl::seal(ShardId shard) {
  Op op;
  op.kind = Op::Kind::kSeal;
  op.shard = shard;
  co_await committer_.run(op);
  if (op.error) co_return std::unexpected(*std::move(op.error));
  co_return op.counter;
}

awaitable<Result<>> LocalLogImpl::remove(ShardId shard) {
  Op op;
  op.kind = Op::Kind::kRemove;
  op.shard = shard;
  co_await committer_.run(op);
  if (op.error) co_return std::unexpected(*std::move(op.error));
  co_return Result<>();
}

awaitable<Result<>> LocalLogImpl::trim(ShardId shard, Counter first) {
  Op op;
  op.kind = Op::Kind::kTrim;
  op.shard = shard;
  op.counter = first;
  co_await committer_.run(op);
  if (op.error) co_return std::unexpected(*std::move(op.error));
  co_return Result<>();
}

awaitable<Result<>> LocalLogImpl::set_retention(ShardId shard, TimeMs retention_ms) {
  Op op;
  op.kind = Op::Kind::kSetRetention;
  op.shard = shard;
  op.options.retention_ms = retention_ms;
  co_await committer_.run(op);
  if (op.error) co_return std::unexpected(*std::move(op.error));
  co_return Result<>();
}

awaitable<Result<ReadResult>> LocalLogImpl::read(ShardId shard, Counter from, ReadLimits limits) {
  ShardRef state = find(shard);
  if (!state) co_return std::unexpected(no_such_shard(shard));
  co_return co_await reader_.read(std::move(state), from, limits);
}

awaitable<Result<>> LocalLogImpl::wait(ShardId shard, Counter position,
                                       std::chrono::milliseconds timeout) {
  ShardRef state = find(shard);
  if (!state) co_return std::unexpected(no_such_shard(shard));
  co_return co_await wait_for_records(std::move(state), position, timeout, closing_);
}

awaitable<Result<Counter>> LocalLogImpl::position_at(ShardId shard, TimeMs time) {
  ShardRef state = find(shard);
  if (!state) co_return std::unexpected(no_such_shard(shard));
  co_return co_await reader_.position_at(std::move(state), time);
}

Result<ShardStatus> LocalLogImpl::status(ShardId shard) {
  const ShardRef state = find(shard);
  if (!state) return std::unexpected(no_such_shard(shard));
  return reader_.status(*state);
}

std::vector<ShardId> LocalLogImpl::shards() {
  std::vector<ShardId> ids;
  for (const ShardRef& shard : shards_.all()) {
    std::lock_guard lock(shard->mutex);
    if (shard->durable.exists) ids.push_back(shard->id);
  }
  return ids;
}

awaitable<Result<>> LocalLogImpl::close() {
  co_return co_await run_on(readers_, [this] { return stop(true); });
}

void LocalLogImpl::cancel_waiters() {
  CompletionBatch cancelled;
  for (const ShardRef& shard : shards_.all()) {
    std::lock_guard lock(shard->mutex);
    for (const std::shared_ptr<Waiter>& waiter : shard->waiters) {
      if (waiter->settle(Waiter::Outcome::kCancelled)) cancelled.add(waiter.get());
    }
    shard->waiters.clear();
  }
  cancelled.post();
}

Result<> LocalLogImpl::stop(bool checkpoint) {
  std::lock_guard lock(stop_mutex_);
  if (stopped_) return {};
  stopped_ = true;
  closing_ = true;
  committer_.stop();
  cancel_waiters();
  tierer_.stop();
  flusher_.stop();
  Result<> done;
  if (checkpoint && !health_.failed()) done = checkpointer_.run(writer_.generation());
  return done;
}

}  // namespace

Result<std::unique_ptr<LocalLog>> LocalLog::open(Env& env, LocalLogOptions options) {
  auto store = std::exchange(options.tier.store, nullptr);
  auto log = std::make_unique<LocalLogImpl>(env, std::move(options), std::move(store));
  TRY(log->recover());
  log->start();
  return log;
}

}  // namespace millstream
