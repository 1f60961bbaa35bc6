// Scripts of Flink SQL: statements take effect one after another.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "analytics/plan/options.h"
#include "analytics/plan/script_planner.h"
#include "analytics/plan/table_definition.h"

namespace millstream::analytics {
namespace {

constexpr std::string_view kCatalog = "default_catalog";
constexpr std::string_view kDatabase = "default_database";

class FlinkScript final : public ScriptPlanner {
 public:
  FlinkScript(std::string_view script, const PlannerSettings& settings)
      : ScriptPlanner(script, settings) {
    for (const auto& table : settings.tables) {
      tables_[table->name] = relation_of_table(table);
    }
  }

  Result<> run(const std::vector<sql::Statement>& statements) override {
    for (const sql::Statement& statement : statements) {
      StatementResult answer;
      TRY_ASSIGN(answer.text, execute(statement));
      result_.results.push_back(std::move(answer));
    }
    for (const auto& [name, known] : tables_) result_.tables.push_back(known.table);
    for (const auto& [name, view] : views_) result_.views.push_back(name);
    return {};
  }

  Result<std::optional<NamedRelation>> find_relation(
      const sql::TableReference& reference) override {
    const auto name = own_name(reference.name);
    if (!name) return std::nullopt;
    if (const auto table = tables_.find(*name); table != tables_.end()) {
      TRY(check_is_source(*table->second.table, reference.position));
      if (reference.hints.empty()) return table->second;
      auto hinted = with_options(*table->second.table, reference.hints);
      if (!hinted) return error_at(names, reference.position, hinted.error());
      return relation_of_table(*std::move(hinted));
    }
    const auto view = views_.find(*name);
    if (view == views_.end()) return std::nullopt;
    if (!reference.hints.empty()) {
      return fail_at(reference.position,
                     fmt::format("view '{}' can't be enriched with new options. Hints can only be "
                                 "applied to tables.",
                                 *name));
    }
    return NamedRelation{.relation = view->second, .table = nullptr};
  }

  std::vector<std::string> known_tables() const override {
    std::vector<std::string> all;
    for (const auto& [name, known] : tables_) all.push_back(name);
    for (const auto& [name, view] : views_) all.push_back(name);
    return all;
  }

 private:
  // What each kind of statement does; the text that it answers.
  struct Execute {
    FlinkScript& script;
    const sql::Statement& statement;

    Result<std::string> operator()(const sql::CreateTable& create) const {
      return script.create_table(create);
    }
    Result<std::string> operator()(const sql::CreateView& create) const {
      return script.create_view(create);
    }
    Result<std::string> operator()(const sql::CreateStream&) const {
      return refused("CREATE STREAM");
    }
    Result<std::string> operator()(const sql::CreatePump&) const { return refused("CREATE PUMP"); }
    Result<std::string> operator()(const sql::Insert& insert) const {
      TRY_ASSIGN(PlanPtr sink, script.plan_insert(insert));
      script.result_.plan.sinks.push_back(std::move(sink));
      return std::string();
    }
    Result<std::string> operator()(const sql::StatementSet& set) const {
      for (const sql::Insert& insert : set.inserts) TRY((*this)(insert));
      return std::string();
    }
    Result<std::string> operator()(const sql::QueryPtr& query) const {
      if (!script.settings_.collect_queries) {
        return script.fail_at(statement.position,
                              "a query by itself has no reader here: write INSERT INTO … SELECT …");
      }
      TRY_ASSIGN(PlanPtr sink, script.plan_collect(*query));
      script.result_.plan.sinks.push_back(std::move(sink));
      return std::string();
    }
    Result<std::string> operator()(const sql::SetOption& option) const {
      return script.set_option(option, statement.position);
    }
    Result<std::string> operator()(const sql::Explain& explained) const {
      return script.explain(*explained.statement);
    }
    Result<std::string> operator()(const sql::Show& show) const {
      return script.show(show, statement.position);
    }
    Result<std::string> operator()(const sql::Describe& describe) const {
      return script.describe(describe);
    }
    Result<std::string> operator()(const sql::Drop& drop) const { return script.drop(drop); }

    std::unexpected<Error> refused(std::string_view what) const {
      return script.fail_at(statement.position,
                            fmt::format("{} belongs to SQL of Kinesis Data Analytics (runtime "
                                        "SQL-1_0), not to Flink SQL: write CREATE TABLE and "
                                        "INSERT INTO",
                                        what));
    }
  };

  Result<std::string> execute(const sql::Statement& statement) {
    return std::visit(Execute{*this, statement}, statement.body);
  }

  Result<> check_is_source(const Table& table, sql::Position position) const {
    const Connector connector = table.connector;
    if (connector != Connector::kDelivery && connector != Connector::kPrint &&
        connector != Connector::kBlackhole) {
      return {};
    }
    return fail_at(position,
                   fmt::format("Connector '{}' can only be used as a sink. It cannot be used as a "
                               "source: table '{}'",
                               connector_text(connector), table.name));
  }

  // The name inside the one database there is; nothing for another catalog's or database's.
  std::optional<std::string> own_name(const sql::QualifiedName& name) const {
    const size_t parts = name.size();
    if (parts > 3) return std::nullopt;
    if (parts > 1 && names.name(name[parts - 2]) != kDatabase) return std::nullopt;
    if (parts > 2 && names.name(name[0]) != kCatalog) return std::nullopt;
    return names.name(name.back());
  }

  // For a new table or view; nothing if it exists and may.
  Result<std::optional<std::string>> new_name(const sql::QualifiedName& name, bool if_not_exists) {
    const auto own = own_name(name);
    if (!own) {
      return fail_at(
          name[0].position,
          fmt::format("there is one catalog, {}, with one database, {}", kCatalog, kDatabase));
    }
    if (!tables_.contains(*own) && !views_.contains(*own)) return own;
    if (if_not_exists) return std::nullopt;
    return fail_at(name.back().position,
                   fmt::format("Table (or view) {}.{} already exists in Catalog {}.", kDatabase,
                               *own, kCatalog));
  }

  std::unexpected<Error> no_table(const sql::QualifiedName& name) const {
    return fail_at(name[0].position,
                   fmt::format("Table or view '{}' not found{}", sql::name_text(name),
                               nearest_names(names.name(name.back()), known_tables())));
  }

  Result<const NamedRelation*> find_table(const sql::QualifiedName& name) const {
    const auto own = own_name(name);
    const auto found = own ? tables_.find(*own) : tables_.end();
    if (found != tables_.end()) return &found->second;
    if (own && views_.contains(*own)) {
      return fail_at(name[0].position, fmt::format("'{}' is a view, not a table", *own));
    }
    return no_table(name);
  }

  Result<std::string> create_table(const sql::CreateTable& create) {
    TRY_ASSIGN(const auto name, new_name(create.name, create.if_not_exists));
    if (!name) return std::string();
    if (create.as != nullptr) {
      return fail_at(create.as->position,
                     "CREATE TABLE … AS is not yet supported: write CREATE TABLE and INSERT INTO");
    }
    const Table* like = nullptr;
    if (create.like) {
      TRY_ASSIGN(const NamedRelation* known, find_table(*create.like));
      like = known->table.get();
    }
    TRY_ASSIGN(auto table, define_table(create, names, like));
    std::ranges::move(option_warnings(*table), std::back_inserter(warnings));
    tables_[*name] = relation_of_table(std::move(table));
    return std::string();
  }

  Result<std::string> create_view(const sql::CreateView& create) {
    const auto own = own_name(create.name);
    if (create.or_replace && own) views_.erase(*own);
    TRY_ASSIGN(const auto name, new_name(create.name, create.if_not_exists));
    if (!name) return std::string();
    TRY_ASSIGN(Relation relation, plan_query(*create.query));
    std::vector<std::string> columns;
    for (const sql::Identifier& column : create.columns) columns.push_back(names.name(column));
    auto view = renamed(std::move(relation), "", columns);
    if (!view) return error_at(names, create.name[0].position, view.error());
    views_[*name] = *std::move(view);
    return std::string();
  }

  Result<PlanPtr> plan_insert(const sql::Insert& insert) {
    TRY_ASSIGN(const NamedRelation* target, find_table(insert.table));
    if (insert.overwrite) {
      return fail_at(insert.table[0].position,
                     "INSERT OVERWRITE is not yet supported: write INSERT INTO");
    }
    const Connector connector = target->table->connector;
    if (connector == Connector::kDatagen) {
      return fail_at(insert.table[0].position,
                     fmt::format("Connector 'datagen' can only be used as a source. It cannot be "
                                 "used as a sink: table '{}'",
                                 target->table->name));
    }
    ++inserts_;
    QueryPlanner planner(*this);
    return planner.plan_insert(insert, target->table, fmt::format("insert-{}", inserts_));
  }

  Result<std::string> explain(const sql::Statement& statement) {
    std::vector<PlanPtr> sinks;
    const int inserts = inserts_;
    if (const auto* insert = std::get_if<sql::Insert>(&statement.body)) {
      TRY_ASSIGN(PlanPtr sink, plan_insert(*insert));
      sinks.push_back(std::move(sink));
    } else if (const auto* set = std::get_if<sql::StatementSet>(&statement.body)) {
      for (const sql::Insert& each : set->inserts) {
        TRY_ASSIGN(PlanPtr sink, plan_insert(each));
        sinks.push_back(std::move(sink));
      }
    } else if (const auto* query = std::get_if<sql::QueryPtr>(&statement.body)) {
      TRY_ASSIGN(PlanPtr sink, plan_collect(**query));
      sinks.push_back(std::move(sink));
    } else {
      return fail_at(statement.position, "EXPLAIN takes a query, an INSERT or a STATEMENT SET");
    }
    inserts_ = inserts;  // explaining changes nothing
    return explain_sinks(std::move(sinks));
  }

  Result<std::string> show(const sql::Show& show, sql::Position position) {
    if (show.what == "TABLES") return lines(known_tables());
    if (show.what == "VIEWS") {
      std::vector<std::string> all;
      for (const auto& [name, view] : views_) all.push_back(name);
      return lines(all);
    }
    if (show.what == "FUNCTIONS") return functions_text(names.dialect);
    if (show.what == "CREATE TABLE") {
      TRY_ASSIGN(const NamedRelation* known, find_table(show.name));
      return create_table_text(*known->table);
    }
    return fail_at(position, fmt::format("SHOW {} is not yet supported in Flink SQL", show.what));
  }

  Result<std::string> describe(const sql::Describe& describe) {
    const auto own = own_name(describe.name);
    if (own) {
      if (const auto view = views_.find(*own); view != views_.end()) {
        Table columns;
        for (const Field& field : view->second.plan->schema) {
          columns.columns.push_back({.name = field.name, .type = field.type});
        }
        return describe_table(columns);
      }
    }
    TRY_ASSIGN(const NamedRelation* known, find_table(describe.name));
    return describe_table(*known->table);
  }

  Result<std::string> drop(const sql::Drop& drop) {
    const auto own = own_name(drop.name);
    const bool is_table = drop.what == "TABLE";
    if (!is_table && drop.what != "VIEW") {
      return fail_at(drop.name[0].position,
                     fmt::format("DROP {} is not part of Flink SQL", drop.what));
    }
    const size_t dropped = !own ? 0 : is_table ? tables_.erase(*own) : views_.erase(*own);
    if (dropped == 0 && !drop.if_exists) return no_table(drop.name);
    return std::string();
  }

  std::map<std::string, NamedRelation> tables_;
  std::map<std::string, Relation> views_;
  int inserts_ = 0;
};

}  // namespace

std::unique_ptr<ScriptPlanner> make_flink_script(std::string_view script,
                                                 const PlannerSettings& settings) {
  return std::make_unique<FlinkScript>(script, settings);
}

}  // namespace millstream::analytics
