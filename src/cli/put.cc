#include "cli/put.h"

#include <algorithm>
#include <cstdio>
#include <optional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/real_env.h"

namespace millstream::cli {
namespace {

using wire::kinesis::PutRecordsInput;
using wire::kinesis::PutRecordsOutput;
using wire::kinesis::PutRecordsRequestEntry;

// Data and keys of one call. AWS limit: 10 MiB; a single record may take all of it.
constexpr size_t kMaxBatchBytes = size_t{5} << 20;

awaitable<> wait(std::chrono::nanoseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  boost::system::error_code ignored;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

// Takes lines from the source in batches that a call can hold.
class Batches {
 public:
  Batches(RecordSource& source, const PartitionKeyRule& keys, size_t limit)
      : source_(source), keys_(keys), limit_(limit) {}

  // Empty at the end.
  Result<std::vector<PutRecordsRequestEntry>> next() {
    std::vector<PutRecordsRequestEntry> batch;
    size_t bytes = 0;
    while (batch.size() < limit_) {
      if (!waiting_) {
        TRY_ASSIGN(waiting_, read());
        if (!waiting_) break;
      }
      const size_t size = waiting_->data.size() + waiting_->partition_key->size();
      if (!batch.empty() && bytes + size > kMaxBatchBytes) break;
      bytes += size;
      batch.push_back(*std::move(waiting_));
      waiting_.reset();
    }
    return batch;
  }

 private:
  Result<std::optional<PutRecordsRequestEntry>> read() {
    TRY_ASSIGN(auto line, source_.next());
    if (!line) return std::nullopt;
    PutRecordsRequestEntry entry;
    TRY_ASSIGN(entry.partition_key, keys_.key_of(*line));
    entry.data = std::move(line->text);
    return entry;
  }

  RecordSource& source_;
  const PartitionKeyRule& keys_;
  const size_t limit_;
  std::optional<PutRecordsRequestEntry> waiting_;  // did not fit into the last batch
};

// A server that never answered is more likely a wrong endpoint than one that will come back.
bool may_be_tried_again(ErrorCode code, const PutProgress& progress) {
  if (code == ErrorCode::kThroughputExceeded || code == ErrorCode::kThrottled) return true;
  return (code == ErrorCode::kUnavailable || code == ErrorCode::kTimeout) && progress.records > 0;
}

// The records of `sent` that were refused, in their order; `reason` gets the first one's error.
std::vector<PutRecordsRequestEntry> refused(std::vector<PutRecordsRequestEntry>& sent,
                                            const PutRecordsOutput& output, std::string& reason) {
  std::vector<PutRecordsRequestEntry> left;
  for (size_t i = 0; i < sent.size(); ++i) {
    if (i < output.records.size() && !output.records[i].error_code) continue;
    if (left.empty() && i < output.records.size()) {
      reason = fmt::format("{}: {}", *output.records[i].error_code,
                           output.records[i].error_message.value_or(""));
    }
    left.push_back(std::move(sent[i]));
  }
  return left;
}

// Sends one batch until all of it is stored.
awaitable<Result<>> put_batch(const PutOptions& options, std::vector<PutRecordsRequestEntry> batch,
                              const PutRecordsCall& put_records, PutProgress& progress) {
  Backoff backoff(options.retry);
  while (true) {
    PutRecordsInput input;
    input.stream_name = options.stream;
    input.records = batch;
    auto output = co_await put_records(std::move(input));
    std::string reason;
    if (output) {
      const size_t sent = batch.size();
      uint64_t bytes = 0;
      for (const auto& entry : batch) bytes += entry.data.size();
      batch = refused(batch, *output, reason);
      for (const auto& entry : batch) bytes -= entry.data.size();
      progress.records += sent - batch.size();
      progress.data_bytes += bytes;
      if (batch.empty()) co_return Result<>();
      if (batch.size() < sent) backoff.reset();
    } else if (may_be_tried_again(output.error().code, progress)) {
      reason = output.error().message;
    } else {
      co_return std::unexpected(std::move(output).error());
    }
    const auto delay = backoff.next();
    if (!delay) {
      co_return fail(ErrorCode::kRemote, "gave up on {} after {} attempts: {}",
                     count_of_records(batch.size()), options.retry.retries + 1, reason);
    }
    progress.retried += batch.size();
    co_await wait(*delay);
  }
}

}  // namespace

awaitable<Result<PutProgress>> put_lines(const PutOptions& options, const PartitionKeyRule& keys,
                                         RecordSource& source, const PutRecordsCall& put_records,
                                         const std::function<void(const PutProgress&)>& report) {
  // Ten batches a second keep a limited rate even.
  const uint64_t tenth = std::max<uint64_t>(options.rate_per_second / 10, 1);
  const uint64_t limit = options.rate_per_second == 0
                             ? static_cast<uint64_t>(options.batch)
                             : std::min<uint64_t>(static_cast<uint64_t>(options.batch), tenth);
  Batches batches(source, keys, limit);
  PutProgress progress;
  const auto start = std::chrono::steady_clock::now();
  while (true) {
    auto batch = batches.next();
    const auto stored = [&progress](const Error& error) {
      return fail(error.code, "{} (stored before: {})", error.message,
                  count_of_records(progress.records));
    };
    if (!batch) co_return stored(batch.error());
    if (batch->empty()) break;
    if (options.rate_per_second > 0) {
      const std::chrono::duration<double> due(static_cast<double>(progress.records) /
                                              static_cast<double>(options.rate_per_second));
      const auto at = start + std::chrono::duration_cast<std::chrono::nanoseconds>(due);
      const auto now = std::chrono::steady_clock::now();
      if (at > now) co_await wait(at - now);
    }
    auto put = co_await put_batch(options, *std::move(batch), put_records, progress);
    progress.elapsed = std::chrono::steady_clock::now() - start;
    progress.bytes_read = source.bytes_read();
    progress.bytes_total = source.bytes_total();
    if (!put) co_return stored(put.error());
    report(progress);
  }
  progress.elapsed = std::chrono::steady_clock::now() - start;
  co_return progress;
}

int run_put(const PutOptions& options, const PartitionKeyRule& keys,
            const std::vector<std::string>& files, const Connection& connection) {
  asio::io_context loop(1);
  Result<PutProgress> result;
  ProgressBar bar;
  {
    auto source = RecordSource::open(files);
    auto client = ApiClient::create(connection, real_env());
    if (!source || !client) {
      fmt::print(stderr, "millstream put: {}\n",
                 source ? client.error().message : source.error().message);
      return 1;
    }
    const PutRecordsCall call = [&client](PutRecordsInput input) {
      return client->call<wire::kinesis::PutRecords>(std::move(input));
    };
    const auto report = [&bar](const PutProgress& progress) { bar.draw(progress); };
    const auto run = [&]() -> awaitable<> {
      result = co_await put_lines(options, keys, *source, call, report);
    };
    asio::co_spawn(loop, run, asio::detached);
    loop.run();
  }
  bar.clear();
  if (!result) {
    fmt::print(stderr, "millstream put: {}\n", result.error().message);
    return 1;
  }
  fmt::print(stderr, "{}\n", summary_line(*result));
  return 0;
}

}  // namespace millstream::cli
