#include "firehose/prefix.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "firehose/plan.h"
#include "firehose/time_pattern.h"

namespace millstream::firehose {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

// 2026-03-05, a Thursday and the 64th day of its year.
const TimeMs kTime = *parse_time("2026-03-05T00:07:09.042Z");

std::string evaluated(std::string_view text, std::string_view zone = "") {
  const auto prefix = Prefix::parse(text, PrefixKind::kPrefix);
  if (!prefix) return "refused: " + prefix.error().message;
  return prefix->evaluate(kTime, *TimeZone::find(zone));
}

std::string formatted(std::string_view pattern, TimeMs time = kTime) {
  const auto parsed = TimePattern::parse(pattern);
  if (!parsed) return "refused: " + parsed.error().message;
  return parsed->format(time);
}

TEST(TimePattern, LettersMeanWhatJavaSays) {
  EXPECT_EQ(formatted("yyyy/MM/dd/HH/mm/ss"), "2026/03/05/00/07/09");
  EXPECT_EQ(formatted("yy y uuuu M d H m s"), "26 2026 2026 3 5 0 7 9");
  EXPECT_EQ(formatted("MMM MMMM E EEEE"), "Mar March Thu Thursday");
  EXPECT_EQ(formatted("D DDD"), "64 064");
  EXPECT_EQ(formatted("hh a KK kk"), "12 AM 00 24");
  EXPECT_EQ(formatted("h a K k", *parse_time("2026-03-05T13:00:00Z")), "1 PM 1 13");
  EXPECT_EQ(formatted("S SSS SSSSSS"), "0 042 042000");
  EXPECT_EQ(formatted("DDD", *parse_time("2024-12-31T00:00:00Z")), "366");
}

TEST(TimePattern, QuotedTextStandsForItself) {
  EXPECT_EQ(formatted("'year='yyyy"), "year=2026");
  EXPECT_EQ(formatted("yyyy''MM"), "2026'03");
  EXPECT_EQ(formatted("'it''s'"), "it's");
  EXPECT_EQ(formatted("'{}'-dd"), "{}-05");
}

TEST(TimePattern, WhatItCannotDoIsRefusedByName) {
  EXPECT_THAT(formatted("YYYY"), HasSubstr("'Y'"));
  EXPECT_THAT(formatted("yyyy-ww"), HasSubstr("'w'"));
  EXPECT_THAT(formatted("ddd"), HasSubstr("Too many pattern letters 'd'"));
  EXPECT_THAT(formatted("'open"), HasSubstr("quote"));
  EXPECT_THAT(formatted("[yyyy]"), HasSubstr("reserved"));
  EXPECT_THAT(formatted(""), HasSubstr("pattern"));
}

TEST(Prefix, WithoutATimestampGetsTheHour) {
  EXPECT_EQ(evaluated(""), "2026/03/05/00/");
  EXPECT_EQ(evaluated("logs/"), "logs/2026/03/05/00/");
  EXPECT_EQ(evaluated("logs"), "logs2026/03/05/00/");
  EXPECT_THAT(evaluated("r/!{firehose:random-string}/"),
              MatchesRegex("r/[-0-9a-f]{11}/2026/03/05/00/"));
}

TEST(Prefix, ExpressionsAreEvaluated) {
  EXPECT_EQ(evaluated("a/!{timestamp:yyyy}/m=!{timestamp:MM}/"), "a/2026/m=03/");
  EXPECT_EQ(evaluated("!{timestamp:'data'/yyyy}/x!y{z}"), "data/2026/x!y{z}");
  const std::string two =
      evaluated("!{firehose:random-string}!{firehose:random-string}!{timestamp:d}");
  ASSERT_EQ(two.size(), 23u);
  EXPECT_NE(two.substr(0, 11), two.substr(11, 11));
}

TEST(Prefix, TimeZonesMoveTheClock) {
  EXPECT_EQ(evaluated("", "Asia/Tokyo"), "2026/03/05/09/");
  EXPECT_EQ(evaluated("!{timestamp:yyyy-MM-dd-HH}", "America/New_York"), "2026-03-04-19");
  EXPECT_FALSE(TimeZone::find("Middle/Earth"));
  // Summer time.
  EXPECT_EQ(TimeZone::find("Europe/Berlin")->local_time(*parse_time("2026-07-01T00:00:00Z")),
            *parse_time("2026-07-01T02:00:00Z"));
}

TEST(Prefix, ErrorOutputNamesTheError) {
  const auto prefix =
      Prefix::parse("e/!{firehose:error-output-type}/!{timestamp:dd}/", PrefixKind::kErrorOutput);
  ASSERT_TRUE(prefix);
  EXPECT_EQ(prefix->evaluate(kTime, TimeZone(), "processing-failed"), "e/processing-failed/05/");
  const auto plain = Prefix::parse("errors/", PrefixKind::kErrorOutput);
  EXPECT_EQ(plain->evaluate(kTime, TimeZone(), "x"), "errors/");
}

TEST(Prefix, WhatAwsRefusesIsRefused) {
  EXPECT_THAT(evaluated("!{firehose:error-output-type}"), HasSubstr("ErrorOutputPrefix"));
  EXPECT_THAT(evaluated("!{partitionKeyFromQuery:x}/"), HasSubstr("dynamic partitioning"));
  EXPECT_THAT(evaluated("!{nothing:x}"), HasSubstr("refused"));
  EXPECT_THAT(evaluated("a!{timestamp:yyyy"), HasSubstr("without an end"));
  EXPECT_THAT(evaluated(std::string(600, 'x')), HasSubstr("512"));

  const auto with_expression = *Prefix::parse("!{timestamp:yyyy}/", PrefixKind::kPrefix);
  const auto plain = *Prefix::parse("a/", PrefixKind::kPrefix);
  EXPECT_FALSE(check_prefixes(with_expression, std::nullopt));
  EXPECT_TRUE(check_prefixes(plain, std::nullopt));
  EXPECT_TRUE(check_prefixes(with_expression, *Prefix::parse("e/", PrefixKind::kErrorOutput)));
  EXPECT_FALSE(
      check_prefixes(plain, *Prefix::parse("e/!{timestamp:yyyy}/", PrefixKind::kErrorOutput)));
}

TEST(ObjectKey, FollowsAwsNaming) {
  DeliveryStream stream;
  stream.key.name = "clicks";
  stream.version = 3;
  stream.destination.prefix = *Prefix::parse("p/", PrefixKind::kPrefix);
  stream.destination.extension = ".gz";
  EXPECT_EQ(object_key(stream, kTime, "u-u"),
            "p/2026/03/05/00/clicks-3-2026-03-05-00-07-09-u-u.gz");
  stream.destination.zone = *TimeZone::find("Asia/Tokyo");
  EXPECT_EQ(object_key(stream, kTime, "u-u"),
            "p/2026/03/05/09/clicks-3-2026-03-05-09-07-09-u-u.gz");
}

}  // namespace
}  // namespace millstream::firehose
