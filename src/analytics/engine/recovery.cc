#include "analytics/engine/recovery.h"

#include "analytics/engine/replay.h"
#include "analytics/engine/snapshot_store.h"

namespace millstream::analytics {
namespace {

constexpr ReadLimits kReplayRead{1'000'000, size_t{8} << 20};

std::unexpected<Error> broken(const JobSpec& spec, std::string_view what) {
  return fail(ErrorCode::kCorruption,
              "the changelog of application {} {}; restore it from a snapshot, or start it anew "
              "without its state",
              spec.application, what);
}

}  // namespace

awaitable<Result<Recovered>> recover(const JobSpec& spec, JobHost& host,
                                     std::shared_ptr<const StagePlan> plan, uint64_t last_number,
                                     asio::thread_pool& pool) {
  auto replay = std::make_shared<Replay>(spec, host, std::move(plan));
  if (last_number == 0) co_return replay->take();
  Counter next = 0;
  std::string snapshot;
  {
    auto load = [&, replay]() -> Result<> {
      TRY_ASSIGN(const auto newest, newest_snapshot(host.env(), spec.snapshot_folder));
      if (!newest) return {};
      TRY_ASSIGN(next, load_snapshot(host.env(), spec.snapshot_folder, *newest, *replay));
      snapshot = *newest;
      return {};
    };
    CO_TRY(co_await run_on(pool, load));
  }
  uint64_t bytes = 0;
  for (;;) {
    CO_TRY_ASSIGN(const ReadResult read,
                  co_await host.log().read(spec.changelog, next, kReplayRead));
    if (read.batches.empty()) break;
    for (const StoredBatch& batch : read.batches) bytes += batch.body.size();
    auto apply = [&read, replay]() -> Result<> {
      for (const StoredBatch& batch : read.batches) TRY(replay->apply_batch(batch));
      return {};
    };
    CO_TRY(co_await run_on(pool, apply));
    next = read.next;
  }
  CO_TRY(replay->check_whole());
  Recovered recovered = replay->take();
  recovered.changelog_bytes = bytes;
  recovered.snapshot = snapshot;
  if (!recovered.found || recovered.head.number != last_number) {
    co_return broken(spec, fmt::format("ends with batch {}, but {} was written last",
                                       recovered.head.number, last_number));
  }
  co_return recovered;
}

Result<Recovered> recover_from_snapshot(const JobSpec& spec, JobHost& host,
                                        std::shared_ptr<const StagePlan> plan,
                                        const std::string& name) {
  Replay replay(spec, host, std::move(plan));
  TRY(load_snapshot(host.env(), spec.snapshot_folder, name, replay));
  Recovered recovered = replay.take();
  recovered.snapshot = name;
  return recovered;
}

}  // namespace millstream::analytics
