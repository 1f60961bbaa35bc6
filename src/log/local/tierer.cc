#include "log/local/tierer.h"

#include <algorithm>
#include <charconv>
#include <unordered_set>

#include "base/hash.h"
#include "base/logging.h"

namespace millstream::local {
namespace {

constexpr auto kSweepInterval = std::chrono::hours(24);
constexpr int kPagesAtATime = 10;
constexpr size_t kParallelPuts = 4;
constexpr size_t kMaxRemovals = 10'000;
constexpr RetryPolicy kRetries{.retries = -1,
                               .first = std::chrono::milliseconds(2'000),
                               .longest = std::chrono::milliseconds(60'000)};
constexpr std::string_view kPlace = "object store";

// The id in "0000000012.segment/000003".
std::optional<uint64_t> file_id_of(std::string_view name) {
  uint64_t id = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
  const std::string_view rest(end, static_cast<size_t>(name.data() + name.size() - end));
  const bool ours = rest.starts_with(".pack/") || rest.starts_with(".segment/");
  if (error != std::errc() || !ours) return std::nullopt;
  return id;
}

}  // namespace

Tierer::Tierer(Env& env, TierStore& store, TierReader& reader, FileCatalog& catalog,
               Flusher& flusher, Health& health, std::chrono::milliseconds after,
               uint64_t chunk_bytes)
    : env_(env),
      store_(store),
      reader_(reader),
      catalog_(catalog),
      flusher_(flusher),
      health_(health),
      after_(after),
      chunk_bytes_(chunk_bytes) {}

void Tierer::start() {
  if (!store_.exists()) return;
  thread_ = std::thread([this] { loop(); });
}

void Tierer::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  store_.stop();
  if (thread_.joinable()) thread_.join();
}

void Tierer::request_space(uint64_t bytes) {
  if (!store_.exists()) return;
  {
    std::lock_guard lock(mutex_);
    wanted_ = bytes;
  }
  wake_.notify_all();
}

void Tierer::loop() {
  const auto interval = std::clamp<std::chrono::milliseconds>(
      after_ / 10, std::chrono::milliseconds(100), std::chrono::milliseconds(10'000));
  Backoff backoff(kRetries);
  bool failed = false;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const uint64_t wanted = std::exchange(wanted_, 0);
    lock.unlock();
    const auto done = work(wanted);
    failed = !done;
    auto pause = interval;
    if (failed) {
      pause = std::max(interval, *backoff.next());
    } else {
      backoff.reset();
    }
    lock.lock();
    wake_.wait_for(lock, pause, [&] { return stopping_ || (wanted_ > 0 && !failed); });
  }
}

Result<uint64_t> Tierer::tier_now(uint64_t bytes) {
  if (!store_.exists()) {
    return fail(ErrorCode::kInvalidArgument, "There is no object store: set log.tier.url.");
  }
  return work(bytes);
}

Result<uint64_t> Tierer::work(uint64_t bytes) {
  std::lock_guard work_lock(work_mutex_);
  uint64_t freed = 0;
  auto all = [&]() -> Result<> {
    for (;;) {
      {
        std::lock_guard lock(mutex_);
        if (stopping_) return {};
      }
      DataFileRef file;
      TRY(flusher_.run_on_thread([&]() -> Result<> {
        file = choose(freed < bytes);
        return {};
      }));
      if (!file) break;
      TRY(move(file));
      freed += file->length;
    }
    TRY(remove_queued());
    return sweep();
  };
  const Result<> done = all();
  report(done);
  if (!done) return std::unexpected(done.error());
  return freed;
}

void Tierer::report(const Result<>& done) {
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return;
  }
  if (done) {
    health_.clear(std::string(kPlace));
    return;
  }
  if (health_.failed()) return;
  ++reader_.counters().upload_failures;
  health_.add({std::string(kPlace), 0, 0,
               fmt::format("Old records can't be moved to the object store: {}. They stay on the "
                           "local disk, which fills up meanwhile; it is tried again. Check the "
                           "store, log.tier.url and the credentials.",
                           done.error().message)});
}

// The oldest one. Flusher's thread.
DataFileRef Tierer::choose(bool any_age) {
  const TimeMs due = env_.now_ms() - after_.count();
  DataFileRef oldest;
  for (const DataFileRef& file : catalog_.files()) {
    if (file->tiered || file->damaged || file->length == 0) continue;
    // A quiet shard's segment: its later records go on in another one.
    if (!file->closed && file->last_arrival_ms < due) file->closed = true;
    if (!file->closed || (!any_age && file->last_arrival_ms >= due)) continue;
    if (!oldest || file->last_arrival_ms < oldest->last_arrival_ms) oldest = file;
  }
  if (oldest) oldest->uploading = true;
  return oldest;
}

Result<> Tierer::move(const DataFileRef& file) {
  auto done = upload(*file);
  if (done) done = install(file);
  if (done) {
    log_debug("log", "{} is in the object store now", file->path);
    return {};
  }
  const bool broken = done.error().code == ErrorCode::kCorruption;
  std::ignore = flusher_.run_on_thread([&]() -> Result<> {
    file->uploading = false;
    if (broken) file->damaged = true;
    return {};
  });
  // It stays where it is; others go on.
  if (broken) return {};
  return done;
}

// Nothing damaged goes up: what comes back is known to be good.
Result<std::vector<std::vector<BatchTime>>> Tierer::verify_blocks(File& file, const DataFile& info,
                                                                  TierIndex& index) {
  auto damaged = [&](uint64_t offset, uint64_t size) {
    Error error{ErrorCode::kCorruption,
                fmt::format("{} is damaged at {} ({} bytes): it stays on the local disk. Check the "
                            "disk; restore the file from a backup if there is one.",
                            info.path, offset, size)};
    health_.add({info.path, offset, size, error.message});
    return std::unexpected(std::move(error));
  };
  TRY_ASSIGN(LoadedIndex loaded, load_index(file, index.length));
  if (loaded.damaged) return damaged(0, index.length);
  index.entries = std::move(loaded.entries);
  std::vector<std::vector<BatchTime>> times;
  times.reserve(index.entries.size());
  for (const IndexEntry& entry : index.entries) {
    BufferRef buffer = BufferRef::allocate(entry.size);
    TRY_ASSIGN(const size_t got, file.read(entry.offset, {buffer->data(), entry.size}));
    const auto block = decode_block(Slice(std::move(buffer), got));
    if (!block) return damaged(entry.offset, entry.size);
    std::vector<BatchTime>& its = times.emplace_back();
    for (const StoredBatch& batch : block->batches) {
      if (!its.empty() && its.back().arrival_ms == batch.arrival_ms) continue;
      its.push_back({batch.first, batch.arrival_ms});
    }
  }
  return times;
}

Result<> Tierer::upload_chunks(File& file, const std::string& folder, TierIndex& index) {
  std::mutex mutex;
  std::condition_variable changed;
  size_t under_way = 0;
  Result<> failure;
  Result<> read;
  for (uint64_t chunk = 0; chunk < index.chunks(); ++chunk) {
    {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return under_way < kParallelPuts; });
      if (!failure) break;
    }
    const size_t size = index.chunk_size(chunk);
    BufferRef buffer = BufferRef::allocate(size);
    auto got = file.read(chunk * index.chunk_bytes, {buffer->data(), size});
    if (!got || *got < size) {
      read = got ? fail(ErrorCode::kIo, "{}: the file became shorter", folder)
                 : Result<>(std::unexpected(got.error()));
      break;
    }
    const Slice bytes(std::move(buffer), size);
    for (size_t at = 0; at < size; at += kTierPageBytes) {
      index.pages.push_back(crc32c(bytes.view().substr(at, kTierPageBytes)));
    }
    {
      std::lock_guard lock(mutex);
      ++under_way;
    }
    store_.put(fmt::format("{}{:06}", folder, chunk), bytes, [&](Result<> done) {
      std::lock_guard lock(mutex);
      if (!done && failure) failure = std::move(done);
      --under_way;
      changed.notify_one();
    });
  }
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return under_way == 0; });
  TRY(read);
  return failure;
}

Result<> Tierer::upload(DataFile& file) {
  TRY_ASSIGN(const auto local, env_.open(file.path, OpenMode::kReadOnly));
  TierIndex index{.file_id = file.id,
                  .kind = file.kind,
                  .length = file.length,
                  .chunk_bytes = chunk_bytes_,
                  .pages = {},
                  .entries = {},
                  .times = {}};
  TRY_ASSIGN(const auto times, verify_blocks(*local, file, index));
  const std::string folder = reader_.folder_of(file.kind, file.id);
  TRY(upload_chunks(*local, folder, index));
  const std::string bytes = encode_tier_index(index, times);
  TRY(store_.put(folder + "index", Slice::copy_of(bytes)));
  const std::string path = tier_index_path(file.path);
  auto written = env_.write_file_durably(path, bytes);
  if (!written && written.error().code == ErrorCode::kNoSpace) {
    // What was read back gives way to what moves out.
    reader_.cache().clear();
    written = env_.write_file_durably(path, bytes);
  }
  return written;
}

Result<> Tierer::install(const DataFileRef& file) {
  bool gone = false;
  const auto name_it = [&]() -> Result<> {
    if (health_.failed()) return std::unexpected(health_.failure());
    const auto& files = catalog_.files();
    gone = std::ranges::find(files, file) == files.end();
    return gone ? Result<>() : catalog_.tier(file);
  };
  auto named = flusher_.run_on_thread(name_it);
  if (!named && named.error().code == ErrorCode::kNoSpace) {
    reader_.cache().clear();
    named = flusher_.run_on_thread(name_it);
  }
  TRY(named);
  if (gone) {
    // It expired meanwhile.
    std::ignore = env_.remove(tier_index_path(file->path));
    removed(*file);
    return {};
  }
  TierCounters& counters = reader_.counters();
  ++counters.uploaded_files;
  counters.uploaded_bytes += file->length;
  return {};
}

void Tierer::removed(const DataFile& file) {
  std::lock_guard lock(mutex_);
  if (removals_.size() < kMaxRemovals) {
    removals_.push_back(reader_.folder_of(file.kind, file.id));
  } else {
    removals_dropped_ = true;
  }
}

Result<> Tierer::remove_queued() {
  std::vector<std::string> prefixes;
  {
    std::lock_guard lock(mutex_);
    prefixes.swap(removals_);
    if (std::exchange(removals_dropped_, false)) sweeping_ = true;
  }
  for (const std::string& prefix : prefixes) {
    if (auto done = remove_objects(prefix); !done) {
      sweeping_ = true;  // finds the rest
      return done;
    }
  }
  return {};
}

Result<> Tierer::remove_objects(const std::string& prefix) {
  for (std::string after;;) {
    TRY_ASSIGN(const ObjectPage page, store_.list(prefix, after));
    for (const ObjectInfo& object : page.objects) {
      TRY(store_.remove(object.key));
      ++reader_.counters().removed_objects;
    }
    after = page.next_start_after;
    if (after.empty()) return {};
  }
}

Result<> Tierer::sweep() {
  const auto now = std::chrono::steady_clock::now();
  if (!sweeping_ && now >= next_sweep_) sweeping_ = true;
  for (int pages = 0; sweeping_ && pages < kPagesAtATime; ++pages) {
    TRY_ASSIGN(const ObjectPage page, store_.list(store_.base(), swept_));
    TRY(remove_orphans(page.objects));
    swept_ = page.next_start_after;
    if (swept_.empty()) {
      sweeping_ = false;
      next_sweep_ = now + kSweepInterval;
    }
  }
  return {};
}

// Whoever uploads holds work_mutex_, as this does: an object without a file in the manifest is
// not one that is about to be named there.
Result<> Tierer::remove_orphans(const std::vector<ObjectInfo>& objects) {
  if (objects.empty()) return {};
  std::unordered_set<uint64_t> named;
  TRY(flusher_.run_on_thread([&]() -> Result<> {
    if (health_.failed()) return std::unexpected(health_.failure());
    for (const DataFileRef& file : catalog_.files()) {
      if (file->tiered) named.insert(file->id);
    }
    return {};
  }));
  for (const ObjectInfo& object : objects) {
    const auto id = file_id_of(std::string_view(object.key).substr(store_.base().size()));
    if (!id || named.contains(*id)) continue;
    TRY(store_.remove(object.key));
    ++reader_.counters().removed_objects;
  }
  return {};
}

}  // namespace millstream::local
