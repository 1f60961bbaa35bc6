// Packs and segments in the object store, as files that can be read.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "log/local/chunk_cache.h"
#include "log/local/data_file.h"
#include "log/local/health.h"
#include "log/local/tier_index.h"
#include "log/local/tier_store.h"

namespace millstream::local {

using TierIndexRef = std::shared_ptr<const TierIndex>;

// Counted by whoever does it. Threads: any.
struct TierCounters {
  std::atomic<uint64_t> files{0};
  std::atomic<uint64_t> bytes{0};
  std::atomic<uint64_t> uploaded_files{0};
  std::atomic<uint64_t> uploaded_bytes{0};
  std::atomic<uint64_t> upload_failures{0};
  std::atomic<uint64_t> removed_objects{0};
  std::atomic<uint64_t> fetched_bytes{0};
  std::atomic<uint64_t> fetch_failures{0};
  std::atomic<uint64_t> cache_hits{0};
  std::atomic<uint64_t> cache_misses{0};
};

// Chunks of tiered files: from memory (the last few), from the cache, else from the store, each
// fetched once however many want it.
//
// Threads: any.
// Errors:  kUnavailable and kThrottled when the store can't give the chunk now: nothing is wrong
//          with the records, the caller tries again; for a moment after such an error all other
//          reads get it at once. kCorruption when the object is missing or is not what was
//          uploaded (key and what to do).
class TierReader {
 public:
  TierReader(Env& env, TierStore& store, ChunkCache& cache, Health& health, TierCounters& counters)
      : env_(env), store_(store), cache_(cache), health_(health), counters_(counters) {}

  Env& env() { return env_; }
  bool has_store() const { return store_.exists(); }
  ChunkCache& cache() { return cache_; }
  TierCounters& counters() { return counters_; }
  TierStats stats() const;
  // "<base>0000000012.segment/": of the file's objects.
  std::string folder_of(DataKind kind, uint64_t file_id) const;

  // Brings an index that the disk has lost back from the store. Blocks.
  Result<> restore_index(const DataFile& file);

  // Fills `into` from `offset` of the chunk. False: only the store or the disk has it, and
  // `may_block` is not set.
  Result<bool> read(const TierIndexRef& index, uint64_t chunk, uint64_t offset,
                    std::span<char> into, bool may_block);
  // Begins to fetch a chunk that is soon needed, if nothing is against it. Does not block.
  void prefetch(const TierIndexRef& index, uint64_t chunk);

 private:
  // One fetch, for all who wait for it.
  struct Flight {
    std::optional<Result<Slice>> result;
  };
  using FlightRef = std::shared_ptr<Flight>;

  std::optional<Slice> recent(ChunkKey key);
  bool read_cache(const TierIndex& index, uint64_t chunk, uint64_t offset, std::span<char> into,
                  bool may_block);
  Result<Slice> fetch(const TierIndexRef& index, uint64_t chunk);
  void begin(const TierIndexRef& index, uint64_t chunk, FlightRef flight);
  Result<Slice> checked(const TierIndex& index, uint64_t chunk, const std::string& key,
                        Result<Slice> answer);
  std::string key_of(const TierIndex& index, uint64_t chunk) const;

  Env& env_;
  TierStore& store_;
  ChunkCache& cache_;
  Health& health_;
  TierCounters& counters_;

  std::mutex mutex_;
  std::condition_variable landed_;
  std::map<ChunkKey, FlightRef> flights_;
  std::deque<std::pair<ChunkKey, Slice>> recent_;
  std::set<std::string> damaged_;  // keys that health_ knows
  std::chrono::steady_clock::time_point down_until_;
  Error down_;
};

// A file whose bytes are in the object store and whose index is here. Read only.
//
// read_cached() takes what memory and the page cache have; read() blocks on the store.
class TieredFile final : public File {
 public:
  // Reads the index. Blocks on the local disk; on the store only if the disk has lost it.
  static Result<std::unique_ptr<TieredFile>> open(TierReader& reader, const DataFile& file);

  std::shared_ptr<const std::vector<IndexEntry>> entries() const {
    return {index_, &index_->entries};
  }
  // The first record of the entry that arrived at or after `time`; nothing if there is none.
  // Blocks on the local disk only.
  Result<std::optional<Counter>> find_time(size_t entry, TimeMs time) const;

  Result<size_t> read(uint64_t offset, std::span<char> into) override;
  Result<size_t> read_cached(uint64_t offset, std::span<char> into) override;
  Result<> write(uint64_t offset, std::span<const iovec> parts) override;
  Result<> sync() override { return {}; }
  Result<> reserve(uint64_t offset, uint64_t length) override;
  Result<> truncate(uint64_t size) override;
  Result<uint64_t> size() override { return index_->length; }

 private:
  static Result<TierIndex> load(TierReader& reader, const DataFile& file);
  TieredFile(TierReader& reader, std::string index_path, TierIndexRef index)
      : reader_(reader), index_path_(std::move(index_path)), index_(std::move(index)) {}
  Result<size_t> read(uint64_t offset, std::span<char> into, bool may_block);
  std::unexpected<Error> read_only() const;

  TierReader& reader_;
  const std::string index_path_;
  const TierIndexRef index_;
  std::atomic<uint64_t> last_chunk_{UINT64_MAX};
};

}  // namespace millstream::local
