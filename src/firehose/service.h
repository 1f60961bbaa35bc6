// Firehose: the delivery streams of this server, and their operations.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/async.h"
#include "firehose/context.h"
#include "firehose/delivery_loop.h"
#include "firehose/delivery_stream.h"
#include "wire/generated/firehose.h"
#include "wire/operation.h"

namespace millstream::firehose {

// Life cycle: start() once the catalog is open; stop() before the context ends, while the
//             executor's threads still run.
// Threads:    operations from any loop; they complete there.
// Durability: a put is answered when its records are durable in the log; a created delivery
//             stream when it is in the MetaStore.
class FirehoseService {
 public:
  explicit FirehoseService(FirehoseContext context);

  // Brings the schema up to date, finishes what the last run began (creations, deletions, open
  // plans) and starts delivering. Blocking.
  Result<> start();
  // Completes when nothing runs any more. Deliveries under way may end within `grace`. What is
  // not delivered stays planned or unread in the log.
  awaitable<> stop(std::chrono::milliseconds grace);
  // Deletes all delivery streams, for the reset of a server in test mode.
  awaitable<Result<>> remove_all();

  // The shards that puts of a DirectPut delivery stream are appended to. Errors: kNotFound (none
  // of that name takes puts), kInvalidArgument (it reads a stream).
  Result<std::vector<ShardId>> own_shards(const DeliveryStreamKey& key) const;

  // The operations (AWS's names, rules and texts).
  awaitable<Result<wire::firehose::CreateDeliveryStreamOutput>> create(
      const wire::RequestContext& caller, wire::firehose::CreateDeliveryStreamInput in);
  awaitable<Result<wire::firehose::DeleteDeliveryStreamOutput>> remove(
      const wire::RequestContext& caller, wire::firehose::DeleteDeliveryStreamInput in);
  Result<wire::firehose::DescribeDeliveryStreamOutput> describe(
      const wire::RequestContext& caller,
      const wire::firehose::DescribeDeliveryStreamInput& in) const;
  wire::firehose::ListDeliveryStreamsOutput list(
      const wire::RequestContext& caller, const wire::firehose::ListDeliveryStreamsInput& in) const;
  awaitable<Result<wire::firehose::PutRecordOutput>> put_record(const wire::RequestContext& caller,
                                                                wire::firehose::PutRecordInput in);
  awaitable<Result<wire::firehose::PutRecordBatchOutput>> put_record_batch(
      const wire::RequestContext& caller, wire::firehose::PutRecordBatchInput in);

 private:
  struct Entry {
    std::shared_ptr<const DeliveryStream> stream;
    std::shared_ptr<DeliveryLoop> loop;  // of an active one
  };

  std::optional<Entry> find(const DeliveryStreamKey& key) const;
  Result<Entry> existing(const wire::RequestContext& caller, const std::string& name) const;
  // The one that takes puts.
  Result<std::shared_ptr<const DeliveryStream>> writable(const wire::RequestContext& caller,
                                                         const std::string& name) const;
  void publish(std::shared_ptr<const DeliveryStream> stream, std::shared_ptr<DeliveryLoop> loop);
  void erase(const DeliveryStream& stream);

  awaitable<Result<std::shared_ptr<const DeliveryStream>>> insert(DeliveryStream stream);
  // From CREATING to ACTIVE, and from DELETING to nothing; both can be done again.
  awaitable<Result<>> activate(std::shared_ptr<const DeliveryStream> stream);
  awaitable<Result<>> finish_removal(Entry entry);
  awaitable<Result<>> start_removal(Entry entry);
  awaitable<> keep_trying(std::shared_ptr<const DeliveryStream> stream);
  awaitable<Result<std::vector<ShardProgress>>> starting_progress(const DeliveryStream& stream);
  awaitable<Result<std::vector<Appended>>> append(const DeliveryStream& stream,
                                                  const std::vector<std::string_view>& records);

  FirehoseContext context_;
  DeliveryResources resources_;

  mutable std::mutex mutex_;
  std::map<DeliveryStreamKey, Entry> entries_;
  std::atomic<bool> stopping_ = false;
  std::atomic<size_t> background_ = 0;  // creations and deletions under way
};

void register_operations(wire::OperationTable& table, FirehoseService& service);

}  // namespace millstream::firehose
