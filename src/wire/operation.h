// Operations of the AWS services as data, and the table of their handlers.
//
// The facts come from api/ (generated into wire/generated/…): for each operation a descriptor,
// and a struct with the types of its input and output:
//
//   namespace millstream::wire::kinesis {
//   struct SplitShard { using Input = SplitShardInput; using Output = SplitShardOutput;
//                       static const Operation& descriptor(); };
//   }
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/async.h"
#include "base/bytes.h"
#include "base/http_message.h"
#include "base/result.h"
#include "wire/value_types.h"

namespace millstream::wire {

struct StructType;  // wire/types.h

enum class Protocol : uint8_t { kJson10, kJson11, kCbor11, kRpcV2Cbor, kQuery };

struct Operation {
  std::string_view service;            // "kinesis", "firehose", "kinesisanalyticsv2", …
  std::string_view name;               // "SplitShard"
  std::string_view target_prefix;      // "Kinesis_20131202"
  const StructType* input = nullptr;   // nullptr: none
  const StructType* output = nullptr;  // nullptr: none
};

// Whether a caller may do something. Made by the server for callers with policies.
//
// Threads: any; constant.
class AccessCheck {
 public:
  virtual ~AccessCheck() = default;
  // kAccessDenied with AWS's text unless a policy of the caller, or the resource's own, allows
  // `operation` on `resource` (an ARN, or "*" for operations about no resource).
  virtual Result<> check(const Operation& operation, std::string_view resource) const = 0;
};

// Who calls, and where. Made by the server from the verified signature.
struct RequestContext {
  std::string account;  // 12 digits
  std::string region;   // of the signature's credential scope
  std::string access_key;
  std::string request_id;  // also sent as x-amzn-RequestId
  Protocol protocol = Protocol::kJson11;
  const HttpRequest* http = nullptr;
  std::shared_ptr<const AccessCheck> access;  // nullptr: everything is allowed
};

// A handler on encoded bytes: decodes `body` itself and returns the encoded answer. For the hot
// operations, whose codecs copy nothing; they give the same result as the generic path.
using RawHandler = std::function<awaitable<Result<Slice>>(const RequestContext&, Slice body)>;

// A handler whose answer is a stream of events. An error before it called stream.start() is
// answered like any other error; afterwards it has ended the stream itself.
using StreamHandler =
    std::function<awaitable<Result<>>(const RequestContext&, Slice body, ResponseStream& stream)>;

// Handlers by operation. Filled at start, constant afterwards.
class OperationTable {
 public:
  // table.handle<kinesis::SplitShard>([&api](const RequestContext& context,
  //     kinesis::SplitShardInput input) -> awaitable<Result<kinesis::SplitShardOutput>> {…});
  // An operation without output returns Result<>. The input has been validated against the
  // model (required members, lengths, ranges, patterns, enums).
  template <class Op, class Handler>
  void handle(Handler handler) {
    handle_raw(Op::descriptor(),
               [handler = std::move(handler)](const RequestContext& context,
                                              Slice body) -> awaitable<Result<Slice>> {
                 typename Op::Input input;
                 CO_TRY(decode_input(Op::descriptor(), context.protocol, body, &input));
                 if (context.access) CO_TRY(check_access(Op::descriptor(), context, &input));
                 auto output = co_await handler(context, std::move(input));
                 if (!output) co_return std::unexpected(std::move(output).error());
                 if constexpr (std::is_void_v<typename Op::Output>) {
                   co_return Slice();
                 } else {
                   co_return encode_output(Op::descriptor(), context.protocol, &*output);
                 }
               });
  }
  // The same, decoding and encoding by itself. One handler an operation.
  void handle_raw(const Operation& operation, RawHandler handler);
  void handle_stream(const Operation& operation, StreamHandler handler);

  // By "Kinesis_20131202.SplitShard"; nullptr if there is no such operation or no handler.
  struct Entry {
    const Operation* operation = nullptr;
    RawHandler handler;
    StreamHandler stream_handler;  // one of the two
  };
  const Entry* find(std::string_view target) const;
  std::vector<const Entry*> entries() const;  // by service and name

 private:
  void add(Entry entry);

  // Fixed by wire/operation.cc.
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::unordered_map<std::string, Entry, Hash, std::equal_to<>> entries_;
};

// What handle() does around the handler. decode_input: `input` points to a default value of the
// operation's Input; checked against the model. encode_output: of its Output.
Result<> decode_input(const Operation& operation, Protocol protocol, const Slice& body,
                      void* input);
Result<Slice> encode_output(const Operation& operation, Protocol protocol, const void* output);
// wire/access.h
Result<> check_access(const Operation& operation, const RequestContext& context, const void* input);

// All operations of all services known to this build, with or without a handler.
std::span<const Operation* const> all_operations();

}  // namespace millstream::wire
