#include "analytics/engine/commit.h"

#include <algorithm>
#include <map>

#include "base/hash.h"
#include "log/record.h"

namespace millstream::analytics {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kMendPause = 50ms;
constexpr std::chrono::seconds kLookAgain{1};

// Nothing was appended, and the same append may succeed later.
bool may_be_retried(ErrorCode code) {
  switch (code) {
    case ErrorCode::kSealed:
    case ErrorCode::kThrottled:
    case ErrorCode::kNoSpace:
    case ErrorCode::kKeyNotFound:  // a master key that is missing may come back
    case ErrorCode::kKeyDisabled:
    case ErrorCode::kKeyInvalidState:
    case ErrorCode::kKeyAccessDenied:
      return true;
    default:
      return false;
  }
}

ShardBatch shard_batch(ShardId shard, uint32_t records, Slice body) {
  ShardBatch batch{shard, records, 0, std::move(body)};
  batch.checksum = crc32c(batch.body.view());
  return batch;
}

size_t bytes_of(std::span<const ShardBatch> batches) {
  size_t bytes = 0;
  for (const ShardBatch& batch : batches) bytes += batch.body.size();
  return bytes;
}

}  // namespace

Committer::Committer(const JobSpec& spec, JobHost& host, std::vector<Sink*> sinks,
                     asio::any_io_executor strand, std::function<void()> wake)
    : spec_(spec),
      host_(host),
      sinks_(std::move(sinks)),
      strand_(strand),
      wake_(std::move(wake)),
      progress_(strand) {}

awaitable<Result<uint64_t>> Committer::open() {
  if (spec_.writer == 0) co_return uint64_t{0};
  CO_TRY_ASSIGN(const OpenedWriter opened, co_await host_.log().open_writer(spec_.writer));
  stamp_ = {spec_.writer, opened.epoch, opened.last_number};
  co_return opened.last_number;
}

std::vector<ShardBatch> Committer::batches_of(Commit& commit, uint64_t number) const {
  std::map<ShardId, std::vector<ShardBody*>> by_shard;
  for (ShardBody& body : commit.bodies) by_shard[body.shard].push_back(&body);
  std::vector<ShardBatch> batches;
  for (auto& [shard, bodies] : by_shard) {
    if (bodies.size() == 1) {
      batches.push_back(shard_batch(shard, bodies[0]->records, bodies[0]->body));
      continue;
    }
    RecordBody whole;
    size_t bytes = 0;
    for (const ShardBody* body : bodies) bytes += body->body.size();
    whole.reserve(bytes);
    for (const ShardBody* body : bodies) whole.append(body->body.view(), body->records);
    const uint32_t records = whole.records();
    batches.push_back(shard_batch(shard, records, whole.take()));
  }
  if (spec_.writer != 0) {
    RecordBody body;
    commit.head.number = number;
    commit.head.partitions = static_cast<uint32_t>(commit.changes.size());
    const auto add = [&body](std::string_view data) {
      std::copy(data.begin(), data.end(), body.add("c", data.size()));
    };
    add(encode_head(commit.head));
    for (const std::string& changes : commit.changes) add(changes);
    const uint32_t records = body.records();
    batches.push_back(shard_batch(spec_.changelog, records, body.take()));
  }
  return batches;
}

awaitable<Result<>> Committer::submit(Commit commit) {
  while (failure_ && (pending_.size() >= spec_.pending_appends ||
                      after_.size() >= spec_.pending_appends || stalled_)) {
    if (needs_mending()) {
      CO_TRY(co_await mend());
    } else {
      co_await progress_.wait(kLookAgain);
    }
  }
  CO_TRY(failure_);
  auto pending = std::make_shared<Pending>();
  pending->number = ++stamp_.number;
  pending->batches = batches_of(commit, pending->number);
  pending->commit = std::move(commit);
  const size_t bytes = bytes_of(pending->batches);
  const size_t limit = spec_.writer != 0 ? kMaxWriterAppendBytes : kMaxAppendBytes;
  if (bytes > limit) {
    failure_ = fail(ErrorCode::kInvalidArgument,
                    "one batch of {} made {} bytes of output and state, more than the {} that can "
                    "be written at once; a join or window multiplies its rows too much",
                    spec_.application, bytes, limit);
    co_return failure_;
  }
  pending_.push_back(pending);
  if (pending->batches.empty()) {
    pending->done = true;
    finish_front();
    co_return failure_;
  }
  ++in_flight_;
  asio::co_spawn(strand_, append(pending), asio::detached);
  co_return Result<>();
}

awaitable<> Committer::append(std::shared_ptr<Pending> pending) {
  WriterStamp stamp = stamp_;
  stamp.number = spec_.writer != 0 ? pending->number : 0;
  const auto result = co_await host_.log().append(pending->batches, stamp);
  --in_flight_;
  note(*pending, result);
  progress_.set();
  wake_();
}

void Committer::note(Pending& pending, const Result<std::vector<Appended>>& result) {
  if (result) {
    pending.done = true;
    for (const Appended& appended : *result) {
      if (spec_.writer != 0 && appended.shard == spec_.changelog) {
        changelog_end_ = std::max(changelog_end_, appended.first + appended.records);
      }
    }
    if (spec_.writer != 0) changelog_bytes_ += pending.batches.back().body.size();
    finish_front();
    return;
  }
  // Behind an append that was refused, the next ones are out of sequence.
  if (may_be_retried(result.error().code) ||
      (stalled_ && result.error().code == ErrorCode::kOutOfSequence)) {
    stalled_ = true;
    return;
  }
  if (failure_) failure_ = std::unexpected(result.error());
}

// In order: what is durable becomes visible only after what came before it.
void Committer::finish_front() {
  while (!pending_.empty() && pending_.front()->done) {
    Commit& commit = pending_.front()->commit;
    if (commit.durable) commit.durable();
    bool any = false;
    for (const SinkOutput& sink : commit.sinks) {
      any = any || !sink.lines.empty() || !sink.rows_to_ask.empty() || sink.wants_after;
    }
    if (any) after_.push_back(std::move(commit.sinks));
    pending_.pop_front();
  }
  if (!after_.empty() && !after_running_) {
    after_running_ = true;
    asio::co_spawn(strand_, run_after_effects(), asio::detached);
  }
}

awaitable<> Committer::run_after_effects() {
  while (!after_.empty() && failure_) {
    std::vector<SinkOutput> outputs = std::move(after_.front());
    for (size_t i = 0; i < outputs.size() && failure_; ++i) {
      const auto done = co_await sinks_[i]->after_commit(std::move(outputs[i]));
      if (!done && failure_) failure_ = done;
    }
    after_.pop_front();
    progress_.set();
  }
  after_running_ = false;
  progress_.set();
  wake_();
}

awaitable<Result<>> Committer::reroute(Pending& pending) {
  std::vector<ShardBody> bodies;
  for (ShardBody& body : pending.commit.bodies) {
    const auto status = host_.log().status(body.shard);
    if (status && !status->sealed) {
      bodies.push_back(std::move(body));
      continue;
    }
    const auto owner =
        std::ranges::find_if(sinks_, [&](const Sink* sink) { return sink->owns(body.shard); });
    MS_ASSERT(owner != sinks_.end());
    CO_TRY_ASSIGN(auto moved, co_await (*owner)->reroute(std::move(body)));
    std::ranges::move(moved, std::back_inserter(bodies));
  }
  pending.commit.bodies = std::move(bodies);
  pending.batches = batches_of(pending.commit, pending.number);
  co_return Result<>();
}

awaitable<Result<>> Committer::mend() {
  MS_ASSERT(needs_mending());
  while (failure_ && !pending_.empty()) {
    const std::shared_ptr<Pending> pending = pending_.front();
    stalled_ = false;  // the first of them is in sequence
    WriterStamp stamp = stamp_;
    stamp.number = spec_.writer != 0 ? pending->number : 0;
    const auto result = co_await host_.log().append(pending->batches, stamp);
    note(*pending, result);
    if (result) continue;
    if (!failure_) break;
    if (cancelled_) {
      failure_ = std::unexpected(result.error());
    } else if (result.error().code == ErrorCode::kSealed) {
      if (auto moved = co_await reroute(*pending); !moved) failure_ = moved;
    } else {
      co_await progress_.wait(kMendPause);
    }
  }
  stalled_ = false;
  progress_.set();
  co_return failure_;
}

awaitable<Result<>> Committer::drain() {
  while (failure_ && !is_idle()) {
    if (needs_mending()) {
      CO_TRY(co_await mend());
    } else {
      co_await progress_.wait(kLookAgain);
    }
  }
  co_return failure_;
}

awaitable<> Committer::settle() {
  while (in_flight_ > 0 || after_running_) co_await progress_.wait(kLookAgain);
}

}  // namespace millstream::analytics
