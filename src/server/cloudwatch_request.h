// Two habits of CloudWatch's clients that other services' clients don't have: Smithy's rpc-v2-cbor,
// which names the operation in the path, and compressed bodies.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/http_message.h"
#include "base/result.h"

namespace millstream::server {

// "GraniteServiceVersion20100801.PutMetricData" for a request of rpc-v2-cbor to
// /service/GraniteServiceVersion20100801/operation/PutMetricData; nothing for other requests.
std::optional<std::string> rpc_v2_target(const HttpRequest& request);

// The limit of PutMetricData is 1 MB after decompression. It holds before a signature is
// verified: the operation of a form stands in its body.
inline constexpr size_t kMaxUncompressedBytes = size_t{1} << 20;

// The body without its Content-Encoding: gzip; the body itself if it has none.
// Errors: kSerialization for another encoding or broken data, kRequestTooLarge.
Result<Slice> uncompressed_body(const HttpRequest& request);

}  // namespace millstream::server
