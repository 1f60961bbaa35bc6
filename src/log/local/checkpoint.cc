#include "log/local/checkpoint.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "base/logging.h"

namespace millstream::local {
namespace {

// A checkpoint syncs at most so many segments, and a pack for each retention.
constexpr size_t kMaxSegments = 64;
// Runs taken from a shard at a time, while its readers and the committer wait.
constexpr size_t kGatherRuns = 4096;
constexpr size_t kPrefetch = 64;

}  // namespace

Checkpointer::Checkpointer(Env& env, Committer& committer, JournalSpace& space,
                           FileCatalog& catalog, TailFrames& frames, LogReader& reader,
                           Health& health, CheckpointOptions options)
    : env_(env),
      committer_(committer),
      space_(space),
      catalog_(catalog),
      frames_(frames),
      reader_(reader),
      health_(health),
      options_(options) {}

Result<> Checkpointer::run(uint64_t closed_generation) {
  auto snapshot = committer_.snapshot();
  if (health_.failed()) return std::unexpected(health_.failure());
  const Lsn position = snapshot.lsn + 1;
  if (position == catalog_.state().position && closed_generation == 0) {
    space_.release_below(position);
    return {};
  }
  std::vector<Share> parts = shares(snapshot);
  written_.clear();
  first_pending_ = frames_.flushed() + 1;
  pending_ = frames_.range(first_pending_, snapshot.frame);
  auto done = write(parts);
  pending_.clear();
  if (!done) {
    discard();
    return done;
  }
  const bool new_files = std::ranges::any_of(written_, &Written::is_new);
  if (new_files) {
    if (auto synced = env_.sync_folder(catalog_.data_folder()); !synced) {
      discard();
      return synced;
    }
  }
  std::vector<ManifestFile> entries = catalog_.entries();
  for (const Written& w : written_) {
    const auto known = std::ranges::find(entries, w.entry.id, &ManifestFile::id);
    if (known == entries.end()) {
      entries.push_back(w.entry);
    } else {
      *known = w.entry;
    }
  }
  Manifest manifest = manifest_of(snapshot, parts);
  manifest.closed_generation = closed_generation;
  if (auto stored = catalog_.store(std::move(manifest), std::move(entries)); !stored) {
    // After kNoSpace the old manifest is still there; after any other error perhaps not, and
    // the files must stay.
    if (!health_.failed()) discard();
    return stored;
  }
  install(parts);
  frames_.flushed_to(snapshot.frame);
  space_.release_below(position);
  return {};
}

std::vector<Checkpointer::Share> Checkpointer::shares(const Snapshot& snapshot) const {
  std::vector<Share> result;
  for (const ShardSnapshot& entry : snapshot.shards) {
    Share share{.shard = entry.shard, .retention_ms = entry.options.retention_ms};
    ShardState& shard = *entry.shard;
    std::lock_guard lock(shard.mutex);
    RunQueue& tail = shard.tail;
    tail.drop_stale(frames_.first());
    for (size_t i = tail.unflushed(); i < tail.size() && tail[i].frame() <= snapshot.frame; ++i) {
      share.bytes += tail[i].bytes;
      share.end = tail[i].end;
    }
    if (share.end == 0) continue;
    if (!shard.extents.empty()) {
      const DataFileRef& last = shard.extents.back().file;
      if (last->kind == DataKind::kSegment && !last->closed) share.segment = last;
    }
    result.push_back(std::move(share));
  }
  return result;
}

Result<> Checkpointer::write(std::vector<Share>& all) {
  std::vector<Share*> by_size;
  for (Share& share : all) by_size.push_back(&share);
  std::ranges::sort(by_size, std::ranges::greater(), &Share::bytes);
  const TimeMs now = env_.now_ms();
  std::map<TimeMs, std::vector<Share*>> packs;
  size_t segments = 0;
  for (Share* share : by_size) {
    if (share->segment && (!PartWriter::appendable(share->segment->length) ||
                           share->segment->length >= options_.roll_bytes ||
                           now - share->segment->first_arrival_ms >= options_.roll_age.count())) {
      share->segment->closed = true;
      share->segment = nullptr;
    }
    const uint64_t weight = share->segment ? share->bytes * 4 : share->bytes;
    if (weight >= options_.segment_bytes && segments < kMaxSegments) {
      ++segments;
      TRY(write_segment(*share));
      continue;
    }
    // Its later records stand in a pack, so that none may follow in the segment.
    if (share->segment) share->segment->closed = true;
    packs[share->retention_ms].push_back(share);
  }
  for (auto& [retention_ms, members] : packs) {
    std::ranges::sort(members, {}, [](const Share* share) { return share->shard->id; });
    TRY(write_pack(members));
  }
  return {};
}

DataFileRef Checkpointer::new_file(DataKind kind) {
  auto file = std::make_shared<DataFile>();
  file->id = catalog_.next_id();
  file->kind = kind;
  file->path = data_file_path(catalog_.data_folder(), kind, file->id);
  return file;
}

Result<> Checkpointer::write_pack(std::span<Share*> members) {
  const DataFileRef pack = new_file(DataKind::kPack);
  pack->retention_ms = members.front()->retention_ms;
  written_.push_back({.file = pack, .is_new = true});
  TRY_ASSIGN(const auto file, env_.open(pack->path, OpenMode::kCreateNew));
  PartWriter part(*file, {DataKind::kPack, pack->id}, 0);
  Written& written = written_.back();
  for (Share* share : members) {
    const size_t before = part.index().size();
    TRY(write_runs(*share, part));
    for (size_t i = before; i < part.index().size(); ++i) {
      written.extents.emplace_back(share->shard, extent_of(pack, part.index()[i]));
    }
  }
  if (part.index().empty()) {  // all was trimmed meanwhile
    written_.pop_back();
    return env_.remove(pack->path);
  }
  TRY_ASSIGN(const uint64_t length, part.finish());
  pack->length = length;
  pack->closed = true;
  pack->first_arrival_ms =
      std::ranges::min(part.index(), {}, &IndexEntry::first_arrival_ms).first_arrival_ms;
  pack->last_arrival_ms =
      std::ranges::max(part.index(), {}, &IndexEntry::last_arrival_ms).last_arrival_ms;
  written.entry = entry_of(*pack);
  return {};
}

Result<> Checkpointer::write_segment(Share& share) {
  const bool is_new = !share.segment;
  if (is_new) {
    share.segment = new_file(DataKind::kSegment);
    share.segment->shard = share.shard->id;
    share.segment->retention_ms = share.retention_ms;
  }
  const DataFileRef segment = share.segment;
  written_.push_back({.file = segment, .is_new = is_new});
  TRY_ASSIGN(const auto file,
             env_.open(segment->path, is_new ? OpenMode::kCreateNew : OpenMode::kReadWrite));
  PartWriter part(*file, {DataKind::kSegment, segment->id}, segment->length);
  TRY(write_runs(share, part));
  if (part.index().empty()) {
    written_.pop_back();
    if (!is_new) return {};
    share.segment = nullptr;
    return env_.remove(segment->path);
  }
  TRY_ASSIGN(const uint64_t length, part.finish());
  ManifestFile entry = entry_of(*segment);
  const IndexEntry& first = part.index().front();
  const IndexEntry& last = part.index().back();
  if (is_new) {
    entry.first = first.first;
    entry.first_arrival_ms = first.first_arrival_ms;
  }
  entry.end = last.end;
  entry.last_arrival_ms = last.last_arrival_ms;
  entry.length = length;
  written_.back().entry = entry;
  return {};
}

Result<> Checkpointer::write_runs(Share& share, PartWriter& part) {
  ShardState& shard = *share.shard;
  BlockBuilder block;
  block.start(shard.id);
  for (Counter at = 0; at < share.end;) {
    runs_.clear();
    {
      std::lock_guard lock(shard.mutex);
      const RunQueue& tail = shard.tail;
      for (size_t i = at == 0 ? tail.unflushed() : std::max(tail.unflushed(), tail.find(at));
           i < tail.size() && tail[i].end <= share.end && runs_.size() < kGatherRuns; ++i) {
        runs_.push_back(tail[i]);
      }
    }
    if (runs_.empty()) break;
    // The journal goes on meanwhile. If there is no room for a file, the appends will say so.
    if (space_.wants_files()) std::ignore = space_.prepare();
    for (size_t i = 0; i < runs_.size(); ++i) {
      if (i % kPrefetch == 0) {
        prefetch(std::span(runs_).subspan(i, std::min(kPrefetch, runs_.size() - i)));
      }
      TRY(write_run(share, runs_[i], block, part));
    }
    at = runs_.back().end;
  }
  if (block.empty()) return {};
  TRY(part.add(block));
  return {};
}

// Runs of neighbouring frames are far apart in memory: the processor fetches many at a time.
void Checkpointer::prefetch(std::span<const RunRef> runs) const {
  auto frame = [&](const RunRef& run) -> const TailFrame& {
    return *pending_[run.frame() - first_pending_];
  };
  for (const RunRef& run : runs) frame(run).prefetch_run(run.run());
  for (const RunRef& run : runs) frame(run).prefetch_piece(run.run());
  for (const RunRef& run : runs) frame(run).prefetch_body(run.run());
}

Result<> Checkpointer::write_run(Share& share, const RunRef& ref, BlockBuilder& block,
                                 PartWriter& part) {
  const TailFrame& frame = *pending_[ref.frame() - first_pending_];
  const Run& run = frame.run(ref.run());
  // The bodies of a run are all in memory, or none is.
  if (!frame.bodies(run, bodies_)) {
    auto read = reader_.read_run(frame, run);
    if (!read && read.error().code == ErrorCode::kCorruption) {
      share.damaged.push_back({run.first, ref.end, run.arrival_ms,
                               fmt::format("{} at {}", frame.file()->path, frame.offset(run))});
      return {};
    }
    if (!read) return std::unexpected(std::move(read).error());
    size_t offset = 0;
    for (const Piece& piece : frame.pieces(run)) {
      bodies_.push_back(read->sub(offset, piece.bytes));
      offset += piece.bytes;
    }
  }
  Counter first = run.first;
  auto body = bodies_.begin();
  for (const Piece& piece : frame.pieces(run)) {
    block.add(first, piece.records, run.arrival_ms, std::move(*body++));
    first += piece.records;
    if (block.body_bytes() >= kBlockBytes) {
      TRY(part.add(block));
      block.start(share.shard->id);
    }
  }
  return {};
}

Manifest Checkpointer::manifest_of(const Snapshot& snapshot,
                                   const std::vector<Share>& shares) const {
  Manifest manifest;
  manifest.epoch = snapshot.epoch;
  manifest.position = snapshot.lsn + 1;
  for (const ShardSnapshot& entry : snapshot.shards) {
    ManifestShard shard{.id = entry.shard->id,
                        .options = entry.options,
                        .next = entry.next,
                        .trim = entry.trim,
                        .arrival_ms = entry.arrival_ms,
                        .sealed = entry.sealed};
    {
      std::lock_guard lock(entry.shard->mutex);
      shard.damaged = entry.shard->damaged;
    }
    manifest.shards.push_back(std::move(shard));
  }
  for (const Share& share : shares) {
    if (share.damaged.empty()) continue;
    auto& shard = *std::ranges::find(manifest.shards, share.shard->id, &ManifestShard::id);
    shard.damaged.insert(shard.damaged.end(), share.damaged.begin(), share.damaged.end());
  }
  manifest.writers = snapshot.writers;
  return manifest;
}

void Checkpointer::install(const std::vector<Share>& all) {
  for (Written& w : written_) {
    if (w.is_new) catalog_.files().push_back(w.file);
    for (auto& [shard, extent] : w.extents) {
      std::lock_guard lock(shard->mutex);
      shard->extents.push_back(std::move(extent));
    }
    if (w.file->kind != DataKind::kSegment) continue;
    w.file->first = w.entry.first;
    w.file->end = w.entry.end;
    w.file->first_arrival_ms = w.entry.first_arrival_ms;
    w.file->last_arrival_ms = w.entry.last_arrival_ms;
    w.file->length.store(w.entry.length, std::memory_order_release);
    for (const Share& share : all) {
      if (share.segment != w.file) continue;
      std::lock_guard lock(share.shard->mutex);
      std::vector<Extent>& extents = share.shard->extents;
      if (!w.is_new && !extents.empty() && extents.back().file == w.file) extents.pop_back();
      extents.push_back(extent_of(w.file));
    }
  }
  for (const Share& share : all) {
    std::lock_guard lock(share.shard->mutex);
    share.shard->tail.flushed_to(share.end);
    share.shard->damaged.insert(share.shard->damaged.end(), share.damaged.begin(),
                                share.damaged.end());
  }
  written_.clear();
}

// Nothing of this attempt counts. Its segments are not written to again: a failed sync leaves
// unknown what the disk holds behind their length.
void Checkpointer::discard() {
  for (const Written& w : written_) {
    w.file->closed = true;
    if (!w.is_new) continue;
    if (auto removed = env_.remove(w.file->path);
        !removed && removed.error().code != ErrorCode::kNotFound) {
      log_warning("log", "{} is left over: {}", w.file->path, removed.error().message);
    }
  }
  written_.clear();
}

}  // namespace millstream::local
