// CREATE TABLE and CREATE STREAM → tables.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "analytics/plan/catalog.h"
#include "analytics/plan/query_planner.h"
#include "analytics/plan/scope.h"
#include "analytics/sql/ast.h"
#include "base/result.h"

namespace millstream::analytics {

// The table of a CREATE TABLE: ROW columns taken apart into leaves, computed and metadata
// columns bound, the watermark's column a time attribute, options checked. `like`: the table of
// its LIKE clause, or null.
//
// Errors: kInvalidArgument at its place in the script, in Flink's words where it has some.
Result<std::shared_ptr<const Table>> define_table(const sql::CreateTable& statement,
                                                  const NameRules& rules, const Table* like);

// The table with the options of a hint /*+ OPTIONS('a' = 'b') */ over its own.
Result<std::shared_ptr<const Table>> with_options(
    const Table& table, const std::vector<std::pair<std::string, std::string>>& hints);

// The in-application stream of a CREATE STREAM: its columns, then ROWTIME.
Result<std::shared_ptr<const Table>> define_stream(const sql::CreateStream& statement,
                                                   const NameRules& rules);

// A source of the table and the names of its columns; the Kinesis dialect's system columns are
// hidden.
NamedRelation relation_of_table(std::shared_ptr<const Table> table);

// As DESCRIBE and SHOW CREATE TABLE print it.
std::string describe_table(const Table& table);
std::string create_table_text(const Table& table);

}  // namespace millstream::analytics
