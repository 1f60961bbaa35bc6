// Resource policies of streams and consumers: PutResourcePolicy, GetResourcePolicy,
// DeleteResourcePolicy.
#include "auth/policy_document.h"
#include "streams/consumer.h"
#include "streams/control_plane.h"
#include "streams/policies.h"
#include "wire/arn.h"

namespace millstream::streams {
namespace {

namespace kinesis = wire::kinesis;

// What a policy is of: a stream, or one of its consumers.
struct PolicyOwner {
  StreamKey stream;
  std::optional<wire::ConsumerArn> consumer;
  std::string arn;  // as we write it, whatever the partition in the request
};

Result<PolicyOwner> owner_of(const std::string& resource_arn) {
  PolicyOwner owner;
  wire::StreamArn stream;
  if (auto consumer = wire::parse_consumer_arn(resource_arn)) {
    stream = consumer->stream;
    owner.arn = wire::format_arn(*consumer);
    owner.consumer = *std::move(consumer);
  } else {
    TRY_ASSIGN(stream, wire::parse_stream_arn(resource_arn));
    owner.arn = wire::format_arn(stream);
  }
  owner.stream = {stream.account, stream.region, stream.name};
  return owner;
}

Result<> check_consumer(Transaction& transaction, const Stream& stream, const PolicyOwner& owner) {
  if (!owner.consumer) return {};
  TRY_ASSIGN(auto rows, transaction.query("SELECT created_ms FROM stream_consumers"
                                          " WHERE generation = ? AND name = ?",
                                          {stream.generation, owner.consumer->name}));
  for (const SqlRow& row : rows) {
    if (row.integer(0) / 1000 == owner.consumer->created_s) return {};
  }
  return no_such_consumer(stream.key, owner.arn);
}

Result<> check_active_consumer(const Stream& stream, const wire::ConsumerArn& arn,
                               const ConsumerView& view) {
  const Consumer* consumer = view.find(stream, arn.name, arn.created_s);
  if (consumer != nullptr && view.status(*consumer) == ConsumerStatus::kActive) return {};
  return fail(ErrorCode::kInUse,
              "Consumer {} with creation timestamp {} under stream {} and account {} is not in "
              "ACTIVE status.",
              arn.name, arn.created_s, stream.key.name, stream.key.account);
}

std::unexpected<Error> no_policy(const std::string& resource_arn) {
  return fail(ErrorCode::kNotFound, "No resource policy found for resource ARN {}.", resource_arn);
}

// nullptr: it has none.
std::shared_ptr<const std::string> policy_of(const Stream& stream, const PolicyOwner& owner) {
  if (!owner.consumer) return stream.policy;
  const auto found = stream.consumer_policies.find(owner.arn);
  return found == stream.consumer_policies.end() ? nullptr : found->second;
}

}  // namespace

awaitable<Result<>> ControlPlane::put_resource_policy(const Context&,
                                                      kinesis::PutResourcePolicyInput in) {
  CO_TRY_ASSIGN(const PolicyOwner owner, owner_of(in.resource_arn));
  // What could not be decided upon later is refused.
  const auto parsed = parse_policy(in.policy, PolicyKind::kResource);
  if (!parsed) co_return std::unexpected(parsed.error());
  const ConsumerView view = consumers_now();
  const auto store = [&](Transaction& transaction, const Stream& stream) -> Result<> {
    TRY(check_consumer(transaction, stream, owner));
    if (owner.consumer) TRY(check_active_consumer(stream, *owner.consumer, view));
    return store_policy(transaction, owner.arn, in.policy);
  };
  co_return co_await catalog_.edit(owner.stream, check_active, store);
}

awaitable<Result<kinesis::GetResourcePolicyOutput>> ControlPlane::get_resource_policy(
    const Context&, kinesis::GetResourcePolicyInput in) {
  CO_TRY_ASSIGN(const PolicyOwner owner, owner_of(in.resource_arn));
  CO_TRY_ASSIGN(const auto stream, stream_of(owner.stream));
  const auto policy = policy_of(*stream, owner);
  if (!policy) co_return no_policy(in.resource_arn);
  co_return kinesis::GetResourcePolicyOutput{*policy};
}

awaitable<Result<>> ControlPlane::delete_resource_policy(const Context&,
                                                         kinesis::DeleteResourcePolicyInput in) {
  CO_TRY_ASSIGN(const PolicyOwner owner, owner_of(in.resource_arn));
  const auto remove = [&](Transaction& transaction, const Stream& stream) -> Result<> {
    TRY(check_consumer(transaction, stream, owner));
    if (!policy_of(stream, owner)) return no_policy(in.resource_arn);
    return delete_policy(transaction, owner.arn);
  };
  co_return co_await catalog_.edit(owner.stream, check_active, remove);
}

}  // namespace millstream::streams
