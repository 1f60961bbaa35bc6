#include "streams/call_limits.h"
#include "streams/control_plane.h"
#include "streams/listing.h"
#include "streams/subscribe.h"
#include "wire/arn.h"

namespace millstream::streams {
namespace {

StreamKey key_of(wire::StreamArn arn) {
  return {std::move(arn.account), std::move(arn.region), std::move(arn.name)};
}

// What the operations are registered with.
struct Registration {
  wire::OperationTable& table;
  StreamsContext& context;
  ControlPlane& control;
  std::shared_ptr<CallLimiter> limiter = nullptr;  // nullptr: calls are not limited

  // The stream that a call names, if it does; whether that is right is the operation's business.
  template <class Input>
  std::optional<StreamKey> stream_of(const wire::RequestContext& caller, const Input& in) const {
    const auto by_arn = [](const auto& text) -> std::optional<StreamKey> {
      if (auto arn = wire::parse_stream_arn(text)) return key_of(*std::move(arn));
      return std::nullopt;
    };
    if constexpr (requires { std::optional<std::string>(in.stream_arn); }) {
      if (const std::optional<std::string> arn = in.stream_arn) return by_arn(*arn);
    }
    if constexpr (requires { std::optional<std::string>(in.stream_name); }) {
      const std::optional<std::string> name = in.stream_name;
      if (name) return StreamKey{caller.account, caller.region, *name};
    }
    if constexpr (requires { std::optional<std::string>(in.consumer_arn); }) {
      const std::optional<std::string> text = in.consumer_arn;
      if (auto arn = wire::parse_consumer_arn(text.value_or(""))) {
        return key_of(std::move(arn->stream));
      }
    }
    if constexpr (std::is_same_v<Input, wire::kinesis::ListShardsInput>) {
      const auto page = open_shard_page(context.settings.token_key, caller.account,
                                        in.next_token.value_or(""), context.clock.now_ms());
      if (page) return page->stream;
    }
    return std::nullopt;
  }
};

template <class Op, class Method>
void handle(const Registration& to, Method method) {
  if (!to.limiter) {
    to.table.handle<Op>(
        [&control = to.control, method](const wire::RequestContext& caller, Op::Input input) {
          return (control.*method)(caller, std::move(input));
        });
    return;
  }
  using Answer = decltype((to.control.*method)(std::declval<const wire::RequestContext&>(),
                                               std::declval<typename Op::Input>()));
  to.table.handle<Op>([to, method](const wire::RequestContext& caller, Op::Input input) -> Answer {
    CO_TRY(to.limiter->take(Op::descriptor().name, caller.account, caller.region,
                            to.stream_of(caller, input)));
    co_return co_await (to.control.*method)(caller, std::move(input));
  });
}

}  // namespace

void register_control_operations(wire::OperationTable& table, StreamsContext& context,
                                 ControlPlane& control) {
  namespace kinesis = wire::kinesis;
  register_subscribe_operation(table, context);
  Registration to{table, context, control};
  if (context.settings.aws_rules()) to.limiter = std::make_shared<CallLimiter>(context.clock);
  handle<kinesis::CreateStream>(to, &ControlPlane::create_stream);
  handle<kinesis::DeleteStream>(to, &ControlPlane::delete_stream);
  handle<kinesis::DescribeStream>(to, &ControlPlane::describe_stream);
  handle<kinesis::DescribeStreamSummary>(to, &ControlPlane::describe_stream_summary);
  handle<kinesis::ListStreams>(to, &ControlPlane::list_streams);
  handle<kinesis::DescribeLimits>(to, &ControlPlane::describe_limits);
  handle<kinesis::IncreaseStreamRetentionPeriod>(to, &ControlPlane::increase_retention);
  handle<kinesis::DecreaseStreamRetentionPeriod>(to, &ControlPlane::decrease_retention);
  handle<kinesis::UpdateMaxRecordSize>(to, &ControlPlane::update_max_record_size);
  handle<kinesis::ListShards>(to, &ControlPlane::list_shards);
  handle<kinesis::SplitShard>(to, &ControlPlane::split_shard);
  handle<kinesis::MergeShards>(to, &ControlPlane::merge_shards);
  handle<kinesis::UpdateShardCount>(to, &ControlPlane::update_shard_count);
  handle<kinesis::UpdateStreamMode>(to, &ControlPlane::update_stream_mode);
  handle<kinesis::UpdateStreamWarmThroughput>(to, &ControlPlane::update_stream_warm_throughput);
  handle<kinesis::StartStreamEncryption>(to, &ControlPlane::start_encryption);
  handle<kinesis::StopStreamEncryption>(to, &ControlPlane::stop_encryption);
  handle<kinesis::DescribeAccountSettings>(to, &ControlPlane::describe_account_settings);
  handle<kinesis::UpdateAccountSettings>(to, &ControlPlane::update_account_settings);
  handle<kinesis::EnableEnhancedMonitoring>(to, &ControlPlane::enable_enhanced_monitoring);
  handle<kinesis::DisableEnhancedMonitoring>(to, &ControlPlane::disable_enhanced_monitoring);
  handle<kinesis::PutResourcePolicy>(to, &ControlPlane::put_resource_policy);
  handle<kinesis::GetResourcePolicy>(to, &ControlPlane::get_resource_policy);
  handle<kinesis::DeleteResourcePolicy>(to, &ControlPlane::delete_resource_policy);
  handle<kinesis::RegisterStreamConsumer>(to, &ControlPlane::register_consumer);
  handle<kinesis::DescribeStreamConsumer>(to, &ControlPlane::describe_consumer);
  handle<kinesis::ListStreamConsumers>(to, &ControlPlane::list_consumers);
  handle<kinesis::DeregisterStreamConsumer>(to, &ControlPlane::deregister_consumer);
  handle<kinesis::AddTagsToStream>(to, &ControlPlane::add_tags_to_stream);
  handle<kinesis::RemoveTagsFromStream>(to, &ControlPlane::remove_tags_from_stream);
  handle<kinesis::ListTagsForStream>(to, &ControlPlane::list_tags_for_stream);
  handle<kinesis::TagResource>(to, &ControlPlane::tag_resource);
  handle<kinesis::UntagResource>(to, &ControlPlane::untag_resource);
  handle<kinesis::ListTagsForResource>(to, &ControlPlane::list_tags_for_resource);
}

}  // namespace millstream::streams
