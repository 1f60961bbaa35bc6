// Reads of the durable prefix: from the tail cache, the journal, packs and segments.
#pragma once

#include <atomic>
#include <optional>

#include "base/async.h"
#include "log/local/file_cache.h"
#include "log/local/health.h"
#include "log/local/shard_state.h"
#include "log/local/tail_frames.h"

namespace millstream::local {

// Threads: any. What memory or the page cache holds is read on the caller's thread (at most
//          kLoopReadBytes of it from files), what the disk holds on the reader pool, what only the
//          object store holds on the tier pool: a slow store delays nobody else. At most
//          kMaxTierReads wait for it; further ones get kThrottled.
class LogReader {
 public:
  LogReader(Clock& clock, TailFrames& frames, FileCache& files, Health& health,
            asio::thread_pool& pool, asio::thread_pool& tier_pool)
      : clock_(clock),
        frames_(frames),
        files_(files),
        health_(health),
        pool_(pool),
        tier_pool_(tier_pool) {}

  awaitable<Result<ReadResult>> read(ShardRef shard, Counter from, ReadLimits limits);
  awaitable<Result<Counter>> position_at(ShardRef shard, TimeMs time);
  ShardStatus status(ShardState& shard) const;

  // The bytes of a run that left memory before it was flushed, from the journal. Blocks.
  Result<Slice> read_run(const TailFrame& frame, const Run& run);
  // Blocks.
  Result<Block> read_block(DataFile& file, OpenDataFile& open, uint64_t offset, uint64_t size);

 private:
  enum class Access : uint8_t { kCached, kDisk, kStore };
  struct Gathering;
  struct Source;

  static constexpr uint64_t kLoopReadBytes = uint64_t{1} << 20;

  static constexpr int kMaxTierReads = 256;

  // The attempt with the first access that gives a value.
  template <class T, class Attempt>
  awaitable<Result<T>> with_least_access(Attempt attempt);
  // Nothing where only another access would help.
  Result<std::optional<ReadResult>> gather(ShardState& shard, Counter from, ReadLimits limits,
                                           Access access);
  Result<std::optional<Counter>> find_time(ShardState& shard, TimeMs time, Access access);
  Source locate(ShardState& shard, Counter& at, TimeMs cutoff_ms, Gathering& gathering) const;
  // Takes runs from the i-th on, as long as memory has them; false: it does not have the i-th.
  bool take_runs(const ShardState& shard, size_t i, Counter& at, Gathering& gathering) const;
  // Of the i-th run in the shard's queue. Nothing: packs and segments have it meanwhile.
  std::optional<Run> run_at(const RunQueue& tail, size_t i) const;
  // The first run that arrived at or after `time`.
  size_t find_run(const RunQueue& tail, TimeMs time) const;
  // Takes what the block has from `at` on, as far as no damaged range comes before it.
  void take_block(ShardState& shard, Block block, TimeMs now, Counter& at,
                  Gathering& gathering) const;
  Result<std::optional<Slice>> fetch(File& file, uint64_t offset, uint64_t size, Access access);
  Result<std::optional<Slice>> fetch_run(const TailFrame& frame, const JournalFile& file,
                                         const Run& run, Access access);
  // The block of the extent that holds `at`, or is the first one behind it.
  Result<std::optional<Block>> fetch_block(const Extent& extent, Counter at, Access access,
                                           uint64_t& bytes);
  // Within an extent of a tiered file, whose index has all times: nothing if all are earlier.
  static Result<std::optional<Counter>> find_tiered_time(const Extent& extent,
                                                         const OpenDataFile& open, TimeMs time);
  using Index = std::shared_ptr<const std::vector<IndexEntry>>;
  Result<std::optional<Index>> index_of(DataFile& file, OpenDataFile& open, Counter end,
                                        Access access);
  Error corrupt(const std::string& path, uint64_t offset, uint64_t length);

  Clock& clock_;
  TailFrames& frames_;
  FileCache& files_;
  Health& health_;
  asio::thread_pool& pool_;
  asio::thread_pool& tier_pool_;
  std::atomic<int> tier_reads_{0};
};

template <class T, class Attempt>
awaitable<Result<T>> LogReader::with_least_access(Attempt attempt) {
  Result<std::optional<T>> found = attempt(Access::kCached);
  if (found && !*found) {
    found = co_await run_on(pool_, [attempt] { return attempt(Access::kDisk); });
  }
  if (found && !*found) {
    if (tier_reads_.fetch_add(1) < kMaxTierReads) {
      found = co_await run_on(tier_pool_, [attempt] { return attempt(Access::kStore); });
    } else {
      found = fail(ErrorCode::kThrottled,
                   "Too many reads wait for the object store, where these records are; try again.");
    }
    tier_reads_.fetch_sub(1);
  }
  if (!found) co_return std::unexpected(std::move(found).error());
  co_return **std::move(found);
}

}  // namespace millstream::local
