// Which resources an operation is about, and whether the caller may use them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wire/operation.h"

namespace millstream::wire {

// The ARNs of all resources that `input` names: those that stand in it, written as the server
// writes them, and those made of names, in the caller's account and region. {"*"} for operations
// about no resource. Empty: nothing to check here: STS, transactions (each step
// on its own), and a page token, which was given to a caller who was allowed its stream.
std::vector<std::string> resources_of(const Operation& operation, const RequestContext& context,
                                      const void* input);

// kAccessDenied unless the caller may use all of them, and those that a delivery stream or an
// application would use by itself; context.access is not nullptr.
Result<> check_access(const Operation& operation, const RequestContext& context, const void* input);

// "kinesis:PutRecord", as policies write it.
std::string action_of(const Operation& operation);

}  // namespace millstream::wire
