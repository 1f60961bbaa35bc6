#include "log/local/tiered_file.h"

#include <algorithm>

#include "base/logging.h"

namespace millstream::local {
namespace {

constexpr size_t kRecentChunks = 4;
// Fetches under way that nobody waits for yet.
constexpr size_t kMaxPrefetches = 4;
// How long after an error the store is left in peace.
constexpr std::chrono::seconds kDownFor{1};

}  // namespace

std::string TierReader::folder_of(DataKind kind, uint64_t file_id) const {
  return fmt::format("{}{:010}.{}/", store_.base(), file_id,
                     kind == DataKind::kPack ? "pack" : "segment");
}

TierStats TierReader::stats() const {
  return {.files = counters_.files,
          .bytes = counters_.bytes,
          .uploaded_files = counters_.uploaded_files,
          .uploaded_bytes = counters_.uploaded_bytes,
          .upload_failures = counters_.upload_failures,
          .removed_objects = counters_.removed_objects,
          .fetched_bytes = counters_.fetched_bytes,
          .fetch_failures = counters_.fetch_failures,
          .cache_hits = counters_.cache_hits,
          .cache_misses = counters_.cache_misses,
          .cache_bytes = cache_.bytes()};
}

std::string TierReader::key_of(const TierIndex& index, uint64_t chunk) const {
  return fmt::format("{}{:06}", folder_of(index.kind, index.file_id), chunk);
}

Result<> TierReader::restore_index(const DataFile& file) {
  const std::string path = tier_index_path(file.path);
  auto bytes = store_.get(folder_of(file.kind, file.id) + "index");
  if (!bytes) {
    return fail(
        bytes.error().code == ErrorCode::kNotFound ? ErrorCode::kCorruption : bytes.error().code,
        "{} is missing or damaged, and the object store does not give it ({}index: {}). "
        "Restore one of them.",
        path, folder_of(file.kind, file.id), bytes.error().message);
  }
  return env_.write_file_durably(path, bytes->view());
}

std::optional<Slice> TierReader::recent(ChunkKey key) {
  std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(recent_, key, &std::pair<ChunkKey, Slice>::first);
  if (found == recent_.end()) return std::nullopt;
  return found->second;
}

// Checksums cover whole pages.
bool TierReader::read_cache(const TierIndex& index, uint64_t chunk, uint64_t offset,
                            std::span<char> into, bool may_block) {
  const ChunkKey key{index.file_id, chunk};
  if (!cache_.contains(key)) return false;
  const uint64_t begin = offset / kTierPageBytes * kTierPageBytes;
  const uint64_t end =
      std::min((offset + into.size() + kTierPageBytes - 1) / kTierPageBytes * kTierPageBytes,
               index.chunk_size(chunk));
  const BufferRef pages = BufferRef::allocate(end - begin);
  const std::span<char> bytes(pages->data(), end - begin);
  const bool there =
      may_block ? cache_.read(key, begin, bytes) : cache_.read_resident(key, begin, bytes);
  if (!there) return false;
  if (!index.verify(chunk * index.chunk_bytes + begin, {bytes.data(), bytes.size()})) {
    cache_.drop(key);
    return false;
  }
  std::copy_n(bytes.data() + (offset - begin), into.size(), into.data());
  return true;
}

Result<bool> TierReader::read(const TierIndexRef& index, uint64_t chunk, uint64_t offset,
                              std::span<char> into, bool may_block) {
  if (const auto known = recent({index->file_id, chunk})) {
    std::copy_n(known->data() + offset, into.size(), into.data());
  } else if (!read_cache(*index, chunk, offset, into, may_block)) {
    if (!may_block) return false;
    ++counters_.cache_misses;
    TRY_ASSIGN(const Slice fetched, fetch(index, chunk));
    std::copy_n(fetched.data() + offset, into.size(), into.data());
    return true;
  }
  ++counters_.cache_hits;
  return true;
}

Result<Slice> TierReader::fetch(const TierIndexRef& index, uint64_t chunk) {
  const ChunkKey key{index->file_id, chunk};
  std::unique_lock lock(mutex_);
  FlightRef flight;
  if (const auto under_way = flights_.find(key); under_way != flights_.end()) {
    flight = under_way->second;
  } else {
    if (std::chrono::steady_clock::now() < down_until_) return std::unexpected(down_);
    flight = std::make_shared<Flight>();
    flights_[key] = flight;
    lock.unlock();
    begin(index, chunk, flight);
    lock.lock();
  }
  landed_.wait(lock, [&] { return flight->result.has_value(); });
  return *flight->result;
}

void TierReader::prefetch(const TierIndexRef& index, uint64_t chunk) {
  const ChunkKey key{index->file_id, chunk};
  if (chunk >= index->chunks() || cache_.contains(key)) return;
  auto flight = std::make_shared<Flight>();
  {
    std::lock_guard lock(mutex_);
    const bool known =
        flights_.contains(key) ||
        std::ranges::any_of(recent_, [&](const auto& entry) { return entry.first == key; });
    if (known || flights_.size() >= kMaxPrefetches ||
        std::chrono::steady_clock::now() < down_until_) {
      return;
    }
    flights_[key] = flight;
  }
  begin(index, chunk, flight);
}

void TierReader::begin(const TierIndexRef& index, uint64_t chunk, FlightRef flight) {
  const std::string key = key_of(*index, chunk);
  store_.get(key, [this, index, chunk, key, flight = std::move(flight)](Result<Slice> answer) {
    Result<Slice> result = checked(*index, chunk, key, std::move(answer));
    const ChunkKey place{index->file_id, chunk};
    if (result) cache_.put(place, *result);
    std::lock_guard lock(mutex_);
    if (result) {
      recent_.emplace_front(place, *result);
      if (recent_.size() > kRecentChunks) recent_.pop_back();
    }
    flight->result = std::move(result);
    flights_.erase(place);
    landed_.notify_all();
  });
}

Result<Slice> TierReader::checked(const TierIndex& index, uint64_t chunk, const std::string& key,
                                  Result<Slice> answer) {
  auto damaged = [&](std::string_view what) {
    Error error{ErrorCode::kCorruption,
                fmt::format("The object {} {}: its records can't be read. Check that log.tier.url "
                            "names the right place; restore the object from a backup or an older "
                            "version of it if there is one.",
                            key, what)};
    ++counters_.fetch_failures;
    health_.add({key, 0, index.chunk_size(chunk), error.message});
    std::lock_guard lock(mutex_);
    damaged_.insert(key);
    return std::unexpected(std::move(error));
  };
  if (answer) {
    if (answer->size() != index.chunk_size(chunk) ||
        !index.verify(chunk * index.chunk_bytes, answer->view())) {
      return damaged("is not what was uploaded");
    }
    counters_.fetched_bytes += answer->size();
    std::lock_guard lock(mutex_);
    if (damaged_.erase(key) > 0) health_.clear(key);
    return answer;
  }
  if (answer.error().code == ErrorCode::kNotFound) return damaged("is missing");
  ++counters_.fetch_failures;
  const bool throttled = answer.error().code == ErrorCode::kThrottled;
  Error error{throttled ? ErrorCode::kThrottled : ErrorCode::kUnavailable,
              fmt::format("These records are in the object store, which does not give them now "
                          "({}: {}). Try again; if it goes on, check the store, log.tier.url and "
                          "the credentials.",
                          key, answer.error().message)};
  std::lock_guard lock(mutex_);
  down_until_ = std::chrono::steady_clock::now() + kDownFor;
  down_ = error;
  return std::unexpected(std::move(error));
}

Result<TierIndex> TieredFile::load(TierReader& reader, const DataFile& file) {
  const std::string path = tier_index_path(file.path);
  TRY_ASSIGN(const auto opened, reader.env().open(path, OpenMode::kReadOnly));
  TRY_ASSIGN(TierIndex index, load_tier_index(*opened, path));
  if (index.file_id != file.id || index.kind != file.kind || index.length != file.length) {
    return fail(ErrorCode::kCorruption, "{} is of another file", path);
  }
  return index;
}

Result<std::unique_ptr<TieredFile>> TieredFile::open(TierReader& reader, const DataFile& file) {
  auto index = load(reader, file);
  const bool lost = !index && (index.error().code == ErrorCode::kCorruption ||
                               index.error().code == ErrorCode::kNotFound);
  if (lost) {
    log_warning("log", "{}; it is fetched from the object store", index.error().message);
    TRY(reader.restore_index(file));
    index = load(reader, file);
  }
  if (!index) return std::unexpected(std::move(index).error());
  return std::unique_ptr<TieredFile>(new TieredFile(
      reader, tier_index_path(file.path), std::make_shared<const TierIndex>(*std::move(index))));
}

Result<std::optional<Counter>> TieredFile::find_time(size_t entry, TimeMs time) const {
  const IndexEntry& its = index_->entries[entry];
  if (its.first_arrival_ms >= time) return its.first;
  TRY_ASSIGN(const auto file, reader_.env().open(index_path_, OpenMode::kReadOnly));
  TRY_ASSIGN(const auto times, load_times(*file, index_path_, *index_, entry));
  const auto found = std::ranges::lower_bound(times, time, {}, &BatchTime::arrival_ms);
  if (found == times.end()) return std::nullopt;
  return found->first;
}

Result<size_t> TieredFile::read(uint64_t offset, std::span<char> into) {
  return read(offset, into, true);
}
Result<size_t> TieredFile::read_cached(uint64_t offset, std::span<char> into) {
  return read(offset, into, false);
}

Result<size_t> TieredFile::read(uint64_t offset, std::span<char> into, bool may_block) {
  if (offset >= index_->length) return 0;
  const size_t size = std::min<uint64_t>(into.size(), index_->length - offset);
  uint64_t chunk = 0;
  for (size_t done = 0; done < size;) {
    chunk = (offset + done) / index_->chunk_bytes;
    const uint64_t within = (offset + done) % index_->chunk_bytes;
    const size_t part = std::min<uint64_t>(size - done, index_->chunk_bytes - within);
    TRY_ASSIGN(const bool there,
               reader_.read(index_, chunk, within, into.subspan(done, part), may_block));
    if (!there) return done;
    done += part;
  }
  // Somebody reads on: not the first read here, and not one from elsewhere.
  const uint64_t before = last_chunk_.exchange(chunk, std::memory_order_relaxed);
  if (before == chunk || before + 1 == chunk) reader_.prefetch(index_, chunk + 1);
  return size;
}

std::unexpected<Error> TieredFile::read_only() const {
  return fail(ErrorCode::kIo, "the file of {} is in the object store: it is not written to",
              index_path_);
}
Result<> TieredFile::write(uint64_t, std::span<const iovec>) { return read_only(); }
Result<> TieredFile::reserve(uint64_t, uint64_t) { return read_only(); }
Result<> TieredFile::truncate(uint64_t) { return read_only(); }

}  // namespace millstream::local
