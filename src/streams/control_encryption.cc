// Whether the records of a stream are encrypted, and with which master key.
#include "streams/control_plane.h"
#include "streams/scaling.h"
#include "streams/schema.h"

namespace millstream::streams {
namespace {

namespace kinesis = wire::kinesis;

Result<> check_type(const std::string& type) {
  if (type == kinesis::EncryptionType::kKms) return {};
  return fail(ErrorCode::kInvalidArgument,
              "EncryptionType {} is not valid for this request: KMS is the only one.", type);
}

// UPDATING and ACTIVE again; no shard changes.
Result<ReshardPlan> same_shards(const Stream&) { return ReshardPlan{}; }

}  // namespace

awaitable<Result<>> ControlPlane::start_encryption(const Context& context,
                                                   kinesis::StartStreamEncryptionInput in) {
  CO_TRY_ASSIGN(const StreamKey key, key_of(context, in.stream_name, in.stream_arn));
  CO_TRY(check_type(in.encryption_type));
  CO_TRY_ASSIGN(const auto stream, stream_of(key));
  CO_TRY(check_active(*stream));
  if (keys_ == nullptr) {
    co_return fail(ErrorCode::kKeyNotFound, "This server has no master keys.");
  }
  CO_TRY(co_await keys_->prepare(in.key_id, {key.account, key.region}));
  const auto change = [this, key_id = in.key_id](Transaction& transaction,
                                                 const Stream& before) -> Result<> {
    if (settings_.aws_rules()) {
      TRY(count_scaling_call(transaction, before.generation, kStartEncryptionLimit,
                             clock_.now_ms()));
    }
    return update_encryption(transaction, before.generation, key_id);
  };
  co_return co_await catalog_.reshard(key, same_shards, change);
}

awaitable<Result<>> ControlPlane::stop_encryption(const Context& context,
                                                  kinesis::StopStreamEncryptionInput in) {
  CO_TRY_ASSIGN(const StreamKey key, key_of(context, in.stream_name, in.stream_arn));
  CO_TRY(check_type(in.encryption_type));
  const auto change = [this](Transaction& transaction, const Stream& before) -> Result<> {
    if (settings_.aws_rules()) {
      TRY(count_scaling_call(transaction, before.generation, kStopEncryptionLimit,
                             clock_.now_ms()));
    }
    return update_encryption(transaction, before.generation, {});
  };
  co_return co_await catalog_.reshard(key, same_shards, change);
}

}  // namespace millstream::streams
