// Reads of the durable prefix: from the tail cache, the journal, packs and segments.
#pragma once

#include <optional>

#include "base/async.h"
#include "log/local/file_cache.h"
#include "log/local/health.h"
#include "log/local/shard_state.h"

namespace millstream::local {

// Threads: any. What memory or the page cache holds is read on the caller's thread (at most
//          kLoopReadBytes of it from files), the rest on the reader pool.
class LogReader {
 public:
  LogReader(Clock& clock, FileCache& files, Health& health, asio::thread_pool& pool)
      : clock_(clock), files_(files), health_(health), pool_(pool) {}

  awaitable<Result<ReadResult>> read(ShardRef shard, Counter from, ReadLimits limits);
  awaitable<Result<Counter>> position_at(ShardRef shard, TimeMs time);
  ShardStatus status(ShardState& shard) const;

  // The bytes of a run that left the tail cache before it was flushed. Blocks.
  Result<Slice> read_run(const Run& run);
  // Blocks.
  Result<Block> read_block(DataFile& file, OpenDataFile& open, uint64_t offset, uint64_t size);

 private:
  enum class Access : uint8_t { kCached, kBlocking };
  struct Gathering;
  struct Source;

  static constexpr uint64_t kLoopReadBytes = uint64_t{1} << 20;

  // Nothing where only blocking would help.
  Result<std::optional<ReadResult>> gather(ShardState& shard, Counter from, ReadLimits limits,
                                           Access access);
  Result<std::optional<Counter>> find_time(ShardState& shard, TimeMs time, Access access);
  Source locate(ShardState& shard, Counter& at, TimeMs cutoff_ms, Gathering& gathering) const;
  // Takes what the block has from `at` on, as far as no damaged range comes before it.
  void take_block(ShardState& shard, Block block, TimeMs now, Counter& at,
                  Gathering& gathering) const;
  Result<std::optional<Slice>> fetch(File& file, uint64_t offset, uint64_t size, Access access);
  Result<std::optional<Slice>> fetch_run(const Run& run, Access access);
  // The block of the extent that holds `at`, or is the first one behind it.
  Result<std::optional<Block>> fetch_block(const Extent& extent, Counter at, Access access,
                                           uint64_t& bytes);
  using Index = std::shared_ptr<const std::vector<IndexEntry>>;
  Result<std::optional<Index>> index_of(DataFile& file, OpenDataFile& open, Counter end,
                                        Access access);
  Error corrupt(const std::string& path, uint64_t offset, uint64_t length);

  Clock& clock_;
  FileCache& files_;
  Health& health_;
  asio::thread_pool& pool_;
};

}  // namespace millstream::local
