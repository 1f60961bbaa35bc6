#include "analytics/engine/executor.h"

#include <algorithm>
#include <exception>

namespace millstream::analytics {
namespace {

// With so few rows, waking other threads costs more than it brings.
constexpr uint64_t kSmallBatchRows = 512;

}  // namespace

// The phases of one batch: decode, each stage, finish.
struct Executor::Round {
  BatchInput input;
  BatchOutcome outcome;
  size_t phase = 0;
  std::atomic<uint32_t> left{0};
  std::atomic<bool> failed{false};
  std::move_only_function<void()> done;
};

Result<std::unique_ptr<Executor>> Executor::create(std::shared_ptr<const StagePlan> plan,
                                                   PartitionSettings settings, JobState& state,
                                                   asio::thread_pool& pool) {
  std::unique_ptr<Executor> made(new Executor(pool));
  made->plan_ = std::move(plan);
  for (uint32_t i = 0; i < state.partitions(); ++i) {
    TRY_ASSIGN(auto partition, Partition::create(made->plan_, settings, i, state));
    made->partitions_.push_back(std::move(partition));
  }
  return made;
}

Executor::~Executor() = default;

Result<> Executor::open() {
  for (const auto& partition : partitions_) TRY(partition->open());
  return {};
}

// Contiguous runs of about equal size, cut between the log's batches: partition p's rows of a
// shard come before those of p + 1.
void Executor::assign(BatchInput& input) const {
  const uint64_t count = partitions_.size();
  if (count == 1) return;
  uint64_t total = 0;
  for (const SourceChunk& chunk : input.chunks) total += chunk.rows;
  if (total == 0) return;
  std::vector<SourceChunk> assigned;
  uint64_t at = 0;
  for (SourceChunk& chunk : input.chunks) {
    if (chunk.stored.size() < 2) {
      chunk.partition =
          static_cast<uint32_t>(std::min((at + chunk.rows / 2) * count / total, count - 1));
      at += chunk.rows;
      assigned.push_back(std::move(chunk));
      continue;
    }
    SourceChunk part;
    const auto flush = [&] {
      if (!part.stored.empty()) assigned.push_back(std::move(part));
      part = SourceChunk();
      part.source = chunk.source;
      part.slot = chunk.slot;
      part.origin = chunk.origin;
    };
    flush();
    for (StoredBatch& stored : chunk.stored) {
      const auto partition =
          static_cast<uint32_t>(std::min((at + stored.records / 2) * count / total, count - 1));
      if (partition != part.partition) flush();
      part.partition = partition;
      part.rows += stored.records;
      at += stored.records;
      part.stored.push_back(std::move(stored));
    }
    flush();
  }
  input.chunks = std::move(assigned);
}

void Executor::step(size_t phase, uint32_t index, Round& round) {
  Partition& partition = *partitions_[index];
  if (round.failed.load(std::memory_order_relaxed)) return;
  try {
    if (phase == 0) {
      partition.begin(round.input);
      partition.decode(round.input);
    } else if (phase <= plan_->stages) {
      partition.run_stage(phase - 1, round.input, round.outcome.source_after, partitions_);
    } else {
      partition.finish(round.outcome);
    }
  } catch (const std::bad_alloc&) {
    partition.set_failure({ErrorCode::kInvalidArgument,
                           "the application ran out of memory; give it more (the server's "
                           "--analytics-worker-memory), or let its state expire "
                           "(table.exec.state.ttl, windows)"});
  } catch (const std::exception& error) {
    partition.set_failure({ErrorCode::kInternal, error.what()});
  }
  if (!partition.failure()) round.failed = true;
}

void Executor::between(Round& round, size_t finished_phase) {
  if (finished_phase != 0) return;
  // Watermarks: those of each slot after this batch, and of each source.
  BatchOutcome& outcome = round.outcome;
  for (const SourceTimes& times : round.input.times) {
    auto& slots = outcome.slot_after.emplace_back();
    for (const auto& slot : times.slots) slots.push_back(slot.watermark);
  }
  for (const auto& partition : partitions_) partition->prefix_watermarks(outcome.slot_after);
  for (size_t i = 0; i < round.input.times.size(); ++i) {
    const SourceTimes& times = round.input.times[i];
    EventTime after = times.before;
    if (times.ended) {
      after = kEndOfTime;
    } else if (times.by_clock) {
      after = std::max(after, times.clock_after);
    } else if (times.has_watermark) {
      EventTime least = kEndOfTime;
      bool any = false;
      for (size_t slot = 0; slot < times.slots.size(); ++slot) {
        if (!times.slots[slot].counts) continue;
        any = true;
        least = std::min(least, outcome.slot_after[i][slot]);
      }
      if (any) after = std::max(after, least);
    }
    outcome.source_after.push_back(after);
  }
}

void Executor::start_phase(std::shared_ptr<Round> round) {
  // The last step of all may end the round, and with it this, before the loop does.
  const uint32_t count = partitions();
  round->left = count;
  for (uint32_t i = 0; i < count; ++i) {
    asio::post(pool_, [this, round, i] {
      step(round->phase, i, *round);
      if (round->left.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
      between(*round, round->phase);
      if (round->phase++ == plan_->stages + 1) {
        round->done();
      } else {
        start_phase(round);
      }
    });
  }
}

// All phases on one thread.
void Executor::run_phases(std::shared_ptr<Round> round) {
  for (size_t phase = 0; phase <= plan_->stages + 1; ++phase) {
    for (uint32_t i = 0; i < partitions(); ++i) step(phase, i, *round);
    between(*round, phase);
  }
  round->done();
}

Result<BatchOutcome> Executor::gather_outcome(Round& round) {
  for (const auto& partition : partitions_) {
    if (!partition->failure()) return std::unexpected(partition->failure().error());
  }
  for (const auto& partition : partitions_) partition->add_to(round.outcome);
  for (const SinkOutput& sink : round.outcome.sinks) round.outcome.output_rows += sink.rows;
  return std::move(round.outcome);
}

awaitable<Result<BatchOutcome>> Executor::run(BatchInput input) {
  auto round = std::make_shared<Round>();
  round->input = std::move(input);
  assign(round->input);
  round->outcome.node_rows.resize(plan_->nodes.size());
  size_t sinks = 0;
  for (const StageNode& node : plan_->nodes) {
    if (std::holds_alternative<SinkNode>(node.plan->node)) ++sinks;
  }
  round->outcome.sinks.resize(sinks);
  uint64_t rows = 0;
  for (const SourceChunk& chunk : round->input.chunks) rows += chunk.rows;
  const bool together = partitions() == 1 || (rows < kSmallBatchRows && !round->input.resumes);
  co_await asio::async_initiate<const asio::use_awaitable_t<>&, void()>(
      [this, round, together](auto handler) {
        auto executor = asio::prefer(asio::get_associated_executor(handler),
                                     asio::execution::outstanding_work.tracked);
        round->done = [handler = std::move(handler), executor]() mutable {
          asio::post(executor, [handler = std::move(handler)]() mutable { std::move(handler)(); });
        };
        if (together) {
          asio::post(pool_, [this, round] { run_phases(round); });
        } else {
          start_phase(round);
        }
      },
      asio::use_awaitable);
  co_return gather_outcome(*round);
}

}  // namespace millstream::analytics
