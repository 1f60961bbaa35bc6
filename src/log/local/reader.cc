#include "log/local/reader.h"

#include <algorithm>

#include "base/hash.h"
#include "log/record.h"

namespace millstream::local {
namespace {

// The bytes of the first `records` records of a body.
size_t bytes_of_records(std::string_view body, uint32_t records) {
  RecordCursor cursor(body);
  RecordView record;
  size_t bytes = 0;
  for (uint32_t i = 0; i < records && cursor.next(record); ++i) {
    bytes += stored_record_size(record.partition_key.size(), record.data.size());
  }
  return bytes;
}

}  // namespace

// An answer as it grows.
struct LogReader::Gathering {
  ReadLimits limits;
  ReadResult result;
  uint32_t records = 0;
  size_t bytes = 0;
  bool full = false;

  // Takes what fits of the batch from `at` on, and moves `at` behind it.
  void take(StoredBatch batch, Counter& at) {
    if (at >= batch.first + batch.records) return;
    if (at > batch.first) {
      const auto skipped = static_cast<uint32_t>(at - batch.first);
      const size_t skipped_bytes = bytes_of_records(batch.body.view(), skipped);
      batch.first = at;
      batch.records -= skipped;
      batch.body = batch.body.sub(skipped_bytes, batch.body.size() - skipped_bytes);
    }
    if (records + batch.records > limits.records || bytes + batch.body.size() > limits.bytes) {
      cut(batch);
      full = true;
      if (batch.records == 0) return;
    }
    records += batch.records;
    bytes += batch.body.size();
    at = batch.first + batch.records;
    result.batches.push_back(std::move(batch));
    if (records >= limits.records || bytes >= limits.bytes) full = true;
  }

  void cut(StoredBatch& batch) const {
    RecordCursor cursor(batch.body.view());
    RecordView record;
    uint32_t kept = 0;
    size_t kept_bytes = 0;
    while (kept < batch.records && cursor.next(record)) {
      const size_t size = stored_record_size(record.partition_key.size(), record.data.size());
      const bool first = records == 0 && kept == 0;
      if (!first &&
          (records + kept >= limits.records || bytes + kept_bytes + size > limits.bytes)) {
        break;
      }
      ++kept;
      kept_bytes += size;
    }
    batch.records = kept;
    batch.body = batch.body.sub(0, kept_bytes);
  }
};

// Where the records from a position on are.
struct LogReader::Source {
  // kMemory: taken already, or to be looked for again since it has just moved.
  enum class Kind : uint8_t { kEnd, kMemory, kRun, kExtent, kDamaged };
  Kind kind = Kind::kEnd;
  TailFrameRef frame;
  Run run;
  Extent extent;
  DamagedRange damaged;
};

awaitable<Result<ReadResult>> LogReader::read(ShardRef shard, Counter from, ReadLimits limits) {
  limits.records = std::max(limits.records, uint32_t{1});
  co_return co_await with_least_access<ReadResult>(
      [this, shard, from, limits](Access access) { return gather(*shard, from, limits, access); });
}

Result<std::optional<ReadResult>> LogReader::gather(ShardState& shard, Counter from,
                                                    ReadLimits limits, Access access) {
  Gathering gathering{.limits = limits};
  Counter at = from;
  uint64_t file_bytes = 0;
  const TimeMs now = clock_.now_ms();
  for (bool done = false; !done && !gathering.full;) {
    Source source;
    {
      std::lock_guard lock(shard.mutex);
      if (!shard.durable.exists) {
        return fail(ErrorCode::kNotFound, "There is no shard {} in the log.",
                    static_cast<uint64_t>(shard.id));
      }
      source = locate(shard, at, now - shard.durable.retention_ms, gathering);
      ReadResult& result = gathering.result;
      result.tip = shard.durable.tip;
      result.tip_arrival_ms = shard.durable.arrival_ms;
    }
    switch (source.kind) {
      case Source::Kind::kEnd:
        done = true;
        break;
      case Source::Kind::kMemory:
        break;
      case Source::Kind::kDamaged:
        if (gathering.records > 0) {
          done = true;
          break;
        }
        return fail(ErrorCode::kCorruption,
                    "Records {} to {} of shard {} are damaged ({}). Restore the file from a "
                    "backup, or read on from {}.",
                    source.damaged.first, source.damaged.end - 1, static_cast<uint64_t>(shard.id),
                    source.damaged.where, source.damaged.end);
      case Source::Kind::kRun: {
        const JournalFileRef file = source.frame->file();
        if (!file) break;  // flushed meanwhile
        auto body = fetch_run(*source.frame, *file, source.run, access);
        if (!body && gathering.records > 0) {
          done = true;
          break;
        }
        if (!body) return std::unexpected(std::move(body).error());
        if (!*body) {
          if (gathering.records == 0) return std::nullopt;
          done = true;
          break;
        }
        file_bytes += source.run.bytes;
        gathering.take(
            {source.run.first, source.run.records, source.run.arrival_ms, **std::move(body)}, at);
        break;
      }
      case Source::Kind::kExtent: {
        auto block = fetch_block(source.extent, at, access, file_bytes);
        if (!block && gathering.records > 0) {
          done = true;
          break;
        }
        if (!block) return std::unexpected(std::move(block).error());
        if (!*block) {
          if (gathering.records == 0) return std::nullopt;
          done = true;
          break;
        }
        take_block(shard, **std::move(block), now, at, gathering);
        break;
      }
    }
    if (access == Access::kCached && file_bytes >= kLoopReadBytes && gathering.records > 0) break;
  }
  gathering.result.next = at;
  {
    // The last batch may have reached the end.
    std::lock_guard lock(shard.mutex);
    gathering.result.at_end = shard.durable.sealed && at >= shard.durable.tip;
  }
  return std::move(gathering.result);
}

void LogReader::take_block(ShardState& shard, Block block, TimeMs now, Counter& at,
                           Gathering& gathering) const {
  TimeMs cutoff_ms = 0;
  std::vector<DamagedRange> damaged;
  {
    std::lock_guard lock(shard.mutex);
    cutoff_ms = now - shard.durable.retention_ms;
    damaged = shard.damaged;
  }
  for (StoredBatch& batch : block.batches) {
    const Counter end = batch.first + batch.records;
    if (end <= at) continue;
    if (batch.arrival_ms < cutoff_ms) {
      at = end;
      continue;
    }
    for (const DamagedRange& range : damaged) {
      if (range.end <= at || range.first >= batch.first || range.last_arrival_ms < cutoff_ms) {
        continue;
      }
      // Records between are lost: the next step says so.
      at = std::max(at, range.first);
      return;
    }
    at = std::max(at, batch.first);
    gathering.take(std::move(batch), at);
    if (gathering.full) return;
  }
}

// Guarded by the shard's mutex. Takes what memory holds at once.
LogReader::Source LogReader::locate(ShardState& shard, Counter& at, TimeMs cutoff_ms,
                                    Gathering& gathering) const {
  Source source;
  const RunQueue& tail = shard.tail;
  at = std::max(at, shard.durable.trim);
  const Extent* extent = nullptr;
  const size_t live = tail.find_frame(frames_.first());
  auto in_tail = [&] { return live < tail.size() && at >= tail[live].first(); };
  size_t i = tail.size();
  if (!in_tail()) {
    auto it = std::partition_point(
        shard.extents.begin(), shard.extents.end(),
        [&](const Extent& e) { return e.end <= at || e.last_arrival_ms < cutoff_ms; });
    if (it != shard.extents.begin() && std::prev(it)->end > at) at = std::prev(it)->end;
    if (it != shard.extents.end()) extent = &*it;
  }
  // An extent may reach into runs that are still cached: memory first.
  if (in_tail()) extent = nullptr;
  if (!extent) {
    i = std::max(live, tail.find(at));
    for (; i < tail.size(); ++i) {
      const auto run = run_at(tail, i);
      if (!run) {
        source.kind = Source::Kind::kMemory;
        return source;
      }
      if (run->arrival_ms >= cutoff_ms) break;
      at = tail[i].end;
    }
  }
  Counter next = shard.durable.tip;
  if (extent) {
    next = std::max(at, extent->first);
  } else if (i < tail.size()) {
    next = std::max(at, tail[i].first());
  }
  for (const DamagedRange& range : shard.damaged) {
    if (range.end <= at || range.last_arrival_ms < cutoff_ms) continue;
    if (range.first < next || (range.first <= at && at < range.end)) {
      source.kind = Source::Kind::kDamaged;
      source.damaged = range;
      return source;
    }
  }
  if (extent) {
    at = next;
    source.kind = Source::Kind::kExtent;
    source.extent = *extent;
    return source;
  }
  if (i == tail.size()) {
    at = std::max(at, shard.durable.tip);
    return source;
  }
  at = next;
  source.kind = Source::Kind::kMemory;
  if (take_runs(shard, i, at, gathering)) return source;
  source.frame = frames_.find(tail[i].frame());
  if (!source.frame) return source;
  source.kind = Source::Kind::kRun;
  source.run = source.frame->run(tail[i].run());
  return source;
}

bool LogReader::take_runs(const ShardState& shard, size_t i, Counter& at,
                          Gathering& gathering) const {
  const RunQueue& tail = shard.tail;
  std::vector<Slice> bodies;
  bool took = false;
  for (; i < tail.size() && !gathering.full; ++i) {
    // A gap: damaged records may lie in it.
    if (tail[i].first() > at && !shard.damaged.empty()) break;
    const TailFrameRef frame = frames_.find(tail[i].frame());
    if (!frame) break;
    const Run& run = frame->run(tail[i].run());
    if (!frame->bodies(run, bodies)) break;
    took = true;
    at = std::max(at, run.first);
    Counter first = run.first;
    auto body = bodies.begin();
    for (const Piece& piece : frame->pieces(run)) {
      if (first + piece.records > at) {
        gathering.take({first, piece.records, run.arrival_ms, std::move(*body)}, at);
        if (gathering.full) break;
      }
      ++body;
      first += piece.records;
    }
  }
  return took;
}

std::optional<Run> LogReader::run_at(const RunQueue& tail, size_t i) const {
  const TailFrameRef frame = frames_.find(tail[i].frame());
  if (!frame) return std::nullopt;
  return frame->run(tail[i].run());
}

Result<std::optional<Slice>> LogReader::fetch(File& file, uint64_t offset, uint64_t size,
                                              Access access) {
  BufferRef buffer = BufferRef::allocate(size);
  const std::span<char> into(buffer->data(), size);
  if (access != Access::kCached) {
    TRY_ASSIGN(const size_t got, file.read(offset, into));
    return Slice(std::move(buffer), got);
  }
  TRY_ASSIGN(const size_t got, file.read_cached(offset, into));
  if (got < size) return std::nullopt;
  return Slice(std::move(buffer), got);
}

Error LogReader::corrupt(const std::string& path, uint64_t offset, uint64_t length) {
  Error error{ErrorCode::kCorruption,
              fmt::format("{} is damaged at {} ({} bytes): these records can't be read. Check "
                          "the disk; restore the file from a backup if there is one.",
                          path, offset, length)};
  health_.add({path, offset, length, error.message});
  return error;
}

Result<std::optional<Slice>> LogReader::fetch_run(const TailFrame& frame, const JournalFile& file,
                                                  const Run& run, Access access) {
  const uint64_t start = frame.offset(run);
  TRY_ASSIGN(auto body, fetch(*file.file, start, run.bytes, access));
  if (!body) return std::nullopt;
  size_t offset = 0;
  for (const Piece& piece : frame.pieces(run)) {
    if (offset + piece.bytes > body->size() ||
        crc32c(body->view().substr(offset, piece.bytes)) != piece.crc) {
      return std::unexpected(corrupt(file.path, start + offset, piece.bytes));
    }
    offset += piece.bytes;
  }
  return body;
}

Result<Slice> LogReader::read_run(const TailFrame& frame, const Run& run) {
  const JournalFileRef file = frame.file();
  MS_ASSERT(file);  // the caller is who flushes
  TRY_ASSIGN(auto body, fetch_run(frame, *file, run, Access::kDisk));
  return *std::move(body);
}

Result<Block> LogReader::read_block(DataFile& file, OpenDataFile& open, uint64_t offset,
                                    uint64_t size) {
  TRY_ASSIGN(auto bytes, fetch(*open.file, offset, size, Access::kDisk));
  auto block = decode_block(*bytes);
  if (!block) return std::unexpected(corrupt(file.path, offset, size));
  return *std::move(block);
}

Result<std::optional<LogReader::Index>> LogReader::index_of(DataFile& file, OpenDataFile& open,
                                                            Counter end, Access access) {
  const uint64_t length = file.length.load(std::memory_order_acquire);
  {
    std::lock_guard lock(open.mutex);
    if (open.index &&
        (open.indexed >= length || (!open.index->empty() && open.index->back().end >= end))) {
      return open.index;
    }
  }
  if (access == Access::kCached) return std::nullopt;
  TRY_ASSIGN(LoadedIndex loaded, load_index(*open.file, length));
  if (loaded.damaged) corrupt(file.path, 0, length);
  auto index = std::make_shared<const std::vector<IndexEntry>>(std::move(loaded.entries));
  std::lock_guard lock(open.mutex);
  open.index = index;
  open.indexed = length;
  return index;
}

Result<std::optional<Block>> LogReader::fetch_block(const Extent& extent, Counter at, Access access,
                                                    uint64_t& bytes) {
  DataFile& file = *extent.file;
  OpenDataFileRef open = files_.cached(file);
  if (!open) {
    if (access == Access::kCached) return std::nullopt;
    TRY_ASSIGN(open, files_.open(file));
  }
  uint64_t offset = extent.offset;
  uint64_t size = extent.size;
  if (offset == 0) {
    TRY_ASSIGN(const auto index, index_of(file, *open, extent.end, access));
    if (!index) return std::nullopt;
    const auto it = std::ranges::partition_point(
        **index, [&](const IndexEntry& entry) { return entry.end <= at; });
    if (it == (*index)->end()) {
      return std::unexpected(corrupt(file.path, 0, file.length.load()));
    }
    offset = it->offset;
    size = it->size;
  }
  // The disk's pool takes only what is on the disk.
  const bool resident_only = open->tiered && access == Access::kDisk;
  TRY_ASSIGN(auto stored,
             fetch(*open->file, offset, size, resident_only ? Access::kCached : access));
  if (!stored) return std::nullopt;
  auto block = decode_block(*stored);
  if (!block || block->batches.empty() ||
      block->batches.back().first + block->batches.back().records <= at) {
    return std::unexpected(corrupt(file.path, offset, size));
  }
  bytes += size;
  return std::move(block);
}

}  // namespace millstream::local
