#include "analytics/engine/source_reader.h"

#include <algorithm>
#include <array>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/redirect_error.hpp>

#include "base/text.h"
#include "log/record.h"

namespace millstream::analytics {
namespace {

using namespace std::chrono_literals;

constexpr size_t kReadBytes = size_t{1} << 20;
constexpr size_t kMinAheadBytes = size_t{64} << 10;  // of a shard, however many there are
constexpr std::chrono::milliseconds kWait = 5s;
constexpr std::chrono::milliseconds kFollow = 30s;
constexpr std::chrono::milliseconds kRetry = 100ms;

// Also a master key that is missing: its file may come back.
bool may_pass(ErrorCode code) {
  constexpr std::array kPassing{ErrorCode::kThrottled,       ErrorCode::kTimeout,
                                ErrorCode::kKeyNotFound,     ErrorCode::kKeyDisabled,
                                ErrorCode::kKeyInvalidState, ErrorCode::kKeyAccessDenied};
  return std::ranges::find(kPassing, code) != kPassing.end();
}

}  // namespace

struct StreamSource::Shard {
  InputShard shard;
  std::deque<StoredBatch> queue;
  size_t queued_bytes = 0;
  Counter read_next = 0;
  std::optional<Counter> bound;  // bounded: nothing from here on
  bool reading = false;
  bool read_to_end = false;
  bool known = false;  // has been read at least once since open()
  asio::steady_timer room;
  asio::cancellation_signal cancel;

  Shard(InputShard which, const asio::any_io_executor& executor)
      : shard(std::move(which)), room(executor) {}
};

StoredBatch split_front(StoredBatch& batch, uint32_t records) {
  if (records >= batch.records) {
    StoredBatch all = std::move(batch);
    batch = StoredBatch();
    return all;
  }
  size_t end = 0;
  for (uint32_t i = 0; i < records; ++i) {
    const char* head = batch.body.data() + end;
    end += stored_record_size(load_le<uint16_t>(head + 4), load_le<uint32_t>(head));
  }
  StoredBatch front{batch.first, records, batch.arrival_ms, batch.body.sub(0, end)};
  batch.first += records;
  batch.records -= records;
  batch.body = batch.body.sub(end, batch.body.size() - end);
  return front;
}

StreamSource::StreamSource(std::string name, StreamSourceOptions options, JobHost& host,
                           asio::any_io_executor strand, std::function<void()> wake)
    : Source(std::move(name), std::move(wake)),
      options_(std::move(options)),
      host_(host),
      strand_(strand),
      all_ended_(strand, asio::steady_timer::time_point::max()) {}

StreamSource::~StreamSource() = default;

awaitable<Result<>> StreamSource::open(std::span<const SlotPosition> restored) {
  for (const SlotPosition& position : restored) restored_[position.slot] = position;
  has_restored_ = !restored.empty();
  CO_TRY_ASSIGN(stream_, co_await host_.stream(options_.stream));
  CO_TRY(co_await add_new_shards(stream_));
  opening_ = false;
  start_ready_shards();
  if (!options_.bounded) {
    ++running_;
    asio::co_spawn(strand_, follow_stream(),
                   asio::bind_cancellation_slot(follow_cancel_.slot(),
                                                [this](std::exception_ptr) { ended(); }));
  }
  co_return Result<>();
}

// Where reading of a new shard begins.
awaitable<Result<>> StreamSource::place(Shard& shard, Slot& slot) {
  const auto found = restored_.find(slot.name);
  if (found != restored_.end()) {
    slot.next = found->second.next;
    slot.watermark = found->second.watermark;
    slot.finished = found->second.finished;
    slot.changed = false;
  } else if (opening_ && !has_restored_) {
    // Only at the very first start; a shard that comes later is a child, or new: from its start.
    if (options_.start == StartPosition::kLatest) {
      CO_TRY_ASSIGN(const ShardStatus status, host_.log().status(shard.shard.id));
      slot.next = status.tip;
      slot.finished = status.sealed;
    } else if (options_.start == StartPosition::kAtTimestamp) {
      CO_TRY_ASSIGN(slot.next, co_await host_.log().position_at(shard.shard.id, options_.start_ms));
    }
  }
  if (options_.bounded && !slot.finished) {
    CO_TRY_ASSIGN(const ShardStatus status, host_.log().status(shard.shard.id));
    shard.bound = status.tip;
  }
  shard.read_next = slot.next;
  co_return Result<>();
}

awaitable<Result<>> StreamSource::add_new_shards(std::shared_ptr<const InputStream> stream) {
  for (const InputShard& shard : stream->shards) {
    Slot slot;
    slot.name = fmt::format("{}/{}", stream->generation, static_cast<uint64_t>(shard.id));
    if (std::ranges::any_of(slots_, [&](const Slot& s) { return s.name == slot.name; })) continue;
    const std::string_view digits = std::string_view(shard.name).substr(shard.name.rfind('-') + 1);
    slot.origin = std::make_shared<const SlotOrigin>(
        SlotOrigin{shard.name, shard.created_s, parse_integer<int64_t>(digits).value_or(0)});
    auto made = std::make_unique<Shard>(shard, strand_);
    CO_TRY(co_await place(*made, slot));
    slots_.push_back(std::move(slot));
    shards_.push_back(std::move(made));
  }
  co_return Result<>();
}

// Begins with shards whose parents have been taken to their ends. Parents that are listed no more
// are past their retention.
void StreamSource::start_ready_shards() {
  for (size_t i = 0; i < shards_.size(); ++i) {
    if (slots_[i].started || slots_[i].finished) continue;
    bool ready = true;
    EventTime least = kEndOfTime;
    for (size_t j = 0; j < shards_.size(); ++j) {
      const auto& parents = shards_[i]->shard.parents;
      if (std::ranges::find(parents, shards_[j]->shard.id) == parents.end()) continue;
      ready = ready && slots_[j].finished;
      least = std::min(least, slots_[j].watermark);
    }
    if (!ready) continue;
    if (least != kEndOfTime) slots_[i].watermark = std::max(slots_[i].watermark, least);
    slots_[i].started = true;
    slots_[i].last_rows = host_.clock().monotonic();
    start_reading(i);
  }
}

void StreamSource::start_reading(size_t index) {
  if (stopping_) return;
  shards_[index]->reading = true;
  ++running_;
  asio::co_spawn(
      strand_, read_shard(index),
      asio::bind_cancellation_slot(shards_[index]->cancel.slot(), [this](std::exception_ptr error) {
        if (error && !stopping_) {
          failure_ = fail(ErrorCode::kInternal, "reading stream {} failed", options_.stream);
        }
        ended();
      }));
}

void StreamSource::ended() {
  if (--running_ == 0) all_ended_.expires_at(asio::steady_timer::time_point::min());
  wake_();
}

bool StreamSource::has_room(const Shard& shard) const {
  if (shard.queue.empty()) return true;
  const size_t share = options_.ahead_bytes / std::max<size_t>(shards_.size(), 1);
  return queued_bytes_ < options_.ahead_bytes &&
         shard.queued_bytes < std::max(share, kMinAheadBytes);
}

awaitable<> StreamSource::read_shard(size_t index) {
  co_await asio::this_coro::throw_if_cancelled(false);
  bool more = true;
  while (more && !stopping_) {
    Shard& shard = *shards_[index];
    if (!has_room(shard)) {
      shard.room.expires_at(asio::steady_timer::time_point::max());
      boost::system::error_code ignored;
      co_await shard.room.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
      continue;
    }
    more = co_await read_some(index);
  }
  shards_[index]->reading = false;
  if (!stopping_) finish_if_drained(index);
}

// One read, or one wait for more. False: there is nothing more to read.
awaitable<bool> StreamSource::read_some(size_t index) {
  Shard& shard = *shards_[index];
  if (shard.bound && shard.read_next >= *shard.bound) {
    const auto status = host_.log().status(shard.shard.id);
    slots_[index].bounded_here = status && !(status->sealed && status->tip <= *shard.bound);
    shard.read_to_end = true;
    co_return false;
  }
  ReadLimits limits{options_.read_records, kReadBytes};
  auto read = co_await host_.log().read(shard.shard.id, shard.read_next, limits);
  if (stopping_) co_return false;
  if (!read) {
    if (read.error().code == ErrorCode::kNotFound) {
      host_.log_line("WARN", fmt::format("{} of stream {} is gone; its unread records are lost",
                                         shard.shard.name, options_.stream));
      shard.read_to_end = true;
      co_return false;
    }
    if (!may_pass(read.error().code)) {
      failure_ = std::unexpected(read.error());
      co_return false;
    }
    asio::steady_timer pause(strand_, kRetry);
    boost::system::error_code ignored;
    co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    co_return !stopping_;
  }
  shard.known = true;
  for (StoredBatch& batch : read->batches) {
    if (shard.bound && batch.first + batch.records > *shard.bound) {
      if (batch.first >= *shard.bound) break;
      batch = split_front(batch, static_cast<uint32_t>(*shard.bound - batch.first));
    }
    shard.queued_bytes += batch.body.size();
    queued_bytes_ += batch.body.size();
    shard.queue.push_back(std::move(batch));
  }
  shard.read_next = read->next;
  slots_[index].at_tip = shard.queue.empty();
  wake_();
  if (read->at_end) {
    shard.read_to_end = true;
    co_return false;
  }
  if (!read->batches.empty() || read->next < read->tip) co_return true;
  (void)co_await host_.log().wait(shard.shard.id, shard.read_next, kWait);
  co_return true;
}

awaitable<> StreamSource::follow_stream() {
  co_await asio::this_coro::throw_if_cancelled(false);
  while (!stopping_) {
    const auto changed = co_await host_.wait_for_change(options_.stream, stream_, kFollow);
    if (stopping_) co_return;
    auto now = co_await host_.stream(options_.stream);
    if (stopping_) co_return;
    if (!changed || !now) {
      asio::steady_timer pause(strand_, kRetry);
      boost::system::error_code ignored;
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
      continue;
    }
    if (*now == stream_) continue;
    stream_ = *now;
    const auto added = co_await add_new_shards(stream_);
    if (!added && !stopping_) failure_ = added;
    start_ready_shards();
    wake_();
  }
}

std::optional<TimeMs> StreamSource::oldest() {
  std::optional<TimeMs> least;
  for (const auto& shard : shards_) {
    if (shard->queue.empty()) continue;
    const TimeMs arrival = shard->queue.front().arrival_ms;
    if (!least || arrival < *least) least = arrival;
  }
  return least;
}

void StreamSource::take(TakeBudget& budget, std::vector<SourceChunk>& chunks) {
  size_t index = shards_.size();
  for (size_t i = 0; i < shards_.size(); ++i) {
    if (shards_[i]->queue.empty()) continue;
    if (index == shards_.size() ||
        shards_[i]->queue.front().arrival_ms < shards_[index]->queue.front().arrival_ms) {
      index = i;
    }
  }
  if (index == shards_.size() || budget.rows == 0) return;
  Shard& shard = *shards_[index];
  Slot& slot = slots_[index];
  StoredBatch& front = shard.queue.front();
  const size_t before = front.body.size();
  StoredBatch taken =
      split_front(front, static_cast<uint32_t>(std::min<uint64_t>(front.records, budget.rows)));
  const size_t bytes = taken.body.size();
  if (bytes == before) shard.queue.pop_front();
  shard.queued_bytes -= bytes;
  queued_bytes_ -= bytes;
  budget.rows -= taken.records;
  budget.bytes -= std::min(budget.bytes, bytes);
  slot.next = taken.first + taken.records;
  slot.changed = true;
  slot.at_tip = false;
  slot.last_rows = host_.clock().monotonic();
  SourceChunk chunk;
  chunk.slot = static_cast<uint32_t>(index);
  chunk.rows = taken.records;
  chunk.origin = slot.origin;
  chunk.stored.push_back(std::move(taken));
  chunks.push_back(std::move(chunk));
  shard.room.expires_at(asio::steady_timer::time_point::min());
  if (shard.queue.empty()) finish_if_drained(index);
}

void StreamSource::finish_if_drained(size_t index) {
  Shard& shard = *shards_[index];
  if (!shard.read_to_end || !shard.queue.empty() || slots_[index].finished) return;
  slots_[index].finished = true;
  slots_[index].changed = true;
  start_ready_shards();
  wake_();
}

int64_t StreamSource::millis_behind(TimeMs now_ms) const {
  int64_t most = 0;
  for (size_t i = 0; i < shards_.size(); ++i) {
    if (slots_[i].finished || !slots_[i].started) continue;
    if (!shards_[i]->known) return -1;
    if (shards_[i]->queue.empty()) continue;
    most = std::max(most, now_ms - shards_[i]->queue.front().arrival_ms);
  }
  return most;
}

bool StreamSource::finished() const {
  if (!options_.bounded) return false;
  return std::ranges::all_of(slots_, [](const Slot& slot) { return slot.finished; });
}

void StreamSource::stop() {
  if (stopping_) return;
  stopping_ = true;
  for (auto& shard : shards_) {
    shard->cancel.emit(asio::cancellation_type::terminal);
    shard->room.expires_at(asio::steady_timer::time_point::min());
  }
  follow_cancel_.emit(asio::cancellation_type::terminal);
}

awaitable<> StreamSource::stopped() {
  boost::system::error_code ignored;
  while (running_ > 0) {
    all_ended_.expires_at(asio::steady_timer::time_point::max());
    co_await all_ended_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

}  // namespace millstream::analytics
