// SELECT, VALUES, UNION, INSERT → plan. One walk for both dialects; what they mean by windows,
// grouping, OVER and joins is in their DialectRules.
//
// Order of a SELECT: FROM (joins with the conditions of WHERE that belong to them), WHERE,
// GROUP BY and aggregates, HAVING, OVER, select list, DISTINCT, ORDER BY, LIMIT.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analytics/functions/aggregate.h"
#include "analytics/plan/expression_binder.h"
#include "analytics/plan/plan.h"
#include "analytics/plan/plan_nodes.h"
#include "analytics/plan/scope.h"
#include "analytics/sql/ast.h"
#include "base/result.h"

namespace millstream::analytics {

// What a table's name stands for.
struct NamedRelation {
  Relation relation;                   // columns' `table` is set by the query planner
  std::shared_ptr<const Table> table;  // of a table itself (not of a view)
};

// What surrounds a query (implemented by the driver, planner.cc).
class PlanContext {
 public:
  virtual ~PlanContext() = default;

  NameRules names;
  bool bounded = false;  // inputs end: ORDER BY and LIMIT are allowed
  std::vector<std::string> warnings;

  // The table, view or stream of a FROM item (kNamed: name and hints). nullopt: there is none of
  // that name; the planner then says so at its place, with known_tables() for suggestions.
  virtual Result<std::optional<NamedRelation>> find_relation(
      const sql::TableReference& reference) = 0;
  virtual std::vector<std::string> known_tables() const = 0;
};

// One side of a join.
struct JoinSide {
  Relation relation;
  const sql::TableReference* reference = nullptr;  // as written: `over`, `system_time`, alias
  std::shared_ptr<const Table> table;              // if it is a table itself, nothing between
};

struct JoinRequest {
  sql::JoinKind kind = sql::JoinKind::kInner;  // kCross: no condition was found
  JoinSide left;
  JoinSide right;
  // Terms of ON and of WHERE that need both sides, over left columns, then right columns.
  std::vector<BoundPtr> conjuncts;
  sql::Position position;
  const sql::Select* select = nullptr;  // whose FROM it is: its named windows
};

// SUM(DISTINCT a + b) FILTER (WHERE c), bound over the input of the aggregation.
struct BoundAggregate {
  const AggregateFunction* function = nullptr;
  std::vector<BoundPtr> arguments;  // without those that are in `constants`
  std::vector<Value> constants;
  bool distinct = false;
  BoundPtr filter;  // or null
  Type type;
  std::string text;
  sql::Position position;
};
bool same(const BoundAggregate& a, const BoundAggregate& b);

// A GROUP BY that holds a group window of Flink: TUMBLE(t, INTERVAL …).
struct GroupWindow {
  WindowSpec window;  // time_column: of the request's input
  const sql::Expression* call = nullptr;
};

struct AggregateRequest {
  Relation input;
  const sql::Select* select = nullptr;  // windowed_by, positions
  std::vector<BoundPtr> keys;           // over the input; without the group window
  std::vector<std::string> key_names;   // of the output's columns
  std::vector<BoundAggregate> aggregates;
  std::optional<GroupWindow> window;
  // Asked for by TUMBLE_START(…) and kin; in the Kinesis dialect kTime is ROWTIME of the result.
  std::vector<WindowAggregateNode::Property> properties;
};
// Where the answers stand in plan->schema.
struct AggregateResult {
  PlanPtr plan;
  std::vector<int> keys;
  std::vector<int> aggregates;
  std::vector<int> properties;
};

struct BoundFrame {
  bool has_frame = false;
  bool rows = false;
  sql::FrameBound::Kind start_kind = sql::FrameBound::Kind::kUnboundedPreceding;
  sql::FrameBound::Kind end_kind = sql::FrameBound::Kind::kCurrentRow;
  std::optional<int64_t> start_offset;  // rows, or milliseconds
  std::optional<int64_t> end_offset;
};
struct BoundOrder {
  BoundPtr expression;
  bool descending = false;
  bool nulls_first = false;  // Flink: NULL is the least value: first when ascending
};
struct BoundOver {
  std::vector<BoundPtr> partition_by;
  std::vector<BoundOrder> order_by;
  BoundFrame frame;
  sql::Position position;
};
bool same(const BoundOver& a, const BoundOver& b);

struct OverCall {
  BoundAggregate aggregate;   // of ROW_NUMBER, RANK, DENSE_RANK: function is null
  std::string rank_function;  // "ROW_NUMBER" …, or empty
  BoundOver window;
};
struct OverRequest {
  Relation input;
  std::vector<OverCall> calls;
};
// The input's columns keep their places; columns[i] is where call i stands.
struct OverResult {
  PlanPtr plan;
  std::vector<int> columns;
};

// What the dialects mean differently.
class DialectRules {
 public:
  virtual ~DialectRules() = default;
  // The columns of the result: left's, then right's (semi, anti: left's), then any that the
  // dialect adds.
  virtual Result<Relation> join(JoinRequest request) = 0;
  virtual Result<AggregateResult> aggregate(AggregateRequest request) = 0;
  virtual Result<OverResult> over(OverRequest request) = 0;
  virtual Result<PlanPtr> filter(PlanPtr input, BoundPtr condition, sql::Position position);
  // A leaf of FROM by itself (no join): `t OVER …`, FOR SYSTEM_TIME AS OF are refused there.
  virtual Result<Relation> alone(JoinSide side);
  // TABLE(f(…)), f(…): a call.
  virtual Result<Relation> table_function(const sql::TableReference& reference);
  // Adds columns to a finished select list that the query did not ask for (ROWTIME, hidden).
  // `binder` binds what the select list could. Called before DISTINCT.
  virtual Result<> add_hidden(ExpressionBinder& binder, std::vector<BoundPtr>& expressions,
                              std::vector<ScopeColumn>& columns);
};

// Plans queries of one script.
//
// Life cycle: one per script (or per query); `context` outlives it.
// Threads:    one. Recursion is bounded by the parser's depth.
class QueryPlanner {
 public:
  // rules: of context.names.dialect; null: Flink's.
  explicit QueryPlanner(PlanContext& context, std::unique_ptr<DialectRules> rules = nullptr);
  ~QueryPlanner();

  // A query as in a view or FROM (…): its visible columns have no table. `top_level`: nothing
  // reads it but a sink (ORDER BY and LIMIT then mean something without a limit, too).
  Result<Relation> plan(const sql::Query& query, bool top_level = false);

  // INSERT INTO table [(columns)] query → SinkNode; types checked and cast, in Flink's words:
  //   "Column types of query result and sink for 'default_catalog.default_database.t' do not
  //   match.\nCause: Different number of columns.\n\nQuery schema: […]\nSink schema: […]"
  // and that the sink can take the query's changes. `name`: SinkNode::name.
  Result<PlanPtr> plan_insert(const sql::Insert& insert, std::shared_ptr<const Table> table,
                              std::string name);
  // The same for rows that are planned already (kCollect sinks): no cast, visible columns only.
  Result<PlanPtr> plan_sink(Relation relation, std::shared_ptr<const Table> table, std::string name,
                            sql::Position position);

  PlanContext& context() { return context_; }
  const NameRules& names() const { return context_.names; }
  DialectRules& rules() { return *rules_; }
  // A FROM item; WITH tables in scope are found first.
  Result<JoinSide> plan_reference(const sql::TableReference& reference);
  // The error at its place, if it has none yet.
  Error placed(sql::Position position, const Error& error) const;

 private:
  Result<Relation> plan_body(const sql::Query& query, bool top_level);
  Result<Relation> plan_set_operation(const sql::Query& query);
  Result<Relation> plan_values(const sql::Query& query);
  Result<Relation> plan_order(const sql::Query& query, Relation relation, bool top_level);

  PlanContext& context_;
  std::unique_ptr<DialectRules> rules_;
  std::vector<std::map<std::string, Relation>> common_tables_;
  int depth_ = 0;
};

std::unique_ptr<DialectRules> make_flink_rules(QueryPlanner& planner);

// Over all sinks of a finished plan: merges projections, moves filters down to where each is
// computed once, prunes columns (SourceNode::columns, projections before stored rows). Shared
// nodes stay shared. Call before state ids are set.
void optimize(Plan& plan);

}  // namespace millstream::analytics
