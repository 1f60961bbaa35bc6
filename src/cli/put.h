// `millstream put`: lines of text into a stream.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/async.h"
#include "base/retry.h"
#include "cli/api_client.h"
#include "cli/partition_key.h"
#include "cli/progress.h"
#include "cli/record_source.h"
#include "wire/generated/kinesis.h"

namespace millstream::cli {

struct PutOptions {
  std::string stream;
  int32_t batch = 500;           // records a call; AWS limit: 500
  uint64_t rate_per_second = 0;  // 0: as fast as it goes
  RetryPolicy retry{.retries = 10,
                    .first = std::chrono::milliseconds(50),
                    .longest = std::chrono::milliseconds(5'000)};
};

using PutRecordsCall = std::function<awaitable<Result<wire::kinesis::PutRecordsOutput>>(
    wire::kinesis::PutRecordsInput)>;

// Puts all lines of `source`, one call at a time, so that records arrive in the order of the
// lines. Records that the server refuses are sent again, in their order, before the next batch
// (those of them that share a shard with later records of the batch arrive after them). A call
// without an answer is repeated as a whole: its records may then be there twice.
// On an error everything before the failing batch was stored; the message says how many.
awaitable<Result<PutProgress>> put_lines(const PutOptions& options, const PartitionKeyRule& keys,
                                         RecordSource& source, const PutRecordsCall& put_records,
                                         const std::function<void(const PutProgress&)>& report);

// The exit code. Prints a progress bar or, at the end, a line, on standard error.
int run_put(const PutOptions& options, const PartitionKeyRule& keys,
            const std::vector<std::string>& files, const Connection& connection);

}  // namespace millstream::cli
