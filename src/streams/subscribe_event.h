// The messages of a subscription, encoded (vnd.amazon.eventstream).
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "streams/get.h"
#include "wire/operation.h"

namespace millstream::streams {

// What comes before all events.
Slice encode_initial_response(wire::Protocol protocol);

// `answer.next_iterator` is not used. `continuation` is left out if it is empty: the shard has
// ended, and answer.children says where to go on (the KCL tells the end by this).
Slice encode_subscribe_event(wire::Protocol protocol, const GetAnswer& answer,
                             std::string_view continuation);

// The error that ends a subscription, with the name that AWS gives it.
Slice encode_subscribe_error(wire::Protocol protocol, const Error& error);

// The number to go on after, once everything before `read.next` was sent: that of the last record
// if it was the last thing before it.
std::string continuation_number(const Shard& shard, const ReadResult& read);

}  // namespace millstream::streams
