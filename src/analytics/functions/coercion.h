// The types of results and the rules of implicit casts, beyond what function.h shows to others.
#pragma once

#include <optional>
#include <span>

#include "analytics/data/type.h"
#include "analytics/sql/ast.h"
#include "base/result.h"

namespace millstream::analytics {

// An exact number as DECIMAL: TINYINT(3), SMALLINT(5), INT(10), BIGINT(19) digits; a DECIMAL as
// it is.
Type as_decimal(const Type& type);
// Types of DECIMAL results. Flink: the rules of Hive and SQL Server, cut to 38 digits with at
// least 6 behind the point if there are so many. Kinesis dialect: at most 18 digits (AWS SQL
// reference, "Numeric Types and Precision"), whole digits before those behind the point.
Type decimal_sum_type(const Type& a, const Type& b, sql::Dialect dialect);
Type decimal_product_type(const Type& a, const Type& b, sql::Dialect dialect);
Type decimal_quotient_type(const Type& a, const Type& b, sql::Dialect dialect);
Type decimal_modulo_type(const Type& a, const Type& b, sql::Dialect dialect);
Type decimal_round_type(const Type& type, int digits);

// To what both sides of a comparison are cast: as common_type, and text is read as the other
// side's type.
Result<Type> comparison_type(const Type& a, const Type& b, sql::Dialect dialect);

}  // namespace millstream::analytics
