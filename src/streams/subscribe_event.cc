#include "streams/subscribe_event.h"

#include <algorithm>
#include <array>
#include <vector>

#include "streams/get_cbor.h"
#include "streams/get_json.h"
#include "streams/sequence_number.h"
#include "wire/cbor_encode.h"
#include "wire/errors.h"
#include "wire/event_stream.h"
#include "wire/json_encode.h"

namespace millstream::streams {
namespace {

bool is_cbor(wire::Protocol protocol) {
  return protocol == wire::Protocol::kCbor11 || protocol == wire::Protocol::kRpcV2Cbor;
}

std::vector<wire::EventHeader> event_headers(wire::Protocol protocol, std::string type) {
  return {{":event-type", std::move(type)},
          {":content-type", std::string(wire::content_type(protocol))},
          {":message-type", std::string("event")}};
}

}  // namespace

Slice encode_initial_response(wire::Protocol protocol) {
  constexpr std::array kEmptyCbor{wire::kCborStructure, wire::kCborEnd};
  const std::string_view payload =
      is_cbor(protocol) ? std::string_view(kEmptyCbor.data(), kEmptyCbor.size()) : "{}";
  return wire::encode_event_message(event_headers(protocol, "initial-response"), payload);
}

Slice encode_subscribe_event(wire::Protocol protocol, const GetAnswer& answer,
                             std::string_view continuation) {
  MS_ASSERT(!answer.next_iterator);
  // The members of GetRecords' answer, and one more before their end.
  const bool cbor = is_cbor(protocol);
  const Slice members = cbor ? encode_get_records_cbor(answer) : encode_get_records_json(answer);
  std::string rest;
  if (!continuation.empty()) {
    if (cbor) {
      wire::append_cbor_text(rest, "ContinuationSequenceNumber");
      wire::append_cbor_text(rest, continuation);
    } else {
      rest = R"(,"ContinuationSequenceNumber":")";
      rest += continuation;
      rest += '"';
    }
  }
  const char end = cbor ? wire::kCborEnd : '}';
  MS_ASSERT(!members.empty() && members.view().back() == end);
  rest += end;
  const std::array<std::string_view, 2> payload{members.view().substr(0, members.size() - 1), rest};
  return wire::encode_event_message(event_headers(protocol, "SubscribeToShardEvent"), payload);
}

Slice encode_subscribe_error(wire::Protocol protocol, const Error& error) {
  const wire::AwsError aws = wire::aws_error("kinesis", error.code);
  // What the model's event stream does not have is a failure of ours.
  constexpr std::array kKnown{ErrorCode::kInUse,           ErrorCode::kNotFound,
                              ErrorCode::kKeyNotFound,     ErrorCode::kKeyDisabled,
                              ErrorCode::kKeyInvalidState, ErrorCode::kKeyAccessDenied};
  const bool known = std::ranges::find(kKnown, error.code) != kKnown.end();
  const std::string name = known ? std::string(aws.name) : "InternalFailureException";
  std::string payload;
  if (is_cbor(protocol)) {
    payload += wire::kCborStructure;
    wire::append_cbor_text(payload, "message");
    wire::append_cbor_text(payload, error.message);
    payload += wire::kCborEnd;
  } else {
    payload = R"({"message":)";
    wire::append_json_string(payload, error.message);
    payload += '}';
  }
  const std::vector<wire::EventHeader> headers{
      {":exception-type", name},
      {":content-type", std::string(wire::content_type(protocol))},
      {":message-type", std::string("exception")}};
  return wire::encode_event_message(headers, payload);
}

std::string continuation_number(const Shard& shard, const ReadResult& read) {
  SequenceNumber number;
  number.created_s = shard.created_s;
  number.shard_index = shard.index;
  number.counter = read.next == 0 ? 0 : read.next - 1;
  number.time_s = std::max(shard.created_s, read.tip_arrival_ms / 1000);
  if (!read.batches.empty()) {
    const StoredBatch& last = read.batches.back();
    if (last.first + last.records == read.next) number.time_s = last.arrival_ms / 1000;
  }
  return format_sequence_number(number);
}

}  // namespace millstream::streams
