// Which rows the next batch has, and when it is due.
#include <algorithm>
#include <map>

#include "analytics/engine/running_job.h"

namespace millstream::analytics {
namespace {

using namespace std::chrono_literals;

constexpr size_t kBatchBytes = size_t{16} << 20;
// How often the clock alone moves ROWTIME's watermark, while there is state that may wait for it.
constexpr std::chrono::milliseconds kClockTick = 20ms;
constexpr std::chrono::milliseconds kIdleCheck = 100ms;
constexpr std::chrono::milliseconds kLongestWait = 1s;

}  // namespace

int64_t RunningJob::now_us() {
  last_now_us_ = std::max(last_now_us_, host_.clock().now_ms() * 1000);
  return last_now_us_;
}

bool RunningJob::all_finished() const {
  return std::ranges::all_of(sources_, [](const auto& source) { return source->finished(); });
}

// Oldest first over all slots of all inputs, so that a replay meets rows in about the order in
// which they came.
void RunningJob::take_chunks(BatchInput& input) {
  TakeBudget budget{uint64_t{spec_.batch_rows} * executor_->partitions(), kBatchBytes};
  std::vector<SourceChunk> taken;
  while (budget.rows > 0 && budget.bytes > 0) {
    size_t oldest = sources_.size();
    TimeMs time = 0;
    for (size_t i = 0; i < sources_.size(); ++i) {
      const auto arrival = sources_[i]->oldest();
      if (!arrival || (oldest != sources_.size() && *arrival >= time)) continue;
      oldest = i;
      time = *arrival;
    }
    if (oldest == sources_.size()) break;
    const size_t before = taken.size();
    const uint64_t rows_before = budget.rows;
    sources_[oldest]->take(budget, taken);
    for (size_t i = before; i < taken.size(); ++i) taken[i].source = oldest;
    if (budget.rows == rows_before && taken.size() == before) break;
  }
  // Runs of one slot become one: decoding likes many rows at once.
  std::map<std::pair<size_t, uint32_t>, size_t> places;
  for (SourceChunk& chunk : taken) {
    if (chunk.stored.empty()) {
      input.chunks.push_back(std::move(chunk));
      continue;
    }
    const auto [place, is_new] =
        places.try_emplace({chunk.source, chunk.slot}, input.chunks.size());
    if (is_new) {
      input.chunks.push_back(std::move(chunk));
      continue;
    }
    SourceChunk& whole = input.chunks[place->second];
    whole.rows += chunk.rows;
    std::ranges::move(chunk.stored, std::back_inserter(whole.stored));
  }
}

void RunningJob::fill_times(BatchInput& input) {
  const std::chrono::nanoseconds now = host_.clock().monotonic();
  for (size_t i = 0; i < sources_.size(); ++i) {
    Source& source = *sources_[i];
    const Table& table = *std::get<SourceNode>(stages_->nodes[source_nodes_[i]].plan->node).table;
    SourceTimes times;
    times.by_clock = SourceDecoder::is_by_clock(table);
    times.has_watermark = times.by_clock || table.watermark != nullptr;
    times.ended = source.finished();
    times.before = source.combined();
    // ROWTIME of the next rows is this batch's time or later; equal ones may come.
    times.clock_after = input.now_us / 1000 * 1000 - 1000;
    for (uint32_t slot = 0; slot < source.slots().size(); ++slot) {
      const Slot& of = source.slots()[slot];
      times.slots.push_back({of.watermark, source.others(slot, now), source.counts(of, now)});
    }
    input.times.push_back(std::move(times));
  }
}

// Whether a batch without rows has something to do.
bool RunningJob::is_due(const BatchInput& input) {
  if (resumes_ || more_ || next_timer_us_ <= input.now_us) return true;
  const std::chrono::nanoseconds now = host_.clock().monotonic();
  for (size_t i = 0; i < sources_.size(); ++i) {
    Source& source = *sources_[i];
    if (source.finished() && source.combined() != kEndOfTime) return true;
    if (input.times[i].by_clock) {
      if (state_rows_ > 0 && now - last_batch_ >= kClockTick &&
          input.times[i].clock_after > source.combined()) {
        return true;
      }
    } else if (input.times[i].has_watermark && source.combined_at(now) > source.combined()) {
      return true;
    }
  }
  return false;
}

std::optional<BatchInput> RunningJob::next_batch() {
  BatchInput input;
  input.resumes = resumes_ || more_;
  if (input.resumes) {
    // The same times: last_now_us_ stays, and sources stand where they did.
    input.now_us = last_now_us_;
    fill_times(input);
    for (size_t i = 0; i < sources_.size(); ++i) {
      SourceTimes& times = input.times[i];
      times.clock_after = times.before;
      times.ended = times.before == kEndOfTime;
      for (auto& slot : times.slots) slot.counts = false;
    }
    return input;
  }
  input.now_us = now_us();
  take_chunks(input);
  fill_times(input);
  if (input.chunks.empty() && !is_due(input)) return std::nullopt;
  return input;
}

std::chrono::nanoseconds RunningJob::time_to_wait() const {
  std::chrono::nanoseconds wait = kLongestWait;
  if (next_timer_us_ != kEndOfTime) {
    const int64_t left_us = next_timer_us_ - host_.clock().now_ms() * 1000;
    wait = std::min<std::chrono::nanoseconds>(
        wait, std::chrono::microseconds(std::clamp<int64_t>(left_us, 1000, 1'000'000)));
  }
  if (has_clock_source_ && state_rows_ > 0)
    wait = std::min<std::chrono::nanoseconds>(wait, kClockTick);
  for (const auto& source : sources_) {
    if (source->may_idle()) wait = std::min<std::chrono::nanoseconds>(wait, kIdleCheck);
  }
  return wait;
}

}  // namespace millstream::analytics
