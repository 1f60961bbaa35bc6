// GROUP BY and WINDOWED BY of the Kinesis dialect.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "analytics/plan/kinesis_rules.h"
#include "analytics/plan/kinesis_tables.h"
#include "analytics/plan/kinesis_window.h"

namespace millstream::analytics {
namespace {

using Property = WindowAggregateNode::Property;

constexpr std::string_view kWindowHelp =
    "an aggregation over a stream needs a window: GROUP BY a monotonic expression of ROWTIME, such "
    "as STEP(\"s\".ROWTIME BY INTERVAL '60' SECOND) or FLOOR(\"s\".ROWTIME TO MINUTE); or use "
    "OVER, or WINDOWED BY";

class KinesisAggregation {
 public:
  KinesisAggregation(PlanContext& context, AggregateRequest request)
      : context_(context), request_(std::move(request)), windows_(request_.keys.size()) {}

  Result<AggregateResult> plan() {
    TRY(find_window());
    return build();
  }

 private:
  std::unexpected<Error> fail_at(sql::Position position, std::string_view message) const {
    return error_at(context_.names, position, message);
  }
  sql::Position position() const {
    return request_.select == nullptr ? sql::Position{} : request_.select->position;
  }
  sql::Position key_position(size_t key) const {
    const bool known = request_.select != nullptr && key < request_.select->group_by.size();
    return known ? request_.select->group_by[key]->position : position();
  }

  Result<> find_window() {
    if (request_.select != nullptr && request_.select->windowed_by != nullptr) {
      return windowed_by(*request_.select->windowed_by);
    }
    const Schema& schema = request_.input.plan->schema;
    std::optional<RowtimeWindow> finest;
    for (size_t i = 0; i < request_.keys.size(); ++i) {
      auto window = rowtime_window(*request_.keys[i], schema);
      if (!window) return error_at(context_.names, key_position(i), window.error());
      windows_[i] = window->has_value();
      if (!window->has_value()) continue;
      if (!finest || is_within(**window, *finest)) {
        finest = **window;
      } else if (!is_within(*finest, **window)) {
        return fail_at(key_position(i),
                       "two windows of ROWTIME of which none is a multiple of the other are not "
                       "yet supported: group by one of them");
      }
    }
    if (!finest) return fail_at(position(), kWindowHelp);
    window_.kind = WindowKind::kTumble;
    window_.time_column = finest->time_column;
    window_.size_ms = finest->size_ms;
    window_.offset_ms = finest->offset_ms;
    window_.calendar_unit = finest->calendar_unit;
    return {};
  }

  Result<> windowed_by(const sql::WindowedBy& windowed) {
    if (windowed.kind == "STAGGER") {
      window_.kind = WindowKind::kStagger;
    } else if (windowed.kind == "TUMBLING") {
      window_.kind = WindowKind::kTumble;
    } else {
      return fail_at(windowed.position,
                     fmt::format("WINDOWED BY {} is not yet supported", windowed.kind));
    }
    if (!request_.select->group_by.empty()) {
      return fail_at(request_.select->group_by[0]->position,
                     "GROUP BY together with WINDOWED BY: write the keys into PARTITION BY");
    }
    if (windowed.range == nullptr) {
      return fail_at(windowed.position,
                     "WINDOWED BY needs the window's length: RANGE INTERVAL '1' MINUTE");
    }
    TRY_ASSIGN(window_.size_ms,
               constant_millis(context_.names, *windowed.range, "the length of the window"));
    if (window_.size_ms <= 0) {
      return fail_at(windowed.range->position, "the window's length must be longer than zero");
    }
    const auto rowtime = rowtime_column(request_.input.plan->schema);
    if (!rowtime)
      return fail_at(windowed.position, "WINDOWED BY needs a stream: there is no ROWTIME");
    window_.time_column = *rowtime;
    return {};
  }

  // Input with the ordinary keys and all arguments as columns → WindowAggregate → keys in the
  // order of the query, windows' keys computed from the window's start.
  Result<AggregateResult> build() {
    PlanPtr input = request_.input.plan;
    std::vector<BoundPtr> ordinary;
    for (size_t i = 0; i < request_.keys.size(); ++i) {
      if (!windows_[i]) ordinary.push_back(request_.keys[i]);
    }
    WindowAggregateNode node;
    node.window = window_;
    input = with_columns(input, ordinary, node.keys);
    node.aggregates = lower_aggregates(input, request_.aggregates);
    if (window_.kind == WindowKind::kStagger) node.window.partition_by = node.keys;
    node.properties = {Property::kStart, Property::kEnd};

    Schema schema;
    size_t ordinal = 0;
    for (size_t i = 0; i < request_.keys.size(); ++i) {
      if (windows_[i]) continue;
      Type type = input->schema[static_cast<size_t>(node.keys[ordinal++])].type;
      type.time = TimeAttribute::kNone;
      schema.push_back({.name = request_.key_names[i], .type = std::move(type)});
    }
    for (size_t i = 0; i < node.aggregates.size(); ++i) {
      schema.push_back({.name = fmt::format("$a{}", i), .type = node.aggregates[i].type});
    }
    const int start = static_cast<int>(schema.size());
    Type time = timestamp_type(3);
    time.nullable = false;
    schema.push_back({.name = "window_start", .type = time});
    time.time = TimeAttribute::kRowtime;
    schema.push_back({.name = std::string(kRowtimeName), .type = time});
    const size_t keys = node.keys.size();
    PlanPtr aggregate = make_node(std::move(node), {std::move(input)}, std::move(schema));
    return answer(std::move(aggregate), keys, start);
  }

  Result<AggregateResult> answer(PlanPtr aggregate, size_t ordinary_keys, int start) {
    const Schema& schema = aggregate->schema;
    const auto column = [&](size_t index) {
      return bound_column(static_cast<int>(index), schema[index]);
    };
    std::vector<BoundPtr> expressions;
    std::vector<std::string> names;
    AggregateResult result;
    const auto add = [&](BoundPtr expression, std::string name, std::vector<int>& places) {
      places.push_back(static_cast<int>(expressions.size()));
      expressions.push_back(std::move(expression));
      names.push_back(std::move(name));
    };
    // In place of the input's ROWTIME: the window's start, which is in the same window.
    std::vector<BoundPtr> replacements(request_.input.plan->schema.size());
    for (size_t i = 0; i < replacements.size(); ++i) {
      replacements[i] = bound_column(static_cast<int>(i), request_.input.plan->schema[i]);
    }
    replacements[static_cast<size_t>(window_.time_column)] = column(static_cast<size_t>(start));
    size_t ordinal = 0;
    for (size_t i = 0; i < request_.keys.size(); ++i) {
      BoundPtr key = windows_[i] ? substitute(request_.keys[i], replacements) : column(ordinal++);
      add(std::move(key), request_.key_names[i], result.keys);
    }
    for (size_t i = 0; i < request_.aggregates.size(); ++i) {
      add(column(ordinary_keys + i), schema[ordinary_keys + i].name, result.aggregates);
    }
    for (size_t i = 0; i < request_.properties.size(); ++i) {
      // Whatever time of the window is asked for, this dialect has one: ROWTIME, its end.
      const bool is_start = request_.properties[i] == Property::kStart;
      const size_t at = static_cast<size_t>(start) + (is_start ? 0 : 1);
      add(column(at), schema[at].name, result.properties);
    }
    result.plan = make_project(std::move(aggregate), std::move(expressions), std::move(names));
    return result;
  }

  PlanContext& context_;
  AggregateRequest request_;
  std::vector<bool> windows_;  // which keys are windows of ROWTIME
  WindowSpec window_;
};

}  // namespace

Result<AggregateResult> kinesis_aggregate(PlanContext& context, AggregateRequest request) {
  return KinesisAggregation(context, std::move(request)).plan();
}

}  // namespace millstream::analytics
