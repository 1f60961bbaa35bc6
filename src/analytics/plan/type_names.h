// Types as a script writes them, to types.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "analytics/data/type.h"
#include "analytics/sql/ast.h"
#include "base/result.h"

namespace millstream::analytics {

// The type that `name` means in the dialect. FLOAT has 32 bits in Flink and 64 in the Kinesis
// dialect; a bare TIMESTAMP has 6 digits in Flink and 3 in the Kinesis dialect.
//
// Errors: kInvalidArgument, at the type's place in `script`: unknown names with the nearest,
//         lengths out of range, and by name what is "not yet supported" (ARRAY, MAP, …).
Result<Type> resolve_type(const sql::TypeName& name, sql::Dialect dialect, std::string_view script);

// A column of a table without ROWs: a leaf of column `bid` is named `bid.auction`.
struct LeafColumn {
  std::string name;
  Type type;
  std::vector<std::string> path;  // member names from the record's root
};

// The leaves of a column, in order; one for a type that is no ROW. A field of a nullable ROW is
// nullable.
std::vector<LeafColumn> leaves_of(const std::string& column, const Type& type);

}  // namespace millstream::analytics
