// Decoded input against the model, with AWS's messages.
#pragma once

#include <string>

#include "base/result.h"
#include "wire/absences.h"
#include "wire/types.h"

namespace millstream::wire {

// AWS reports at most this many violations of one request.
inline constexpr size_t kMaxViolations = 10;

// kValidation with all violations in one message, as AWS words it:
//   2 validation errors detected: Value null at 'streamName' failed to satisfy constraint:
//   Member must not be null; Value '0' at 'limit' failed to satisfy constraint: Member must …
// `service_package` is what AWS's Java classes are in, for the text of structures, e.g.
// "com.amazonaws.kinesis.v20131202". Long values are shortened.
Result<> validate(const StructType& type, const void* object, const Absences& absences,
                  std::string_view service_package = "com.amazonaws");

}  // namespace millstream::wire
