// The one syntax tree of both dialects: what was written, before names and types have a meaning.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace millstream::analytics::sql {

enum class Dialect : uint8_t { kKinesis, kFlink };

// Where something stands in the script: the first byte; lines and columns count from 1, columns
// in characters.
struct Position {
  uint32_t line = 1;
  uint32_t column = 1;
  uint32_t offset = 0;
};

// Unquoted identifiers keep their spelling here; in the Kinesis dialect name() is upper case.
struct Identifier {
  std::string text;
  bool quoted = false;
  Position position;
  char quote = '"';  // which, if quoted: " or `
};
// a.b.c; never empty where a name is required.
using QualifiedName = std::vector<Identifier>;

// Trees are at most this high, so that those who walk them may recurse. Chains of AND, OR, || and
// of one set operation stand as balanced trees (their operands keep the order).
inline constexpr uint32_t kMaxTreeHeight = 400;

struct Expression;
struct Query;
struct TableReference;
using ExpressionPtr = std::unique_ptr<Expression>;
using QueryPtr = std::unique_ptr<Query>;
using TableReferencePtr = std::unique_ptr<TableReference>;

struct TypeField;

// Types as written: "DECIMAL(10, 2) NOT NULL", "ROW<a INT, b STRING>".
struct TypeName {
  std::string name;  // upper case, one space between words: "DOUBLE PRECISION"
  std::vector<int32_t> arguments;
  std::vector<TypeField> fields;   // ROW<…>
  std::vector<TypeName> elements;  // ARRAY<…>, MAP<…>
  bool not_null = false;
  Position position;
};

struct TypeField {
  Identifier name;
  TypeName type;
};

enum class TimeUnit : uint8_t {
  kMillisecond,
  kSecond,
  kMinute,
  kHour,
  kDay,
  kWeek,
  kMonth,
  kQuarter,
  kYear,
  kDow,  // the last ones for EXTRACT only
  kDoy,
  kEpoch,
  kDecade,
  kCentury,
  kMillennium,
  kIsoDow,
  kIsoYear,
  kMicrosecond,
  kNanosecond,
};

// ORDER BY e [ASC|DESC] [NULLS FIRST|LAST]
struct OrderItem {
  ExpressionPtr expression;
  bool descending = false;
  std::optional<bool> nulls_first;
};

// ROWS|RANGE frames of OVER. Bounds: unbounded, CURRENT ROW, or an expression (a count or an
// interval) before (preceding) or after the row.
struct FrameBound {
  enum class Kind : uint8_t {
    kUnboundedPreceding,
    kPreceding,
    kCurrentRow,
    kFollowing,
    kUnboundedFollowing
  };
  Kind kind = Kind::kCurrentRow;
  ExpressionPtr offset;
};
struct WindowSpecification {
  std::optional<Identifier> base;  // OVER w, OVER (w …)
  std::vector<ExpressionPtr> partition_by;
  std::vector<OrderItem> order_by;
  bool has_frame = false;
  bool rows = false;  // else RANGE
  FrameBound start;
  FrameBound end;
  Position position;
};

enum class ExpressionKind : uint8_t {
  kNull,
  kBoolean,  // text: TRUE, FALSE, UNKNOWN
  kNumber,   // text as written: 12, 1.50, 1e3
  kString,   // text: the value, quotes undone
  kDate,     // DATE '…', TIME '…', TIMESTAMP '…': text is the quoted part
  kTime,
  kTimestamp,
  kInterval,   // text: the quoted part, '-' before it if negative; unit, for "A TO B" unit_to;
               // type.arguments: digits of the first unit and of the second's fraction, if written
  kName,       // name: column, alias.column, column.field
  kStar,       // name: empty, or the table of t.*
  kParameter,  // reserved for `?`: refused by the parser
  kUnary,      // text: "-", "+", "NOT"
  kBinary,   // text: + - * / % || = <> < <= > >= AND OR; "IS DISTINCT FROM", "IS NOT DISTINCT FROM"
  kIs,       // text: "NULL", "TRUE", "FALSE", "UNKNOWN"; negated
  kBetween,  // arguments: value, low, high; negated; text: "" or "SYMMETRIC"
  kIn,       // arguments: value, then the list; or query; negated
  kLike,     // arguments: value, pattern[, escape]; text: "LIKE" or "SIMILAR TO"; negated
  kCase,     // arguments: [operand,] when, then, …; has_operand, has_else (the last argument)
  kCast,     // arguments: value; type; text: "CAST" or "TRY_CAST"; "(a - b) SECOND" is a CAST of
             // the difference to "INTERVAL SECOND"
  kCall,     // name; arguments; distinct; filter; over; star (COUNT(*)); order_by
             // (FIRST_VALUE …); names of named arguments (a => 1)
  kExtract,  // arguments: value; unit
  kFloor,    // FLOOR(x TO unit); text: "FLOOR" or "CEIL"; arguments: value; unit
  kStep,     // STEP(x BY INTERVAL …); arguments: value, interval
  kTrim,     // arguments: value[, characters]; text: "BOTH", "LEADING", "TRAILING"; TRIM(x), too
  kSubstring,     // SUBSTRING(x FROM a [FOR b]); arguments. SUBSTRING(x, a, b) is a kCall
  kPosition,      // POSITION(x IN y); arguments
  kOverlay,       // OVERLAY(x PLACING y FROM a [FOR b]); arguments
  kTimestampAdd,  // TIMESTAMPADD(unit, a, b) and TIMESTAMPDIFF: unit; arguments
  kTimestampDiff,
  kExists,      // query; negated by NOT
  kSubquery,    // query as a scalar
  kRow,         // (a, b) or ROW(a, b): arguments
  kArray,       // ARRAY[…]: arguments
  kElement,     // a[i]: arguments
  kDescriptor,  // DESCRIPTOR(col, …): arguments are kName
  kTable,       // TABLE t, as argument of a table function: name; PARTITION BY and ORDER BY of it
                // (SESSION) are over's
  kCursor,      // CURSOR(SELECT STREAM …): query
};

// One node. Which members mean something depends on the kind (see there).
struct Expression {
  ExpressionKind kind = ExpressionKind::kNull;
  Position position;
  uint32_t end_offset = 0;  // past its last byte: messages quote the source
  uint32_t height = 1;      // of the tree below, queries included
  std::string text;
  QualifiedName name;
  std::vector<ExpressionPtr> arguments;
  std::vector<std::string> argument_names;  // as many as arguments, or empty
  bool negated = false;
  bool distinct = false;
  bool star = false;
  bool has_operand = false;
  bool has_else = false;
  TimeUnit unit = TimeUnit::kSecond;
  std::optional<TimeUnit> unit_to;
  TypeName type;
  QueryPtr query;
  ExpressionPtr filter;
  std::unique_ptr<WindowSpecification> over;
  std::vector<OrderItem> order_by;
};

struct SelectItem {
  ExpressionPtr expression;  // kStar for * and t.*
  std::optional<Identifier> alias;
};

struct NamedWindow {
  Identifier name;
  WindowSpecification window;
};

// WINDOWED BY STAGGER|TUMBLING|SLIDING (PARTITION BY … RANGE INTERVAL …) of the Kinesis dialect.
struct WindowedBy {
  std::string kind;  // upper case
  std::vector<ExpressionPtr> partition_by;
  ExpressionPtr range;
  Position position;
};

enum class JoinKind : uint8_t { kCross, kInner, kLeft, kRight, kFull, kSemi, kAnti };

struct TableReference {
  enum class Kind : uint8_t { kNamed, kSubquery, kFunction, kJoin, kValues };
  Kind kind = Kind::kNamed;
  Position position;
  uint32_t height = 1;
  // kNamed
  QualifiedName name;
  std::vector<std::pair<std::string, std::string>> hints;  // /*+ OPTIONS('a'='b') */
  // "t OVER (RANGE INTERVAL …) AS a", "t OVER w AS a" (Kinesis: the window of a join)
  std::unique_ptr<WindowSpecification> over;
  ExpressionPtr system_time;  // FOR SYSTEM_TIME AS OF e
  // kSubquery, kValues; lateral: LATERAL (…), LATERAL TABLE(f(…))
  QueryPtr query;
  bool lateral = false;
  // kFunction: TABLE(f(…)) or f(…): a kCall
  ExpressionPtr function;
  // kJoin; a comma is kCross
  JoinKind join = JoinKind::kInner;
  TableReferencePtr left;
  TableReferencePtr right;
  ExpressionPtr on;
  std::vector<Identifier> using_columns;
  bool natural = false;

  std::optional<Identifier> alias;
  std::vector<Identifier> column_aliases;
};

struct Select {
  bool stream = false;  // SELECT STREAM
  bool distinct = false;
  std::vector<SelectItem> items;
  TableReferencePtr from;  // null: SELECT 1
  ExpressionPtr where;
  std::vector<ExpressionPtr> group_by;
  bool grouping_sets = false;  // GROUPING SETS, CUBE or ROLLUP was written: "not yet supported"
  ExpressionPtr having;
  std::vector<NamedWindow> windows;
  std::unique_ptr<WindowedBy> windowed_by;
  Position position;
};

struct CommonTable {
  Identifier name;
  std::vector<Identifier> columns;
  QueryPtr query;
};

struct Query {
  enum class Kind : uint8_t { kSelect, kUnion, kExcept, kIntersect, kValues };
  Kind kind = Kind::kSelect;
  Position position;
  uint32_t height = 1;
  std::vector<CommonTable> with;
  std::unique_ptr<Select> select;
  bool all = false;  // UNION ALL …
  QueryPtr left;
  QueryPtr right;
  std::vector<std::vector<ExpressionPtr>> rows;  // VALUES (…), (…)
  std::vector<OrderItem> order_by;
  ExpressionPtr limit;
  ExpressionPtr offset;
};

struct ColumnDefinition {
  Identifier name;
  TypeName type;             // physical and metadata columns
  ExpressionPtr computed;    // name AS expression
  bool metadata = false;     // name TYPE METADATA [FROM 'key'] [VIRTUAL]
  std::string metadata_key;  // empty: the column's name
  bool is_virtual = false;
  bool primary_key = false;
  std::string comment;
};

using Options = std::vector<std::pair<std::string, std::string>>;  // WITH ('a' = 'b'), SET

struct CreateTable {
  QualifiedName name;
  bool temporary = false;
  bool if_not_exists = false;
  std::vector<ColumnDefinition> columns;
  std::optional<Identifier> watermark_column;  // WATERMARK FOR c AS e
  ExpressionPtr watermark;
  std::vector<Identifier> primary_key;
  std::vector<Identifier> partitioned_by;
  Options options;
  std::optional<QualifiedName> like;
  QueryPtr as;  // CREATE TABLE … AS
};

// CREATE [OR REPLACE] STREAM name (columns) [DESCRIPTION '…']
struct CreateStream {
  QualifiedName name;
  bool or_replace = false;
  std::vector<ColumnDefinition> columns;
  QueryPtr as;
};

struct CreateView {
  QualifiedName name;
  bool temporary = false;
  bool if_not_exists = false;
  bool or_replace = false;
  std::vector<Identifier> columns;
  QueryPtr query;
};

struct Insert {
  QualifiedName table;
  std::vector<Identifier> columns;
  bool overwrite = false;
  QueryPtr query;
};

// CREATE [OR REPLACE] PUMP name AS INSERT INTO …
struct CreatePump {
  QualifiedName name;
  bool or_replace = false;
  Insert insert;
};

// EXECUTE STATEMENT SET BEGIN … END, BEGIN STATEMENT SET; … END;
struct StatementSet {
  std::vector<Insert> inserts;
};

struct SetOption {  // SET; SET 'key' = 'value'; RESET
  std::optional<std::string> key;
  std::string value;
  bool reset = false;
};

struct Explain;

struct Show {
  std::string what;  // "TABLES", "VIEWS", "STREAMS", "PUMPS", "FUNCTIONS", "CREATE TABLE"
  QualifiedName name;
};

struct Describe {
  QualifiedName name;
};

struct Drop {
  std::string what;  // "TABLE", "VIEW", "STREAM", "PUMP"
  QualifiedName name;
  bool if_exists = false;
};

struct Statement;
struct Explain {
  std::unique_ptr<Statement> statement;
};

struct Statement {
  Position position;
  uint32_t end_offset = 0;
  std::variant<CreateTable, CreateStream, CreateView, CreatePump, Insert, StatementSet, QueryPtr,
               SetOption, Explain, Show, Describe, Drop>
      body;
};

// The name that an unquoted or quoted identifier means in the dialect.
std::string name_of(const Identifier& identifier, Dialect dialect);
std::string name_text(const QualifiedName& name);  // a.b.c as written, quoted where it was

}  // namespace millstream::analytics::sql
