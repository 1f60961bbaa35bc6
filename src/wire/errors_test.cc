#include "wire/errors.h"

#include <gtest/gtest.h>

#include "wire/service.h"

namespace millstream::wire {
namespace {

std::string answer(std::string_view service, Error error) {
  const HttpResponse response = encode_error(service, Protocol::kJson11, error);
  return fmt::format("{} {}", response.status, response.body.view());
}

// Bodies recorded on AWS by kinesalite (test/connection.js, test/helpers.js).
TEST(Errors, LookAsOnAws) {
  EXPECT_EQ(answer("kinesis", {ErrorCode::kNotFound, "Stream a under account 1 not found."}),
            R"(400 {"__type":"ResourceNotFoundException",)"
            R"("message":"Stream a under account 1 not found."})");
  EXPECT_EQ(answer("kinesis", {ErrorCode::kUnknownOperation, ""}),
            R"(400 {"__type":"UnknownOperationException"})");
  EXPECT_EQ(answer("kinesis", {ErrorCode::kSerialization, ""}),
            R"(400 {"__type":"SerializationException"})");
  EXPECT_EQ(answer("kinesis", {ErrorCode::kSerialization, "Expected null"}),
            R"(400 {"__type":"SerializationException","Message":"Expected null"})");
  EXPECT_EQ(
      answer("kinesis", {ErrorCode::kMissingAuthenticationToken, "Missing Authentication Token"}),
      R"(400 {"__type":"MissingAuthenticationTokenException",)"
      R"("message":"Missing Authentication Token"})");
}

TEST(Errors, TakeTheNameAndTheMessageMemberFromTheModel) {
  EXPECT_EQ(aws_error("kinesisanalyticsv2", ErrorCode::kNotFound).message, "Message");
  EXPECT_EQ(aws_error("kinesisanalytics", ErrorCode::kNotFound).message, "message");
  EXPECT_EQ(aws_error("kinesis", ErrorCode::kThroughputExceeded).name,
            "ProvisionedThroughputExceededException");
  EXPECT_EQ(aws_error("firehose", ErrorCode::kThroughputExceeded).name,
            "ServiceUnavailableException");
  EXPECT_EQ(aws_error("kinesisanalytics", ErrorCode::kCodeValidation).name,
            "CodeValidationException");
  EXPECT_EQ(aws_error("kinesisanalyticsv2", ErrorCode::kInvalidRequest).name,
            "InvalidRequestException");
  EXPECT_EQ(aws_error("kinesisanalytics", ErrorCode::kInvalidRequest).name,
            "InvalidArgumentException");
  EXPECT_EQ(aws_error("kinesis", ErrorCode::kInternal).name, "InternalFailure");
  EXPECT_EQ(aws_error("dynamodb", ErrorCode::kInternal).name, "InternalServerError");
  EXPECT_EQ(aws_error("firehose", ErrorCode::kInternal).name, "InternalFailure");
  EXPECT_EQ(aws_error("dynamodb", ErrorCode::kInvalidArgument).name, "ValidationException");
  EXPECT_EQ(aws_error("dynamodb", ErrorCode::kConditionFailed).name,
            "ConditionalCheckFailedException");
  EXPECT_EQ(aws_error("dynamodb", ErrorCode::kTransactionCanceled).name,
            "TransactionCanceledException");
  EXPECT_EQ(aws_error("dynamodb", ErrorCode::kTableNotFound).name, "TableNotFoundException");
  EXPECT_EQ(aws_error("dynamodb", ErrorCode::kIdempotencyMismatch).name,
            "IdempotentParameterMismatchException");
  // The log's errors never look like a caller's.
  EXPECT_EQ(aws_error("dynamodb", ErrorCode::kFenced).name, "InternalServerError");
  EXPECT_EQ(aws_error("nothing", ErrorCode::kThrottled).name, "ThrottlingException");
}

TEST(Errors, HaveTheStatusThatClientsRetryOn) {
  for (const Service* service : all_services()) {
    EXPECT_EQ(aws_error(service->name, ErrorCode::kUnavailable).status, 503) << service->name;
    EXPECT_EQ(aws_error(service->name, ErrorCode::kNoSpace).status, 503) << service->name;
    EXPECT_EQ(aws_error(service->name, ErrorCode::kInternal).status, 500) << service->name;
    EXPECT_EQ(aws_error(service->name, ErrorCode::kValidation).status, 400) << service->name;
    EXPECT_EQ(aws_error(service->name, ErrorCode::kForbidden).status, 403) << service->name;
    EXPECT_EQ(aws_error(service->name, ErrorCode::kRequestTooLarge).status, 413) << service->name;
  }
}

TEST(Errors, EveryCodeHasANameInEveryService) {
  for (const Service* service : all_services()) {
    for (int code = 0; code <= static_cast<int>(ErrorCode::kInternal); ++code) {
      const AwsError error = aws_error(service->name, static_cast<ErrorCode>(code));
      EXPECT_FALSE(error.name.empty());
      EXPECT_TRUE(error.message == "message" || error.message == "Message") << error.name;
    }
  }
}

}  // namespace
}  // namespace millstream::wire
