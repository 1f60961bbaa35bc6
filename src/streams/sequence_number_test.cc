#include "streams/sequence_number.h"

#include <gtest/gtest.h>

namespace millstream::streams {
namespace {

// Numbers in AWS's documentation, taken apart by hand.
TEST(SequenceNumber, TakesNumbersOfAwsApart) {
  const auto number =
      parse_sequence_number("49590338271490256608559692538361571095921575989136588898");
  ASSERT_TRUE(number.has_value());
  EXPECT_EQ(*number, (SequenceNumber{1'542'776'258, 6, 0x67648a17, 1'545'084'650, 2}));
  const std::string text = "49546986683135544286507457936321625675700192471156785154";
  const auto other = parse_sequence_number(text);
  ASSERT_TRUE(other.has_value());
  EXPECT_EQ(*other, (SequenceNumber{1'421'279'230, 0, 0x1d5, 1'421'279'386, 2}));
  EXPECT_EQ(format_sequence_number(*other), text);
}

TEST(SequenceNumber, FormatsWhatPythonComputes) {
  EXPECT_EQ(format_sequence_number({1'764'000'000, 0, 0, 1'764'000'000}),
            "49669273540191771775013808981337121352165600133363269634");
  EXPECT_EQ(format_sequence_number({1'764'000'000, 7, (1ULL << 40) | 12345, 1'764'000'123}),
            "49669273540347876992732751354036976496120551338428858482");
  EXPECT_EQ(format_sequence_number({1'764'000'000, 4'294'967'295, (1ULL << 63) - 1, 1'764'000'123}),
            "49669273540537433325591033640029716059572043628746375154");
  EXPECT_EQ(format_sequence_number({1'764'000'000, 18, 999'999'999'999'999'999, 1'764'000'123}),
            "49669273540237582191230484856793690038891290679696163106");
}

TEST(SequenceNumber, RefusesWhatIsNone) {
  for (const char* text : {"", "-1", "007", "1x", "LATEST",
                           // 3…1, 1…2, version 0, 3 and 4, a counter of 2^63, a far date
                           "73585701186006837600000000000000000000000000000000000001"}) {
    EXPECT_FALSE(parse_sequence_number(text).has_value()) << text;
  }
  const auto with = [](int version, Counter counter) {
    // 2 << 184 | counter << 80 | version, by the digits of the formatter.
    std::string text = format_sequence_number({0, 0, counter, 0});
    text.back() = static_cast<char>(text.back() - 2 + version);
    return text;
  };
  EXPECT_TRUE(parse_sequence_number(with(2, 0)).has_value());
  EXPECT_TRUE(parse_sequence_number(with(1, 0)).has_value());
  EXPECT_FALSE(parse_sequence_number(with(0, 0)).has_value());
  EXPECT_FALSE(parse_sequence_number(with(3, 0)).has_value());
  EXPECT_FALSE(parse_sequence_number(with(4, 0)).has_value());
  EXPECT_FALSE(parse_sequence_number(with(2, 1ULL << 63)).has_value());
  EXPECT_FALSE(parse_sequence_number(format_sequence_number({16'025'175'000, 0, 0, 0})));
  EXPECT_FALSE(parse_sequence_number(std::string(129, '9')).has_value());
  // The oldest format, as kinesalite measured it on AWS.
  EXPECT_EQ(parse_sequence_number("5")->shard_index, 5);
  EXPECT_EQ(parse_sequence_number("5")->version, 0);
  EXPECT_FALSE(parse_sequence_number("26227199374822427428162556223570313216").has_value());
}

TEST(SequenceNumber, ABatchGetsConsecutiveNumbers) {
  Shard shard;
  shard.index = 300;
  shard.created_s = 1'764'000'000;
  for (const Counter first : {Counter{0}, Counter{(1ULL << 40) - 500}, Counter{999'999'999'999'990},
                              Counter{(1ULL << 63) - 1001}}) {
    SequenceNumberWriter writer(shard, first, 1'764'000'123'456);
    for (Counter i = 0; i < 1000; ++i) {
      std::string text(kSequenceNumberSize, ' ');
      writer.write_next(text.data());
      ASSERT_EQ(text, format_sequence_number({shard.created_s, 300, first + i, 1'764'000'123}));
      ASSERT_EQ(parse_sequence_number(text)->counter, first + i);
    }
  }
}

TEST(SequenceNumber, CarriesOverAllDigits) {
  Shard shard;
  shard.created_s = 1'764'000'000;
  SequenceNumberWriter writer(shard, 0, 1'764'000'123'000);
  std::string previous(kSequenceNumberSize, ' ');
  std::string text = previous;
  for (Counter i = 0; i < 2'000'000; ++i) {
    writer.write_next(text.data());
    ASSERT_LT(previous, text);
    previous = text;
  }
  EXPECT_EQ(text, format_sequence_number({shard.created_s, 0, 1'999'999, 1'764'000'123}));
}

TEST(SequenceNumber, AShardStartsBelowAndEndsAboveItsRecords) {
  Shard shard;
  shard.index = 3;
  shard.created_s = 1'764'000'000;
  shard.open = false;
  shard.closed_ms = 1'764'000'500'000;
  shard.end = 1000;
  const std::string first = format_sequence_number({shard.created_s, 3, 1, shard.created_s});
  const std::string last = format_sequence_number({shard.created_s, 3, 999, 1'764'009'999});
  EXPECT_LT(starting_sequence_number(shard), first);
  EXPECT_GT(*ending_sequence_number(shard), last);
  shard.end.reset();
  EXPECT_FALSE(ending_sequence_number(shard).has_value());
}

TEST(SequenceNumber, OfAnotherShardOrStreamIsRefusedAsOnAws) {
  Stream stream;
  stream.key = {"123456789012", "eu-west-1", "clicks"};
  Shard shard;
  shard.index = 0;
  shard.created_s = 1'764'000'000;
  const auto check = [&](std::string_view text) {
    return check_starting_sequence_number(text, "GetShardIterator", stream, shard);
  };
  EXPECT_EQ(check(format_sequence_number({1'764'000'000, 0, 42, 1'764'000'001})).value(), 42u);
  EXPECT_EQ(check("5").error().message,
            "Invalid StartingSequenceNumber. It encodes shardId-000000000005, while it was used "
            "in a call to a shard with shardId-000000000000");
  EXPECT_EQ(check(format_sequence_number({1'764'000'000, 0x8000'0000, 0, 0})).error().message,
            "Invalid StartingSequenceNumber. It encodes shardId--02147483648, while it was used "
            "in a call to a shard with shardId-000000000000");
  const std::string other = format_sequence_number({1'763'000'000, 0, 42, 1'764'000'001});
  EXPECT_EQ(check(other).error().message,
            "StartingSequenceNumber " + other +
                " used in GetShardIterator on shard shardId-000000000000 in stream clicks under "
                "account 123456789012 is invalid because it did not come from this stream.");
  EXPECT_EQ(check("26227199374822427428162556223570313216").error().message,
            "StartingSequenceNumber 26227199374822427428162556223570313216 used in "
            "GetShardIterator on shard shardId-000000000000 in stream clicks under account "
            "123456789012 is invalid.");
}

}  // namespace
}  // namespace millstream::streams
