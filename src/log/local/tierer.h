// Moves packs and segments that take no more records to the object store, and removes objects
// that no manifest names.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "log/local/file_catalog.h"
#include "log/local/flusher.h"
#include "log/local/tier_index.h"
#include "log/local/tier_store.h"
#include "log/local/tiered_file.h"

namespace millstream::local {

// A file moves in this order, so that a crash between any two steps loses nothing: all chunks are
// durable in the store; the index is durable on the disk; the manifest says that the file is
// tiered; the local file is removed. Expiry goes the other way round: the manifest without the
// file, then its index, then its objects. What a crash leaves in the store is found by comparing
// the objects with the manifest, at the start and once a day.
//
// Life cycle: stop(), which also stops the store's calls, before the flusher's.
// Threads:    all calls from any. The manifest is replaced on the flusher's thread.
class Tierer {
 public:
  Tierer(Env& env, TierStore& store, TierReader& reader, FileCatalog& catalog, Flusher& flusher,
         Health& health, std::chrono::milliseconds after, uint64_t chunk_bytes);
  ~Tierer() { stop(); }

  void start();
  void stop();

  // The oldest files that take no more records move now, however young, until `bytes` of the disk
  // are free. Does not block; does nothing without a store. The last request counts.
  void request_space(uint64_t bytes);
  // The same, done when it returns: the bytes that were freed, fewer if there are no such files.
  Result<uint64_t> tier_now(uint64_t bytes);

  // A file that the manifest does not name any more: its objects go. Flusher's thread.
  void removed(const DataFile& file);

 private:
  void loop();
  // Moves what is due, or what `bytes` need; removes objects. The bytes that were freed.
  Result<uint64_t> work(uint64_t bytes);
  DataFileRef choose(bool any_age);
  Result<> move(const DataFileRef& file);
  Result<> upload(DataFile& file);
  Result<std::vector<std::vector<BatchTime>>> verify_blocks(File& file, const DataFile& info,
                                                            TierIndex& index);
  Result<> upload_chunks(File& file, const std::string& folder, TierIndex& index);
  Result<> install(const DataFileRef& file);
  Result<> remove_queued();
  Result<> remove_objects(const std::string& prefix);
  // A part of the comparison of all objects with the manifest.
  Result<> sweep();
  Result<> remove_orphans(const std::vector<ObjectInfo>& objects);
  void report(const Result<>& done);

  Env& env_;
  TierStore& store_;
  TierReader& reader_;
  FileCatalog& catalog_;
  Flusher& flusher_;
  Health& health_;
  const std::chrono::milliseconds after_;
  const uint64_t chunk_bytes_;

  std::mutex work_mutex_;  // held by whoever moves or removes
  bool sweeping_ = true;   // guarded by work_mutex_, as is all down to the next line
  std::string swept_;      // the last key that was compared
  std::chrono::steady_clock::time_point next_sweep_;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  uint64_t wanted_ = 0;
  std::vector<std::string> removals_;  // prefixes of keys
  bool removals_dropped_ = false;      // too many: the next sweep finds them
  std::thread thread_;
};

}  // namespace millstream::local
