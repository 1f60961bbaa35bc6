#include "streams/on_demand.h"

#include <algorithm>

#include <boost/asio/steady_timer.hpp>
#include <spdlog/spdlog.h>

#include "streams/scaling.h"

namespace millstream::streams {
namespace {

constexpr std::chrono::seconds kInterval{1};

std::vector<ShardLoad> loads_of(const Stream& stream) {
  std::vector<ShardLoad> loads;
  loads.reserve(stream.open_by_hash_key.size());
  for (const uint32_t position : stream.open_by_hash_key) {
    const Shard& shard = stream.shards[position];
    ShardLoad& load = loads.emplace_back();
    load.index = shard.index;
    load.range = {shard.first_hash_key, shard.last_hash_key};
    if (!shard.adjacent_parent) load.parent = shard.parent;
    if (!shard.writes) continue;
    load.bytes = shard.writes->bytes.load(std::memory_order_relaxed);
    load.records = shard.writes->records.load(std::memory_order_relaxed);
  }
  return loads;
}

std::vector<uint32_t> open_indices(const Stream& stream) {
  std::vector<uint32_t> indices;
  for (const uint32_t position : stream.open_by_hash_key) {
    indices.push_back(stream.shards[position].index);
  }
  return indices;
}

}  // namespace

void OnDemandController::start(const asio::any_io_executor& background) {
  asio::co_spawn(background, run(), asio::detached);
}

awaitable<> OnDemandController::run() {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (;;) {
    timer.expires_after(kInterval);
    co_await timer.async_wait(asio::use_awaitable);
    co_await look();
  }
}

awaitable<> OnDemandController::look() {
  const auto streams = catalog_.list_all();
  const auto is_on_demand = [](const auto& stream) {
    return stream->mode == StreamMode::kOnDemand;
  };
  std::erase_if(scalers_, [&](const auto& scaler) {
    return std::ranges::none_of(streams, [&](const auto& stream) {
      return stream->generation == scaler.first && is_on_demand(stream);
    });
  });
  for (const auto& stream : streams) {
    if (is_on_demand(stream) && stream->status == StreamStatus::kActive) co_await look_at(stream);
  }
}

awaitable<> OnDemandController::look_at(std::shared_ptr<const Stream> stream) {
  OnDemandScaler& scaler =
      scalers_.try_emplace(stream->generation, settings_.on_demand).first->second;
  const ReshardPlan plan = scaler.look(clock_.monotonic(), loads_of(*stream),
                                       least_on_demand_shards(*stream, settings_));
  if (plan.parents.empty()) co_return;
  const auto present = [&](const Stream& now) -> Result<ReshardPlan> {
    // The plan is of these shards; a change in between, and the next look makes another.
    if (now.generation == stream->generation && now.mode == StreamMode::kOnDemand &&
        open_indices(now) == open_indices(*stream)) {
      return plan;
    }
    return fail(ErrorCode::kInUse, "its shards have changed in the meantime");
  };
  const auto done = co_await catalog_.reshard(stream->key, present);
  if (done) {
    spdlog::info("stream {}: {} shards become {} by what is written to them", stream->key.arn(),
                 stream->open_by_hash_key.size(),
                 stream->open_by_hash_key.size() + plan.children.size() - plan.parents.size());
  } else if (done.error().code != ErrorCode::kInUse) {
    spdlog::warn("stream {}: its shards can't follow its load: {}", stream->key.arn(),
                 done.error().message);
  }
}

}  // namespace millstream::streams
