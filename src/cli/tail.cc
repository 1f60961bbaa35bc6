#include "cli/tail.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <deque>

#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/real_env.h"
#include "base/text.h"
#include "cli/record_format.h"
#include "cli/shard_tracker.h"
#include "server/config_values.h"

namespace millstream::cli {
namespace {

using namespace wire::kinesis;  // NOLINT(google-build-using-namespace): the API is the subject

constexpr int32_t kMostRecords = 10'000;  // AWS limit: records of one GetRecords call

awaitable<> wait(std::chrono::milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  boost::system::error_code ignored;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

struct ReadShard {
  std::string id;
  std::string iterator;
  TailStart from;
  std::string last_sequence_number;  // empty: none was read yet
  bool at_tip = false;
};

class Tail {
 public:
  Tail(const TailOptions& options, const TailCalls& calls, const RecordSink& sink)
      : options_(options), calls_(calls), sink_(sink) {}

  awaitable<Result<uint64_t>> run(const std::function<void()>& after_call) {
    CO_TRY_ASSIGN(auto listed, co_await list());
    for (const std::string& id : tracker_.begin(listed)) {
      CO_TRY(co_await start(id, options_.from));
    }
    while (!shards_.empty() && !is_enough()) {
      if (!options_.follow && std::ranges::all_of(shards_, &ReadShard::at_tip)) break;
      // Shards that begin during the round wait for the next one.
      for (size_t i = shards_.size(); i > 0 && !is_enough(); --i) {
        ReadShard shard = std::move(shards_.front());
        shards_.pop_front();
        CO_TRY(co_await read(std::move(shard)));
        after_call();
      }
      if (std::ranges::all_of(shards_, &ReadShard::at_tip) && options_.follow && !is_enough()) {
        co_await wait(options_.poll);
      }
    }
    co_return seen_;
  }

 private:
  bool is_enough() const { return options_.max_records > 0 && seen_ >= options_.max_records; }

  awaitable<Result<std::vector<Shard>>> list() {
    std::vector<Shard> shards;
    ListShardsInput input;
    input.stream_name = options_.stream;
    ShardFilter filter;
    switch (options_.from.kind) {
      case TailStart::Kind::kLatest:
        filter.type = ShardFilterType::kAtLatest;
        break;
      case TailStart::Kind::kTrimHorizon:
        filter.type = ShardFilterType::kFromTrimHorizon;
        break;
      case TailStart::Kind::kTimestamp:
        filter.type = ShardFilterType::kFromTimestamp;
        filter.timestamp = wire::Timestamp{options_.from.time};
        break;
    }
    input.shard_filter = filter;
    while (true) {
      CO_TRY_ASSIGN(ListShardsOutput output, co_await calls_.list_shards(input));
      if (output.shards) std::ranges::move(*output.shards, std::back_inserter(shards));
      if (!output.next_token) co_return shards;
      input = {};
      input.next_token = output.next_token;
    }
  }

  awaitable<Result<>> start(std::string id, TailStart from) {
    ReadShard shard;
    shard.id = std::move(id);
    shard.from = from;
    CO_TRY(co_await renew(shard));
    shards_.push_back(std::move(shard));
    co_return Result<>();
  }

  // A new iterator, after the last record that was read.
  awaitable<Result<>> renew(ReadShard& shard) {
    GetShardIteratorInput input;
    input.stream_name = options_.stream;
    input.shard_id = shard.id;
    if (!shard.last_sequence_number.empty()) {
      input.shard_iterator_type = ShardIteratorType::kAfterSequenceNumber;
      input.starting_sequence_number = shard.last_sequence_number;
    } else if (shard.from.kind == TailStart::Kind::kTrimHorizon) {
      input.shard_iterator_type = ShardIteratorType::kTrimHorizon;
    } else if (shard.from.kind == TailStart::Kind::kTimestamp) {
      input.shard_iterator_type = ShardIteratorType::kAtTimestamp;
      input.timestamp = wire::Timestamp{shard.from.time};
    } else {
      input.shard_iterator_type = ShardIteratorType::kLatest;
    }
    CO_TRY_ASSIGN(auto output, co_await calls_.get_shard_iterator(std::move(input)));
    shard.iterator = output.shard_iterator.value_or("");
    co_return Result<>();
  }

  // One GetRecords call. Puts the shard (or, at its end, its children) back into the queue.
  awaitable<Result<>> read(ReadShard shard) {
    Backoff backoff(options_.retry);
    GetRecordsInput input;
    input.limit = kMostRecords;
    if (options_.max_records > 0) {
      input.limit =
          static_cast<int32_t>(std::min<uint64_t>(kMostRecords, options_.max_records - seen_));
    }
    while (true) {
      input.shard_iterator = shard.iterator;
      auto output = co_await calls_.get_records(input);
      if (output) {
        co_return co_await take(std::move(shard), *std::move(output));
      }
      const ErrorCode code = output.error().code;
      const bool may_heal = code == ErrorCode::kExpiredIterator || code == ErrorCode::kTimeout ||
                            code == ErrorCode::kThroughputExceeded ||
                            code == ErrorCode::kThrottled || code == ErrorCode::kUnavailable;
      const auto delay = may_heal ? backoff.next() : std::nullopt;
      if (!delay) co_return std::unexpected(std::move(output).error());
      if (code == ErrorCode::kExpiredIterator) {
        CO_TRY(co_await renew(shard));
      } else {
        co_await wait(*delay);
      }
    }
  }

  awaitable<Result<>> take(ReadShard shard, GetRecordsOutput output) {
    for (const Record& record : output.records) {
      if (is_enough()) break;
      sink_(shard.id, record);
      shard.last_sequence_number = record.sequence_number;
      ++seen_;
    }
    if (output.next_shard_iterator) {
      shard.iterator = *std::move(output.next_shard_iterator);
      shard.at_tip = output.millis_behind_latest.value_or(0) == 0;
      shards_.push_back(std::move(shard));
      co_return Result<>();
    }
    const std::vector<ChildShard> children =
        std::move(output.child_shards).value_or(std::vector<ChildShard>());
    for (const std::string& id : tracker_.finish(shard.id, children)) {
      CO_TRY(co_await start(id, {.kind = TailStart::Kind::kTrimHorizon, .time = 0}));
    }
    co_return Result<>();
  }

  const TailOptions& options_;
  const TailCalls& calls_;
  const RecordSink& sink_;
  ShardTracker tracker_;
  std::deque<ReadShard> shards_;
  uint64_t seen_ = 0;
};

}  // namespace

Result<TailStart> parse_tail_start(std::string_view text, TimeMs now) {
  const std::string word = to_lower(text);
  if (word == "latest") return TailStart{};
  if (word == "trim_horizon") return TailStart{TailStart::Kind::kTrimHorizon, 0};
  if (const auto time = parse_time(text)) return TailStart{TailStart::Kind::kTimestamp, *time};
  if (const auto ago = parse_duration(text)) {
    return TailStart{TailStart::Kind::kTimestamp, now - ago->count()};
  }
  return fail(ErrorCode::kInvalidArgument,
              "--from takes latest, trim_horizon, a time such as 2026-11-24T10:00:00Z, or a "
              "duration before now such as 5m, not '{}'",
              text);
}

awaitable<Result<uint64_t>> tail_stream(const TailOptions& options, const TailCalls& calls,
                                        const RecordSink& sink,
                                        const std::function<void()>& after_call) {
  Tail tail(options, calls, sink);
  co_return co_await tail.run(after_call);
}

int run_tail(const TailOptions& options, const Connection& connection) {
  asio::io_context loop(1);
  Result<uint64_t> result = 0;
  const bool colour = isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
  {
    auto client = ApiClient::create(connection, real_env());
    if (!client) {
      fmt::print(stderr, "millstream tail: {}\n", client.error().message);
      return 1;
    }
    const TailCalls calls{
        .list_shards =
            [&](ListShardsInput input) { return client->call<ListShards>(std::move(input)); },
        .get_shard_iterator =
            [&](GetShardIteratorInput input) {
              return client->call<GetShardIterator>(std::move(input));
            },
        .get_records =
            [&](GetRecordsInput input) { return client->call<GetRecords>(std::move(input)); }};
    const RecordSink sink = [&](const std::string& shard, const Record& record) {
      std::string line =
          options.ndjson ? ndjson_line(shard, record) : human_line(shard, record, colour);
      line += '\n';
      std::fwrite(line.data(), 1, line.size(), stdout);
    };
    const auto run = [&]() -> awaitable<> {
      result = co_await tail_stream(options, calls, sink, [] { std::fflush(stdout); });
    };
    asio::co_spawn(loop, run, asio::detached);
    loop.run();
  }
  if (!result) {
    fmt::print(stderr, "millstream tail: {}\n", result.error().message);
    return 1;
  }
  return 0;
}

}  // namespace millstream::cli
