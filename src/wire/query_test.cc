#include <gtest/gtest.h>

#include "wire/generated/cloudwatch.h"
#include "wire/generated/sts.h"
#include "wire/query_decode.h"
#include "wire/query_encode.h"

namespace millstream::wire {
namespace {

Result<cloudwatch::PutMetricDataInput> decode(std::string_view body) {
  TRY_ASSIGN(const QueryForm form, parse_query_form(body));
  cloudwatch::PutMetricDataInput input;
  Absences absences;
  TRY(decode_query(cloudwatch::PutMetricDataInput::wire_type(), form, &input, absences));
  return input;
}

TEST(QueryDecode, PathsReachIntoListsAndStructures) {
  const auto input = decode(
      "Action=PutMetricData&Version=2010-08-01&Namespace=My+App%2FWeb"
      "&MetricData.member.1.MetricName=a&MetricData.member.1.Value=1.5"
      "&MetricData.member.1.Timestamp=2026-11-24T10%3A00%3A00Z"
      "&MetricData.member.1.Dimensions.member.1.Name=host"
      "&MetricData.member.1.Dimensions.member.1.Value=h1"
      "&MetricData.member.2.MetricName=b");
  ASSERT_TRUE(input) << input.error().message;
  EXPECT_EQ(input->namespace_, "My App/Web");
  ASSERT_TRUE(input->metric_data);
  ASSERT_EQ(input->metric_data->size(), 2U);
  const auto& first = input->metric_data->front();
  EXPECT_EQ(first.metric_name, "a");
  EXPECT_EQ(first.value, 1.5);
  EXPECT_EQ(first.timestamp->ms, 1'795'514'400'000);
  EXPECT_EQ(first.dimensions->front().value, "h1");
  EXPECT_EQ(input->metric_data->back().metric_name, "b");
}

TEST(QueryDecode, WhatIsWrongIsNamed) {
  EXPECT_EQ(decode("Namespace=n&MetricData.member.1.Value=x").error().message,
            "The value of MetricData.member.1.Value is not of its type.");
  EXPECT_FALSE(decode("Namespace=%zz"));
  EXPECT_FALSE(decode("Namespace=a&Namespace=b"));
  EXPECT_TRUE(decode("Namespace=n&&Unknown.member.1=x&MetricData="));
}

TEST(QueryDecode, TheNumberOfParametersIsBounded) {
  std::string body;
  for (size_t i = 0; i <= kMaxQueryParameters; ++i) body += fmt::format("p{}=&", i);
  EXPECT_FALSE(parse_query_form(body));
}

TEST(QueryDecode, ActionAndVersionNameTheOperation) {
  EXPECT_EQ(find_query_operation("Action=GetCallerIdentity&Version=2011-06-15"),
            &sts::GetCallerIdentity::descriptor());
  EXPECT_EQ(find_query_operation("x=1&Version=2010-08-01&Action=PutMetricData"),
            &cloudwatch::PutMetricData::descriptor());
  EXPECT_EQ(find_query_operation("Action=GetCallerIdentity&Version=2010-08-01"), nullptr);
  // Of a service without the Query protocol.
  EXPECT_EQ(find_query_operation("Action=PutRecord&Version=2013-12-02"), nullptr);
  EXPECT_EQ(find_query_operation(""), nullptr);
}

TEST(QueryEncode, AnswersAreXmlOfTheServicesNamespace) {
  sts::GetCallerIdentityResponse output;
  output.account = "111111111111";
  output.arn = "a<&>b";
  const auto& operation = sts::GetCallerIdentity::descriptor();
  const auto answer = query_answer(operation, encode_query_result(operation, &output), "id-1");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body.view(),
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
            "<GetCallerIdentityResult><Account>111111111111</Account><Arn>a&lt;&amp;&gt;b</Arn>"
            "</GetCallerIdentityResult><ResponseMetadata><RequestId>id-1</RequestId>"
            "</ResponseMetadata></GetCallerIdentityResponse>\n");
}

TEST(QueryEncode, ErrorsHaveTheCodesOfQueryServices) {
  const auto error =
      encode_query_error(&sts::service(), {ErrorCode::kUnrecognizedClient, "Bad \x01token."}, "r");
  EXPECT_EQ(error.status, 403);
  EXPECT_EQ(error.body.view(),
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error>"
            "<Type>Sender</Type><Code>InvalidClientTokenId</Code><Message>Bad token.</Message>"
            "</Error><RequestId>r</RequestId></ErrorResponse>\n");
  EXPECT_EQ(encode_query_error(nullptr, {ErrorCode::kInternal, ""}, "r").status, 500);
}

}  // namespace
}  // namespace millstream::wire
