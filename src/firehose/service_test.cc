#include "firehose/service.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firehose/test_support.h"

namespace millstream::firehose {
namespace {

namespace api = wire::firehose;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;

streams::Stream stream_named(const std::string& name) {
  streams::Stream stream;
  stream.key = {"000000000000", "us-east-1", name};
  stream.status = streams::StreamStatus::kActive;
  return stream;
}

streams::Shard shard(uint32_t index, ShardId log_id, std::optional<uint32_t> parent = {}) {
  streams::Shard made;
  made.index = index;
  made.log_id = log_id;
  made.parent = parent;
  return made;
}

class ServiceTest : public testing::Test {
 protected:
  ServiceTest() { EXPECT_TRUE(world.start()); }

  std::string content() const { return all_content(world.lake.objects()); }
  // Data Streams makes its shards itself.
  void make_shard(ShardId id) { ASSERT_TRUE(world.run(world.log.create(id, {}))); }
  ErrorCode create_error(api::CreateDeliveryStreamInput in, std::string_view text) {
    const Result<> created = world.create(std::move(in));
    if (created) return ErrorCode::kInternal;
    EXPECT_THAT(created.error().message, HasSubstr(std::string(text)));
    return created.error().code;
  }

  World world;
};

TEST_F(ServiceTest, WhatIsPutLandsInOneObjectAfterTheInterval) {
  ASSERT_TRUE(world.create(direct_put("d")));
  ASSERT_TRUE(world.put("d", {"a\n", "b\n"}));
  ASSERT_TRUE(world.put("d", {"c\n"}));
  world.clock.advance(61s);
  ASSERT_TRUE(world.wait_until([&] { return !content().empty(); }));
  EXPECT_EQ(content(), "a\nb\nc\n");
  EXPECT_THAT(world.lake.objects().begin()->first,
              MatchesRegex("bucket/[0-9/]{14}d-1-[-0-9]{20}[-0-9a-f]{36}"));
}

TEST_F(ServiceTest, AFullBufferIsDeliveredAtOnce) {
  ASSERT_TRUE(world.create(direct_put("d")));
  const std::string half(700'000, 'x');
  ASSERT_TRUE(world.put("d", {half, half, "rest"}));
  ASSERT_TRUE(world.wait_until([&] { return content().size() == 2 * half.size(); }));
  world.clock.advance(61s);
  ASSERT_TRUE(world.wait_until([&] { return content().size() == 2 * half.size() + 4; }));
  EXPECT_EQ(world.lake.objects().size(), 2u);
}

TEST_F(ServiceTest, DeliveredRecordsOfADirectPutLeaveTheLog) {
  ASSERT_TRUE(world.create(direct_put("d")));
  ASSERT_TRUE(world.put("d", {"a"}));
  const ShardId own = world.log.shards().front();
  world.clock.advance(61s);
  ASSERT_TRUE(world.wait_until([&] { return world.log.status(own)->stored_bytes == 0; }));
  EXPECT_EQ(content(), "a");
  EXPECT_EQ(world.lost_records(), 0u);
}

TEST_F(ServiceTest, AKinesisSourceIsReadFromItsCreationOn) {
  make_shard(ShardId(501));
  make_shard(ShardId(502));
  auto stream = stream_named("s");
  stream.shards = {shard(0, ShardId(501)), shard(1, ShardId(502))};
  world.catalog.set(stream);
  world.append(ShardId(501), {"before"});
  world.clock.advance(1s);
  ASSERT_TRUE(world.create(from_stream("s")));
  world.append(ShardId(501), {"1a", "1b"});
  world.append(ShardId(502), {"2a"});
  ASSERT_TRUE(world.wait_until([&] {
    world.clock.advance(5s);
    return content().size() == 6;
  }));
  EXPECT_THAT(content(), testing::AnyOf("1a1b2a", "2a1a1b"));
}

TEST_F(ServiceTest, SplitsAreFollowedParentFirst) {
  make_shard(ShardId(501));
  auto stream = stream_named("s");
  stream.shards = {shard(0, ShardId(501))};
  world.catalog.set(stream);
  ASSERT_TRUE(world.create(from_stream("s")));
  world.append(ShardId(501), {"p"});
  const auto end = world.run(world.log.seal(ShardId(501)));
  ASSERT_TRUE(end);
  make_shard(ShardId(502));
  make_shard(ShardId(503));
  world.append(ShardId(502), {"c"});
  world.append(ShardId(503), {"d"});
  stream.shards = {shard(0, ShardId(501)), shard(1, ShardId(502), 0), shard(2, ShardId(503), 0)};
  stream.shards[0].open = false;
  stream.shards[0].end = *end;
  world.catalog.set(stream);
  ASSERT_TRUE(world.wait_until([&] {
    world.clock.advance(5s);
    return content().size() == 3;
  }));
  EXPECT_EQ(content().find('p'), 0u);
  EXPECT_NE(content().find('c'), std::string::npos);
  EXPECT_NE(content().find('d'), std::string::npos);
}

TEST_F(ServiceTest, ADestinationThatFailsDelaysAndIsShown) {
  ASSERT_TRUE(world.create(direct_put("d")));
  std::atomic<int> attempts = 0;
  world.lake.set_refusal([&](const std::string&) -> Result<> {
    ++attempts;
    return fail(ErrorCode::kUnavailable, "the disk is on fire");
  });
  ASSERT_TRUE(world.put("d", {"a"}));
  world.clock.advance(61s);
  ASSERT_TRUE(world.wait_until([&] { return attempts >= 5; }));
  const auto described = world.describe("d");
  ASSERT_TRUE(described->failure_description);
  EXPECT_THAT(described->failure_description->details, HasSubstr("the disk is on fire"));
  EXPECT_EQ(world.metrics.gauge("millstream_firehose_failing", "").value(), 1);

  world.lake.set_refusal(nullptr);
  ASSERT_TRUE(world.wait_until([&] { return content() == "a"; }));
  ASSERT_TRUE(world.wait_until([&] { return !world.describe("d")->failure_description; }));
  EXPECT_EQ(world.metrics.gauge("millstream_firehose_failing", "").value(), 0);
}

TEST_F(ServiceTest, AFailingDestinationHoldsABoundedNumberOfPlans) {
  ASSERT_TRUE(world.create(direct_put("d")));
  std::atomic<int> attempts = 0;
  std::mutex mutex;
  std::set<std::string> tried;
  world.lake.set_refusal([&](const std::string& key) -> Result<> {
    std::lock_guard lock(mutex);
    ++attempts;
    tried.insert(key);
    return fail(ErrorCode::kUnavailable, "no");
  });
  std::string sent;
  for (int i = 0; i < 8; ++i) {
    const std::string record(1'000'000, static_cast<char>('a' + i));
    ASSERT_TRUE(world.put("d", {record, record}));
    sent += record + record;
  }
  ASSERT_TRUE(world.wait_until([&] { return attempts >= 40; }));
  {
    std::lock_guard lock(mutex);
    EXPECT_EQ(tried.size(), world.settings.open_plans);
  }
  world.lake.set_refusal(nullptr);
  ASSERT_TRUE(world.wait_until([&] {
    world.clock.advance(5s);
    return content().size() == sent.size();
  }));
  // By key and so by time of the oldest record, which was the same for all: compare as a set.
  std::string landed = content();
  std::ranges::sort(landed);
  EXPECT_EQ(landed, sent);
}

TEST_F(ServiceTest, WhatRetentionTookIsCountedAndShown) {
  make_shard(ShardId(501));
  auto stream = stream_named("s");
  stream.shards = {shard(0, ShardId(501))};
  world.catalog.set(stream);
  ASSERT_TRUE(world.create(from_stream("s")));
  world.lake.set_refusal(
      [](const std::string&) -> Result<> { return fail(ErrorCode::kUnavailable, "no"); });
  world.append(ShardId(501), {"a", "b"});
  ASSERT_TRUE(world.wait_until([&] {
    world.clock.advance(5s);
    return world.describe("s")->failure_description.has_value();
  }));
  world.clock.advance(25h);  // the log keeps them for 24
  world.append(ShardId(501), {"c"});
  world.lake.set_refusal(nullptr);
  ASSERT_TRUE(world.wait_until([&] {
    world.clock.advance(5s);
    return content() == "c";
  }));
  EXPECT_EQ(world.lost_records(), 2u);
  EXPECT_THAT(world.describe("s")->failure_description->details, HasSubstr("Lost: 2 of the 2"));
}

TEST_F(ServiceTest, ASourceThatWasDeletedIsShown) {
  auto stream = stream_named("s");
  world.catalog.set(stream);
  ASSERT_TRUE(world.create(from_stream("s")));
  world.catalog.erase(stream.key);
  ASSERT_TRUE(
      world.wait_until([&] { return world.describe("s")->failure_description.has_value(); }));
  EXPECT_THAT(world.describe("s")->failure_description->details, HasSubstr("stream/s"));
}

TEST_F(ServiceTest, RecordsThatGoWithTheirStreamAreCounted) {
  make_shard(ShardId(501));
  auto stream = stream_named("s");
  stream.shards = {shard(0, ShardId(501))};
  world.catalog.set(stream);
  ASSERT_TRUE(world.create(from_stream("s")));
  std::atomic<int> reads = 0;
  world.log.set_hook([&](std::string_view call, ShardId) -> Result<> {
    if (call == "read") ++reads;
    return {};
  });
  world.append(ShardId(501), {"a", "b"});
  ASSERT_TRUE(world.wait_until([&] { return reads > 0; }));
  ASSERT_TRUE(world.run(world.log.remove(ShardId(501))));
  world.catalog.erase(stream.key);
  ASSERT_TRUE(world.wait_until([&] { return world.lost_records() == 2; }));
  EXPECT_EQ(content(), "");
}

TEST_F(ServiceTest, PlansForS3GoThere) {
  world.stop();
  world.use_s3 = true;
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(direct_put("d")));
  ASSERT_TRUE(world.put("d", {"a"}));
  world.clock.advance(61s);
  ASSERT_TRUE(world.wait_until([&] { return all_content(world.s3.objects()) == "a"; }));
  EXPECT_EQ(content(), "");
}

TEST_F(ServiceTest, APlanKeepsItsTargetOverAChangeOfSettings) {
  ASSERT_TRUE(world.create(direct_put("d")));
  std::atomic<int> attempts = 0;
  world.lake.set_refusal([&](const std::string&) -> Result<> {
    ++attempts;
    return fail(ErrorCode::kUnavailable, "no");
  });
  ASSERT_TRUE(world.put("d", {"a"}));
  world.clock.advance(61s);
  ASSERT_TRUE(world.wait_until([&] { return attempts >= 1; }));
  world.use_s3 = true;
  world.lake.set_refusal(nullptr);
  ASSERT_TRUE(world.restart());
  ASSERT_TRUE(world.wait_until([&] { return content() == "a"; }));
  EXPECT_EQ(all_content(world.s3.objects()), "");
}

TEST_F(ServiceTest, DescribesAsAws) {
  auto in = direct_put("d");
  in.extended_s3_destination_configuration->compression_format = "GZIP";
  in.extended_s3_destination_configuration->buffering_hints.reset();
  ASSERT_TRUE(world.create(in));
  const auto found = world.describe("d");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->delivery_stream_arn, "arn:aws:firehose:us-east-1:000000000000:deliverystream/d");
  EXPECT_EQ(found->delivery_stream_status, "ACTIVE");
  EXPECT_EQ(found->delivery_stream_type, "DirectPut");
  EXPECT_EQ(found->version_id, "1");
  EXPECT_FALSE(found->failure_description);
  const auto& s3 = *found->destinations.at(0).extended_s3_destination_description;
  EXPECT_EQ(s3.compression_format, "GZIP");
  EXPECT_EQ(s3.buffering_hints.size_in_mbs, 5);
  EXPECT_EQ(s3.buffering_hints.interval_in_seconds, 300);
  EXPECT_EQ(found->destinations.at(0).s3_destination_description->bucket_arn,
            "arn:aws:s3:::bucket");
  // The same after a restart.
  ASSERT_TRUE(world.restart());
  EXPECT_EQ(*world.describe("d"), *found);
}

TEST_F(ServiceTest, ListsByNameInPages) {
  for (const char* name : {"b", "a", "c"}) ASSERT_TRUE(world.create(direct_put(name)));
  const auto first = world.service().list(world.caller, {2, {}, {}});
  EXPECT_THAT(first.delivery_stream_names, ElementsAre("a", "b"));
  EXPECT_TRUE(first.has_more_delivery_streams);
  const auto second = world.service().list(world.caller, {2, {}, "b"});
  EXPECT_THAT(second.delivery_stream_names, ElementsAre("c"));
  EXPECT_FALSE(second.has_more_delivery_streams);
  EXPECT_THAT(
      world.service().list(world.caller, {{}, "KinesisStreamAsSource", {}}).delivery_stream_names,
      ElementsAre());
  auto elsewhere = world.caller;
  elsewhere.region = "eu-west-1";
  EXPECT_THAT(world.service().list(elsewhere, {}).delivery_stream_names, ElementsAre());
}

TEST_F(ServiceTest, ADeletedDeliveryStreamIsGoneWithItsRecords) {
  ASSERT_TRUE(world.create(direct_put("d")));
  ASSERT_TRUE(world.put("d", {"a"}));
  ASSERT_TRUE(world.run(world.service().remove(world.caller, {"d", {}})));
  EXPECT_EQ(world.put("d", {"b"}).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(world.wait_until([&] { return !world.describe("d"); }));
  EXPECT_EQ(world.describe("d").error().message,
            "Firehose d under account 000000000000 not found.");
  EXPECT_TRUE(world.log.shards().empty());
  ASSERT_TRUE(world.create(direct_put("d")));
  world.clock.advance(61s);
  ASSERT_TRUE(world.put("d", {"new"}));
  world.clock.advance(61s);
  ASSERT_TRUE(world.wait_until([&] { return content() == "new"; }));
}

TEST_F(ServiceTest, ErrorsAreThoseOfAws) {
  ASSERT_TRUE(world.create(direct_put("d")));
  EXPECT_EQ(create_error(direct_put("d"), "Firehose d under accountId 000000000000 already exists"),
            ErrorCode::kInUse);
  EXPECT_EQ(world.put("e", {"x"}).error().code, ErrorCode::kNotFound);
  auto stream = stream_named("s");
  world.catalog.set(stream);
  ASSERT_TRUE(world.create(from_stream("s")));
  const Result<> put = world.put("s", {"x"});
  EXPECT_EQ(put.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(put.error().message, HasSubstr("not permitted on KinesisStreamAsSource"));
  EXPECT_EQ(create_error(from_stream("absent"), "does not exist"), ErrorCode::kInvalidArgument);
  const std::string mebibyte(1'024'000, 'x');
  EXPECT_EQ(world.put("d", std::vector<std::string>(5, mebibyte)).error().message,
            "Records size exceeds 4 MB limit");
  EXPECT_TRUE(world.put("d", std::vector<std::string>(4, mebibyte)));
}

TEST_F(ServiceTest, WhatIsNotSupportedIsRefusedByName) {
  const auto refused = [&](auto change, std::string_view name) {
    auto in = direct_put("r");
    change(in, *in.extended_s3_destination_configuration);
    EXPECT_EQ(create_error(in, name), ErrorCode::kInvalidArgument) << name;
  };
  using In = api::CreateDeliveryStreamInput&;
  using S3 = api::ExtendedS3DestinationConfiguration&;
  refused([](In, S3 s3) { s3.processing_configuration.emplace().enabled = true; },
          "ProcessingConfiguration");
  refused([](In, S3 s3) { s3.data_format_conversion_configuration.emplace(); },
          "DataFormatConversionConfiguration");
  refused([](In, S3 s3) { s3.dynamic_partitioning_configuration.emplace().enabled = true; },
          "DynamicPartitioningConfiguration");
  refused([](In, S3 s3) { s3.compression_format = "Snappy"; }, "CompressionFormat Snappy");
  refused([](In, S3 s3) { s3.s3_backup_mode = "Enabled"; }, "S3BackupMode");
  refused([](In, S3 s3) { s3.encryption_configuration.emplace().kms_encryption_config.emplace(); },
          "KMSEncryptionConfig");
  refused([](In, S3 s3) { s3.custom_time_zone = "Nowhere/Land"; }, "CustomTimeZone");
  refused([](In, S3 s3) { s3.prefix = "!{timestamp:yyyy}/"; }, "ErrorOutputPrefix");
  refused([](In in, S3) { in.delivery_stream_encryption_configuration_input.emplace(); },
          "DeliveryStreamEncryptionConfigurationInput");
  refused([](In in, S3) { in.delivery_stream_type = "MSKAsSource"; }, "MSKAsSource");
  refused([](In in, S3) { in.splunk_destination_configuration.emplace(); }, "Exactly one");
  refused(
      [](In in, S3) {
        in.extended_s3_destination_configuration.reset();
        in.splunk_destination_configuration.emplace();
      },
      "SplunkDestinationConfiguration");
  refused([](In in, S3) { in.extended_s3_destination_configuration.reset(); }, "Exactly one");
  EXPECT_THAT(world.service().list(world.caller, {}).delivery_stream_names, ElementsAre());
}

TEST_F(ServiceTest, TheQuotaIsKept) {
  world.stop();
  world.settings.delivery_streams_per_account_and_region = 1;
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(direct_put("a")));
  EXPECT_EQ(create_error(direct_put("b"), "quota of 1 hoses"), ErrorCode::kLimitExceeded);
}

TEST_F(ServiceTest, RemoveAllLeavesNothing) {
  ASSERT_TRUE(world.create(direct_put("a")));
  ASSERT_TRUE(world.create(direct_put("b")));
  ASSERT_TRUE(world.run(world.service().remove_all()));
  EXPECT_THAT(world.service().list(world.caller, {}).delivery_stream_names, ElementsAre());
  EXPECT_TRUE(world.log.shards().empty());
}

}  // namespace
}  // namespace millstream::firehose
