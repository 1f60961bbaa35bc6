// Error codes as the errors of AWS's services.
#pragma once

#include <string>
#include <string_view>

#include "base/http_message.h"
#include "base/result.h"
#include "wire/operation.h"

namespace millstream::wire {

struct AwsError {
  std::string_view name;     // "ResourceNotFoundException"
  int status = 400;          // HTTP
  std::string_view message;  // how the message member is spelled: "message" or "Message"
};

// What `service` (as in Operation::service; anything else: common errors only) calls that
// error: the spelling of its model if the model has it, else the error that all AWS services
// share. Also for the ErrorCode of one record in PutRecords.
AwsError aws_error(std::string_view service, ErrorCode code);

// The whole answer but for the headers that every answer has (x-amzn-RequestId, x-amz-id-2,
// date): status, content-type, {"__type": …, "message": …}; no message member if it is empty.
// No x-amzn-ErrorType: the services of these protocols send none, and SDKs read __type.
// Protocols without a codec yet get the JSON body.
HttpResponse encode_error(std::string_view service, Protocol protocol, const Error& error);

// "application/x-amz-json-1.1" etc.
std::string_view content_type(Protocol protocol);

}  // namespace millstream::wire
