#include "log/local/recovery.h"

#include <algorithm>

#include "base/logging.h"
#include "log/local/journal_reader.h"

namespace millstream::local {
namespace {

constexpr std::string_view kNamePrefix = "journal-";
constexpr int kEpochShift = 40;

bool all_zero(std::string_view bytes) {
  return std::ranges::all_of(bytes, [](char c) { return c == 0; });
}

uint64_t number_of(const std::string& name) {
  return std::strtoull(name.c_str() + kNamePrefix.size(), nullptr, 10);
}

}  // namespace

JournalRecovery::JournalRecovery(Env& env, std::string folder, ShardTable& shards,
                                 WriterTable& writers, TailFrames& frames, JournalSpace& space,
                                 Health& health)
    : env_(env),
      folder_(std::move(folder)),
      shards_(shards),
      writers_(writers),
      frames_(frames),
      space_(space),
      health_(health) {}

Result<JournalFileRef> JournalRecovery::open_file(const std::string& name, uint64_t size) {
  auto opened = std::make_shared<JournalFile>();
  opened->path = folder_ + "/" + name;
  opened->size = size;
  TRY_ASSIGN(opened->file, env_.open(opened->path, OpenMode::kReadWrite));
  std::string blocks(kJournalDataStart, '\0');
  TRY_ASSIGN(const size_t got, opened->file->read(0, blocks));
  blocks.resize(got);
  const std::string_view all = blocks;
  const auto first = decode_journal_header(all);
  std::optional<JournalHeader> second;
  if (all.size() == kJournalDataStart) {
    second = decode_journal_header(all.substr(kJournalAlignment));
  }
  if (first || second) {
    const bool use_first = first && (!second || first->generation >= second->generation);
    opened->header = use_first ? *first : *second;
    return opened;
  }
  opened->file.reset();
  // The second header is written with the first frame: as long as it is zero, nothing in the
  // file was ever acknowledged.
  if (all.size() == kJournalDataStart && !all_zero(all.substr(kJournalAlignment))) {
    const std::string kept = opened->path + ".damaged";
    TRY(env_.rename(opened->path, kept));
    damage_seen_ = true;
    report(kept, 0, size, "both headers of the journal file are damaged; the file is kept");
  } else {
    TRY(env_.remove(opened->path));
  }
  return nullptr;
}

Result<std::vector<JournalFileRef>> JournalRecovery::find_files() {
  std::vector<JournalFileRef> files;
  uint64_t last_number = 0;
  uint64_t last_generation = 0;
  TRY_ASSIGN(const std::vector<FileInfo> infos, env_.list(folder_));
  for (const FileInfo& info : infos) {
    if (info.is_folder || !info.name.starts_with(kNamePrefix)) continue;
    last_number = std::max(last_number, number_of(info.name));
    if (info.name.ends_with(".damaged")) continue;
    TRY_ASSIGN(JournalFileRef file, open_file(info.name, info.size));
    if (!file) continue;
    last_generation = std::max(last_generation, file->header.generation);
    files.push_back(std::move(file));
  }
  std::ranges::sort(files, {}, [](const JournalFileRef& file) { return file->header.generation; });
  space_.start_at(last_number + 1, last_generation + 1);
  return files;
}

Result<RecoveredJournal> JournalRecovery::run(const Manifest& manifest) {
  TRY_ASSIGN(std::vector<JournalFileRef> files, find_files());
  result_.epoch = manifest.epoch;
  position_ = expected_ = manifest.position;
  size_t begin = 0;  // of the chain
  const bool closed = !files.empty() && manifest.closed_generation != 0 &&
                      files.back()->header.generation == manifest.closed_generation;
  if (closed) {
    begin = files.size();
  } else {
    while (begin + 1 < files.size() && files[begin + 1]->header.void_from <= position_) ++begin;
  }
  for (size_t i = 0; i < begin; ++i) space_.adopt(std::move(files[i]), false);
  files.erase(files.begin(), files.begin() + static_cast<ptrdiff_t>(begin));
  if (!closed && (files.empty() ? position_ > 1 : files.front()->header.first_lsn > position_)) {
    damage_seen_ = true;
    report(folder_, 0, 0, fmt::format("the journal from frame {} on is missing", position_));
  }
  bool open = true;
  for (size_t i = 0; i < files.size() && open; ++i) {
    const JournalFile* next = i + 1 < files.size() ? files[i + 1].get() : nullptr;
    TRY_ASSIGN(open, replay(files[i], next));
  }
  for (JournalFileRef& file : files) {
    if (file->header.os_durability) TRY(file->file->sync());
    space_.adopt(std::move(file), true);
  }
  result_.next = expected_;
  return std::move(result_);
}

Result<bool> JournalRecovery::replay(const JournalFileRef& file, const JournalFile* next) {
  if (file->header.first_lsn > expected_) {
    // Reported where the frames before are missing.
    expected_ = file->header.first_lsn;
  }
  const Lsn end = next ? next->header.void_from : ~Lsn{0};
  JournalReader reader(*file);
  Lsn lsn = file->header.first_lsn;
  uint64_t offset = kJournalDataStart;
  while (lsn < end) {
    TRY_ASSIGN(const auto frame, reader.read(offset, lsn >= position_));
    const bool head_good = frame && frame->head.lsn == lsn;
    const bool good = head_good && frame->bodies_good;
    if (!good) {
      // Torn, unless something was written after it.
      const uint64_t search = head_good ? offset + frame->head.size() - kJournalAlignment : offset;
      TRY_ASSIGN(const auto later, reader.find_later(search, lsn));
      // Frames between this one and the next file's first.
      const bool missing = next && next->header.first_lsn > lsn;
      if (file->header.os_durability) {
        // Its frames were never promised to be on the disk, nor those of such files after it.
        if (!missing) return true;
        if (next->header.os_durability) return false;
      }
      if (!later && !missing) return true;
      if (lsn >= position_) damage_seen_ = true;
      if (!head_good) {
        const uint64_t stop = later.value_or(file->size);
        if (lsn >= position_)
          report(file->path, offset, stop - offset,
                 fmt::format("frame {} is damaged; the records in it are lost", lsn));
        if (!later) return true;
        TRY_ASSIGN(const auto found, reader.read(*later, false));
        if (!found || found->head.lsn >= end) return true;
        lsn = found->head.lsn;
        expected_ = std::max(expected_, lsn);
        offset = *later;
        continue;
      }
      report(file->path, offset, frame->head.size(),
             fmt::format("records in frame {} are damaged", lsn));
    }
    if (lsn >= expected_) {
      apply(file, offset, frame->entries, frame->good_pieces);
      expected_ = lsn + 1;
      result_.last_file = file;
      result_.last_offset = offset;
      result_.replayed_bytes += frame->head.size();
    }
    file->last_lsn = lsn;
    offset += frame->head.size();
    ++lsn;
  }
  return true;
}

void JournalRecovery::report(const std::string& file, uint64_t offset, uint64_t length,
                             std::string what) {
  health_.add({file, offset, length,
               fmt::format("{}: reads that need them fail, everything else is served. Check the "
                           "disk; restore the file from a backup if there is one.",
                           what)});
}

ShardState* JournalRecovery::shard_of(ShardId shard) {
  if (const ShardRef known = shards_.find(shard)) return known.get();
  if (!damage_seen_) return nullptr;
  // Its creation was in a damaged frame. Better to keep its records than to lose them too.
  auto made = std::make_shared<ShardState>(shard);
  made->durable.exists = true;
  made->durable.retention_ms = made->assigned.options.retention_ms;
  ShardState* state = made.get();
  shards_.insert(std::move(made));
  return state;
}

void JournalRecovery::apply(const JournalFileRef& file, uint64_t frame_offset,
                            const std::vector<JournalEntry>& entries,
                            const std::vector<bool>& good_pieces) {
  content_ = {.file = file, .offset = frame_offset, .lsn = expected_};
  size_t piece = 0;
  for (const JournalEntry& entry : entries) {
    if (const auto* epoch = std::get_if<EpochEntry>(&entry)) {
      result_.epoch = std::max(result_.epoch, epoch->epoch);
    } else if (const auto* create = std::get_if<CreateEntry>(&entry)) {
      if (shards_.find(create->shard)) continue;
      auto shard = std::make_shared<ShardState>(create->shard);
      shard->assigned.options = create->options;
      shard->assigned.next = shard->assigned.trim = create->first;
      shard->durable.exists = true;
      shard->durable.tip = shard->durable.trim = create->first;
      shard->durable.retention_ms = create->options.retention_ms;
      shards_.insert(std::move(shard));
    } else if (const auto* run = std::get_if<RunEntry>(&entry)) {
      apply_run(*run, good_pieces, piece);
      piece += run->pieces.size();
    } else if (const auto* seal = std::get_if<SealEntry>(&entry)) {
      if (ShardState* shard = shard_of(seal->shard)) {
        shard->assigned.sealed = shard->durable.sealed = true;
      }
    } else if (const auto* remove = std::get_if<RemoveEntry>(&entry)) {
      shards_.erase(remove->shard);
    } else if (const auto* trim = std::get_if<TrimEntry>(&entry)) {
      if (ShardState* shard = shard_of(trim->shard)) {
        shard->assigned.trim = shard->durable.trim = std::max(shard->durable.trim, trim->first);
        shard->tail.trim(trim->first);
      }
    } else if (const auto* retention = std::get_if<RetentionEntry>(&entry)) {
      if (ShardState* shard = shard_of(retention->shard)) {
        shard->assigned.options.retention_ms = retention->retention_ms;
        shard->durable.retention_ms = retention->retention_ms;
      }
    } else if (const auto* open = std::get_if<OpenWriterEntry>(&entry)) {
      writers_.set_epoch(open->writer, open->epoch);
    } else if (const auto* writer = std::get_if<WriterEntry>(&entry)) {
      writers_.appended(writer->stamp, writer->appended);
    }
  }
  if (!content_.runs.empty()) {
    frames_.add_evicted(std::make_shared<TailFrame>(std::move(content_)));
  }
}

void JournalRecovery::apply_run(const RunEntry& entry, const std::vector<bool>& good_pieces,
                                size_t first_piece) {
  ShardState* shard = shard_of(entry.shard);
  if (!shard || entry.first < shard->assigned.next) return;
  const std::string where = fmt::format("{} at {}", content_.file->path, content_.offset);
  if (damage_seen_ && entry.first > shard->assigned.next &&
      entry.first >> kEpochShift == shard->assigned.next >> kEpochShift) {
    // Numbers follow each other within an epoch: those between were in a damaged frame.
    shard->damaged.push_back({shard->assigned.next, entry.first, entry.arrival_ms, where});
  }
  // With a damaged piece in it, it becomes several.
  Run run;
  auto push = [&] {
    if (run.records > 0) {
      shard->tail.push(
          RunRef::of(frames_.last() + 1, content_.runs.size(), run.first, run.records, run.bytes),
          frames_.first());
      content_.runs.push_back(run);
    }
    run = Run();
  };
  Counter first = entry.first;
  uint64_t offset = entry.offset;
  for (size_t i = 0; i < entry.pieces.size(); ++i) {
    const PieceEntry& piece = entry.pieces[i];
    if (good_pieces[first_piece + i]) {
      if (run.records == 0) {
        run.first = first;
        run.arrival_ms = entry.arrival_ms;
        run.offset = static_cast<uint32_t>(offset);
        run.piece = static_cast<uint32_t>(content_.pieces.size());
      }
      run.records += piece.records;
      run.bytes += piece.bytes;
      ++run.pieces;
      content_.pieces.push_back({.records = piece.records, .bytes = piece.bytes, .crc = piece.crc});
    } else {
      push();
      shard->damaged.push_back({first, first + piece.records, entry.arrival_ms, where});
    }
    first += piece.records;
    offset += piece.bytes;
  }
  push();
  shard->assigned.next = first;
  shard->assigned.arrival_ms = std::max(shard->assigned.arrival_ms, entry.arrival_ms);
  shard->durable.tip = first;
  shard->durable.arrival_ms = shard->assigned.arrival_ms;
}

Result<uint64_t> secure_tail(const RecoveredJournal& recovered, JournalSpace& space,
                             JournalWriter& writer) {
  const uint64_t epoch = recovered.epoch + 1;
  std::string frame(kFrameHeadSize, '\0');
  encode_entry(EpochEntry{epoch}, frame);
  uint64_t room = align_up(frame.size());
  std::string copy;
  FrameHead head;
  if (recovered.last_file) {
    JournalReader reader(*recovered.last_file);
    TRY_ASSIGN(const auto last, reader.read(recovered.last_offset, false));
    if (!last) {
      return fail(ErrorCode::kCorruption, "{} at {} changed while it was read; check the disk.",
                  recovered.last_file->path, recovered.last_offset);
    }
    head = last->head;
  }
  if (recovered.last_file && head.lsn + 1 == recovered.next) {
    JournalReader reader(*recovered.last_file);
    TRY_ASSIGN(copy, reader.raw(recovered.last_offset, head.used_bytes()));
    room += head.size();
  }
  writer.start_at(copy.empty() ? recovered.next : recovered.next - 1);
  space.recycle();
  TRY_ASSIGN(bool rolled, writer.roll(room, recovered.next));
  if (!rolled) {
    TRY(space.prepare(true));
    TRY_ASSIGN(rolled, writer.roll(room, recovered.next));
    if (!rolled) {
      return fail(ErrorCode::kNoSpace,
                  "The journal's budget leaves no room for a file; raise "
                  "the journal's size in the configuration.");
    }
  }
  if (!copy.empty()) {
    std::string head_and_table = copy.substr(0, kFrameHeadSize + head.table_bytes);
    const iovec body{copy.data() + head_and_table.size(), head.body_bytes};
    TRY(writer.write(head_and_table, head.entries,
                     std::span<const iovec>(&body, head.body_bytes > 0 ? 1 : 0), head.body_bytes));
  }
  TRY(writer.write(frame, 1, {}, 0));
  return epoch;
}

}  // namespace millstream::local
