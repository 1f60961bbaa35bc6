// What enters and leaves in-application streams.
#pragma once

#include <string>
#include <string_view>

#include "analytics/plan/catalog.h"
#include "analytics/plan/query_planner.h"
#include "analytics/plan/scope.h"
#include "analytics/sql/ast.h"
#include "base/result.h"

namespace millstream::analytics {

// The result of a pump's query as rows of the stream: the columns that the INSERT names, others
// NULL, then the ROWTIME that the rows have. Errors: at their place in the script.
Result<PlanPtr> pump_rows(const NameRules& rules, const sql::Insert& insert, std::string_view pump,
                          const Table& stream, Relation relation);

// Writes a stream's rows to an output of the application: all its columns but the hidden ones.
// The output takes the stream's columns if it has none of its own.
Result<PlanPtr> output_sink(const Relation& rows, const Table& output, const std::string& name);

}  // namespace millstream::analytics
