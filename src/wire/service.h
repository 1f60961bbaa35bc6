// The AWS services of this build, as their models describe them.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "wire/operation.h"

namespace millstream::wire {

struct ErrorType {
  std::string_view name;     // of the shape; what JSON sends as "__type"
  std::string_view code;     // what Query sends
  int status;                // HTTP
  bool fault;                // the server's fault, not the caller's
  std::string_view message;  // how its message member is spelled; empty: it has none
};

struct Service {
  std::string_view name;           // as in namespaces and Operation::service
  std::string_view service_id;     // "Kinesis Analytics V2"
  std::string_view api_version;    // "2013-12-02"
  std::string_view signing_name;   // in the credential scope
  std::string_view target_prefix;  // "Kinesis_20131202"; empty: no JSON
  std::string_view xml_namespace;  // of Query answers
  std::string_view java_package;   // of AWS's classes, for messages that show an object
  std::span<const Protocol> protocols;
  std::span<const Operation* const> operations;   // by name
  std::span<const StructType* const> structures;  // each after those that it holds
  std::span<const ErrorType> errors;              // by name

  const ErrorType* find_error(std::string_view error_name) const;  // nullptr: not in its model
};

std::span<const Service* const> all_services();
const Service* find_service(std::string_view name);  // nullptr: unknown

}  // namespace millstream::wire
