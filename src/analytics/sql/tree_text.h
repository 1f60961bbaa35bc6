// Syntax trees as short text, for tests only.
#pragma once

#include <string>

#include "analytics/sql/ast.h"

namespace millstream::analytics::sql {

// "(= a (+ 1 'x'))": the operator or kind first, what is absent left out.
std::string tree_text(const Expression& expression);
std::string tree_text(const Query& query);
std::string tree_text(const TableReference& table);
std::string tree_text(const TypeName& type);
std::string tree_text(const Statement& statement);

}  // namespace millstream::analytics::sql
