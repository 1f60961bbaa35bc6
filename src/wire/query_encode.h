// AWS's Query protocol, answers: XML.
#pragma once

#include <string>
#include <string_view>

#include "base/http_message.h"
#include "base/result.h"
#include "wire/operation.h"
#include "wire/service.h"
#include "wire/types.h"

namespace millstream::wire {

// <NAMEResult>…</NAMEResult>: what encode_output() makes for this protocol.
std::string encode_query_result(const Operation& operation, const void* output);

// The answer around a result, which is empty for an operation without output.
HttpResponse query_answer(const Operation& operation, std::string_view result,
                          std::string_view request_id);

// <ErrorResponse>, with the codes and statuses that Query services have for the errors that all
// services share. `service`: nullptr if it is unknown.
HttpResponse encode_query_error(const Service* service, const Error& error,
                                std::string_view request_id);

// `text` with XML's special characters escaped, and those that XML can't hold left out.
std::string escape_xml(std::string_view text);

}  // namespace millstream::wire
