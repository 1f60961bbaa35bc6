// How nodes of a plan are made: schema, changelog mode and simple rewrites in one place.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analytics/plan/plan.h"

namespace millstream::analytics {

using PlanVariant = decltype(PlanNode::node);

// With the changelog mode that follows from the inputs (changelog.h) and the …_retracts members
// set. `schema` must be the node's.
PlanPtr make_node(PlanVariant node, std::vector<PlanPtr> inputs, Schema schema);

PlanPtr make_source(std::shared_ptr<const Table> table);
// Renames only: no node if the expressions are the input's columns in order.
PlanPtr make_project(PlanPtr input, std::vector<BoundPtr> expressions,
                     std::vector<std::string> names);
PlanPtr make_filter(PlanPtr input, BoundPtr condition);  // the input itself if null or TRUE
PlanPtr make_union(std::vector<PlanPtr> inputs, Schema schema);
PlanPtr make_sink(PlanPtr input, std::shared_ptr<const Table> table, std::string name);

// `input` with `extra` expressions as columns behind its own; equal ones and plain columns are
// not computed twice: `columns[i]` is where extra[i] stands.
PlanPtr with_columns(PlanPtr input, const std::vector<BoundPtr>& extra, std::vector<int>& columns);

// A schema's columns as expressions.
std::vector<BoundPtr> identity(const Schema& schema);
std::vector<std::string> names_of(const Schema& schema);
Schema concatenated(const Schema& left, const Schema& right);
// Columns that are no time attributes any more (regular joins, aggregates).
Schema without_time_attributes(Schema schema);
void make_nullable(Schema& schema, size_t from, size_t count);  // the padded side of outer joins

// The columns of a plan's output that are the start, the end and the time of a window, found by
// following them up from the window function. Empty: it has no windows.
struct WindowColumns {
  WindowSpec window;  // time_column is not meaningful here
  std::vector<int> start;
  std::vector<int> end;
  std::vector<int> time;
  bool complete() const { return !start.empty() && !end.empty(); }
};
std::optional<WindowColumns> window_columns(const PlanNode& plan);

}  // namespace millstream::analytics
