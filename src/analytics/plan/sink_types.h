// What an INSERT may write into a table of Flink SQL.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "analytics/plan/catalog.h"
#include "analytics/plan/scope.h"
#include "analytics/sql/ast.h"
#include "base/result.h"

namespace millstream::analytics {

// The table without computed and metadata columns, which nobody writes; itself if it has none.
std::shared_ptr<const Table> written_part(const std::shared_ptr<const Table>& table);

// The columns that an INSERT names, in its order; all if it names none. A ROW column stands for
// its leaves. Errors: unknown, or named twice.
Result<std::vector<int>> insert_targets(const NameRules& rules, const sql::Insert& insert,
                                        const Table& table);

// Whether rows are stored with a cast that nobody wrote (Flink's implicit casts: never to a
// smaller kind of number). NULL is not asked: a column without NULLs is checked row by row.
bool stores_implicitly(const Type& from, const Type& to);

// "Column types of query result and sink for 't' do not match.\nCause: …"
std::string schema_mismatch(std::string_view table, std::string_view cause, const Relation& query,
                            const Table& sink, const std::vector<int>& targets);

}  // namespace millstream::analytics
