#include "wire/errors.h"

#include <algorithm>
#include <array>
#include <span>

#include "wire/cbor_encode.h"
#include "wire/error_members.h"
#include "wire/json_encode.h"
#include "wire/service.h"

namespace millstream::wire {
namespace {

constexpr std::string_view kLower = "message";

// The name of a code in the models, first choice first; what no model of ours has (the errors
// that all services share) stands in `common`, as https://docs.aws.amazon.com/kinesis/latest/
// APIReference/CommonErrors.html has them. Recorded on AWS by kinesalite: JSON services answer
// authentication errors with 400, and only SerializationException spells "Message".
struct Naming {
  ErrorCode code;
  std::array<std::string_view, 3> models;
  AwsError common;
};

constexpr AwsError kInternalFailure{"InternalFailure", 500, kLower};
constexpr AwsError kServiceUnavailable{"ServiceUnavailable", 503, kLower};
// Not InternalFailureException, which Data Streams sends in event streams and for queues only.
constexpr std::array<std::string_view, 3> kInternalNames{"InternalServerError",
                                                         "InternalServiceFault"};
constexpr std::array<std::string_view, 3> kUnavailableNames{"ServiceUnavailableException"};

constexpr Naming kNamings[] = {
    {ErrorCode::kInvalidArgument,
     {"InvalidArgumentException", "InvalidParameterValueException"},
     {"ValidationException", 400, kLower}},
    {ErrorCode::kValidation, {}, {"ValidationException", 400, kLower}},
    {ErrorCode::kSerialization, {}, {"SerializationException", 400, "Message"}},
    {ErrorCode::kUnknownOperation, {}, {"UnknownOperationException", 400, kLower}},
    {ErrorCode::kNotFound,
     {"ResourceNotFoundException", "ResourceNotFound"},
     {"ResourceNotFoundException", 400, kLower}},
    {ErrorCode::kInUse,
     {"ResourceInUseException", "ResourceConflict"},
     {"ResourceInUseException", 400, kLower}},
    {ErrorCode::kLimitExceeded,
     {"LimitExceededException"},
     {"LimitExceededException", 400, kLower}},
    {ErrorCode::kThroughputExceeded,
     {"ProvisionedThroughputExceededException", "ResourceProvisionedThroughputExceededException",
      "ServiceUnavailableException"},
     {"ThrottlingException", 400, kLower}},
    {ErrorCode::kExpiredIterator,
     {"ExpiredIteratorException"},
     {"ExpiredIteratorException", 400, kLower}},
    {ErrorCode::kExpiredNextToken,
     {"ExpiredNextTokenException", "InvalidNextToken"},
     {"ExpiredNextTokenException", 400, kLower}},
    {ErrorCode::kConcurrentModification,
     {"ConcurrentModificationException", "ResourceInUseException"},
     {"ConcurrentModificationException", 400, kLower}},
    {ErrorCode::kInvalidRequest,
     {"InvalidRequestException", "InvalidArgumentException"},
     {"ValidationException", 400, kLower}},
    {ErrorCode::kInvalidConfiguration,
     {"InvalidApplicationConfigurationException", "InvalidArgumentException"},
     {"ValidationException", 400, kLower}},
    {ErrorCode::kCodeValidation,
     {"CodeValidationException", "InvalidArgumentException"},
     {"ValidationException", 400, kLower}},
    {ErrorCode::kUnsupportedOperation,
     {"UnsupportedOperationException", "InvalidArgumentException"},
     {"ValidationException", 400, kLower}},
    {ErrorCode::kUndetectableSchema,
     {"UnableToDetectSchemaException"},
     {"ValidationException", 400, kLower}},
    {ErrorCode::kTooManyTags,
     {"TooManyTagsException", "InvalidArgumentException"},
     {"ValidationException", 400, kLower}},
    {ErrorCode::kConditionFailed,
     {"ConditionalCheckFailedException"},
     {"ConditionalCheckFailedException", 400, kLower}},
    {ErrorCode::kTransactionCanceled,
     {"TransactionCanceledException"},
     {"TransactionCanceledException", 400, kLower}},
    {ErrorCode::kTableNotFound,
     {"TableNotFoundException"},
     {"TableNotFoundException", 400, kLower}},
    {ErrorCode::kIdempotencyMismatch,
     {"IdempotentParameterMismatchException"},
     {"IdempotentParameterMismatchException", 400, kLower}},
    {ErrorCode::kDryRun, {"DryRunOperationException"}, {"DryRunOperationException", 400, kLower}},
    {ErrorCode::kKeyNotFound,
     {"KMSNotFoundException", "InvalidKMSResourceException"},
     {"KMSNotFoundException", 400, kLower}},
    {ErrorCode::kKeyDisabled,
     {"KMSDisabledException", "InvalidKMSResourceException"},
     {"KMSDisabledException", 400, kLower}},
    {ErrorCode::kKeyInvalidState,
     {"KMSInvalidStateException", "InvalidKMSResourceException"},
     {"KMSInvalidStateException", 400, kLower}},
    {ErrorCode::kKeyAccessDenied,
     {"KMSAccessDeniedException", "InvalidKMSResourceException"},
     {"KMSAccessDeniedException", 400, kLower}},
    {ErrorCode::kMissingAuthenticationToken,
     {},
     {"MissingAuthenticationTokenException", 400, kLower}},
    {ErrorCode::kIncompleteSignature, {}, {"IncompleteSignatureException", 400, kLower}},
    {ErrorCode::kInvalidSignature, {}, {"InvalidSignatureException", 400, kLower}},
    {ErrorCode::kUnrecognizedClient, {}, {"UnrecognizedClientException", 400, kLower}},
    {ErrorCode::kExpiredToken, {"ExpiredTokenException"}, {"ExpiredTokenException", 400, kLower}},
    {ErrorCode::kAccessDenied, {"AccessDeniedException"}, {"AccessDeniedException", 400, kLower}},
    {ErrorCode::kForbidden, {}, {"AccessDeniedException", 403, kLower}},
    {ErrorCode::kRequestTooLarge, {}, {"RequestEntityTooLargeException", 413, kLower}},
    {ErrorCode::kThrottled, {"ThrottlingException"}, {"ThrottlingException", 400, kLower}},
    {ErrorCode::kSealed, kInternalNames, kInternalFailure},
    {ErrorCode::kOutOfSequence, kInternalNames, kInternalFailure},
    {ErrorCode::kFenced, kInternalNames, kInternalFailure},
    {ErrorCode::kNoSpace, kUnavailableNames, kServiceUnavailable},
    {ErrorCode::kCorruption, kInternalNames, kInternalFailure},
    {ErrorCode::kIo, kInternalNames, kInternalFailure},
    {ErrorCode::kUnavailable, kUnavailableNames, kServiceUnavailable},
    {ErrorCode::kCancelled, kUnavailableNames, kServiceUnavailable},
    {ErrorCode::kTimeout, kInternalNames, kInternalFailure},
    {ErrorCode::kRemote, kInternalNames, kInternalFailure},
    {ErrorCode::kInternal, kInternalNames, kInternalFailure},
};

// As kinesalite recorded it on AWS: a map of indefinite length.
std::string cbor_body(const AwsError& named, std::string_view message) {
  std::string body(1, kCborStructure);
  append_cbor_text(body, "__type");
  append_cbor_text(body, named.name);
  if (!message.empty()) {
    append_cbor_text(body, named.message);
    append_cbor_text(body, message);
  }
  body += kCborEnd;
  return body;
}

}  // namespace

AwsError aws_error(std::string_view service, ErrorCode code) {
  const auto naming = std::ranges::find(kNamings, code, &Naming::code);
  MS_ASSERT(naming != std::end(kNamings));
  const Service* known = find_service(service);
  if (known == nullptr) return naming->common;
  for (const std::string_view name : naming->models) {
    const ErrorType* error = name.empty() ? nullptr : known->find_error(name);
    if (error == nullptr) continue;
    // A disk that is full or failed is 503 for every service: clients and load balancers know.
    const int status = naming->models == kUnavailableNames ? 503 : error->status;
    return {error->name, status, error->message.empty() ? kLower : error->message};
  }
  return naming->common;
}

std::string_view content_type(Protocol protocol) {
  switch (protocol) {
    case Protocol::kJson10:
      return "application/x-amz-json-1.0";
    case Protocol::kJson11:
      return "application/x-amz-json-1.1";
    case Protocol::kCbor11:
      return "application/x-amz-cbor-1.1";
    case Protocol::kRpcV2Cbor:
      return "application/cbor";
    case Protocol::kQuery:
      return "text/xml";
  }
  return "application/octet-stream";
}

HttpResponse encode_error(std::string_view service, Protocol protocol, const Error& error) {
  const AwsError named = aws_error(service, error.code);
  HttpResponse response;
  response.status = named.status;
  if (protocol == Protocol::kCbor11 || protocol == Protocol::kRpcV2Cbor) {
    response.headers.emplace_back("content-type", content_type(protocol));
    if (protocol == Protocol::kRpcV2Cbor) {
      response.headers.emplace_back("smithy-protocol", "rpc-v2-cbor");
    }
    response.body = Slice::copy_of(cbor_body(named, error.message));
    return response;
  }
  const bool has_members =
      error.code == ErrorCode::kConditionFailed || error.code == ErrorCode::kTransactionCanceled;
  const auto [message, members] =
      has_members ? split_members(error.message)
                  : std::pair(std::string_view(error.message), std::string_view());
  std::string body = fmt::format(R"({{"__type":"{}")", named.name);
  if (!message.empty()) {
    body += fmt::format(R"(,"{}":)", named.message);
    append_json_string(body, message);
  }
  if (!members.empty()) body += fmt::format(",{}", members);
  body += '}';
  const bool has_codec = protocol == Protocol::kJson10 || protocol == Protocol::kJson11;
  response.headers.emplace_back("content-type",
                                content_type(has_codec ? protocol : Protocol::kJson11));
  response.body = Slice::copy_of(body);
  return response;
}

}  // namespace millstream::wire
