// What keeps syntax trees flat enough to recurse over.
#pragma once

#include <span>

#include "analytics/sql/ast.h"

namespace millstream::analytics::sql {

// The height of a node from that of its children.
uint32_t height_of(const Expression& expression);
uint32_t height_of(const TableReference& table);
uint32_t height_of(const Query& query);
uint32_t height_of(const WindowSpecification& window);

// One tree of `operands` (at least one, in order) under the associative operator: its height grows
// with the logarithm of their number.
ExpressionPtr balanced(std::string_view op, std::span<ExpressionPtr> operands);
QueryPtr balanced(Query::Kind kind, bool all, std::span<QueryPtr> operands);

}  // namespace millstream::analytics::sql
