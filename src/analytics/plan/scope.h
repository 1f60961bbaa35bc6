// What names mean inside a query: the columns of FROM, and how a.b.c finds one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "analytics/plan/plan.h"
#include "analytics/sql/ast.h"
#include "base/result.h"

namespace millstream::analytics {

enum class Visibility : uint8_t {
  kVisible,
  kMerged,  // the other side of USING: t.c and t.* find it, c and * do not
  kHidden,  // found by name only (ROWTIME of the Kinesis dialect): neither in * nor in t.*
};

// The name of one column of a plan's output.
struct ScopeColumn {
  std::string table;  // the alias of its table; empty: none (it is then found unqualified only)
  std::string name;   // of a leaf of a ROW column: the whole path, "bid.auction"
  Visibility visibility = Visibility::kVisible;
};

// Rows with names. Invariant: as many columns as plan->schema; names are the dialect's (upper
// case in the Kinesis dialect unless quoted).
struct Relation {
  PlanPtr plan;
  std::vector<ScopeColumn> columns;
};

// All visible, called as the schema calls them.
Relation relation_of(PlanPtr plan, std::string_view table = {});
// The same rows under another table name, and, if there are any, other column names (their
// number must fit: visible columns are renamed in order). Errors: it does not fit.
Result<Relation> renamed(Relation relation, std::string_view table,
                         const std::vector<std::string>& names);

// Where names of a script are resolved.
struct NameRules {
  std::string_view script;  // for messages
  sql::Dialect dialect = sql::Dialect::kFlink;
  std::string name(const sql::Identifier& identifier) const {
    return sql::name_of(identifier, dialect);
  }
};

// The column that `name` (c, t.c, c.leaf, t.c.leaf) means. Unqualified names prefer visible
// columns, then those without a table, then hidden ones.
// Errors: Flink "Column 'x' not found in any table", "Column 'x' not found in table 't'", "Table
// 't' not found", "Column 'x' is ambiguous"; each with the nearest names; at the name's place. A
// ROW column itself: "… is a ROW: name one of its fields: a, b".
Result<int> resolve_column(const std::vector<ScopeColumn>& columns, const sql::QualifiedName& name,
                           const NameRules& rules);
// The columns that a select item `name` stands for: one, or all leaves of a ROW column.
Result<std::vector<int>> resolve_item(const std::vector<ScopeColumn>& columns,
                                      const sql::QualifiedName& name, const NameRules& rules);
// The columns of * (empty name) or t.*.
Result<std::vector<int>> resolve_star(const std::vector<ScopeColumn>& columns,
                                      const sql::QualifiedName& table, const NameRules& rules,
                                      sql::Position position);

// "; did you mean 'a' or 'b'?" of the candidates nearest to `name`; empty if none is near.
std::string nearest_names(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace millstream::analytics
