#include "wire/operation.h"

#include <exception>
#include <optional>
#include <set>
#include <string>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "wire/generated/firehose.h"
#include "wire/generated/kinesis.h"
#include "wire/operations_table.h"

namespace millstream::wire {
namespace {

awaitable<> call_into(const OperationTable::Entry& entry, RequestContext context, Slice body,
                      std::optional<Result<Slice>>& answer) {
  answer = co_await entry.handler(context, std::move(body));
}

Result<Slice> call(const OperationTable& table, std::string_view target, std::string_view body,
                   Protocol protocol = Protocol::kJson11) {
  const OperationTable::Entry* entry = table.find(target);
  if (entry == nullptr) return fail(ErrorCode::kUnknownOperation, "");
  asio::io_context loop;
  std::optional<Result<Slice>> answer;
  asio::co_spawn(loop,
                 call_into(*entry, {.account = "000000000000", .protocol = protocol},
                           Slice::copy_of(body), answer),
                 [](std::exception_ptr error) {
                   if (error) std::rethrow_exception(error);
                 });
  loop.run();
  return *answer;
}

OperationTable sample_table() {
  OperationTable table;
  table.handle<kinesis::DescribeStreamSummary>(
      [](const RequestContext& context, kinesis::DescribeStreamSummaryInput input)
          -> awaitable<Result<kinesis::DescribeStreamSummaryOutput>> {
        if (input.stream_name == "gone") {
          co_return fail(ErrorCode::kNotFound, "Stream gone under account {} not found.",
                         context.account);
        }
        kinesis::DescribeStreamSummaryOutput output;
        output.stream_description_summary.stream_name = *input.stream_name;
        output.stream_description_summary.stream_status = kinesis::StreamStatus::kActive;
        co_return output;
      });
  table.handle<kinesis::SplitShard>(
      [](const RequestContext&, kinesis::SplitShardInput) -> awaitable<Result<>> {
        co_return Result<>();
      });
  return table;
}

TEST(OperationTable, DecodesCallsAndEncodes) {
  const OperationTable table = sample_table();
  const auto answer =
      call(table, "Kinesis_20131202.DescribeStreamSummary", R"({"StreamName":"clicks"})");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_TRUE(answer->view().starts_with(
      R"({"StreamDescriptionSummary":{"StreamName":"clicks","StreamARN":"",)"))
      << answer->view();

  const auto gone =
      call(table, "Kinesis_20131202.DescribeStreamSummary", R"({"StreamName":"gone"})");
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error(),
            (Error{ErrorCode::kNotFound, "Stream gone under account 000000000000 not found."}));
}

TEST(OperationTable, AnswersNothingForAnOperationWithoutOutput) {
  const auto answer = call(sample_table(), "Kinesis_20131202.SplitShard",
                           R"({"StreamName":"a","ShardToSplit":"s","NewStartingHashKey":"1"})");
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->empty());
}

TEST(OperationTable, LetsNoInvalidInputReachAHandler) {
  const auto invalid = call(sample_table(), "Kinesis_20131202.SplitShard", R"({"StreamName":"a"})");
  ASSERT_FALSE(invalid);
  EXPECT_EQ(invalid.error().code, ErrorCode::kValidation);
  const auto garbled = call(sample_table(), "Kinesis_20131202.SplitShard", "{");
  ASSERT_FALSE(garbled);
  EXPECT_EQ(garbled.error().code, ErrorCode::kSerialization);
  for (const Protocol protocol : {Protocol::kCbor11, Protocol::kRpcV2Cbor}) {
    const auto cut = call(sample_table(), "Kinesis_20131202.SplitShard", "\xa1", protocol);
    ASSERT_FALSE(cut);
    EXPECT_EQ(cut.error().code, ErrorCode::kSerialization);
  }
}

TEST(OperationTable, FindsWhatHasAHandlerOnly) {
  const OperationTable table = sample_table();
  EXPECT_NE(table.find("Kinesis_20131202.SplitShard"), nullptr);
  EXPECT_EQ(table.find("Kinesis_20131202.MergeShards"), nullptr);
  EXPECT_EQ(table.find("Kinesis_20131202.splitShard"), nullptr);
  EXPECT_EQ(table.find(""), nullptr);
  ASSERT_EQ(table.entries().size(), 2u);
  EXPECT_EQ(table.entries()[0]->operation->name, "DescribeStreamSummary");
}

TEST(OperationTable, RefusesTwoHandlersForOneOperation) {
  OperationTable table = sample_table();
  EXPECT_DEATH(table.handle_raw(kinesis::SplitShard::descriptor(),
                                [](const RequestContext&, Slice) -> awaitable<Result<Slice>> {
                                  co_return Slice();
                                }),
               "");
}

TEST(AllOperations, AreUniqueAndComplete) {
  std::set<std::pair<std::string_view, std::string_view>> names;
  for (const Operation* operation : all_operations()) {
    EXPECT_TRUE(names.emplace(operation->service, operation->name).second) << operation->name;
  }
  EXPECT_TRUE(names.contains({"firehose", "PutRecordBatch"}));
  EXPECT_TRUE(names.contains({"sts", "GetCallerIdentity"}));
  EXPECT_GT(names.size(), 140u);
}

TEST(OperationsMarkdown, SaysWhichOperationsAreAnswered) {
  const std::string text = operations_markdown(sample_table());
  EXPECT_NE(text.find("| Kinesis | SplitShard | yes |\n"), std::string::npos);
  EXPECT_NE(text.find("| Kinesis | MergeShards | no |\n"), std::string::npos);
  EXPECT_NE(text.find("| Firehose | 12 | 0 |\n"), std::string::npos);
}

}  // namespace
}  // namespace millstream::wire
