// Scripts of the Kinesis dialect: streams, and pumps between them. All pumps run at once,
// whatever their order in the script: statements are gathered first, and a stream's rows planned
// when somebody reads them.
#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "analytics/plan/kinesis_pump.h"
#include "analytics/plan/kinesis_rules.h"
#include "analytics/plan/kinesis_tables.h"
#include "analytics/plan/script_planner.h"
#include "analytics/plan/table_definition.h"
#include "base/text.h"

namespace millstream::analytics {
namespace {

// Streams that read one another through pumps written in the wrong order: planning recurses.
constexpr int kMaxStreamsUnderWay = 64;

struct Pump {
  std::string name;
  const sql::Insert* insert = nullptr;
};

struct InAppStream {
  std::shared_ptr<const Table> table;
  bool under_way = false;
  std::optional<Relation> rows;  // once planned
};

struct InAppView {
  const sql::CreateView* statement = nullptr;
  bool under_way = false;
  std::optional<Relation> rows;
};

class KinesisScript final : public ScriptPlanner {
 public:
  KinesisScript(std::string_view script, const PlannerSettings& settings)
      : ScriptPlanner(script, settings) {
    for (const auto& given : settings.tables) {
      auto table = given;
      if (given->connector == Connector::kStream) {
        auto input = std::make_shared<Table>(*given);
        add_system_columns(*input);
        table = std::move(input);
      }
      inputs_[table->name] = relation_of_table(table);
    }
  }

  Result<> run(const std::vector<sql::Statement>& statements) override {
    for (const sql::Statement& statement : statements) {
      StatementResult answer;
      TRY_ASSIGN(answer.text, std::visit(Gather{*this, statement}, statement.body));
      result_.results.push_back(std::move(answer));
    }
    // Every pump is planned, also one that nobody reads: its errors are worth knowing.
    for (const Pump& pump : pumps_) {
      TRY(rows_of(stream_name(pump.insert->table), pump.insert->table[0].position));
    }
    for (auto& [name, view] : views_) TRY(rows_of_view(view));
    TRY(write_outputs());
    for (size_t i = 0; i < statements.size(); ++i) {
      TRY(std::visit(Answer{*this, statements[i], result_.results[i].text}, statements[i].body));
    }
    for (const auto& [name, input] : inputs_) result_.tables.push_back(input.table);
    for (const auto& [name, stream] : streams_) result_.tables.push_back(stream.table);
    for (const auto& [name, view] : views_) result_.views.push_back(name);
    return {};
  }

  Result<std::optional<NamedRelation>> find_relation(
      const sql::TableReference& reference) override {
    const std::string name = names.name(reference.name.back());
    const sql::Position position = reference.name[0].position;
    if (reference.name.size() > 1) return std::nullopt;
    if (const auto stream = streams_.find(name); stream != streams_.end()) {
      TRY(rows_of(name, position));
      return NamedRelation{.relation = *stream->second.rows, .table = stream->second.table};
    }
    if (const auto input = inputs_.find(name); input != inputs_.end()) return input->second;
    if (const auto view = views_.find(name); view != views_.end()) {
      TRY(rows_of_view(view->second));
      return NamedRelation{.relation = *view->second.rows, .table = nullptr};
    }
    if (to_lower(name) == kErrorStreamName) return error_stream();
    TRY(check_spelling(name, position));
    return std::nullopt;
  }

  std::vector<std::string> known_tables() const override {
    std::vector<std::string> all;
    for (const auto& [name, stream] : streams_) all.push_back(name);
    for (const auto& [name, input] : inputs_) all.push_back(name);
    for (const auto& [name, view] : views_) all.push_back(name);
    return all;
  }

 protected:
  std::unique_ptr<DialectRules> make_rules() override { return make_kinesis_rules(*this); }

 private:
  // What a statement defines.
  struct Gather {
    KinesisScript& script;
    const sql::Statement& statement;

    Result<std::string> operator()(const sql::CreateStream& create) const {
      TRY(script.create_stream(create));
      return std::string();
    }
    Result<std::string> operator()(const sql::CreatePump& create) const {
      TRY(script.create_pump(create));
      return std::string();
    }
    Result<std::string> operator()(const sql::CreateView& create) const {
      TRY(script.create_view(create));
      return std::string();
    }
    Result<std::string> operator()(const sql::Drop& drop) const {
      TRY(script.drop(drop));
      return std::string();
    }
    Result<std::string> operator()(const sql::CreateTable&) const {
      return refused(
          "CREATE TABLE belongs to Flink SQL: write CREATE STREAM; reference tables "
          "come from the application's reference data sources");
    }
    Result<std::string> operator()(const sql::Insert&) const {
      return refused(
          "an INSERT runs in a pump: write CREATE OR REPLACE PUMP \"name\" AS INSERT "
          "INTO …");
    }
    Result<std::string> operator()(const sql::StatementSet&) const {
      return refused("a STATEMENT SET belongs to Flink SQL: write one pump for each INSERT");
    }
    Result<std::string> operator()(const sql::SetOption&) const {
      return refused("SET belongs to Flink SQL: this dialect has no options");
    }
    Result<std::string> operator()(const sql::QueryPtr&) const {
      if (script.settings_.collect_queries) return std::string();
      return refused(
          "a query by itself has no reader here: write CREATE OR REPLACE PUMP \"name\" "
          "AS INSERT INTO \"stream\" SELECT STREAM …");
    }
    // Answered when all is known.
    Result<std::string> operator()(const sql::Explain&) const { return std::string(); }
    Result<std::string> operator()(const sql::Show&) const { return std::string(); }
    Result<std::string> operator()(const sql::Describe&) const { return std::string(); }

    std::unexpected<Error> refused(std::string_view message) const {
      return script.fail_at(statement.position, message);
    }
  };

  // What a statement asks about the finished script.
  struct Answer {
    KinesisScript& script;
    const sql::Statement& statement;
    std::string& text;

    Result<> operator()(const sql::QueryPtr& query) const {
      TRY_ASSIGN(PlanPtr sink, script.plan_collect(*query));
      script.result_.plan.sinks.push_back(std::move(sink));
      return {};
    }
    Result<> operator()(const sql::Explain& explained) const {
      TRY_ASSIGN(text, script.explain(*explained.statement));
      return {};
    }
    Result<> operator()(const sql::Show& show) const {
      TRY_ASSIGN(text, script.show(show, statement.position));
      return {};
    }
    Result<> operator()(const sql::Describe& describe) const {
      TRY_ASSIGN(text, script.describe(describe));
      return {};
    }
    template <class Other>
    Result<> operator()(const Other&) const {
      return {};
    }
  };

  std::string stream_name(const sql::QualifiedName& name) const { return names.name(name.back()); }

  std::unexpected<Error> not_found(const std::string& name, sql::Position position) const {
    TRY(check_spelling(name, position));
    return fail_at(position, fmt::format("Object '{}' not found{}", name,
                                         nearest_names(name, known_tables())));
  }

  // Unquoted names are upper case: the commonest mistake of this dialect.
  Result<> check_spelling(const std::string& name, sql::Position position) const {
    for (const std::string& known : known_tables()) {
      if (known == name || to_lower(known) != to_lower(name)) continue;
      return fail_at(position, fmt::format("Object '{}' not found; there is \"{}\": names without "
                                           "double quotes are upper case",
                                           name, known));
    }
    return {};
  }

  Result<> check_free(const std::string& name, sql::Position position) const {
    if (to_lower(name) == kErrorStreamName) {
      return fail_at(position, "error_stream is predefined: choose another name");
    }
    if (inputs_.contains(name)) {
      return fail_at(position, fmt::format("'{}' is an input of the application: choose another "
                                           "name",
                                           name));
    }
    if (streams_.contains(name) || views_.contains(name)) {
      return fail_at(position,
                     fmt::format("Object '{}' already exists: write CREATE OR REPLACE", name));
    }
    return {};
  }

  Result<> create_stream(const sql::CreateStream& create) {
    const std::string name = stream_name(create.name);
    if (create.or_replace) streams_.erase(name);
    TRY(check_free(name, create.name[0].position));
    if (create.as != nullptr) {
      return fail_at(
          create.as->position,
          "CREATE STREAM … AS is not yet supported: write CREATE STREAM and CREATE PUMP");
    }
    TRY_ASSIGN(streams_[name].table, define_stream(create, names));
    return {};
  }

  Result<> create_pump(const sql::CreatePump& create) {
    const std::string name = stream_name(create.name);
    const auto known = std::ranges::find(pumps_, name, &Pump::name);
    if (known != pumps_.end()) {
      if (!create.or_replace) {
        return fail_at(create.name[0].position,
                       fmt::format("Pump '{}' already exists: write CREATE OR REPLACE PUMP", name));
      }
      pumps_.erase(known);
    }
    pumps_.push_back({.name = name, .insert = &create.insert});
    return {};
  }

  Result<> create_view(const sql::CreateView& create) {
    const std::string name = stream_name(create.name);
    if (create.or_replace) views_.erase(name);
    TRY(check_free(name, create.name[0].position));
    views_[name].statement = &create;
    return {};
  }

  Result<> drop(const sql::Drop& drop) {
    const std::string name = stream_name(drop.name);
    size_t dropped = 0;
    if (drop.what == "PUMP") {
      dropped = std::erase_if(pumps_, [&](const Pump& pump) { return pump.name == name; });
    } else if (drop.what == "STREAM") {
      dropped = streams_.erase(name);
    } else if (drop.what == "VIEW") {
      dropped = views_.erase(name);
    } else {
      return fail_at(drop.name[0].position,
                     fmt::format("DROP {} is not part of this dialect", drop.what));
    }
    if (dropped > 0 || drop.if_exists) return {};
    return not_found(name, drop.name[0].position);
  }

  // --- Rows of streams.

  NamedRelation error_stream() {
    if (!error_stream_) error_stream_ = relation_of_table(error_stream_table());
    return *error_stream_;
  }

  // Plans the rows of a stream, once: those of its pumps, in their order.
  Result<> rows_of(const std::string& name, sql::Position position) {
    const auto found = streams_.find(name);
    if (found == streams_.end()) return no_target(name, position);
    InAppStream& stream = found->second;
    if (stream.rows) return {};
    if (stream.under_way) {
      return fail_at(position, fmt::format("stream '{}' is read by the pumps that feed it: streams "
                                           "in a circle are not yet supported",
                                           name));
    }
    if (depth_ >= kMaxStreamsUnderWay) {
      return fail_at(position,
                     "too many streams that read one another: put the pumps into the order in "
                     "which rows pass them");
    }
    stream.under_way = true;
    ++depth_;
    std::vector<PlanPtr> inputs;
    for (const Pump& pump : pumps_) {
      if (stream_name(pump.insert->table) != name) continue;
      TRY_ASSIGN(PlanPtr rows, plan_pump(pump, *stream.table));
      inputs.push_back(std::move(rows));
    }
    --depth_;
    stream.under_way = false;
    PlanPtr plan;
    if (inputs.empty()) {
      warnings.push_back(fmt::format("no pump inserts into stream '{}': it has no rows", name));
      plan = make_node(ValuesNode{}, {}, stream.table->schema());
    } else {
      plan = make_union(std::move(inputs), stream.table->schema());
    }
    Relation rows = relation_of(std::move(plan));
    rows.columns.back().visibility = Visibility::kHidden;
    stream.rows = std::move(rows);
    return {};
  }

  Result<> no_target(const std::string& name, sql::Position position) const {
    if (inputs_.contains(name)) {
      return fail_at(position, fmt::format("'{}' is an input of the application: a pump can't "
                                           "insert into it",
                                           name));
    }
    return not_found(name, position);
  }

  Result<> rows_of_view(InAppView& view) {
    if (view.rows) return {};
    const sql::Position position = view.statement->name[0].position;
    if (view.under_way || depth_ >= kMaxStreamsUnderWay) {
      return fail_at(position, "views in a circle, or too many that read one another");
    }
    view.under_way = true;
    ++depth_;
    TRY_ASSIGN(Relation relation, plan_query(*view.statement->query));
    --depth_;
    view.under_way = false;
    std::vector<std::string> columns;
    for (const sql::Identifier& column : view.statement->columns) {
      columns.push_back(names.name(column));
    }
    auto rows = renamed(std::move(relation), "", columns);
    if (!rows) return error_at(names, position, rows.error());
    view.rows = *std::move(rows);
    return {};
  }

  Result<PlanPtr> plan_pump(const Pump& pump, const Table& stream) {
    QueryPlanner planner(*this, make_rules());
    TRY_ASSIGN(Relation relation, planner.plan(*pump.insert->query, true));
    TRY(check_size(relation, pump.insert->query->position));
    return pump_rows(names, *pump.insert, pump.name, stream, std::move(relation));
  }

  // --- Sinks.

  Result<> write_outputs() {
    for (const auto& [name, output] : settings_.outputs) {
      if (const auto stream = streams_.find(name); stream != streams_.end()) {
        TRY(rows_of(name, {}));
        TRY(write(*stream->second.rows, output, name));
      } else if (to_lower(name) == kErrorStreamName) {
        TRY(write(error_stream().relation, output, name));
      } else {
        warnings.push_back(fmt::format(
            "output '{}' is no stream of the application's code: it gets no rows", name));
      }
    }
    return {};
  }

  Result<> write(const Relation& rows, const std::shared_ptr<const Table>& output,
                 const std::string& name) {
    TRY_ASSIGN(PlanPtr sink, output_sink(rows, *output, name));
    result_.plan.sinks.push_back(std::move(sink));
    return {};
  }

  // --- Answers.

  Result<std::string> explain(const sql::Statement& statement) {
    if (const auto* query = std::get_if<sql::QueryPtr>(&statement.body)) {
      TRY_ASSIGN(PlanPtr sink, plan_collect(**query));
      return explain_sinks({std::move(sink)});
    }
    return fail_at(statement.position, "EXPLAIN takes a query");
  }

  Result<std::string> show(const sql::Show& show, sql::Position position) {
    std::vector<std::string> all;
    if (show.what == "STREAMS" || show.what == "TABLES") return lines(known_tables());
    if (show.what == "PUMPS") {
      for (const Pump& pump : pumps_) all.push_back(pump.name);
      return lines(all);
    }
    if (show.what == "VIEWS") {
      for (const auto& [name, view] : views_) all.push_back(name);
      return lines(all);
    }
    if (show.what == "FUNCTIONS") return functions_text(names.dialect);
    return fail_at(position, fmt::format("SHOW {} is not yet supported", show.what));
  }

  Result<std::string> describe(const sql::Describe& describe) {
    const std::string name = stream_name(describe.name);
    if (const auto stream = streams_.find(name); stream != streams_.end()) {
      return describe_table(*stream->second.table);
    }
    if (const auto input = inputs_.find(name); input != inputs_.end()) {
      return describe_table(*input->second.table);
    }
    if (to_lower(name) == kErrorStreamName) return describe_table(*error_stream().table);
    return not_found(name, describe.name[0].position);
  }

  std::map<std::string, NamedRelation> inputs_;  // streams and reference tables from outside
  std::map<std::string, InAppStream> streams_;
  std::map<std::string, InAppView> views_;
  std::vector<Pump> pumps_;
  std::optional<NamedRelation> error_stream_;
  int depth_ = 0;
};

}  // namespace

std::unique_ptr<ScriptPlanner> make_kinesis_script(std::string_view script,
                                                   const PlannerSettings& settings) {
  return std::make_unique<KinesisScript>(script, settings);
}

}  // namespace millstream::analytics
