// The recursive-descent parser of both dialects. Private to this folder; parser.h is the way in.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "analytics/sql/ast.h"
#include "analytics/sql/lexer.h"
#include "base/result.h"

namespace millstream::analytics::sql {

// How tightly operators bind, weakest first (Apache Calcite's table; both dialects come from it).
namespace binding {
inline constexpr int kOr = 1;
inline constexpr int kAnd = 2;
inline constexpr int kNot = 3;
inline constexpr int kIs = 4;
inline constexpr int kComparison = 5;
inline constexpr int kRange = 6;  // BETWEEN, IN, LIKE, SIMILAR TO
inline constexpr int kSum = 7;
inline constexpr int kProduct = 8;  // * / % ||
inline constexpr int kSign = 9;
}  // namespace binding

// One script, one parse. Methods are named after the rule they read (README.md has the grammar);
// each begins at the rule's first token and ends behind its last.
class Parser {
 public:
  Parser(std::string_view script, Dialect dialect, Tokens tokens)
      : script_(script), dialect_(dialect), tokens_(std::move(tokens)) {}

  Result<std::vector<Statement>> parse_script();

 private:
  // Counts the nesting of rules that contain themselves.
  class Nesting {
   public:
    explicit Nesting(Parser& parser) : parser_(parser) { ++parser_.depth_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;
    ~Nesting() { --parser_.depth_; }

   private:
    Parser& parser_;
  };

  // parse_tokens.cc: reading tokens. accept…() takes a token if it is the one named, and notes
  // what was looked for otherwise, so that unexpected() can list it.
  const Token& peek(size_t ahead = 0) const;
  std::string_view text_of(const Token& token) const;
  bool is(Word word, size_t ahead = 0) const;
  bool is_symbol(std::string_view symbol, size_t ahead = 0) const;
  bool is_name(size_t ahead = 0) const;  // an identifier that may stand unquoted, or a quoted one
  bool is_query_start(size_t ahead = 0) const;
  void advance();
  bool accept(Word word);
  bool accept_symbol(std::string_view symbol);
  bool accept_all(std::initializer_list<Word> words);  // all or none of them
  Result<> expect(Word word);
  Result<> expect_all(std::initializer_list<Word> words);
  Result<> expect_symbol(std::string_view symbol);
  std::unexpected<Error> unexpected(std::string_view expected_too = {});
  std::unexpected<Error> error(Position position, std::string_view message) const;
  std::unexpected<Error> not_yet(Position position, std::string_view what) const;
  Result<> check_depth() const;
  bool flink() const { return dialect_ == Dialect::kFlink; }

  // parse_names.cc
  Identifier take_identifier();
  Result<Identifier> identifier(std::string_view what);
  Result<QualifiedName> qualified_name(std::string_view what);
  Result<std::vector<Identifier>> name_list(std::string_view what);  // a, b
  Result<std::vector<Identifier>> names_in_parentheses(std::string_view what);
  std::optional<Identifier> implicit_alias();
  Result<std::optional<Identifier>> alias();  // [AS] name
  Result<std::string> string_literal(std::string_view what);
  Result<std::string> string_value(const Token& token, char unicode_escape) const;
  Result<int32_t> small_number(std::string_view what);
  Result<std::vector<int32_t>> numbers_in_parentheses();
  std::optional<TimeUnit> time_unit_at(size_t ahead = 0) const;
  Result<TimeUnit> time_unit();
  Result<Options> options();  // ('a' = 'b', …)

  // parse_type.cc
  Result<TypeName> type();
  Result<TypeName> type_base();
  Result<> row_type(TypeName& type);
  Result<> element_types(TypeName& type, size_t count);
  Result<> time_zone_words(TypeName& type);
  Result<TypeName> interval_type(Position position);
  // unit [(p [, s])] [TO unit [(s)]], as words into `name` and digits into `arguments`
  struct IntervalQualifier {
    TimeUnit unit = TimeUnit::kSecond;
    std::optional<TimeUnit> unit_to;
    std::vector<int32_t> digits;
    std::string text;
  };
  Result<IntervalQualifier> interval_qualifier();

  // parse_expression.cc: operators
  struct Infix {
    int binding = 0;
    std::string_view op;  // of kBinary
  };
  Result<ExpressionPtr> expression(int least_binding = 0);
  Result<ExpressionPtr> prefix();
  std::optional<Infix> infix() const;
  Result<ExpressionPtr> infix_rest(ExpressionPtr left, Infix op);
  Result<ExpressionPtr> chain(ExpressionPtr left, Infix op);
  Result<ExpressionPtr> comparison(ExpressionPtr left, Infix op);
  Result<ExpressionPtr> is_rest(ExpressionPtr left);
  Result<ExpressionPtr> range_rest(ExpressionPtr left);
  Result<ExpressionPtr> between_rest(ExpressionPtr left, bool negated);
  Result<ExpressionPtr> in_rest(ExpressionPtr left, bool negated);
  Result<ExpressionPtr> like_rest(ExpressionPtr left, bool negated);
  Result<ExpressionPtr> postfix(ExpressionPtr left);
  ExpressionPtr node(ExpressionKind kind, Position position) const;
  Result<ExpressionPtr> finish(ExpressionPtr node) const;
  Result<std::vector<ExpressionPtr>> expression_list();

  // parse_primary.cc: literals, parentheses, names, forms with a word of their own
  using Form = Result<ExpressionPtr> (Parser::*)();
  Form form_at_word() const;
  Result<ExpressionPtr> primary();
  Result<ExpressionPtr> number();
  Result<ExpressionPtr> string();
  Result<ExpressionPtr> null_literal();
  Result<ExpressionPtr> boolean_literal();
  Result<ExpressionPtr> time_literal();
  Result<ExpressionPtr> interval_literal();
  Result<ExpressionPtr> parenthesised();
  Result<ExpressionPtr> name_or_call();
  Result<ExpressionPtr> niladic_call();
  Result<ExpressionPtr> case_expression();
  Result<ExpressionPtr> cast();
  Result<ExpressionPtr> exists();
  Result<ExpressionPtr> row();
  Result<ExpressionPtr> array();
  Result<ExpressionPtr> cursor();
  Result<ExpressionPtr> refused_form();

  // parse_forms.cc: functions with words between their arguments
  Result<ExpressionPtr> extract();
  Result<ExpressionPtr> floor();
  Result<ExpressionPtr> step();
  Result<ExpressionPtr> trim();
  Result<ExpressionPtr> substring();
  Result<ExpressionPtr> position();
  Result<ExpressionPtr> overlay();
  Result<ExpressionPtr> timestamp_add();
  Result<ExpressionPtr> json_call();
  Result<> json_clauses(Expression& call);
  Result<> json_on_clause(Expression& call);
  Result<ExpressionPtr> json_object();

  // parse_call.cc: calls and windows
  Result<ExpressionPtr> call(QualifiedName name, Position position);
  Result<> call_arguments(Expression& call);
  Result<> call_argument(Expression& call);
  Result<ExpressionPtr> argument_value();
  Result<ExpressionPtr> table_argument();
  Result<ExpressionPtr> descriptor();
  Result<> call_suffixes(Expression& call);
  Result<std::unique_ptr<WindowSpecification>> over();  // w | (…)
  Result<WindowSpecification> window_in_parentheses();
  Result<> frame(WindowSpecification& window);
  Result<FrameBound> frame_bound();
  Result<std::vector<OrderItem>> order_items();
  Result<OrderItem> order_item();

  // parse_query.cc
  Result<QueryPtr> query();
  Result<QueryPtr> query_rest(QueryPtr left);  // after a first operand that was already read
  Result<std::vector<CommonTable>> common_tables();
  Result<QueryPtr> unions(QueryPtr left);
  Result<QueryPtr> intersections(QueryPtr left);
  Result<QueryPtr> query_operand();
  Result<QueryPtr> query_in_parentheses();
  Result<QueryPtr> values();
  Result<QueryPtr> whole_table();  // TABLE t
  Result<> order_and_limit(Query& query);
  Result<> fetch(Query& query);
  bool is_set_operator() const;
  bool is_query_tail() const;  // what may follow a query's first operand
  QueryPtr wrapped(QueryPtr query) const;
  Result<QueryPtr> finish(QueryPtr query) const;
  Result<QueryPtr> select_query();
  Result<> select_quantifiers(Select& select);
  Result<SelectItem> select_item();
  Result<ExpressionPtr> star_item();
  bool is_star_item() const;
  Result<> select_clauses(Select& select);
  Result<> group_by(Select& select);
  Result<> grouping_sets();
  Result<> named_windows(Select& select);
  Result<> windowed_by(Select& select);

  // parse_table.cc
  Result<TableReferencePtr> tables();  // FROM …
  Result<TableReferencePtr> joined_tables();
  Result<TableReferencePtr> join_rest(TableReferencePtr left, JoinKind kind, bool natural);
  Result<std::optional<JoinKind>> join_kind();
  Result<TableReferencePtr> table_primary();
  Result<TableReferencePtr> table_in_parentheses();
  Result<TableReferencePtr> query_table();
  Result<TableReferencePtr> function_table();
  Result<TableReferencePtr> lateral_table();
  Result<TableReferencePtr> unnest_table();
  Result<TableReferencePtr> named_table();
  Result<> table_suffixes(TableReference& table);
  Result<Options> table_hints();
  Result<> query_hints();
  Result<TableReferencePtr> finish(TableReferencePtr table) const;
  TableReferencePtr table_node(TableReference::Kind kind) const;

  // parse_statement.cc
  Result<Statement> statement();
  Result<> end_of_statement();
  Result<Insert> insert();
  Result<StatementSet> statement_set_body();  // BEGIN insert; … END
  Result<Statement> begin_statement_set();
  Result<Statement> execute_statement();
  Result<SetOption> set_option();
  Result<Explain> explain();
  Result<Show> show();
  Result<Describe> describe();
  Result<Drop> drop();
  Result<> refused_statement();

  // parse_create.cc
  Result<Statement> create();
  Result<Statement> create_flink(bool or_replace);
  Result<Statement> create_kinesis(bool or_replace);
  Result<CreateTable> create_table();
  Result<> table_elements(CreateTable& table);
  Result<> table_element(CreateTable& table);
  Result<> watermark(CreateTable& table);
  Result<> primary_key(CreateTable& table);
  Result<> not_enforced();
  Result<ColumnDefinition> table_column();
  Result<> metadata(ColumnDefinition& column);
  Result<> table_clauses(CreateTable& table);
  Result<CreateView> create_view(bool or_replace);
  Result<CreateStream> create_stream(bool or_replace);
  Result<CreatePump> create_pump(bool or_replace);

  std::string_view script_;
  Dialect dialect_;
  Tokens tokens_;
  size_t next_ = 0;  // index of the token to read
  int depth_ = 0;
  std::vector<std::string> expected_;  // what was looked for at next_
  // The index of a name last taken for an alias without AS: "SELECT a FORM t" is wrong at FORM,
  // not at t.
  size_t implicit_alias_ = SIZE_MAX;
};

}  // namespace millstream::analytics::sql
