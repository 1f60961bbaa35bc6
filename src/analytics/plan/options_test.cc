#include "analytics/plan/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millstream::analytics {
namespace {

using testing::HasSubstr;

using Options = std::map<std::string, std::string>;

Table table_of(Options options) {
  Table table;
  table.name = "t";
  table.connector = connector_of(options).value();
  table.format = format_of(options).value();
  table.columns.push_back({.name = "a", .type = make_type(TypeKind::kInteger)});
  table.options = std::move(options);
  return table;
}

Options stream_options(Options more = {}) {
  Options options{{"connector", "kinesis"}, {"stream", "clicks"}, {"format", "json"}};
  for (auto& [key, value] : more) options[key] = value;
  return options;
}

std::string message_of(Options options) {
  const auto result = check_table_options(table_of(std::move(options)));
  return result ? "" : result.error().message;
}

TEST(Options, BothSpellingsOfTheKinesisConnectorAreTaken) {
  EXPECT_EQ(message_of({{"connector", "kinesis"},
                        {"stream.arn", "arn:aws:kinesis:us-east-1:000000000000:stream/clicks"},
                        {"aws.region", "us-east-1"},
                        {"source.init.position", "AT_TIMESTAMP"},
                        {"source.init.timestamp", "2026-01-01T00:00:00Z"},
                        {"sink.partitioner", "random"},
                        {"format", "csv"},
                        {"csv.field-delimiter", ";"}}),
            "");
  EXPECT_EQ(message_of(stream_options({{"scan.stream.initpos", "TRIM_HORIZON"},
                                       {"scan.shard.getrecords.maxretries", "5"},
                                       {"aws.credentials.provider", "AUTO"}})),
            "");
}

TEST(Options, AnUnknownOptionIsRefusedWithTheNearestOne) {
  EXPECT_THAT(message_of(stream_options({{"json.ignore-parse-error", "true"}})),
              HasSubstr("Unsupported options found for 'kinesis': 'json.ignore-parse-error' (did "
                        "you mean 'json.ignore-parse-errors'?)"));
  EXPECT_THAT(message_of(stream_options({{"csv.null-literal", "-"}})),
              HasSubstr("Unsupported options found for 'kinesis': 'csv.null-literal'"));
}

TEST(Options, MissingOnesAreNamedAllAtOnce) {
  EXPECT_EQ(message_of({{"connector", "kinesis"}}),
            "One or more required options are missing for 'kinesis'. Missing required options "
            "are: format, stream.arn (or stream).");
  EXPECT_THAT(message_of({{"connector", "firehose"}, {"format", "json"}}),
              HasSubstr("Missing required options are: delivery-stream."));
}

TEST(Options, ValuesThatMeanNothingAreRefused) {
  EXPECT_EQ(message_of(stream_options({{"json.ignore-parse-errors", "yes"}})),
            "Invalid value for option 'json.ignore-parse-errors': 'yes' must be true or false.");
  EXPECT_THAT(message_of(stream_options({{"scan.stream.initpos", "EARLIEST"}})),
              HasSubstr("must be one of LATEST, TRIM_HORIZON, AT_TIMESTAMP."));
  EXPECT_THAT(message_of(stream_options({{"scan.stream.initpos", "AT_TIMESTAMP"}})),
              HasSubstr("needs the option 'scan.stream.initpos-timestamp'"));
  EXPECT_THAT(message_of(stream_options({{"scan.watermark.idle-timeout", "5 parsecs"}})),
              HasSubstr("must be a duration"));
  EXPECT_EQ(message_of(stream_options(
                {{"json.ignore-parse-errors", "true"}, {"json.fail-on-missing-field", "true"}})),
            "json.fail-on-missing-field and json.ignore-parse-errors shouldn't both be true.");
}

TEST(Options, OnlyLakeFoldersAreFilesystems) {
  const auto with_path = [](std::string path) {
    return message_of({{"connector", "filesystem"}, {"format", "csv"}, {"path", std::move(path)}});
  };
  EXPECT_EQ(with_path("lake://bucket/prefix"), "");
  EXPECT_EQ(with_path("/bucket/prefix/"), "");
  EXPECT_THAT(with_path("s3://bucket/prefix"), HasSubstr("is not yet supported"));
  EXPECT_THAT(with_path("file:///etc/passwd"), HasSubstr("is not yet supported"));
  EXPECT_THAT(with_path("lake://"), HasSubstr("names no bucket"));
  EXPECT_THAT(with_path("/bucket/../other"), HasSubstr("names no bucket"));
}

TEST(Options, DatagenFieldsBelongToColumns) {
  const auto with = [](Options more) {
    more["connector"] = "datagen";
    return message_of(std::move(more));
  };
  EXPECT_EQ(with({{"rows-per-second", "10"}, {"fields.a.min", "1"}, {"fields.a.max", "9"}}), "");
  EXPECT_THAT(with({{"fields.b.min", "1"}}), HasSubstr("the table has no column 'b'"));
  EXPECT_THAT(with({{"fields.a.minimum", "1"}}), HasSubstr("Supported for a column: kind"));
  EXPECT_EQ(with({{"fields.a.kind", "sequence"}, {"fields.a.start", "1"}}),
            "Could not find required property 'fields.a.end' for sequence generator.");
}

TEST(Options, ConnectorsAndFormatsThatAreNotThereAreNamed) {
  EXPECT_THAT(connector_of({}).error().message, HasSubstr("do not contain an option key"));
  EXPECT_THAT(connector_of({{"connector", "kafka"}}).error().message,
              HasSubstr("connector 'kafka' is not yet supported"));
  EXPECT_THAT(connector_of({{"connector", "kinesys"}}).error().message,
              HasSubstr("did you mean 'kinesis'?"));
  EXPECT_THAT(format_of({{"format", "avro"}}).error().message,
              HasSubstr("format 'avro' is not yet supported"));
}

TEST(Options, RawTakesOneColumn) {
  Table table = table_of({{"connector", "kinesis"}, {"stream", "s"}, {"format", "raw"}});
  EXPECT_TRUE(check_table_options(table));
  table.columns.push_back({.name = "b", .type = varchar_type()});
  EXPECT_EQ(check_table_options(table).error().message,
            "The 'raw' format only supports single physical column. However the defined schema "
            "contains multiple physical columns: [`a` INT, `b` STRING]");
}

TEST(Options, WhatHasNoEffectIsSaid) {
  const auto warnings = option_warnings(table_of(stream_options({{"sink.batch.max-size", "5"}})));
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_THAT(warnings[0], HasSubstr("option 'sink.batch.max-size' of table 't' has no effect"));
}

TEST(Options, DurationsAndSizesAreReadAsFlinkWritesThem) {
  EXPECT_EQ(parse_duration_ms("10 s"), 10'000);
  EXPECT_EQ(parse_duration_ms("1min"), 60'000);
  EXPECT_EQ(parse_duration_ms(" 3 Days "), 259'200'000);
  EXPECT_EQ(parse_duration_ms("250"), 250);
  EXPECT_EQ(parse_duration_ms("-1 s"), std::nullopt);
  EXPECT_EQ(parse_duration_ms("9223372036854775807 d"), std::nullopt);
  EXPECT_EQ(parse_size_bytes("64 mb"), 64 << 20);
  EXPECT_EQ(parse_size_bytes("1 furlong"), std::nullopt);
}

TEST(Options, SessionKeysAreKnownOrRefusedWithTheNearest) {
  EXPECT_EQ(check_session_option("table.exec.state.ttl", "1 h").value(), "");
  EXPECT_THAT(check_session_option("table.exec.state.tll", "1 h").error().message,
              HasSubstr("did you mean 'table.exec.state.ttl'?"));
  EXPECT_THAT(check_session_option("table.exec.state.ttl", "soon").error().message,
              HasSubstr("must be a duration"));
  EXPECT_THAT(check_session_option("taskmanager.memory.process.size", "1 gb").value(),
              HasSubstr("has no effect"));
  EXPECT_THAT(check_session_option("colour", "blue").error().message,
              HasSubstr("unknown option 'colour'"));
  EXPECT_THAT(check_session_option("execution.runtime-mode", "batch").error().message,
              HasSubstr("not yet supported"));
}

}  // namespace
}  // namespace millstream::analytics
