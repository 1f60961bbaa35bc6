#include "streams/stream_metrics.h"

#include <gtest/gtest.h>

#include "streams/catalog.h"
#include "streams/get.h"
#include "streams/put.h"
#include "streams/subscription.h"

namespace millstream::streams {
namespace {

std::shared_ptr<Stream> clicks() {
  auto stream = std::make_shared<Stream>();
  stream->key = {"000000000000", "us-east-1", "clicks"};
  stream->activity = std::make_shared<StreamActivity>();
  Shard& shard = stream->shards.emplace_back();
  shard.writes = std::make_shared<ShardWrites>();
  return stream;
}

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).contains("\n" + line + "\n");
}

TEST(StreamMetrics, CountWhatWasPutWithoutTheHeadersOfStorage) {
  const auto stream = clicks();
  PutOutcome outcome;
  outcome.stream = stream;
  outcome.slot_of = {0, 0, 0};
  outcome.throttled = {0, 1, 0};
  outcome.throttled_records = 1;
  outcome.slots.push_back({&stream->shards[0], 2, 2 * 8 + 30, {}});
  count_put(outcome, true);
  const std::shared_ptr<const Stream> all[] = {stream};
  const std::string text = render_stream_metrics(all);
  const std::string labels = R"({account="000000000000",region="us-east-1",stream="clicks"})";
  EXPECT_TRUE(has_line(text, "millstream_stream_incoming_bytes_total" + labels + " 30")) << text;
  EXPECT_TRUE(has_line(text, "millstream_stream_incoming_records_total" + labels + " 2"));
  EXPECT_TRUE(has_line(text, "millstream_stream_put_records_total_records_total" + labels + " 3"));
  EXPECT_TRUE(has_line(
      text, "millstream_stream_write_provisioned_throughput_exceeded_total" + labels + " 1"));
  EXPECT_TRUE(has_line(text,
                       "# HELP millstream_stream_incoming_bytes_total IncomingBytes of "
                       "CloudWatch"));
}

TEST(StreamMetrics, ShardsAreShownWhereEnhancedMonitoringAsksForThem) {
  const auto stream = clicks();
  stream->shards[0].writes->records = 7;
  const std::shared_ptr<const Stream> all[] = {stream};
  EXPECT_FALSE(render_stream_metrics(all).contains("shardId-"));
  stream->shard_level_metrics = {"IncomingRecords"};
  const std::string text = render_stream_metrics(all);
  EXPECT_TRUE(has_line(text,
                       R"(millstream_shard_incoming_records_total{account="000000000000",)"
                       R"(region="us-east-1",stream="clicks",shard="shardId-000000000000"} 7)"))
      << text;
  EXPECT_FALSE(text.contains("millstream_shard_incoming_bytes_total{"));
}

TEST(StreamMetrics, AnswersCountBytesAndAge) {
  const auto stream = clicks();
  GetAnswer answer;
  answer.stream = stream;
  answer.millis_behind_latest = 1'500;
  count_get(answer);
  count_refused_get(*stream);
  EXPECT_EQ(stream->activity->get_records_success, 1u);
  EXPECT_EQ(stream->activity->get_records_records, 0u);
  EXPECT_EQ(stream->activity->iterator_age_ms, 1'500);
  EXPECT_EQ(stream->activity->read_throughput_exceeded, 1u);
}

TEST(StreamMetrics, SubscriptionsCountTheirEventsAsCloudWatchNamesThem) {
  const auto stream = clicks();
  count_subscription(*stream, true);
  count_subscription(*stream, false);
  count_event(*stream, {.stored_bytes = 2 * 8 + 30, .records = 2, .millis_behind_latest = 7});
  count_event(*stream, {});
  const std::shared_ptr<const Stream> all[] = {stream};
  const std::string text = render_stream_metrics(all);
  const std::string labels = R"({account="000000000000",region="us-east-1",stream="clicks"})";
  const std::string name = "millstream_stream_subscribe_to_shard_";
  EXPECT_TRUE(has_line(text, name + "success_total" + labels + " 1")) << text;
  EXPECT_TRUE(has_line(text, name + "rate_exceeded_total" + labels + " 1"));
  EXPECT_TRUE(has_line(text, name + "event_success_total" + labels + " 2"));
  EXPECT_TRUE(has_line(text, name + "event_bytes_total" + labels + " 30"));
  EXPECT_TRUE(has_line(text, name + "event_records_total" + labels + " 2"));
  EXPECT_TRUE(has_line(text, name + "event_millis_behind_latest" + labels + " 0"));
  EXPECT_TRUE(has_line(text, "# HELP " + name +
                                 "rate_exceeded_total SubscribeToShard.RateExceeded "
                                 "of CloudWatch"));
}

}  // namespace
}  // namespace millstream::streams
