// The operations of Data Streams that are about records: PutRecord, PutRecords,
// GetShardIterator, GetRecords.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "streams/get.h"
#include "streams/limits.h"
#include "streams/put.h"
#include "streams/service.h"
#include "wire/generated/kinesis.h"
#include "wire/operation.h"

namespace millstream::streams {

// Threads: any loop; large bodies are worked on in the context's CPU pool. The calls that take a
//          body decode and encode it in the protocol of `request`.
class DataPlane {
 public:
  using Request = wire::RequestContext;

  // `context` outlives the data plane, which outlives its calls.
  explicit DataPlane(StreamsContext& context)
      : context_(context), limiter_(context.clock, context.settings, context.faults) {}

  // Errors: AWS's of the operation. Records of PutRecords over a shard's limits, or that the
  // log has no room for at the moment, fail one by one (ProvisionedThroughputExceeded).
  awaitable<Result<Slice>> put_records(const Request& request, Slice body);
  awaitable<Result<Slice>> put_record(const Request& request, Slice body);
  awaitable<Result<Slice>> get_records(const Request& request, Slice body);
  awaitable<Result<wire::kinesis::GetShardIteratorOutput>> get_shard_iterator(
      const Request& request, wire::kinesis::GetShardIteratorInput in);

 private:
  struct PreparedPut {
    PutRequest request;
    StreamKey key;
    PutOutcome outcome;
    std::vector<ShardBatch> batches;
  };

  Result<PreparedPut> prepare(const Request& request, bool is_batch, const Slice& body);
  Result<PreparedPut> prepare(const Request& request, bool is_batch, PutRequest put);
  Result<> route_and_store(PreparedPut& put);
  awaitable<Result<PutOutcome>> put(const Request& request, bool is_batch, Slice body);
  // `held`: what the answer takes of the context's budget.
  awaitable<Result<GetAnswer>> read(const Request& request, wire::kinesis::GetRecordsInput in,
                                    std::optional<ByteBudget::Hold>& held);
  size_t max_get_bytes() const;
  bool is_for_pool(size_t bytes) const;
  TimeMs iterator_life_ms() const;

  StreamsContext& context_;
  ShardLimiter limiter_;
};

}  // namespace millstream::streams
