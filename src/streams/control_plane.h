// The operations of Data Streams that are not about records.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "streams/consumer.h"
#include "streams/meta_catalog.h"
#include "streams/service.h"
#include "streams/tags.h"
#include "wire/generated/kinesis.h"
#include "wire/operation.h"

namespace millstream::streams {

// Threads: any loop. The inputs have been validated against the model. What a method's name
//          says is AWS's documentation of the operation; errors have AWS's types and, where
//          they are known, its texts.
// A stream is named by StreamName (in the caller's account and region) or by StreamARN (which
// selects its own account and region); StreamId is accepted and means nothing, as on AWS.
class ControlPlane {
 public:
  using Context = wire::RequestContext;

  // All outlive the control plane.
  // Without `keys` no stream can be encrypted.
  ControlPlane(MetaCatalog& catalog, Clock& clock, const StreamsSettings& settings,
               StreamKeys* keys = nullptr)
      : catalog_(catalog), clock_(clock), settings_(settings), keys_(keys) {}

  // For the server. A stream that exists already, whatever its shards, is fine; completes when
  // it is ACTIVE.
  awaitable<Result<>> ensure_stream(NewStream wanted);
  // Every stream of every account and region.
  awaitable<Result<>> delete_all_streams();

  // Streams: control_streams.cc.
  awaitable<Result<>> create_stream(const Context& context, wire::kinesis::CreateStreamInput in);
  awaitable<Result<>> delete_stream(const Context& context, wire::kinesis::DeleteStreamInput in);
  awaitable<Result<wire::kinesis::DescribeStreamOutput>> describe_stream(
      const Context& context, wire::kinesis::DescribeStreamInput in);
  awaitable<Result<wire::kinesis::DescribeStreamSummaryOutput>> describe_stream_summary(
      const Context& context, wire::kinesis::DescribeStreamSummaryInput in);
  awaitable<Result<wire::kinesis::ListStreamsOutput>> list_streams(
      const Context& context, wire::kinesis::ListStreamsInput in);
  awaitable<Result<wire::kinesis::DescribeLimitsOutput>> describe_limits(
      const Context& context, wire::kinesis::DescribeLimitsInput in);
  awaitable<Result<>> increase_retention(const Context& context,
                                         wire::kinesis::IncreaseStreamRetentionPeriodInput in);
  awaitable<Result<>> decrease_retention(const Context& context,
                                         wire::kinesis::DecreaseStreamRetentionPeriodInput in);
  awaitable<Result<>> update_max_record_size(const Context& context,
                                             wire::kinesis::UpdateMaxRecordSizeInput in);

  // Shards: control_shards.cc.
  awaitable<Result<wire::kinesis::ListShardsOutput>> list_shards(const Context& context,
                                                                 wire::kinesis::ListShardsInput in);
  awaitable<Result<>> split_shard(const Context& context, wire::kinesis::SplitShardInput in);
  awaitable<Result<>> merge_shards(const Context& context, wire::kinesis::MergeShardsInput in);

  // Scaling: control_scaling.cc.
  awaitable<Result<wire::kinesis::UpdateShardCountOutput>> update_shard_count(
      const Context& context, wire::kinesis::UpdateShardCountInput in);
  awaitable<Result<>> update_stream_mode(const Context& context,
                                         wire::kinesis::UpdateStreamModeInput in);
  awaitable<Result<wire::kinesis::UpdateStreamWarmThroughputOutput>> update_stream_warm_throughput(
      const Context& context, wire::kinesis::UpdateStreamWarmThroughputInput in);

  // Encryption: control_encryption.cc.
  awaitable<Result<>> start_encryption(const Context& context,
                                       wire::kinesis::StartStreamEncryptionInput in);
  awaitable<Result<>> stop_encryption(const Context& context,
                                      wire::kinesis::StopStreamEncryptionInput in);

  // Settings: control_settings.cc.
  awaitable<Result<wire::kinesis::DescribeAccountSettingsOutput>> describe_account_settings(
      const Context& context, wire::kinesis::DescribeAccountSettingsInput in);
  awaitable<Result<wire::kinesis::UpdateAccountSettingsOutput>> update_account_settings(
      const Context& context, wire::kinesis::UpdateAccountSettingsInput in);
  awaitable<Result<wire::kinesis::EnhancedMonitoringOutput>> enable_enhanced_monitoring(
      const Context& context, wire::kinesis::EnableEnhancedMonitoringInput in);
  awaitable<Result<wire::kinesis::EnhancedMonitoringOutput>> disable_enhanced_monitoring(
      const Context& context, wire::kinesis::DisableEnhancedMonitoringInput in);

  // Resource policies, stored only: control_policies.cc.
  awaitable<Result<>> put_resource_policy(const Context& context,
                                          wire::kinesis::PutResourcePolicyInput in);
  awaitable<Result<wire::kinesis::GetResourcePolicyOutput>> get_resource_policy(
      const Context& context, wire::kinesis::GetResourcePolicyInput in);
  awaitable<Result<>> delete_resource_policy(const Context& context,
                                             wire::kinesis::DeleteResourcePolicyInput in);

  // Consumers: control_consumers.cc.
  awaitable<Result<wire::kinesis::RegisterStreamConsumerOutput>> register_consumer(
      const Context& context, wire::kinesis::RegisterStreamConsumerInput in);
  awaitable<Result<wire::kinesis::DescribeStreamConsumerOutput>> describe_consumer(
      const Context& context, wire::kinesis::DescribeStreamConsumerInput in);
  awaitable<Result<wire::kinesis::ListStreamConsumersOutput>> list_consumers(
      const Context& context, wire::kinesis::ListStreamConsumersInput in);
  awaitable<Result<>> deregister_consumer(const Context& context,
                                          wire::kinesis::DeregisterStreamConsumerInput in);

  // Tags, both generations: control_tags.cc.
  awaitable<Result<>> add_tags_to_stream(const Context& context,
                                         wire::kinesis::AddTagsToStreamInput in);
  awaitable<Result<>> remove_tags_from_stream(const Context& context,
                                              wire::kinesis::RemoveTagsFromStreamInput in);
  awaitable<Result<wire::kinesis::ListTagsForStreamOutput>> list_tags_for_stream(
      const Context& context, wire::kinesis::ListTagsForStreamInput in);
  awaitable<Result<>> tag_resource(const Context& context, wire::kinesis::TagResourceInput in);
  awaitable<Result<>> untag_resource(const Context& context, wire::kinesis::UntagResourceInput in);
  awaitable<Result<wire::kinesis::ListTagsForResourceOutput>> list_tags_for_resource(
      const Context& context, wire::kinesis::ListTagsForResourceInput in);

 private:
  // The key that a request means; the stream need not exist.
  static Result<StreamKey> key_of(const Context& context, const std::optional<std::string>& name,
                                  const std::optional<std::string>& arn);
  // kNotFound if there is none.
  Result<std::shared_ptr<const Stream>> stream_of(const StreamKey& key) const;
  static Result<StreamKey> tagged_stream(const std::string& resource_arn);
  ConsumerView consumers_now() const;
  // Of consumers, by ARN.
  awaitable<Result<>> tag_consumer(std::string arn, Tags tags);
  awaitable<Result<>> untag_consumer(std::string arn, std::vector<std::string> keys);
  Result<Tags> tags_of_consumer(const std::string& arn) const;
  awaitable<Result<>> set_retention(StreamKey key, int32_t hours, bool increase);
  awaitable<Result<wire::kinesis::EnhancedMonitoringOutput>> change_monitoring(
      StreamKey key, std::vector<std::string> metrics, bool enable);

  MetaCatalog& catalog_;
  Clock& clock_;
  const StreamsSettings& settings_;
  StreamKeys* keys_;
};

}  // namespace millstream::streams
