#include "log/local/frame_builder.h"

#include <algorithm>
#include <cstring>

#include "base/hash.h"
#include "log/local/limits.h"

namespace millstream::local {
namespace {

constexpr int kEpochShift = 40;
constexpr uint64_t kControlBound = 64;

// Small bodies of a run become one: fewer parts to write, and no small piece keeps a large
// request's buffer alive.
void merge_small_pieces(std::vector<Piece>& pieces) {
  size_t kept = 0;
  for (size_t i = 0; i < pieces.size();) {
    size_t end = i;
    size_t bytes = 0;
    while (end < pieces.size() && pieces[end].bytes < kSmallBodyBytes) bytes += pieces[end++].bytes;
    if (end == i) {
      if (kept != i) pieces[kept] = std::move(pieces[i]);
      ++kept;
      ++i;
      continue;
    }
    BufferRef buffer = BufferRef::allocate(bytes);
    Piece merged;
    for (char* to = buffer->data(); i < end; ++i) {
      const Piece& piece = pieces[i];
      std::memcpy(to, piece.body.data(), piece.bytes);
      merged.crc = merged.bytes == 0 ? piece.crc : crc32c(piece.body.view(), merged.crc);
      merged.bytes += piece.bytes;
      merged.records += piece.records;
      to += piece.bytes;
    }
    merged.body = Slice(std::move(buffer), bytes);
    pieces[kept++] = std::move(merged);
  }
  pieces.resize(kept);
}

}  // namespace

FrameBuilder::FrameBuilder(Clock& clock, ShardTable& shards, WriterTable& writers)
    : clock_(clock), shards_(shards), writers_(writers) {}

uint64_t FrameBuilder::bound(const Op& op) {
  if (op.kind != Op::Kind::kAppend) return kControlBound;
  return op.bytes + op.batches.size() * kRunEntryBound + writer_entry_bound(op.batches.size()) +
         kControlBound;
}

void FrameBuilder::begin(Frame& frame) {
  frame_ = &frame;
  ++frame_mark_;
  now_ms_ = clock_.now_ms();
  before_.clear();
  after_.clear();
}

void FrameBuilder::before(const JournalEntry& entry) {
  encode_entry(entry, before_);
  ++frame_->entries;
}

void FrameBuilder::after(const JournalEntry& entry) {
  encode_entry(entry, after_);
  ++frame_->entries;
}

ShardRef FrameBuilder::find(Op& op) {
  ShardRef shard = shards_.find(op.shard);
  if (shard && !shard->assigned.removed) return shard;
  op.error = no_such_shard(op.shard);
  return nullptr;
}

void FrameBuilder::add(Op& op) {
  frame_->ops.push_back(&op);
  switch (op.kind) {
    case Op::Kind::kAppend:
      append(op);
      return;
    case Op::Kind::kOpenWriter:
      op.opened = writers_.open(op.stamp.writer);
      after(OpenWriterEntry{op.stamp.writer, op.opened.epoch});
      return;
    case Op::Kind::kCreate:
      create(op);
      return;
    case Op::Kind::kSeal:
      if (const ShardRef shard = find(op)) {
        op.counter = shard->assigned.next;
        if (shard->assigned.sealed) return;
        shard->assigned.sealed = true;
        after(SealEntry{op.shard, op.counter});
        frame_->effects.push_back({op.kind, shard, op.counter});
      }
      return;
    case Op::Kind::kRemove:
      if (const ShardRef shard = shards_.find(op.shard); shard && !shard->assigned.removed) {
        shard->assigned.removed = true;
        after(RemoveEntry{op.shard});
        frame_->effects.push_back({op.kind, shard, 0});
      }
      return;
    case Op::Kind::kTrim:
      if (const ShardRef shard = find(op)) {
        const Counter first = std::min(op.counter, shard->assigned.next);
        if (first <= shard->assigned.trim) return;
        shard->assigned.trim = first;
        after(TrimEntry{op.shard, first});
        frame_->effects.push_back({op.kind, shard, first});
      }
      return;
    case Op::Kind::kSetRetention:
      if (const ShardRef shard = find(op)) {
        if (shard->assigned.options.retention_ms == op.options.retention_ms) return;
        shard->assigned.options.retention_ms = op.options.retention_ms;
        after(RetentionEntry{op.shard, op.options.retention_ms});
        frame_->effects.push_back({op.kind, shard, static_cast<uint64_t>(op.options.retention_ms)});
      }
      return;
  }
}

void FrameBuilder::create(Op& op) {
  if (const ShardRef known = shards_.find(op.shard)) {
    const ShardOptions& options = known->assigned.options;
    if (known->assigned.removed || options.retention_ms != op.options.retention_ms ||
        options.not_before_ms != op.options.not_before_ms) {
      op.error = Error{ErrorCode::kInUse,
                       fmt::format("Shard {} exists already with other options; use another id.",
                                   static_cast<uint64_t>(op.shard))};
    }
    return;
  }
  auto shard = std::make_shared<ShardState>(op.shard);
  shard->assigned.options = op.options;
  shard->assigned.next = epoch_ << kEpochShift;
  shard->assigned.trim = shard->assigned.next;
  shard->durable.tip = shard->assigned.next;
  shard->durable.trim = shard->assigned.next;
  shard->durable.retention_ms = op.options.retention_ms;
  shards_.insert(shard);
  before(CreateEntry{op.shard, op.options, shard->assigned.next});
  frame_->effects.push_back({op.kind, std::move(shard), 0});
}

void FrameBuilder::append(Op& op) {
  if (op.stamp.writer != 0) {
    auto verdict = writers_.judge(op.stamp);
    if (!verdict) {
      op.error = std::move(verdict).error();
      return;
    }
    if (*verdict == WriterTable::Verdict::kRepeat) {
      op.appended = writers_.last(op.stamp.writer);
      return;
    }
  }
  ++append_mark_;
  targets_.clear();
  for (const ShardBatch& batch : op.batches) {
    ShardRef shard = shards_.find(batch.shard);
    if (!shard || shard->assigned.removed) {
      op.error = no_such_shard(batch.shard);
      return;
    }
    if (shard->assigned.sealed) {
      op.error = Error{ErrorCode::kSealed, fmt::format("Shard {} is closed; write to its children.",
                                                       static_cast<uint64_t>(batch.shard))};
      return;
    }
    if (shard->assigned.append_mark == append_mark_) {
      op.error = Error{ErrorCode::kInvalidArgument,
                       fmt::format("Shard {} occurs twice in one append; put its records into "
                                   "one batch.",
                                   static_cast<uint64_t>(batch.shard))};
      return;
    }
    shard->assigned.append_mark = append_mark_;
    targets_.push_back(std::move(shard));
  }
  op.appended.reserve(op.batches.size());
  for (size_t i = 0; i < op.batches.size(); ++i) {
    assign(*targets_[i], targets_[i], op.batches[i], op);
  }
  if (op.stamp.writer != 0) {
    writers_.appended(op.stamp, op.appended);
    after(WriterEntry{op.stamp, op.appended});
  }
}

void FrameBuilder::assign(ShardState& shard, const ShardRef& ref, ShardBatch& batch, Op& op) {
  ShardState::Assigned& state = shard.assigned;
  state.next = std::max(state.next, epoch_ << kEpochShift);
  if ((state.next + batch.records) >> kEpochShift != state.next >> kEpochShift) {
    raise_epoch();
    state.next = epoch_ << kEpochShift;
  }
  state.arrival_ms = std::max({state.arrival_ms, now_ms_, state.options.not_before_ms});
  op.appended.push_back({batch.shard, state.next, batch.records, state.arrival_ms});
  const bool continues =
      state.frame_mark == frame_mark_ && frame_->runs[state.run_index].run.end() == state.next;
  if (!continues) {
    state.frame_mark = frame_mark_;
    state.run_index = static_cast<uint32_t>(frame_->runs.size());
    Run run;
    run.first = state.next;
    run.arrival_ms = state.arrival_ms;
    frame_->runs.push_back({ref, std::move(run)});
  }
  Run& run = frame_->runs[state.run_index].run;
  const auto bytes = static_cast<uint32_t>(batch.body.size());
  run.records += batch.records;
  run.bytes += bytes;
  run.pieces.push_back({batch.records, bytes, batch.checksum, std::move(batch.body)});
  state.next += batch.records;
}

void FrameBuilder::raise_epoch() {
  ++epoch_;
  before(EpochEntry{epoch_});
}

bool FrameBuilder::finish(const JournalWriter::Place& place, Lsn lsn) {
  Frame& frame = *frame_;
  frame.entries += static_cast<uint32_t>(frame.runs.size());
  if (frame.entries == 0) return false;
  frame.bytes.assign(kFrameHeadSize, '\0');
  frame.bytes += before_;
  for (auto& [shard, run] : frame.runs) {
    merge_small_pieces(run.pieces);
    encode_run(shard->id, run.first, run.arrival_ms, static_cast<uint32_t>(run.pieces.size()),
               frame.bytes);
    for (const Piece& piece : run.pieces) {
      encode_piece({piece.records, piece.bytes, piece.crc}, frame.bytes);
      frame.bodies.push_back({const_cast<char*>(piece.body.data()), piece.bytes});
    }
  }
  frame.bytes += after_;
  uint64_t offset = place.offset + frame.bytes.size();
  for (auto& [shard, run] : frame.runs) {
    run.file = place.file;
    run.offset = offset;
    run.lsn = lsn;
    offset += run.bytes;
    frame.body_bytes += run.bytes;
  }
  return true;
}

}  // namespace millstream::local
