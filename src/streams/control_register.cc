#include "streams/control_plane.h"
#include "streams/subscribe.h"

namespace millstream::streams {
namespace {

template <class Op, class Method>
void handle(wire::OperationTable& table, ControlPlane& control, Method method) {
  table.handle<Op>([&control, method](const wire::RequestContext& context, Op::Input input) {
    return (control.*method)(context, std::move(input));
  });
}

}  // namespace

void register_control_operations(wire::OperationTable& table, StreamsContext& context,
                                 ControlPlane& control) {
  namespace kinesis = wire::kinesis;
  register_subscribe_operation(table, context);
  handle<kinesis::CreateStream>(table, control, &ControlPlane::create_stream);
  handle<kinesis::DeleteStream>(table, control, &ControlPlane::delete_stream);
  handle<kinesis::DescribeStream>(table, control, &ControlPlane::describe_stream);
  handle<kinesis::DescribeStreamSummary>(table, control, &ControlPlane::describe_stream_summary);
  handle<kinesis::ListStreams>(table, control, &ControlPlane::list_streams);
  handle<kinesis::DescribeLimits>(table, control, &ControlPlane::describe_limits);
  handle<kinesis::IncreaseStreamRetentionPeriod>(table, control, &ControlPlane::increase_retention);
  handle<kinesis::DecreaseStreamRetentionPeriod>(table, control, &ControlPlane::decrease_retention);
  handle<kinesis::UpdateMaxRecordSize>(table, control, &ControlPlane::update_max_record_size);
  handle<kinesis::ListShards>(table, control, &ControlPlane::list_shards);
  handle<kinesis::SplitShard>(table, control, &ControlPlane::split_shard);
  handle<kinesis::MergeShards>(table, control, &ControlPlane::merge_shards);
  handle<kinesis::UpdateShardCount>(table, control, &ControlPlane::update_shard_count);
  handle<kinesis::UpdateStreamMode>(table, control, &ControlPlane::update_stream_mode);
  handle<kinesis::UpdateStreamWarmThroughput>(table, control,
                                              &ControlPlane::update_stream_warm_throughput);
  handle<kinesis::StartStreamEncryption>(table, control, &ControlPlane::start_encryption);
  handle<kinesis::StopStreamEncryption>(table, control, &ControlPlane::stop_encryption);
  handle<kinesis::DescribeAccountSettings>(table, control,
                                           &ControlPlane::describe_account_settings);
  handle<kinesis::UpdateAccountSettings>(table, control, &ControlPlane::update_account_settings);
  handle<kinesis::EnableEnhancedMonitoring>(table, control,
                                            &ControlPlane::enable_enhanced_monitoring);
  handle<kinesis::DisableEnhancedMonitoring>(table, control,
                                             &ControlPlane::disable_enhanced_monitoring);
  handle<kinesis::PutResourcePolicy>(table, control, &ControlPlane::put_resource_policy);
  handle<kinesis::GetResourcePolicy>(table, control, &ControlPlane::get_resource_policy);
  handle<kinesis::DeleteResourcePolicy>(table, control, &ControlPlane::delete_resource_policy);
  handle<kinesis::RegisterStreamConsumer>(table, control, &ControlPlane::register_consumer);
  handle<kinesis::DescribeStreamConsumer>(table, control, &ControlPlane::describe_consumer);
  handle<kinesis::ListStreamConsumers>(table, control, &ControlPlane::list_consumers);
  handle<kinesis::DeregisterStreamConsumer>(table, control, &ControlPlane::deregister_consumer);
  handle<kinesis::AddTagsToStream>(table, control, &ControlPlane::add_tags_to_stream);
  handle<kinesis::RemoveTagsFromStream>(table, control, &ControlPlane::remove_tags_from_stream);
  handle<kinesis::ListTagsForStream>(table, control, &ControlPlane::list_tags_for_stream);
  handle<kinesis::TagResource>(table, control, &ControlPlane::tag_resource);
  handle<kinesis::UntagResource>(table, control, &ControlPlane::untag_resource);
  handle<kinesis::ListTagsForResource>(table, control, &ControlPlane::list_tags_for_resource);
}

}  // namespace millstream::streams
