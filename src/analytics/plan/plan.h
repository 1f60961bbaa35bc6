// The plan of a continuous query: streaming operators, from sources to sinks.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "analytics/functions/aggregate.h"
#include "analytics/functions/expression.h"
#include "analytics/plan/catalog.h"

namespace millstream::analytics {

// What kinds of changes a node's output has.
enum class ChangelogMode : uint8_t {
  kAppend,   // +I only
  kUpdates,  // +I, -U, +U, -D
};

struct PlanNode;
using PlanPtr = std::shared_ptr<const PlanNode>;

// Reads a table: decodes, adds computed columns, assigns watermarks (per shard).
struct SourceNode {
  std::shared_ptr<const Table> table;
  std::vector<int> columns;  // of the table that anybody needs; the output has all, the others
                             // as nullptr columns
};

struct ProjectNode {
  std::vector<BoundPtr> expressions;
};

struct FilterNode {
  BoundPtr condition;  // BOOLEAN
};

enum class WindowKind : uint8_t { kTumble, kHop, kCumulate, kSession, kStagger };

// How rows get their windows. All in milliseconds.
struct WindowSpec {
  WindowKind kind = WindowKind::kTumble;
  int time_column = -1;  // TIMESTAMP or TIMESTAMP_LTZ of the input
  bool processing_time = false;
  int64_t size_ms = 0;   // session: the gap; stagger: the range
  int64_t slide_ms = 0;  // hop: slide; cumulate: step
  int64_t offset_ms = 0;
  // Calendar windows of the Kinesis dialect (FLOOR(t TO MONTH)): size_ms is 0 then.
  std::optional<sql::TimeUnit> calendar_unit;
  std::vector<int> partition_by;  // session: the keys that have sessions of their own
};

// Adds window_start, window_end, window_time behind the input's columns, once per window of the
// row (a table function without an aggregation above it).
struct WindowAssignNode {
  WindowSpec window;
};

// GROUP BY window and keys; append-only: one row per key when the watermark passes the end of a
// window. Output: keys, aggregates, then `properties`.
struct WindowAggregateNode {
  enum class Property : uint8_t { kStart, kEnd, kTime, kProctime };
  WindowSpec window;
  std::vector<int> keys;
  std::vector<AggregateCall> aggregates;
  std::vector<Property> properties;
  // The input has windows already (two columns: start, end) from a window function or window
  // aggregation below: rows are grouped by them.
  std::optional<std::pair<int, int>> window_columns;
};

// Unbounded GROUP BY (and DISTINCT: no aggregates). Output: keys, aggregates. With no keys: one
// row from the start.
struct GroupAggregateNode {
  std::vector<int> keys;
  std::vector<AggregateCall> aggregates;
  bool input_retracts = false;
};

// OVER (PARTITION BY … ORDER BY time ROWS|RANGE … PRECEDING). Output: input, aggregates.
struct OverNode {
  std::vector<int> partition_by;
  int order_column = -1;
  bool processing_time = false;
  // Kinesis dialect: rows come in order and each leaves at once, over itself and those before
  // it; else a row leaves when the watermark has passed it, and its peers in time count (RANGE).
  bool immediate = false;
  bool rows = false;                 // ROWS; else RANGE
  std::optional<int64_t> preceding;  // rows, or milliseconds; none: UNBOUNDED
  std::vector<AggregateCall> aggregates;
};

// Keeps both sides for ever (or `state_ttl_ms`). Output: left, right columns (semi, anti: left).
struct JoinNode {
  sql::JoinKind kind = sql::JoinKind::kInner;
  std::vector<int> left_keys;
  std::vector<int> right_keys;
  BoundPtr condition;  // over left columns, then right columns; may be null
  bool left_retracts = false;
  bool right_retracts = false;
};

// left.time - right.time within [lower, upper] milliseconds.
struct IntervalJoinNode {
  sql::JoinKind kind = sql::JoinKind::kInner;
  std::vector<int> left_keys;
  std::vector<int> right_keys;
  int left_time = -1;
  int right_time = -1;
  bool processing_time = false;
  int64_t lower_ms = 0;
  int64_t upper_ms = 0;
  // Kinesis dialect, windows by rows: only the last n of the other side; 0: by time.
  int64_t left_rows = 0;
  int64_t right_rows = 0;
  BoundPtr condition;
};

// Rows of equal windows and keys; emitted when the window ends. The inputs have window columns.
struct WindowJoinNode {
  sql::JoinKind kind = sql::JoinKind::kInner;
  std::vector<int> left_keys;
  std::vector<int> right_keys;
  int left_window_end = -1;
  int right_window_end = -1;
  BoundPtr condition;
};

// Joins with a table held in memory as it was read at start or when it was last replaced:
// reference data, filesystem tables FOR SYSTEM_TIME AS OF. Output: left, table columns.
struct ReferenceJoinNode {
  sql::JoinKind kind = sql::JoinKind::kInner;  // inner, left
  std::shared_ptr<const Table> table;
  std::vector<int> left_keys;
  std::vector<int> table_keys;  // columns of the table
  BoundPtr condition;
};

// ROW_NUMBER() OVER (PARTITION BY … ORDER BY …) <= n, RANK of ties as ROW_NUMBER. Output: input
// [, rank]. With n = 1 and a time attribute as order: deduplication (keep first or last row).
struct RankNode {
  std::vector<int> partition_by;
  struct Order {
    int column = -1;
    bool descending = false;
    bool nulls_first = false;
  };
  std::vector<Order> order_by;
  int64_t limit = 0;
  bool output_rank = false;
  bool input_retracts = false;
  std::optional<int> order_time;  // deduplication by time: the only order column
  // The partition has a window (its end column): rows leave, in rank order, when it ends.
  std::optional<int> window_end;
};

// ORDER BY / LIMIT of a bounded query, at its end; ORDER BY rowtime: as the watermark passes.
struct SortNode {
  std::vector<RankNode::Order> order_by;
  std::optional<int64_t> limit;
  int64_t offset = 0;
  std::optional<int> rowtime;
};

// UNION ALL of all inputs.
struct UnionNode {};

// Rows of constants (VALUES), once.
struct ValuesNode {
  std::vector<std::vector<Value>> rows;
};

// Writes to a table. Columns that the insert does not name are NULL.
struct SinkNode {
  std::shared_ptr<const Table> table;
  std::string name;  // of the pump, or "insert-1" …
};

struct PlanNode {
  std::variant<SourceNode, ProjectNode, FilterNode, WindowAssignNode, WindowAggregateNode,
               GroupAggregateNode, OverNode, JoinNode, IntervalJoinNode, WindowJoinNode,
               ReferenceJoinNode, RankNode, SortNode, UnionNode, ValuesNode, SinkNode>
      node;
  std::vector<PlanPtr> inputs;
  Schema schema;  // of the output
  ChangelogMode mode = ChangelogMode::kAppend;
  // Names the state of this node over changes of the application's code: a digest of the node
  // and everything below it. Equal subtrees of one plan get a number behind it.
  std::string state_id;
};

// The rows that must meet: for each input of a node, the columns whose hash decides where its
// rows are processed. nullopt: anywhere (no state by key). Empty list: all in one place.
std::vector<std::optional<std::vector<int>>> partitioning(const PlanNode& node);

// A whole application: all sinks; nodes may be shared between them (a view or an in-application
// stream read twice is computed once).
struct Plan {
  sql::Dialect dialect = sql::Dialect::kFlink;
  std::vector<PlanPtr> sinks;
  std::map<std::string, std::string> options;  // SET
};

// EXPLAIN: one line a node, indented, "TopN(partition by [$a], order by [b DESC], limit 10)
// changelog [I,UB,UA,D]".
std::string explain(const Plan& plan);
// The digest described at PlanNode::state_id.
std::string state_id_of(const PlanNode& node);

}  // namespace millstream::analytics
