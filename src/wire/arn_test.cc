#include "wire/arn.h"

#include <gtest/gtest.h>

namespace millstream::wire {
namespace {

TEST(Arn, ReadsWhatItWrites) {
  const StreamArn stream{"eu-west-1", "123456789012", "my.stream-1_x"};
  EXPECT_EQ(format_arn(stream), "arn:aws:kinesis:eu-west-1:123456789012:stream/my.stream-1_x");
  EXPECT_EQ(parse_stream_arn(format_arn(stream)), stream);
  const ConsumerArn consumer{stream, "app", 1'700'000'000};
  EXPECT_EQ(format_arn(consumer), format_arn(stream) + "/consumer/app:1700000000");
  EXPECT_EQ(parse_consumer_arn(format_arn(consumer)), consumer);
  const DeliveryStreamArn delivery{"eu-west-1", "123456789012", "to-lake"};
  EXPECT_EQ(format_arn(delivery), "arn:aws:firehose:eu-west-1:123456789012:deliverystream/to-lake");
  EXPECT_EQ(parse_delivery_stream_arn(format_arn(delivery)), delivery);
  EXPECT_EQ(parse_arn("arn:aws-cn:s3:::bucket/a:b"), (Arn{"aws-cn", "s3", "", "", "bucket/a:b"}));
}

TEST(Arn, TakesOtherPartitions) {
  EXPECT_TRUE(parse_stream_arn("arn:aws-cn:kinesis:cn-north-1:123456789012:stream/a"));
}

TEST(Arn, RefusesWhatIsNoArnOfThatKind) {
  for (std::string_view text :
       {"", "a", "arn:aws:kinesis:eu-west-1:123456789012", "arn:aws:kinesis:eu-west-1:1:stream/a",
        "arn:aws:kinesis::123456789012:stream/a", "arn:aws:kinesis:eu-west-1:12345678901x:stream/a",
        "arn:aws:kinesis:eu-west-1:123456789012:stream/",
        "arn:aws:kinesis:eu-west-1:123456789012:stream/a/b",
        "arn:aws:kinesis:eu-west-1:123456789012:stream/a/consumer/c:1",
        "arn:aws:kinesis:eu-west-1:123456789012:streams/a",
        "arn:aws:firehose:eu-west-1:123456789012:deliverystream/a",
        "arn:x:kinesis:eu-west-1:123456789012:stream/a"}) {
    const auto arn = parse_stream_arn(text);
    ASSERT_FALSE(arn) << text;
    EXPECT_EQ(arn.error().code, ErrorCode::kInvalidArgument);
  }
  const std::string stream = "arn:aws:kinesis:eu-west-1:123456789012:stream/a";
  for (std::string_view end :
       {"", "/consumer/", "/consumer/c", "/consumer/c:", "/consumer/c:x", "/consumer/c:-1",
        "/consumer/:1", "/consumer/c:1:2", "/consumer/c:99999999999999999999", "/consumer/c/d:1"}) {
    EXPECT_FALSE(parse_consumer_arn(stream + std::string(end))) << end;
  }
  EXPECT_FALSE(parse_delivery_stream_arn(stream));
}

}  // namespace
}  // namespace millstream::wire
