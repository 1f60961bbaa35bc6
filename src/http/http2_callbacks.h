// nghttp2's C interface, turned into calls of Http2. Made once: a session copies both.
#pragma once

#include <nghttp2/nghttp2.h>

namespace millstream {

// The user data of a session is its Http2, that of a stream its Http2Stream. Never freed.
nghttp2_session_callbacks* http2_callbacks();
nghttp2_option* http2_options();

}  // namespace millstream
