// FROM and WHERE of one SELECT: leaves, joins with the conditions that belong to them, what is
// left of WHERE, semi and anti joins of IN and EXISTS.
#pragma once

#include <optional>
#include <vector>

#include "analytics/plan/query_planner.h"

namespace millstream::analytics {

// The rows that a correlated sub-query sees around it.
struct OuterScope {
  const std::vector<ScopeColumn>& columns;
  const Schema& schema;
};

// Threads: one. Life cycle: one FROM; the planner and the tree outlive it.
class FromPlanner {
 public:
  // select: whose FROM it is (named windows); may be null.
  FromPlanner(QueryPlanner& planner, const sql::Select* select)
      : planner_(planner), select_(select) {}

  // The rows of FROM that fulfil WHERE (or null). With `outer`: terms of WHERE that need its rows
  // are left to the caller, see correlated().
  Result<Relation> plan(const sql::TableReference& from, const sql::Expression* where,
                        const OuterScope* outer = nullptr);
  // Over the outer columns, then the result's.
  std::vector<BoundPtr> take_correlated() { return std::move(correlated_); }

 private:
  // A table of FROM. Its columns stand at `offset` of the concatenation of all tables' columns,
  // over which WHERE is bound before anything is joined.
  struct Leaf {
    JoinSide side;
    int offset = 0;
    bool filtered_early = false;  // a condition on it alone may be computed below the joins
  };
  // A term of WHERE.
  struct Term {
    const sql::Expression* expression = nullptr;
    BoundPtr bound;  // over all leaves' columns; null: bound after the joins
    size_t first_leaf = 0;
    size_t last_leaf = 0;
    bool done = false;
  };
  struct Planned {
    JoinSide side;
    size_t first_leaf = 0;
    size_t last_leaf = 0;
    std::vector<int> places;  // of columns of all leaves in the relation; -1: not in it
    bool filtered_early = false;
  };
  // The conditions of a join, sorted.
  struct Conditions {
    std::vector<BoundPtr> left;   // over left's columns
    std::vector<BoundPtr> right;  // over right's
    std::vector<BoundPtr> both;   // over left's, then right's
  };

  const NameRules& names() const { return planner_.names(); }
  Result<> plan_leaves(const sql::TableReference& reference, bool kept);
  void bind_terms(const sql::Expression& where);
  Result<Planned> plan_node(const sql::TableReference& reference, bool kept);
  Result<Planned> plan_leaf();
  Result<Planned> plan_join(const sql::TableReference& reference, bool kept);
  Result<Conditions> conditions_of(const sql::TableReference& reference, const Planned& left,
                                   const Planned& right, bool takes_terms);
  Result<> add_using(const sql::TableReference& reference, const Planned& left,
                     const Planned& right, std::vector<std::pair<int, int>>& merged) const;
  Result<> filter(Planned& planned, std::vector<BoundPtr> conditions, sql::Position position);
  Planned merge_columns(Planned joined, sql::JoinKind kind, size_t left_width,
                        const std::vector<std::pair<int, int>>& merged) const;
  Result<Relation> filter_rest(Relation relation, const OuterScope* outer);

  QueryPlanner& planner_;
  const sql::Select* select_;
  std::vector<Leaf> leaves_;
  std::vector<ScopeColumn> all_columns_;
  Schema all_schema_;
  std::vector<Term> terms_;
  size_t next_leaf_ = 0;
  std::vector<BoundPtr> correlated_;
};

}  // namespace millstream::analytics
