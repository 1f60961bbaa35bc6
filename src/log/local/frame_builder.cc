#include "log/local/frame_builder.h"

#include <algorithm>
#include <cstring>

#include "base/hash.h"
#include "log/local/limits.h"

namespace millstream::local {
namespace {

constexpr int kEpochShift = 40;
constexpr uint64_t kControlBound = 64;

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
  runs_.clear();
  additions_.clear();
  small_bytes_ = 0;
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
    ShardState* shard = shards_.peek(batch.shard);
    __builtin_prefetch(shard, 1);
    targets_.push_back(shard);
  }
  for (size_t i = 0; i < op.batches.size(); ++i) {
    const ShardBatch& batch = op.batches[i];
    ShardState* shard = targets_[i];
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
  }
  op.appended.reserve(op.batches.size());
  for (size_t i = 0; i < op.batches.size(); ++i) {
    assign(*targets_[i], op.batches[i], op);
  }
  if (op.stamp.writer != 0) {
    writers_.appended(op.stamp, op.appended);
    after(WriterEntry{op.stamp, op.appended});
  }
}

void FrameBuilder::assign(ShardState& shard, ShardBatch& batch, Op& op) {
  ShardState::Assigned& state = shard.assigned;
  state.next = std::max(state.next, epoch_ << kEpochShift);
  if ((state.next + batch.records) >> kEpochShift != state.next >> kEpochShift) {
    raise_epoch();
    state.next = epoch_ << kEpochShift;
  }
  state.arrival_ms = std::max({state.arrival_ms, now_ms_, state.options.not_before_ms});
  op.appended.push_back({batch.shard, state.next, batch.records, state.arrival_ms});
  const auto addition = static_cast<uint32_t>(additions_.size());
  const auto bytes = static_cast<uint32_t>(batch.body.size());
  OpenRun* run = state.frame_mark == frame_mark_ ? &runs_[state.run_index] : nullptr;
  if (run && run->first + run->records == state.next) {
    additions_[run->last_addition].next = addition;
  } else {
    state.frame_mark = frame_mark_;
    state.run_index = static_cast<uint32_t>(runs_.size());
    run = &runs_.emplace_back(&shard, state.next, state.arrival_ms);
    run->first_addition = addition;
  }
  run->last_addition = addition;
  ++run->additions;
  run->records += batch.records;
  run->bytes += bytes;
  if (bytes < kSmallBodyBytes) small_bytes_ += bytes;
  additions_.push_back({std::move(batch.body), batch.records, batch.checksum});
  state.next += batch.records;
}

void FrameBuilder::raise_epoch() {
  ++epoch_;
  before(EpochEntry{epoch_});
}

char* FrameBuilder::gather(const OpenRun& run, TailFrame::Content& content, char* small) {
  bool joins = false;
  uint32_t at = run.first_addition;
  for (uint32_t i = 0; i < run.additions; ++i) {
    Addition& addition = additions_[at];
    at = addition.next;
    const auto bytes = static_cast<uint32_t>(addition.body.size());
    const bool is_small = bytes < kSmallBodyBytes;
    const char* body = addition.body.data();
    if (is_small) {
      std::memcpy(small, body, bytes);
      body = small;
      small += bytes;
    }
    if (is_small && joins) {
      Piece& piece = content.pieces.back();
      piece.crc = crc32c({body, bytes}, piece.crc);
      piece.records += addition.records;
      piece.bytes += bytes;
    } else {
      const auto buffer = is_small ? 0 : static_cast<uint32_t>(content.buffers.size());
      if (!is_small) content.buffers.push_back(addition.body.buffer());
      content.pieces.push_back({addition.records, bytes, addition.crc, buffer, body});
    }
    joins = is_small;
    addition.body = Slice();
  }
  return small;
}

// Small bodies are copied into one buffer, run by run: few parts to write, few buffers to keep,
// and no small piece keeps a large request's buffer alive.
TailFrame::Content FrameBuilder::make_tail() {
  TailFrame::Content content;
  content.runs.reserve(runs_.size());
  content.pieces.reserve(runs_.size());
  content.buffers.push_back(BufferRef::allocate(small_bytes_));
  char* small = content.buffers.front()->data();
  uint64_t offset = 0;
  for (const OpenRun& run : runs_) {
    const auto first_piece = static_cast<uint32_t>(content.pieces.size());
    small = gather(run, content, small);
    content.runs.push_back({run.first, run.arrival_ms, run.records, run.bytes,
                            static_cast<uint32_t>(offset), first_piece,
                            static_cast<uint32_t>(content.pieces.size()) - first_piece});
    offset += run.bytes;
  }
  return content;
}

bool FrameBuilder::finish(const JournalWriter::Place& place, Lsn lsn) {
  Frame& frame = *frame_;
  frame.entries += static_cast<uint32_t>(runs_.size());
  if (frame.entries == 0) return false;
  frame.bytes.assign(kFrameHeadSize, '\0');
  frame.bytes += before_;
  if (runs_.empty()) {
    frame.bytes += after_;
    return true;
  }
  TailFrame::Content content = make_tail();
  frame.shards.reserve(runs_.size());
  for (size_t i = 0; i < runs_.size(); ++i) {
    const Run& run = content.runs[i];
    ShardState* shard = runs_[i].shard;
    frame.shards.push_back(shard);
    encode_run(shard->id, run.first, run.arrival_ms, run.pieces, frame.bytes);
    for (uint32_t p = run.piece; p < run.piece + run.pieces; ++p) {
      const Piece& piece = content.pieces[p];
      encode_piece({piece.records, piece.bytes, piece.crc}, frame.bytes);
      iovec* last = frame.bodies.empty() ? nullptr : &frame.bodies.back();
      if (last && static_cast<const char*>(last->iov_base) + last->iov_len == piece.body) {
        last->iov_len += piece.bytes;
      } else {
        frame.bodies.push_back({const_cast<char*>(piece.body), piece.bytes});
      }
    }
    frame.body_bytes += run.bytes;
  }
  frame.bytes += after_;
  content.file = place.file;
  content.offset = place.offset + frame.bytes.size();
  content.lsn = lsn;
  frame.tail = std::make_shared<TailFrame>(std::move(content));
  return true;
}

}  // namespace millstream::local
