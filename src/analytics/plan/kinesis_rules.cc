#include "analytics/plan/kinesis_rules.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "analytics/plan/kinesis_tables.h"

namespace millstream::analytics {
namespace {

// Functions over streams that AWS documents.
constexpr std::array<std::string_view, 7> kTableFunctionsNotYet = {
    "ANOMALY_DETECTION",
    "HOTSPOTS",
    "RANDOM_CUT_FOREST",
    "RANDOM_CUT_FOREST_WITH_EXPLANATION",
    "TOP_K_ITEMS_TUMBLING",
    "COUNT_DISTINCT_ITEMS_TUMBLING",
    "GROUP_RANK"};

class KinesisRules final : public DialectRules {
 public:
  explicit KinesisRules(PlanContext& context) : context_(context) {}

  Result<Relation> join(JoinRequest request) override {
    return kinesis_join(context_, std::move(request));
  }
  Result<AggregateResult> aggregate(AggregateRequest request) override {
    return kinesis_aggregate(context_, std::move(request));
  }
  Result<OverResult> over(OverRequest request) override {
    return kinesis_over(context_, std::move(request));
  }

  Result<Relation> alone(JoinSide side) override {
    if (side.reference != nullptr && side.reference->over != nullptr) {
      return error_at(context_.names, side.reference->position,
                      "a stream has a window (OVER) in FROM only if it is joined with another "
                      "one: write the window in the select list, as in COUNT(*) OVER (RANGE "
                      "INTERVAL '1' MINUTE PRECEDING)");
    }
    if (side.table != nullptr && side.table->connector == Connector::kFilesystem) {
      return error_at(
          context_.names, side.reference->position,
          fmt::format("'{}' is a reference table: join it with a stream", side.table->name));
    }
    return std::move(side.relation);
  }

  Result<Relation> table_function(const sql::TableReference& reference) override {
    std::string name;
    if (reference.function != nullptr && !reference.function->name.empty()) {
      name = context_.names.name(reference.function->name.back());
    }
    if (std::ranges::find(kTableFunctionsNotYet, name) != kTableFunctionsNotYet.end()) {
      return error_at(context_.names, reference.position,
                      fmt::format("{} is not yet supported", name));
    }
    return error_at(context_.names, reference.position,
                    fmt::format("function {} over a stream is not yet supported", name));
  }

  // ROWTIME goes along, whether it is selected or not.
  Result<> add_hidden(ExpressionBinder& binder, std::vector<BoundPtr>& expressions,
                      std::vector<ScopeColumn>& columns) override {
    for (size_t i = 0; i < columns.size(); ++i) {
      if (columns[i].name != kRowtimeName) continue;
      if (expressions[i]->type.time == TimeAttribute::kRowtime) return {};
      return fail(ErrorCode::kInvalidArgument,
                  "a column of one's own as ROWTIME is not yet supported: give it another name");
    }
    const auto has_rowtime = std::ranges::any_of(
        binder.columns(), [](const ScopeColumn& column) { return column.name == kRowtimeName; });
    if (!has_rowtime) return {};
    sql::Expression name;
    name.kind = sql::ExpressionKind::kName;
    name.name.push_back({.text = std::string(kRowtimeName), .quoted = true, .position = {}});
    TRY_ASSIGN(BoundPtr rowtime, binder.bind(name));
    if (rowtime->type.time != TimeAttribute::kRowtime) return {};
    expressions.push_back(std::move(rowtime));
    columns.push_back(
        {.table = "", .name = std::string(kRowtimeName), .visibility = Visibility::kHidden});
    return {};
  }

 private:
  PlanContext& context_;
};

}  // namespace

std::unique_ptr<DialectRules> make_kinesis_rules(PlanContext& context) {
  return std::make_unique<KinesisRules>(context);
}

std::vector<AggregateCall> lower_aggregates(PlanPtr& plan,
                                            const std::vector<BoundAggregate>& aggregates) {
  std::vector<BoundPtr> extra;
  for (const BoundAggregate& aggregate : aggregates) {
    extra.insert(extra.end(), aggregate.arguments.begin(), aggregate.arguments.end());
    if (aggregate.filter != nullptr) extra.push_back(aggregate.filter);
  }
  std::vector<int> columns;
  plan = with_columns(plan, extra, columns);
  std::vector<AggregateCall> calls;
  size_t next = 0;
  for (const BoundAggregate& aggregate : aggregates) {
    AggregateCall call;
    call.function = aggregate.function;
    for (const BoundPtr& argument : aggregate.arguments) {
      call.arguments.push_back(columns[next++]);
      call.argument_types.push_back(argument->type);
    }
    call.constants = aggregate.constants;
    call.distinct = aggregate.distinct;
    if (aggregate.filter != nullptr) call.filter = columns[next++];
    call.type = aggregate.type;
    call.text = aggregate.text;
    calls.push_back(std::move(call));
  }
  return calls;
}

}  // namespace millstream::analytics
