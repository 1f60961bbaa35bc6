// What HTTP/1.1 and HTTP/2 share about messages.
#pragma once

#include <string_view>

#include "base/http_message.h"

namespace millstream {

// Fills target, path and query (and authority, if the target is absolute: "http://host/path").
void set_target(HttpRequest& request, std::string_view target);

std::string_view reason_phrase(int status);

// An answer of the server itself, before or instead of a handler's.
HttpResponse plain_response(int status, std::string text);

// Whether the server writes this header itself, so that a handler's is left out ("connection"
// and its kin; "content-length" is not among them).
bool is_connection_header(std::string_view name);

// Whether a handler's header can go out: no line breaks or zero bytes, the name not empty.
bool is_sendable_header(std::string_view name, std::string_view value);

}  // namespace millstream
