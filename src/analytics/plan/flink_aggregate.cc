// GROUP BY of Flink SQL.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "analytics/plan/flink_rules.h"
#include "analytics/plan/kinesis_rules.h"

namespace millstream::analytics {
namespace {

using Property = WindowAggregateNode::Property;

bool contains(const std::vector<int>& columns, int column) {
  return std::ranges::find(columns, column) != columns.end();
}

// The rows below a window function, where nothing between it and here computes with windows: they
// can be aggregated by the function's windows without being multiplied first.
struct Unassigned {
  PlanPtr plan;
  WindowSpec window;     // over plan's columns
  std::vector<int> map;  // of the columns of the plan above; -1: a column of the window
};

// Whether `expression` reads a column that has no place below.
bool reads_window(const BoundExpression& expression, const std::vector<int>& map) {
  return std::ranges::any_of(columns_of(expression),
                             [&](int column) { return map[static_cast<size_t>(column)] < 0; });
}

std::optional<Unassigned> unassign(const PlanPtr& plan) {
  if (const auto* assign = std::get_if<WindowAssignNode>(&plan->node)) {
    Unassigned result{.plan = plan->inputs[0], .window = assign->window, .map = {}};
    const size_t width = plan->inputs[0]->schema.size();
    for (size_t i = 0; i < width; ++i) result.map.push_back(static_cast<int>(i));
    result.map.resize(width + 3, -1);
    return result;
  }
  if (const auto* filter = std::get_if<FilterNode>(&plan->node)) {
    auto below = unassign(plan->inputs[0]);
    if (!below || reads_window(*filter->condition, below->map)) return std::nullopt;
    below->plan = make_filter(std::move(below->plan), remap(filter->condition, below->map));
    return below;
  }
  const auto* project = std::get_if<ProjectNode>(&plan->node);
  if (project == nullptr) return std::nullopt;
  auto below = unassign(plan->inputs[0]);
  if (!below) return std::nullopt;
  std::vector<BoundPtr> expressions;
  std::vector<std::string> names;
  Unassigned result;
  result.window = below->window;
  for (size_t i = 0; i < project->expressions.size(); ++i) {
    const BoundPtr& expression = project->expressions[i];
    if (reads_window(*expression, below->map)) {
      if (expression->kind != BoundKind::kColumn) return std::nullopt;
      result.map.push_back(-1);
      continue;
    }
    result.map.push_back(static_cast<int>(expressions.size()));
    expressions.push_back(remap(expression, below->map));
    names.push_back(plan->schema[i].name);
  }
  // What the window reads goes along, too.
  const auto carried = [&](int column) {
    for (size_t i = 0; i < expressions.size(); ++i) {
      const bool same_column =
          expressions[i]->kind == BoundKind::kColumn && expressions[i]->column == column;
      if (same_column) return static_cast<int>(i);
    }
    const Field& field = below->plan->schema[static_cast<size_t>(column)];
    expressions.push_back(bound_column(column, field));
    names.push_back(field.name);
    return static_cast<int>(expressions.size()) - 1;
  };
  result.window.time_column = carried(below->window.time_column);
  for (int& key : result.window.partition_by) key = carried(key);
  result.plan = make_project(std::move(below->plan), std::move(expressions), std::move(names));
  return result;
}

class FlinkAggregation {
 public:
  explicit FlinkAggregation(AggregateRequest request) : request_(std::move(request)) {}

  Result<AggregateResult> plan() {
    if (request_.window) return group_window();
    const auto windows = window_columns(*request_.input.plan);
    if (windows && windows->complete()) {
      bool start = false;
      bool end = false;
      for (const BoundPtr& key : request_.keys) {
        if (key->kind != BoundKind::kColumn) continue;
        start = start || contains(windows->start, key->column);
        end = end || contains(windows->end, key->column);
      }
      if (start && end) return window_of_columns(*windows);
    }
    return unbounded();
  }

 private:
  // GROUP BY TUMBLE(time, …), keys.
  Result<AggregateResult> group_window() {
    WindowAggregateNode node;
    node.window = request_.window->window;
    PlanPtr input = with_columns(request_.input.plan, request_.keys, node.keys);
    node.aggregates = lower_aggregates(input, request_.aggregates);
    if (node.window.kind == WindowKind::kSession) node.window.partition_by = node.keys;
    const Type time = input->schema[static_cast<size_t>(node.window.time_column)].type;
    node.properties = request_.properties;
    // The engine closes windows by their end: it is always there.
    if (node.properties.empty()) node.properties.push_back(Property::kEnd);
    AggregateResult result;
    Schema schema = key_schema(*input, node.keys);
    number(result.keys, 0, node.keys.size());
    number(result.aggregates, schema.size(), node.aggregates.size());
    add_aggregates(schema, node.aggregates);
    number(result.properties, schema.size(), request_.properties.size());
    add_properties(schema, node.properties, time);
    result.plan = make_node(std::move(node), {std::move(input)}, std::move(schema));
    return result;
  }

  // GROUP BY window_start, window_end, keys.
  Result<AggregateResult> window_of_columns(const WindowColumns& windows) {
    // What each key is: a property of the window, or an ordinary key.
    std::vector<std::optional<Property>> roles;
    std::vector<BoundPtr> ordinary;
    std::vector<std::string> ordinary_names;
    Type time = timestamp_type(3, TimeAttribute::kRowtime);
    for (size_t i = 0; i < request_.keys.size(); ++i) {
      const BoundPtr& key = request_.keys[i];
      std::optional<Property> role;
      if (key->kind == BoundKind::kColumn) {
        if (contains(windows.start, key->column)) {
          role = Property::kStart;
        } else if (contains(windows.end, key->column)) {
          role = Property::kEnd;
        } else if (contains(windows.time, key->column)) {
          time = key->type;
          role = time.time == TimeAttribute::kProctime ? Property::kProctime : Property::kTime;
        }
      }
      roles.push_back(role);
      if (role) continue;
      ordinary.push_back(key);
      ordinary_names.push_back(request_.key_names[i]);
    }
    WindowAggregateNode node;
    PlanPtr input = input_of(windows, ordinary, node);
    AggregateResult result;
    Schema schema = key_schema(*input, node.keys);
    for (size_t i = 0; i < ordinary_names.size(); ++i) schema[i].name = ordinary_names[i];
    number(result.aggregates, schema.size(), node.aggregates.size());
    add_aggregates(schema, node.aggregates);
    int next_key = 0;
    for (const auto& role : roles) {
      if (!role) {
        result.keys.push_back(next_key++);
        continue;
      }
      const auto known = std::ranges::find(node.properties, *role);
      const auto at = static_cast<int>(known - node.properties.begin());
      if (known == node.properties.end()) node.properties.push_back(*role);
      result.keys.push_back(static_cast<int>(schema.size()) + at);
    }
    add_properties(schema, node.properties, time);
    result.plan = make_node(std::move(node), {std::move(input)}, std::move(schema));
    return result;
  }

  // The rows to aggregate; sets the node's window, keys and aggregates.
  PlanPtr input_of(const WindowColumns& windows, std::vector<BoundPtr> keys,
                   WindowAggregateNode& node) const {
    std::vector<BoundAggregate> aggregates = request_.aggregates;
    if (auto below = unassign(request_.input.plan)) {
      if (take_below(*below, keys, aggregates)) {
        node.window = below->window;
        PlanPtr input = with_columns(std::move(below->plan), keys, node.keys);
        node.aggregates = lower_aggregates(input, aggregates);
        const bool is_session = node.window.kind == WindowKind::kSession;
        if (!is_session || same_set(node.window.partition_by, node.keys)) return input;
        node = {};
        keys = ordinary_again(windows);
        aggregates = request_.aggregates;
      }
    }
    node.window = windows.window;
    // Places of the input of the window function, which is further below.
    node.window.time_column = -1;
    node.window.partition_by.clear();
    node.window_columns = {windows.start[0], windows.end[0]};
    PlanPtr input = with_columns(request_.input.plan, keys, node.keys);
    node.aggregates = lower_aggregates(input, aggregates);
    return input;
  }

  // Everything over the columns below the window function; false: something computes with them.
  static bool take_below(const Unassigned& below, std::vector<BoundPtr>& keys,
                         std::vector<BoundAggregate>& aggregates) {
    std::vector<BoundPtr*> expressions;
    for (BoundPtr& key : keys) expressions.push_back(&key);
    for (BoundAggregate& aggregate : aggregates) {
      for (BoundPtr& argument : aggregate.arguments) expressions.push_back(&argument);
      if (aggregate.filter != nullptr) expressions.push_back(&aggregate.filter);
    }
    for (const BoundPtr* expression : expressions) {
      if (reads_window(**expression, below.map)) return false;
    }
    for (BoundPtr* expression : expressions) *expression = remap(*expression, below.map);
    return true;
  }

  std::vector<BoundPtr> ordinary_again(const WindowColumns& windows) const {
    std::vector<BoundPtr> keys;
    for (const BoundPtr& key : request_.keys) {
      const bool of_window =
          key->kind == BoundKind::kColumn &&
          (contains(windows.start, key->column) || contains(windows.end, key->column) ||
           contains(windows.time, key->column));
      if (!of_window) keys.push_back(key);
    }
    return keys;
  }

  static bool same_set(std::vector<int> a, std::vector<int> b) {
    std::ranges::sort(a);
    std::ranges::sort(b);
    return a == b;
  }

  Result<AggregateResult> unbounded() {
    GroupAggregateNode node;
    PlanPtr input = with_columns(request_.input.plan, request_.keys, node.keys);
    node.aggregates = lower_aggregates(input, request_.aggregates);
    AggregateResult result;
    Schema schema = key_schema(*input, node.keys);
    for (size_t i = 0; i < schema.size(); ++i) schema[i].name = request_.key_names[i];
    number(result.keys, 0, schema.size());
    number(result.aggregates, schema.size(), node.aggregates.size());
    add_aggregates(schema, node.aggregates);
    result.plan = make_node(std::move(node), {std::move(input)}, std::move(schema));
    return result;
  }

  // --- Schemas.

  static void number(std::vector<int>& places, size_t from, size_t count) {
    for (size_t i = 0; i < count; ++i) places.push_back(static_cast<int>(from + i));
  }

  static Schema key_schema(const PlanNode& input, const std::vector<int>& keys) {
    Schema schema;
    for (const int key : keys) {
      schema.push_back(input.schema[static_cast<size_t>(key)]);
      schema.back().type.time = TimeAttribute::kNone;
    }
    return schema;
  }

  static void add_aggregates(Schema& schema, const std::vector<AggregateCall>& calls) {
    for (size_t i = 0; i < calls.size(); ++i) {
      schema.push_back({.name = fmt::format("$a{}", i), .type = calls[i].type});
    }
  }

  static void add_properties(Schema& schema, const std::vector<Property>& properties, Type time) {
    for (const Property property : properties) {
      Type type = timestamp_type(3);
      if (property == Property::kTime || property == Property::kProctime) {
        type = time;
        type.time =
            property == Property::kTime ? TimeAttribute::kRowtime : TimeAttribute::kProctime;
      }
      type.nullable = false;
      const char* name = property == Property::kStart ? "window_start"
                         : property == Property::kEnd ? "window_end"
                                                      : "window_time";
      schema.push_back({.name = name, .type = std::move(type)});
    }
  }

  AggregateRequest request_;
};

}  // namespace

Result<AggregateResult> flink_aggregate(AggregateRequest request) {
  return FlinkAggregation(std::move(request)).plan();
}

}  // namespace millstream::analytics
