// For the tests of this folder: expressions built by hand, one column or value computed.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "analytics/functions/function.h"
#include "analytics/functions/program.h"

namespace millstream::analytics {

inline const Value kNoValue{};  // NULL

inline BoundPtr text(std::string value) {
  const auto size = static_cast<int32_t>(value.size());
  Type type = make_type(TypeKind::kChar);
  type.precision = size;
  return bound_literal(std::move(value), type);
}
inline BoundPtr integer(int64_t value, TypeKind kind = TypeKind::kInteger) {
  return bound_literal(value, make_type(kind));
}
inline BoundPtr big(int64_t value) { return integer(value, TypeKind::kBigint); }
inline BoundPtr real(double value) { return bound_literal(value, make_type(TypeKind::kDouble)); }
inline BoundPtr truth(bool value) { return bound_literal(value, make_type(TypeKind::kBoolean)); }
inline BoundPtr null_of(TypeKind kind) { return bound_literal(std::monostate(), make_type(kind)); }
// "1.50" as DECIMAL(3, 2).
BoundPtr number(std::string_view digits);
// TIMESTAMP(3) '2020-01-02 03:04:05'; of any type that text can be cast to.
BoundPtr value_of_type(std::string_view written, const Type& type);
BoundPtr timestamp(std::string_view written, int32_t precision = 3);

// Resolves and binds the call, arguments cast; a test failure if it can't be.
BoundPtr call(std::string_view name, std::vector<BoundPtr> arguments,
              sql::Dialect dialect = sql::Dialect::kFlink);
// The error of resolving or compiling the call.
std::string call_error(std::string_view name, std::vector<BoundPtr> arguments,
                       sql::Dialect dialect = sql::Dialect::kFlink);
BoundPtr kind_of(BoundKind kind, std::vector<BoundPtr> arguments, Type type);

// The value as the dialect's CAST to text shows it, "NULL", or "error: …".
std::string shown(const BoundPtr& expression, ProgramSettings settings = {});
inline std::string shown(std::string_view name, std::vector<BoundPtr> arguments,
                         sql::Dialect dialect = sql::Dialect::kFlink) {
  return shown(call(name, std::move(arguments), dialect), {.dialect = dialect});
}
std::string kinesis(std::string_view name, std::vector<BoundPtr> arguments);
std::string cast_text(const BoundPtr& value, const Type& type,
                      sql::Dialect dialect = sql::Dialect::kFlink, bool try_cast = false);
std::string type_of(const BoundPtr& expression);

}  // namespace millstream::analytics
