// AWS's Query protocol, requests: forms whose names are paths, "MetricData.member.1.MetricName".
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/absences.h"
#include "wire/operation.h"
#include "wire/types.h"

namespace millstream::wire {

// Names and values, decoded.
using QueryForm = std::map<std::string, std::string, std::less<>>;

// CloudWatch's largest calls have 1,000 metrics with some 30 dimensions of two values each.
inline constexpr size_t kMaxQueryParameters = 100'000;

// Errors: kSerialization for what is no form, a name that is there twice, too many parameters.
Result<QueryForm> parse_query_form(std::string_view body);

// The operation that a form asks for with Action and Version; nullptr: none of ours.
const Operation* find_query_operation(std::string_view body);

// `object` is a default value of `type`. Parameters that the type does not know are passed over,
// as AWS does. Lists count from member.1 without gaps; "NAME.1" is taken as "NAME.member.1".
// Errors: kSerialization, naming the parameter.
Result<> decode_query(const StructType& type, const QueryForm& form, void* object,
                      Absences& absences);

}  // namespace millstream::wire
