#include "analytics/plan/explain.h"

#include <algorithm>
#include <array>
#include <ranges>
#include <span>
#include <unordered_map>

#include <fmt/format.h>

#include "analytics/plan/options.h"
#include "analytics/plan/partitioning.h"

namespace millstream::analytics {
namespace {

std::string column_name(const PlanNode& input, int column) {
  return input.schema[static_cast<size_t>(column)].name;
}

std::string joined(const std::vector<std::string>& parts) {
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string names_text(const PlanNode& input, std::span<const int> columns) {
  std::vector<std::string> names;
  for (const int column : columns) names.push_back(column_name(input, column));
  return joined(names);
}

// Both inputs' columns; equal names get their side before them.
Schema joined_schema(const Schema& left, const Schema& right) {
  Schema both;
  const auto append = [&](const Schema& from, const Schema& other, std::string_view side) {
    for (const Field& field : from) {
      Field named = field;
      const bool twice = std::ranges::find(other, field.name, &Field::name) != other.end();
      if (twice) named.name = fmt::format("{}.{}", side, field.name);
      both.push_back(std::move(named));
    }
  };
  append(left, right, "left");
  append(right, left, "right");
  return both;
}

std::string kind_text(sql::JoinKind kind) {
  switch (kind) {
    case sql::JoinKind::kCross:
      return "CROSS";
    case sql::JoinKind::kInner:
      return "INNER";
    case sql::JoinKind::kLeft:
      return "LEFT";
    case sql::JoinKind::kRight:
      return "RIGHT";
    case sql::JoinKind::kFull:
      return "FULL";
    case sql::JoinKind::kSemi:
      return "SEMI";
    case sql::JoinKind::kAnti:
      return "ANTI";
  }
  return "?";
}

std::string unit_text(sql::TimeUnit unit) {
  switch (unit) {
    case sql::TimeUnit::kWeek:
      return "week";
    case sql::TimeUnit::kMonth:
      return "month";
    case sql::TimeUnit::kQuarter:
      return "quarter";
    case sql::TimeUnit::kYear:
      return "year";
    case sql::TimeUnit::kDecade:
      return "decade";
    case sql::TimeUnit::kCentury:
      return "century";
    case sql::TimeUnit::kMillennium:
      return "millennium";
    default:
      return "?";
  }
}

std::string_view kind_text(WindowKind kind) {
  switch (kind) {
    case WindowKind::kTumble:
      return "TUMBLE";
    case WindowKind::kHop:
      return "HOP";
    case WindowKind::kCumulate:
      return "CUMULATE";
    case WindowKind::kSession:
      return "SESSION";
    case WindowKind::kStagger:
      return "STAGGER";
  }
  return "?";
}

std::string window_text(const PlanNode& input, const WindowSpec& window) {
  std::string text = fmt::format("{}(", kind_text(window.kind));
  if (window.time_column >= 0) {
    text += column_name(input, window.time_column);
  } else {
    text += "PROCTIME";
  }
  if (window.calendar_unit) {
    text += fmt::format(", size 1 {}", unit_text(*window.calendar_unit));
  } else {
    text += fmt::format(", {} {}", window.kind == WindowKind::kSession ? "gap" : "size",
                        duration_text(window.size_ms));
  }
  if (window.slide_ms > 0) {
    text += fmt::format(", {} {}", window.kind == WindowKind::kCumulate ? "step" : "slide",
                        duration_text(window.slide_ms));
  }
  if (window.offset_ms != 0) text += fmt::format(", offset {}", duration_text(window.offset_ms));
  if (!window.partition_by.empty()) {
    text += fmt::format(", partition by [{}]", names_text(input, window.partition_by));
  }
  if (window.processing_time) text += ", processing time";
  return text + ")";
}

std::string call_text(const PlanNode& input, const AggregateCall& call) {
  const std::string name(call.function == nullptr ? "?" : call.function->name);
  std::vector<std::string> arguments;
  for (const int column : call.arguments) arguments.push_back(column_name(input, column));
  for (const Value& constant : call.constants) {
    arguments.push_back(value_text(constant, std::holds_alternative<std::string>(constant)
                                                 ? varchar_type()
                                                 : make_type(TypeKind::kBigint)));
  }
  std::string text = fmt::format("{}({}{})", name, call.distinct ? "DISTINCT " : "",
                                 arguments.empty() ? "*" : joined(arguments));
  if (call.filter >= 0) text += fmt::format(" FILTER ({})", column_name(input, call.filter));
  return text;
}

// "COUNT(*) AS n": names stand in the schema from `first` on.
std::string calls_text(const PlanNode& plan, std::span<const AggregateCall> calls, size_t first) {
  std::vector<std::string> texts;
  for (size_t i = 0; i < calls.size(); ++i) {
    texts.push_back(
        fmt::format("{} AS {}", call_text(*plan.inputs[0], calls[i]), plan.schema[first + i].name));
  }
  return joined(texts);
}

std::string keys_text(const PlanNode& plan, const std::vector<int>& left,
                      const std::vector<int>& right) {
  const Schema both = joined_schema(plan.inputs[0]->schema, plan.inputs[1]->schema);
  const size_t offset = plan.inputs[0]->schema.size();
  std::vector<std::string> texts;
  for (size_t i = 0; i < left.size(); ++i) {
    texts.push_back(fmt::format("{} = {}", both[static_cast<size_t>(left[i])].name,
                                both[offset + static_cast<size_t>(right[i])].name));
  }
  return fmt::format("on [{}]", joined(texts));
}

std::string condition_text(const PlanNode& plan, const BoundPtr& condition) {
  if (condition == nullptr) return "";
  const Schema both = joined_schema(plan.inputs[0]->schema, plan.inputs[1]->schema);
  return fmt::format(", where {}", expression_text(*condition, both));
}

std::string order_text(const PlanNode& input, std::span<const RankNode::Order> orders) {
  std::vector<std::string> texts;
  for (const RankNode::Order& order : orders) {
    texts.push_back(
        fmt::format("{} {}", column_name(input, order.column), order.descending ? "DESC" : "ASC"));
  }
  return joined(texts);
}

std::string_view property_text(WindowAggregateNode::Property property) {
  switch (property) {
    case WindowAggregateNode::Property::kStart:
      return "start";
    case WindowAggregateNode::Property::kEnd:
      return "end";
    case WindowAggregateNode::Property::kTime:
      return "time";
    case WindowAggregateNode::Property::kProctime:
      return "proctime";
  }
  return "?";
}

struct NodeText {
  const PlanNode& plan;

  const PlanNode& input() const { return *plan.inputs[0]; }

  std::string operator()(const SourceNode& node) const {
    std::vector<std::string> names;
    for (const int column : node.columns) {
      names.push_back(node.table->columns[static_cast<size_t>(column)].name);
    }
    std::string text = fmt::format("Source(table {}, {}, columns [{}]", node.table->name,
                                   connector_text(node.table->connector), joined(names));
    if (node.table->watermark != nullptr && node.table->rowtime) {
      text += fmt::format(", watermark for {} as {}",
                          node.table->columns[static_cast<size_t>(*node.table->rowtime)].name,
                          expression_text(*node.table->watermark, node.table->schema()));
    }
    return text + ")";
  }
  std::string operator()(const ProjectNode& node) const {
    std::vector<std::string> texts;
    for (size_t i = 0; i < node.expressions.size(); ++i) {
      const std::string text = expression_text(*node.expressions[i], input().schema);
      const std::string& name = plan.schema[i].name;
      texts.push_back(text == name ? text : fmt::format("{} AS {}", text, name));
    }
    return fmt::format("Project({})", joined(texts));
  }
  std::string operator()(const FilterNode& node) const {
    return fmt::format("Filter({})", expression_text(*node.condition, input().schema));
  }
  std::string operator()(const WindowAssignNode& node) const {
    return fmt::format("WindowAssign({})", window_text(input(), node.window));
  }
  std::string operator()(const WindowAggregateNode& node) const {
    std::string window;
    if (node.window_columns) {
      window = fmt::format("[{}, {}]", column_name(input(), node.window_columns->first),
                           column_name(input(), node.window_columns->second));
    } else {
      window = window_text(input(), node.window);
    }
    std::string text = fmt::format("WindowAggregate(window {}, group by [{}], select [{}]", window,
                                   names_text(input(), node.keys),
                                   calls_text(plan, node.aggregates, node.keys.size()));
    std::vector<std::string> properties;
    const size_t first = node.keys.size() + node.aggregates.size();
    for (size_t i = 0; i < node.properties.size(); ++i) {
      properties.push_back(
          fmt::format("{} AS {}", property_text(node.properties[i]), plan.schema[first + i].name));
    }
    if (!properties.empty()) text += fmt::format(", window's [{}]", joined(properties));
    return text + ")";
  }
  std::string operator()(const GroupAggregateNode& node) const {
    if (node.aggregates.empty()) {
      return fmt::format("Distinct([{}])", names_text(input(), node.keys));
    }
    return fmt::format("GroupAggregate(group by [{}], select [{}])", names_text(input(), node.keys),
                       calls_text(plan, node.aggregates, node.keys.size()));
  }
  std::string operator()(const OverNode& node) const {
    std::string frame;
    if (!node.preceding) {
      frame = node.rows ? "ROWS UNBOUNDED PRECEDING" : "RANGE UNBOUNDED PRECEDING";
    } else if (node.rows) {
      frame = fmt::format("ROWS {} PRECEDING", *node.preceding);
    } else {
      frame = fmt::format("RANGE {} PRECEDING", duration_text(*node.preceding));
    }
    const std::string order =
        node.order_column < 0 ? "PROCTIME" : column_name(input(), node.order_column);
    return fmt::format("Over(partition by [{}], order by {}{}, {}{}, select [{}])",
                       names_text(input(), node.partition_by), order,
                       node.processing_time ? " (processing time)" : "", frame,
                       node.immediate ? ", at once" : "",
                       calls_text(plan, node.aggregates, input().schema.size()));
  }
  std::string operator()(const JoinNode& node) const {
    return fmt::format("Join({}, {}{})", kind_text(node.kind),
                       keys_text(plan, node.left_keys, node.right_keys),
                       condition_text(plan, node.condition));
  }
  std::string operator()(const IntervalJoinNode& node) const {
    const Schema both = joined_schema(plan.inputs[0]->schema, plan.inputs[1]->schema);
    std::string text = fmt::format("IntervalJoin({}, {}", kind_text(node.kind),
                                   keys_text(plan, node.left_keys, node.right_keys));
    if (node.left_rows > 0 || node.right_rows > 0) {
      text += fmt::format(", last {} rows left, {} right", node.left_rows, node.right_rows);
    }
    if (node.left_time >= 0 && node.right_time >= 0) {
      const size_t right = plan.inputs[0]->schema.size() + static_cast<size_t>(node.right_time);
      text +=
          fmt::format(", {} - {} between {} and {}", both[static_cast<size_t>(node.left_time)].name,
                      both[right].name, duration_text(node.lower_ms), duration_text(node.upper_ms));
    } else {
      text += fmt::format(", time between {} and {}", duration_text(node.lower_ms),
                          duration_text(node.upper_ms));
    }
    if (node.processing_time) text += ", processing time";
    return text + condition_text(plan, node.condition) + ")";
  }
  std::string operator()(const WindowJoinNode& node) const {
    return fmt::format("WindowJoin({}, {}, windows end at [{}, {}]{})", kind_text(node.kind),
                       keys_text(plan, node.left_keys, node.right_keys),
                       column_name(*plan.inputs[0], node.left_window_end),
                       column_name(*plan.inputs[1], node.right_window_end),
                       condition_text(plan, node.condition));
  }
  std::string operator()(const ReferenceJoinNode& node) const {
    std::vector<std::string> keys;
    for (size_t i = 0; i < node.left_keys.size(); ++i) {
      keys.push_back(
          fmt::format("{} = {}.{}", column_name(input(), node.left_keys[i]), node.table->name,
                      node.table->columns[static_cast<size_t>(node.table_keys[i])].name));
    }
    std::string text = fmt::format("ReferenceJoin({}, table {}, on [{}]", kind_text(node.kind),
                                   node.table->name, joined(keys));
    if (node.condition != nullptr) {
      text += fmt::format(
          ", where {}",
          expression_text(*node.condition, joined_schema(input().schema, node.table->schema())));
    }
    return text + ")";
  }
  std::string operator()(const RankNode& node) const {
    const std::string partition = names_text(input(), node.partition_by);
    if (node.limit == 1 && node.order_time && !node.window_end) {
      const bool last = !node.order_by.empty() && node.order_by[0].descending;
      return fmt::format("Deduplicate(keep {} row of [{}], by {})", last ? "last" : "first",
                         partition, column_name(input(), *node.order_time));
    }
    std::string text = fmt::format("{}(partition by [{}], order by [{}], limit {}",
                                   node.window_end ? "WindowTopN" : "TopN", partition,
                                   order_text(input(), node.order_by), node.limit);
    if (node.output_rank) text += ", with rank";
    return text + ")";
  }
  std::string operator()(const SortNode& node) const {
    std::string text = fmt::format("Sort(order by [{}]", order_text(input(), node.order_by));
    if (node.limit) text += fmt::format(", limit {}", *node.limit);
    if (node.offset > 0) text += fmt::format(", offset {}", node.offset);
    return text + ")";
  }
  std::string operator()(const UnionNode&) const {
    return fmt::format("Union({} inputs)", plan.inputs.size());
  }
  std::string operator()(const ValuesNode& node) const {
    return fmt::format("Values({} rows)", node.rows.size());
  }
  std::string operator()(const SinkNode& node) const {
    std::string text =
        fmt::format("Sink(table {}, {}", node.table->name, connector_text(node.table->connector));
    if (!node.name.empty() && node.name != node.table->name)
      text += fmt::format(", by {}", node.name);
    return text + ")";
  }
};

std::string line_of(const PlanNode& node, std::string_view for_ever) {
  std::string text = explain_node(node);
  text += node.mode == ChangelogMode::kAppend ? " changelog [I]" : " changelog [I,UB,UA,D]";
  const std::string state = explain_state(node, for_ever);
  if (!state.empty()) text += fmt::format(" state [{}]", state);
  return text;
}

}  // namespace

std::string duration_text(int64_t ms) {
  struct Unit {
    int64_t ms;
    std::string_view name;
  };
  constexpr auto kUnits =
      std::to_array<Unit>({{86'400'000, "d"}, {3'600'000, "h"}, {60'000, "min"}, {1'000, "s"}});
  if (ms == 0) return "0 s";
  for (const Unit& unit : kUnits) {
    if (ms % unit.ms == 0) return fmt::format("{} {}", ms / unit.ms, unit.name);
  }
  return fmt::format("{} ms", ms);
}

std::string explain_node(const PlanNode& node) { return std::visit(NodeText{node}, node.node); }

std::string explain(const Plan& plan) {
  const auto ttl = plan.options.find("table.exec.state.ttl");
  const std::string for_ever =
      ttl == plan.options.end() ? "for ever" : fmt::format("for {}", ttl->second);
  std::unordered_map<const PlanNode*, int> readers;
  for (const PlanPtr& node : nodes_in_order(plan.sinks)) {
    for (const PlanPtr& input : node->inputs) ++readers[input.get()];
  }
  std::unordered_map<const PlanNode*, int> numbers;  // of those printed that have several
  struct Line {
    const PlanNode* node;
    size_t indent;
  };
  std::vector<Line> lines;  // still to print, the next one last
  for (const PlanPtr& sink : plan.sinks | std::views::reverse) lines.push_back({sink.get(), 0});
  std::string text;
  while (!lines.empty()) {
    const Line line = lines.back();
    lines.pop_back();
    text.append(line.indent, ' ');
    if (const auto known = numbers.find(line.node); known != numbers.end()) {
      text += fmt::format("Reused(#{})\n", known->second);
      continue;
    }
    if (readers[line.node] > 1) {
      const int number = static_cast<int>(numbers.size()) + 1;
      numbers[line.node] = number;
      text += fmt::format("#{} ", number);
    }
    text += line_of(*line.node, for_ever) + "\n";
    for (const PlanPtr& input : line.node->inputs | std::views::reverse) {
      lines.push_back({input.get(), line.indent + 2});
    }
  }
  return text;
}

}  // namespace millstream::analytics
