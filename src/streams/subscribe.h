// SubscribeToShard: pushes a shard's records to a registered consumer.
#pragma once

#include <memory>

#include "base/async.h"
#include "base/bytes.h"
#include "base/http_message.h"
#include "base/result.h"
#include "streams/service.h"
#include "streams/subscription.h"
#include "wire/generated/kinesis.h"
#include "wire/operation.h"

namespace millstream::streams {

// Life cycle: shared by the handler and its running calls; the context outlives both.
// Threads:    any loop; a subscription stays on its connection's.
// Memory:     a subscription holds one event, of at most some 1 MiB of records.
class Subscriber : public std::enable_shared_from_this<Subscriber> {
 public:
  using Request = wire::RequestContext;

  explicit Subscriber(StreamsContext& context,
                      std::chrono::milliseconds stall_timeout = Subscription::kStallTimeout)
      : context_(context), table_(context.settings.aws_rules(), stall_timeout) {}

  // Events until five minutes have passed, the shard has ended, the stream or consumer is gone,
  // another call takes over, the client is gone or the server stops. Errors: AWS's of the
  // operation, before anything was written.
  awaitable<Result<>> subscribe(const Request& request, Slice body, ResponseStream& out);

 private:
  struct Call;

  Result<> open(Call& call, const std::string& shard_id) const;
  Result<> refresh(Call& call) const;
  awaitable<Result<>> run(Call& call, Subscription& subscription, ResponseStream& out);
  // One event, or a wait for it. False: the subscription is over.
  awaitable<Result<bool>> step(Call& call, Subscription& subscription, ResponseStream& out);
  awaitable<Result<bool>> finish_shard(Call& call, Subscription& subscription, ResponseStream& out);
  awaitable<Result<>> send(Call& call, Subscription& subscription, ResponseStream& out,
                           EncodedEvent event);
  EncodedEvent event_of(const Call& call, ReadResult read) const;

  StreamsContext& context_;
  SubscriptionTable table_;
};

void register_subscribe_operation(wire::OperationTable& table, StreamsContext& context);

}  // namespace millstream::streams
