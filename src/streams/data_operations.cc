#include "streams/data_operations.h"

#include <algorithm>
#include <charconv>

#include "streams/dry_run.h"
#include "streams/get_cbor.h"
#include "streams/get_json.h"
#include "streams/put_cbor.h"
#include "streams/put_decode.h"
#include "streams/put_json.h"
#include "streams/shard_iterator.h"
#include "streams/starting_position.h"
#include "wire/arn.h"

namespace millstream::streams {
namespace {

namespace kinesis = wire::kinesis;

// Bodies and answers above this are worked on in the CPU pool, so that a loop stays responsive
// and one connection can use more than one core.
constexpr size_t kPoolBytes = size_t{1} << 20;

// How long a put waits for the shards that follow sealed ones. Resharding takes milliseconds.
constexpr std::chrono::seconds kReshardPatience(10);

bool is_json(wire::Protocol protocol) {
  return protocol == wire::Protocol::kJson11 || protocol == wire::Protocol::kJson10;
}

// The codecs that copy nothing. False: for the general one.
bool parse_put(wire::Protocol protocol, bool is_batch, const Slice& body, PutRequest& put) {
  if (is_json(protocol)) {
    return is_batch ? parse_put_records_json(body, put) : parse_put_record_json(body, put);
  }
  if (protocol != wire::Protocol::kCbor11) return false;
  return is_batch ? parse_put_records_cbor(body, put) : parse_put_record_cbor(body, put);
}

Result<StreamKey> key_of(const wire::RequestContext& request, std::string_view name,
                         std::string_view arn) {
  if (!arn.empty()) {
    TRY_ASSIGN(wire::StreamArn parsed, wire::parse_stream_arn(arn));
    if (!name.empty() && name != parsed.name) {
      return fail(ErrorCode::kInvalidArgument,
                  "StreamName {} and StreamARN {} name different streams; give one of them.", name,
                  arn);
    }
    return StreamKey{parsed.account, parsed.region, parsed.name};
  }
  if (!name.empty()) return StreamKey{request.account, request.region, std::string(name)};
  return fail(ErrorCode::kInvalidArgument, "Either StreamName or StreamARN should be provided.");
}

// The check that OperationTable::handle makes for operations that decode themselves.
Result<> check_access(const wire::RequestContext& request, const wire::Operation& operation,
                      const StreamKey& key) {
  if (!request.access) return {};
  return request.access->check(operation, key.arn());
}

std::unexpected<Error> no_such_shard(const StreamKey& key, int64_t index) {
  return fail(ErrorCode::kNotFound, "Shard {} in stream {} under account {} does not exist",
              shard_id_text(index), key.name, key.account);
}

// AWS's text for GetRecords; that of records put is rate_exceeded_message().
std::unexpected<Error> reads_too_fast(const Stream& stream, const Shard& shard) {
  return fail(ErrorCode::kThroughputExceeded, "Rate exceeded for Shard - {}/{}/{}",
              stream.key.account, stream.key.name, shard_id_text(shard.index));
}

const Shard* find_shard(const Stream& stream, uint32_t index) {
  const auto found = std::ranges::lower_bound(stream.shards, index, {}, &Shard::index);
  return found != stream.shards.end() && found->index == index ? &*found : nullptr;
}

// As AWS reads shard ids: "shardId-000000000001", "shardId-1" and "1" are the same.
std::optional<uint32_t> shard_index(std::string_view id) {
  std::string_view digits = id;
  if (const size_t dash = id.find('-'); dash != std::string_view::npos) {
    const std::string_view rest = id.substr(dash + 1);
    const std::string_view second = rest.substr(0, rest.find('-'));
    if (!second.empty()) digits = second;
  }
  uint32_t index = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, index);
  constexpr uint32_t kMaxIndex = 2'147'483'647;
  if (error != std::errc() || stop != end || index > kMaxIndex) return std::nullopt;
  return index;
}

// What an answer takes beside its records: names, numbers, times.
constexpr size_t kAnswerBytesPerRecord = 256;

// What is held while `read` is turned into an answer: the records, and their base64.
size_t bytes_of_answer(const ReadResult& read) {
  size_t records = 0;
  for (const StoredBatch& batch : read.batches) records += batch.records;
  const size_t stored = stored_bytes(read);
  return stored + stored / 3 * 4 + records * kAnswerBytesPerRecord;
}

Result<Slice> encode_get_records(wire::Protocol protocol, const GetAnswer& answer) {
  if (is_json(protocol)) return encode_get_records_json(answer);
  if (protocol == wire::Protocol::kCbor11) return encode_get_records_cbor(answer);
  const kinesis::GetRecordsOutput output = to_output(answer);
  return wire::encode_output(kinesis::GetRecords::descriptor(), protocol, &output);
}

}  // namespace

TimeMs DataPlane::iterator_life_ms() const {
  if (context_.faults == nullptr) return kIteratorLifeMs;
  const auto life = context_.faults->iterator_life();
  return life ? life->count() : kIteratorLifeMs;
}

size_t DataPlane::max_get_bytes() const {
  if (context_.answers == nullptr) return kMaxGetBytes;
  // So that every answer finds room once the others have gone.
  constexpr size_t kShare = 8;
  return std::min(kMaxGetBytes, context_.answers->limit() / kShare);
}

bool DataPlane::is_for_pool(size_t bytes) const {
  return bytes > kPoolBytes && context_.cpu_pool != nullptr;
}

// ---- put ----

Result<> DataPlane::route_and_store(PreparedPut& put) {
  std::shared_ptr<const Stream> stream = context_.catalog.find(put.key);
  if (!stream || !stream->has_records()) return no_such_stream(put.key);
  TRY(check_put(put.request, *stream));
  const bool is_limited = limiter_.limits_puts() && !put.request.is_dry_run;
  ShardLimiter* limiter = is_limited ? &limiter_ : nullptr;
  if (limiter && !is_base64_put(put.request)) {
    return fail(ErrorCode::kSerialization, "Data is not base64.");
  }
  put.outcome = route_put(put.request, std::move(stream), limiter);
  if (!put.request.sequence_number_for_ordering.empty()) {
    const Shard& shard = *put.outcome.slots.front().shard;
    TRY_ASSIGN(const ShardStatus status, context_.log.status(shard.log_id));
    TRY(check_ordering(put.request.sequence_number_for_ordering, *put.outcome.stream, shard,
                       status.tip, context_.clock.now_ms()));
  }
  if (put.request.is_dry_run) return std::unexpected(dry_run_passed());
  if (!store_put(put.request, put.outcome, put.batches)) {
    return fail(ErrorCode::kSerialization, "Data is not base64.");
  }
  return {};
}

Result<DataPlane::PreparedPut> DataPlane::prepare(const Request& request, bool is_batch,
                                                  PutRequest put) {
  PreparedPut prepared;
  TRY_ASSIGN(prepared.key, key_of(request, put.stream_name, put.stream_arn));
  TRY(check_access(request,
                   is_batch ? kinesis::PutRecords::descriptor() : kinesis::PutRecord::descriptor(),
                   prepared.key));
  prepared.request = std::move(put);
  TRY(route_and_store(prepared));
  return prepared;
}

Result<DataPlane::PreparedPut> DataPlane::prepare(const Request& request, bool is_batch,
                                                  const Slice& body) {
  if (PutRequest fast; parse_put(request.protocol, is_batch, body, fast)) {
    auto prepared = prepare(request, is_batch, std::move(fast));
    if (prepared) return prepared;
    // Errors are rare: the general way finds the first one as AWS does.
  }
  TRY_ASSIGN(PutRequest put, is_batch ? decode_put_records(request.protocol, body)
                                      : decode_put_record(request.protocol, body));
  return prepare(request, is_batch, std::move(put));
}

awaitable<Result<PutOutcome>> DataPlane::put(const Request& request, bool is_batch, Slice body) {
  // Work in the pool goes on when this coroutine is destroyed: it owns all that it uses.
  const bool on_pool = is_for_pool(body.size());
  Result<PreparedPut> prepared = PreparedPut{};
  if (on_pool) {
    prepared = co_await run_on(*context_.cpu_pool, [this, request, is_batch, body] {
      return prepare(request, is_batch, body);
    });
  } else {
    prepared = prepare(request, is_batch, body);
  }
  if (!prepared) co_return std::unexpected(std::move(prepared).error());
  const auto deadline = context_.clock.monotonic() + kReshardPatience;
  for (;;) {
    if (prepared->batches.empty()) break;  // all throttled
    auto appended = co_await context_.log.append(std::move(prepared->batches), {});
    if (appended) {
      complete_put(prepared->outcome, *appended);
      break;
    }
    if (appended.error().code == ErrorCode::kThrottled) {
      throttle_all(prepared->outcome);
      break;
    }
    const bool is_resharded = appended.error().code == ErrorCode::kSealed ||
                              appended.error().code == ErrorCode::kNotFound;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - context_.clock.monotonic());
    if (!is_resharded) co_return std::unexpected(std::move(appended).error());
    if (left <= std::chrono::milliseconds::zero()) {
      co_return fail(ErrorCode::kUnavailable,
                     "Stream {} under account {} is being resharded; try again.",
                     prepared->key.name, prepared->key.account);
    }
    co_await context_.catalog.wait_for_change(prepared->key, prepared->outcome.stream, left);
    if (on_pool) {
      prepared =
          co_await run_on(*context_.cpu_pool,
                          [this, again = std::move(*prepared)]() mutable -> Result<PreparedPut> {
                            TRY(route_and_store(again));
                            return std::move(again);
                          });
      if (!prepared) co_return std::unexpected(std::move(prepared).error());
    } else {
      CO_TRY(route_and_store(*prepared));
    }
  }
  co_return std::move(prepared->outcome);
}

awaitable<Result<Slice>> DataPlane::put_records(const Request& request, Slice body) {
  CO_TRY_ASSIGN(PutOutcome outcome, co_await put(request, true, std::move(body)));
  count_put(outcome, true);
  if (is_json(request.protocol)) co_return encode_put_records_json(outcome);
  if (request.protocol == wire::Protocol::kCbor11) co_return encode_put_records_cbor(outcome);
  co_return encode_put_records(request.protocol, outcome);
}

awaitable<Result<Slice>> DataPlane::put_record(const Request& request, Slice body) {
  CO_TRY_ASSIGN(PutOutcome outcome, co_await put(request, false, std::move(body)));
  count_put(outcome, false);
  if (outcome.throttled_records > 0) {
    co_return fail(ErrorCode::kThroughputExceeded, "{}",
                   rate_exceeded_message(*outcome.stream, *outcome.slots.front().shard));
  }
  if (is_json(request.protocol)) co_return encode_put_record_json(outcome);
  if (request.protocol == wire::Protocol::kCbor11) co_return encode_put_record_cbor(outcome);
  co_return encode_put_record(request.protocol, outcome);
}

// ---- get ----

awaitable<Result<kinesis::GetShardIteratorOutput>> DataPlane::get_shard_iterator(
    const Request& request, kinesis::GetShardIteratorInput in) {
  const bool is_dry_run = in.dry_run.value_or(false);
  CO_TRY_ASSIGN(const StreamKey key,
                key_of(request, in.stream_name.value_or(""), in.stream_arn.value_or("")));
  const auto index = shard_index(in.shard_id);
  if (!index) {
    co_return fail(ErrorCode::kNotFound, "Could not find shard {} in stream {} under account {}.",
                   in.shard_id, key.name, key.account);
  }
  const std::shared_ptr<const Stream> stream = context_.catalog.find(key);
  if (!stream || !stream->has_records()) co_return no_such_shard(key, *index);
  const Shard* shard = find_shard(*stream, *index);
  if (shard == nullptr) co_return no_such_shard(key, *index);
  if (shard->open && !is_dry_run && !limiter_.take_iterator(shard->log_id)) {
    co_return fail(ErrorCode::kThroughputExceeded, "{}", rate_exceeded_message(*stream, *shard));
  }
  StartingPoint point{"GetShardIterator", in.shard_iterator_type, in.starting_sequence_number,
                      std::nullopt};
  if (in.timestamp) point.timestamp = in.timestamp->ms;
  CO_TRY_ASSIGN(
      const Counter position,
      co_await starting_position(context_.log, context_.clock, std::move(point), *stream, *shard));
  if (is_dry_run) co_return std::unexpected(dry_run_passed());
  kinesis::GetShardIteratorOutput out;
  CO_TRY_ASSIGN(
      out.shard_iterator,
      seal_iterator(context_.settings.token_key, {request.account, request.region},
                    {key, stream->generation, *index, position, context_.clock.now_ms()}));
  co_return out;
}

awaitable<Result<GetAnswer>> DataPlane::read(const Request& request, kinesis::GetRecordsInput in,
                                             std::optional<ByteBudget::Hold>& held) {
  const IteratorScope scope{request.account, request.region};
  CO_TRY_ASSIGN(ShardIterator iterator,
                open_iterator(context_.settings.token_key, scope, in.shard_iterator,
                              context_.clock.now_ms(), iterator_life_ms()));
  if (in.stream_arn) {
    CO_TRY_ASSIGN(const StreamKey named, key_of(request, {}, *in.stream_arn));
    if (named != iterator.stream) {
      co_return fail(ErrorCode::kInvalidArgument,
                     "The ShardIterator is not of StreamARN {}; leave StreamARN out, or get an "
                     "iterator of that stream.",
                     *in.stream_arn);
    }
  }
  // Iterators outlive policies, and go from hand to hand.
  CO_TRY(check_access(request, kinesis::GetRecords::descriptor(), iterator.stream));
  const auto usable = [&iterator](const Stream* stream) {
    return stream != nullptr && stream->has_records() && stream->generation == iterator.generation;
  };
  GetAnswer answer;
  answer.stream = context_.catalog.find(iterator.stream);
  if (!usable(answer.stream.get())) co_return no_such_shard(iterator.stream, iterator.shard_index);
  answer.shard = find_shard(*answer.stream, iterator.shard_index);
  if (answer.shard == nullptr) co_return no_such_shard(iterator.stream, iterator.shard_index);
  if (in.dry_run.value_or(false)) co_return std::unexpected(dry_run_passed());
  if (limiter_.limits_gets() && !limiter_.take_get(answer.shard->log_id)) {
    count_refused_get(*answer.stream);
    co_return reads_too_fast(*answer.stream, *answer.shard);
  }
  const auto records = static_cast<uint32_t>(in.limit.value_or(kMaxRecordsPerGet));
  CO_TRY_ASSIGN(answer.read, co_await context_.log.read(answer.shard->log_id, iterator.position,
                                                        {records, max_get_bytes()}));
  if (limiter_.limits_gets()) {
    limiter_.charge_get(answer.shard->log_id, stored_bytes(answer.read));
  }
  if (context_.answers != nullptr) {
    held = context_.answers->try_hold(bytes_of_answer(answer.read));
    if (!held) {
      count_refused_get(*answer.stream);
      co_return fail(ErrorCode::kThroughputExceeded,
                     "The server holds as many bytes of answers as its configuration allows "
                     "(http.bytes_in_flight); try again.");
    }
  }
  const TimeMs now = context_.clock.now_ms();
  answer.millis_behind_latest = millis_behind_latest(answer.read, now);
  count_get(answer);
  if (answer.read.at_end) {
    // Sealed: over, once the children are published.
    auto newest = context_.catalog.find(iterator.stream);
    if (!usable(newest.get())) co_return no_such_shard(iterator.stream, iterator.shard_index);
    const Shard* shard = find_shard(*newest, iterator.shard_index);
    if (shard == nullptr) co_return no_such_shard(iterator.stream, iterator.shard_index);
    answer.stream = std::move(newest);
    answer.shard = shard;
    if (!shard->open) {
      answer.children = answer.stream->children(shard->index);
      co_return answer;
    }
  }
  iterator.position = answer.read.next;
  iterator.issued_ms = now;
  CO_TRY_ASSIGN(answer.next_iterator, seal_iterator(context_.settings.token_key, scope, iterator));
  co_return answer;
}

awaitable<Result<Slice>> DataPlane::get_records(const Request& request, Slice body) {
  kinesis::GetRecordsInput in;
  CO_TRY(wire::decode_input(kinesis::GetRecords::descriptor(), request.protocol, body, &in));
  // To the end of this call; then the connection counts what it has not sent.
  std::optional<ByteBudget::Hold> held;
  CO_TRY_ASSIGN(GetAnswer answer, co_await read(request, std::move(in), held));
  const wire::Protocol protocol = request.protocol;
  if (is_for_pool(stored_bytes(answer.read))) {
    co_return co_await run_on(*context_.cpu_pool, [protocol, answer = std::move(answer)] {
      return encode_get_records(protocol, answer);
    });
  }
  co_return encode_get_records(protocol, answer);
}

void register_data_operations(wire::OperationTable& table, StreamsContext& context) {
  auto plane = std::make_shared<DataPlane>(context);
  table.handle_raw(kinesis::PutRecords::descriptor(),
                   [plane](const wire::RequestContext& request, Slice body) {
                     return plane->put_records(request, std::move(body));
                   });
  table.handle_raw(kinesis::PutRecord::descriptor(),
                   [plane](const wire::RequestContext& request, Slice body) {
                     return plane->put_record(request, std::move(body));
                   });
  table.handle_raw(kinesis::GetRecords::descriptor(),
                   [plane](const wire::RequestContext& request, Slice body) {
                     return plane->get_records(request, std::move(body));
                   });
  table.handle<kinesis::GetShardIterator>(
      [plane](const wire::RequestContext& request, kinesis::GetShardIteratorInput in) {
        return plane->get_shard_iterator(request, std::move(in));
      });
}

}  // namespace millstream::streams
