#include "streams/stream_metrics.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "log/record.h"
#include "streams/catalog.h"
#include "streams/get.h"
#include "streams/put.h"
#include "streams/subscription.h"

namespace millstream::streams {
namespace {

void add(StreamActivity::Count& count, uint64_t by) {
  count.fetch_add(by, std::memory_order_relaxed);
}

struct Metric {
  std::string_view name;
  std::string_view cloudwatch;
  StreamActivity::Count StreamActivity::* count;
};

constexpr Metric kMetrics[] = {
    {"incoming_bytes", "IncomingBytes", &StreamActivity::incoming_bytes},
    {"incoming_records", "IncomingRecords", &StreamActivity::incoming_records},
    {"put_record_success", "PutRecord.Success", &StreamActivity::put_record_success},
    {"put_records_success", "PutRecords.Success", &StreamActivity::put_records_success},
    {"put_records_total_records", "PutRecords.TotalRecords",
     &StreamActivity::put_records_total_records},
    {"put_records_successful_records", "PutRecords.SuccessfulRecords",
     &StreamActivity::put_records_successful_records},
    {"put_records_throttled_records", "PutRecords.ThrottledRecords",
     &StreamActivity::put_records_throttled_records},
    {"write_provisioned_throughput_exceeded", "WriteProvisionedThroughputExceeded",
     &StreamActivity::write_throughput_exceeded},
    {"get_records_success", "GetRecords.Success", &StreamActivity::get_records_success},
    {"get_records_bytes", "GetRecords.Bytes", &StreamActivity::get_records_bytes},
    {"get_records_records", "GetRecords.Records", &StreamActivity::get_records_records},
    {"read_provisioned_throughput_exceeded", "ReadProvisionedThroughputExceeded",
     &StreamActivity::read_throughput_exceeded},
    {"subscribe_to_shard_rate_exceeded", "SubscribeToShard.RateExceeded",
     &StreamActivity::subscribe_rate_exceeded},
    {"subscribe_to_shard_success", "SubscribeToShard.Success", &StreamActivity::subscribe_success},
    {"subscribe_to_shard_event_success", "SubscribeToShardEvent.Success",
     &StreamActivity::event_success},
    {"subscribe_to_shard_event_bytes", "SubscribeToShardEvent.Bytes", &StreamActivity::event_bytes},
    {"subscribe_to_shard_event_records", "SubscribeToShardEvent.Records",
     &StreamActivity::event_records},
};

struct LastValue {
  std::string_view name;
  std::string_view cloudwatch;
  std::atomic<int64_t> StreamActivity::* value;
};
constexpr LastValue kLastValues[] = {
    {"get_records_iterator_age_milliseconds", "GetRecords.IteratorAgeMilliseconds",
     &StreamActivity::iterator_age_ms},
    {"subscribe_to_shard_event_millis_behind_latest", "SubscribeToShardEvent.MillisBehindLatest",
     &StreamActivity::event_ms_behind_latest},
};

// Names of streams, regions and accounts have no character that a label must escape.
std::string labels_of(const Stream& stream) {
  return fmt::format(R"(account="{}",region="{}",stream="{}")", stream.key.account,
                     stream.key.region, stream.key.name);
}

void start_family(std::string& text, std::string_view name, std::string_view type,
                  std::string_view cloudwatch) {
  text += fmt::format("# HELP {} {} of CloudWatch\n# TYPE {} {}\n", name, cloudwatch, name, type);
}

using Streams = std::span<const std::shared_ptr<const Stream>>;

void render_shards(std::string& text, Streams streams, std::string_view name,
                   std::string_view cloudwatch, std::atomic<uint64_t> ShardWrites::* count) {
  start_family(text, name, "counter", cloudwatch);
  for (const auto& stream : streams) {
    const auto& wanted = stream->shard_level_metrics;
    if (std::ranges::find(wanted, cloudwatch) == wanted.end()) continue;
    for (const Shard& shard : stream->shards) {
      if (!shard.open || !shard.writes) continue;
      text += fmt::format("{}{{{},shard=\"{}\"}} {}\n", name, labels_of(*stream), shard.id(),
                          (*shard.writes.*count).load(std::memory_order_relaxed));
    }
  }
}

}  // namespace

void count_put(const PutOutcome& outcome, bool is_batch) {
  StreamActivity* activity = outcome.stream->activity.get();
  if (activity == nullptr) return;
  const uint64_t all = outcome.slot_of.size();
  const uint64_t stored = all - outcome.throttled_records;
  if (stored > 0) {
    uint64_t bytes = 0;
    for (const PutSlot& slot : outcome.slots)
      bytes += slot.bytes - slot.records * kRecordHeaderSize;
    add(activity->incoming_bytes, bytes);
    add(activity->incoming_records, stored);
  }
  if (outcome.throttled_records > 0) {
    add(activity->write_throughput_exceeded, outcome.throttled_records);
  }
  if (!is_batch) {
    add(activity->put_record_success, stored);
    return;
  }
  if (stored > 0) add(activity->put_records_success, 1);
  add(activity->put_records_total_records, all);
  add(activity->put_records_successful_records, stored);
  add(activity->put_records_throttled_records, outcome.throttled_records);
}

void count_get(const GetAnswer& answer) {
  StreamActivity* activity = answer.stream->activity.get();
  if (activity == nullptr) return;
  uint64_t records = 0;
  for (const StoredBatch& batch : answer.read.batches) records += batch.records;
  add(activity->get_records_success, 1);
  add(activity->get_records_records, records);
  add(activity->get_records_bytes, stored_bytes(answer.read) - records * kRecordHeaderSize);
  activity->iterator_age_ms.store(answer.millis_behind_latest, std::memory_order_relaxed);
}

void count_refused_get(const Stream& stream) {
  if (stream.activity) add(stream.activity->read_throughput_exceeded, 1);
}

void count_subscription(const Stream& stream, bool accepted) {
  if (!stream.activity) return;
  add(accepted ? stream.activity->subscribe_success : stream.activity->subscribe_rate_exceeded, 1);
}

void count_event(const Stream& stream, const EncodedEvent& event) {
  StreamActivity* activity = stream.activity.get();
  if (activity == nullptr) return;
  add(activity->event_success, 1);
  add(activity->event_records, event.records);
  add(activity->event_bytes, event.stored_bytes - event.records * kRecordHeaderSize);
  activity->event_ms_behind_latest.store(event.millis_behind_latest, std::memory_order_relaxed);
}

std::string render_stream_metrics(Streams streams) {
  std::string text;
  for (const Metric& metric : kMetrics) {
    const std::string name = fmt::format("millstream_stream_{}_total", metric.name);
    start_family(text, name, "counter", metric.cloudwatch);
    for (const auto& stream : streams) {
      if (!stream->activity) continue;
      text += fmt::format("{}{{{}}} {}\n", name, labels_of(*stream),
                          (*stream->activity.*metric.count).load(std::memory_order_relaxed));
    }
  }
  for (const LastValue& last : kLastValues) {
    const std::string name = fmt::format("millstream_stream_{}", last.name);
    start_family(text, name, "gauge", last.cloudwatch);
    for (const auto& stream : streams) {
      if (!stream->activity) continue;
      text += fmt::format("{}{{{}}} {}\n", name, labels_of(*stream),
                          (*stream->activity.*last.value).load(std::memory_order_relaxed));
    }
  }
  render_shards(text, streams, "millstream_shard_incoming_bytes_total", "IncomingBytes",
                &ShardWrites::bytes);
  render_shards(text, streams, "millstream_shard_incoming_records_total", "IncomingRecords",
                &ShardWrites::records);
  return text;
}

}  // namespace millstream::streams
