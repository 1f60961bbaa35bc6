// Errors as values. Result<T> crosses every module boundary; exceptions stay inside the
// library calls that throw them.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace millstream {

// Each code maps to exactly one AWS error (wire/errors.h); the service decides nothing but the
// spelling. Codes of the log that never reach a client map to InternalFailure.
enum class ErrorCode : uint8_t {
  // The caller's mistake.
  kInvalidArgument,     // InvalidArgumentException
  kValidation,          // ValidationException
  kSerialization,       // SerializationException
  kUnknownOperation,    // UnknownOperationException
  kNotFound,            // ResourceNotFoundException
  kInUse,               // ResourceInUseException
  kLimitExceeded,       // LimitExceededException
  kThroughputExceeded,  // ProvisionedThroughputExceededException
  kExpiredIterator,     // ExpiredIteratorException
  kExpiredNextToken,    // ExpiredNextTokenException
  kConcurrentModification,
  kInvalidRequest,        // InvalidRequestException
  kInvalidConfiguration,  // InvalidApplicationConfigurationException
  kCodeValidation,        // CodeValidationException
  kUnsupportedOperation,  // UnsupportedOperationException
  kUndetectableSchema,    // UnableToDetectSchemaException
  kTooManyTags,           // TooManyTagsException
  kConditionFailed,       // ConditionalCheckFailedException
  kTransactionCanceled,   // TransactionCanceledException
  kTableNotFound,         // TableNotFoundException
  kIdempotencyMismatch,   // IdempotentParameterMismatchException
  kDryRun,                // DryRunOperationException: all is well, nothing was done
  // Master keys of encrypted streams.
  kKeyNotFound,      // KMSNotFoundException
  kKeyDisabled,      // KMSDisabledException
  kKeyInvalidState,  // KMSInvalidStateException
  kKeyAccessDenied,  // KMSAccessDeniedException
  // Who is calling.
  kMissingAuthenticationToken,
  kIncompleteSignature,
  kInvalidSignature,
  kUnrecognizedClient,
  kExpiredToken,
  kAccessDenied,
  kForbidden,  // Host or Origin refused: HTTP 403
  // Requests that never reach a handler.
  kRequestTooLarge,  // HTTP 413
  kThrottled,        // ThrottlingException: a limit of this server
  // The log's.
  kSealed,         // append to a closed shard: route again
  kOutOfSequence,  // a writer's batch number is not the next one
  kFenced,         // a newer epoch of the writer exists
  kNoSpace,        // disk full: writes refused until space returns
  kCorruption,     // checksum or structure wrong; nothing is served from there
  kIo,             // a file operation failed
  kUnavailable,    // HTTP 503: the disk has failed, or the server is stopping
  kCancelled,      // the operation was given up by its caller or by shutdown
  kTimeout,
  kRemote,  // another server (S3, Lambda) answered with an error
  kInternal,
};

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;  // for the person who reads it: what happened, to what, what to do

  friend bool operator==(const Error&, const Error&) = default;
};

template <class T = void>
using Result = std::expected<T, Error>;

// fail(ErrorCode::kNotFound, "Stream {} under account {} not found.", name, account)
template <class... Args>
std::unexpected<Error> fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Error{code, fmt::format(format, std::forward<Args>(args)...)});
}

[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);

}  // namespace millstream

#define MS_CONCAT_(a, b) a##b
#define MS_CONCAT(a, b) MS_CONCAT_(a, b)

// A broken invariant of our own stops the process, in release builds too.
#define MS_ASSERT(condition) \
  ((condition) ? (void)0 : ::millstream::assertion_failed(#condition, __FILE__, __LINE__))

// TRY(f()); TRY_ASSIGN(auto x, f()); return the error of f() to the caller. The CO_ forms are
// for coroutines. All are plain statements: no statement expressions around co_await.
#define TRY(expression)                            \
  if (auto try_result = (expression); !try_result) \
  return std::unexpected(std::move(try_result).error())
#define CO_TRY(expression)                         \
  if (auto try_result = (expression); !try_result) \
  co_return std::unexpected(std::move(try_result).error())
#define MS_TRY_ASSIGN_(result, target, expression, return_word)        \
  auto result = (expression);                                          \
  if (!result) return_word std::unexpected(std::move(result).error()); \
  target = *std::move(result)
#define TRY_ASSIGN(target, expression) \
  MS_TRY_ASSIGN_(MS_CONCAT(try_result_, __COUNTER__), target, expression, return)
#define CO_TRY_ASSIGN(target, expression) \
  MS_TRY_ASSIGN_(MS_CONCAT(try_result_, __COUNTER__), target, expression, co_return)
