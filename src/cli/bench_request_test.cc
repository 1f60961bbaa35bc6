#include "cli/bench_request.h"

#include <gtest/gtest.h>

#include "wire/generated/kinesis.h"
#include "wire/operation.h"

namespace millstream::cli {
namespace {

using wire::kinesis::PutRecordInput;
using wire::kinesis::PutRecordsInput;

template <class Op>
typename Op::Input decoded(BenchProtocol protocol, const std::string& body) {
  typename Op::Input input;
  const auto wire_protocol =
      protocol == BenchProtocol::kJson ? wire::Protocol::kJson11 : wire::Protocol::kCbor11;
  const auto done =
      wire::decode_input(Op::descriptor(), wire_protocol, Slice::copy_of(body), &input);
  EXPECT_TRUE(done.has_value());
  return input;
}

TEST(BenchRequest, BothProtocolsPutTheSameRecords) {
  const auto json = decoded<wire::kinesis::PutRecords>(
      BenchProtocol::kJson, put_records_body(BenchProtocol::kJson, "clicks", 3, 100, 7));
  const auto cbor = decoded<wire::kinesis::PutRecords>(
      BenchProtocol::kCbor, put_records_body(BenchProtocol::kCbor, "clicks", 3, 100, 7));
  EXPECT_EQ(cbor.stream_name, "clicks");
  ASSERT_EQ(cbor.records.size(), 3U);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(cbor.records[i].data.size(), 100U);
    EXPECT_EQ(cbor.records[i].data, json.records[i].data);
    EXPECT_EQ(cbor.records[i].partition_key, json.records[i].partition_key);
  }
  EXPECT_NE(cbor.records[0].data, cbor.records[1].data);
  const auto single = decoded<wire::kinesis::PutRecord>(
      BenchProtocol::kCbor, put_record_body(BenchProtocol::kCbor, "clicks", 100, 7));
  EXPECT_EQ(single.data, json.records[0].data);
  EXPECT_EQ(single.stream_name, "clicks");
}

TEST(BenchRequest, RequestsNameTheirProtocol) {
  const BenchOptions options;
  const auto request = signed_request(options, "PutRecord", "\xbf\xff", BenchProtocol::kCbor);
  EXPECT_TRUE(request.contains("content-type: application/x-amz-cbor-1.1\r\n")) << request;
  EXPECT_TRUE(request.ends_with("content-length: 2\r\n\r\n\xbf\xff")) << request;
}

TEST(BenchRequest, ASuccessHasNoFailedRecords) {
  using namespace std::string_view_literals;
  const auto cbor = sign_of_success(BenchProtocol::kCbor, /*batch=*/true);
  EXPECT_TRUE(
      "\xbf\x71"
      "FailedRecordCount\0gRecords"sv.contains(cbor));
  EXPECT_FALSE(
      "\xbf\x71"
      "FailedRecordCount\x01gRecords"sv.contains(cbor));
  const auto json = sign_of_success(BenchProtocol::kJson, /*batch=*/true);
  EXPECT_TRUE(R"({"FailedRecordCount":0,"Records":[]})"sv.contains(json));
  EXPECT_FALSE(R"({"FailedRecordCount":10,"Records":[]})"sv.contains(json));
}

}  // namespace
}  // namespace millstream::cli
