#include "analytics/plan/state_id.h"

#include <algorithm>
#include <span>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "analytics/plan/partitioning.h"
#include "base/hash.h"

namespace millstream::analytics {
namespace {

// The schema whose names stand for columns in the digest: those of a table, when the input is
// one (with filters between). They don't move when the table gets another column; in all other
// schemas a column is its number.
const Schema* table_schema(const PlanNode& node) {
  const PlanNode* below = &node;
  while (std::holds_alternative<FilterNode>(below->node)) below = below->inputs[0].get();
  return std::holds_alternative<SourceNode>(below->node) ? &below->schema : nullptr;
}

std::string column_token(const PlanNode& input, int column) {
  const Schema* named = table_schema(input);
  const Field& field = input.schema[static_cast<size_t>(column)];
  if (named == nullptr) return fmt::format("${}", column);
  return fmt::format("{}:{}", field.name, type_text(field.type));
}

// What a row of `input` consists of, for nodes that keep rows.
std::string row_text(const PlanNode& input) {
  std::string text;
  if (table_schema(input) != nullptr) {
    const PlanNode* below = &input;
    while (!std::holds_alternative<SourceNode>(below->node)) below = below->inputs[0].get();
    for (const int column : std::get<SourceNode>(below->node).columns) {
      text += column_token(input, column) + ",";
    }
    return text;
  }
  for (const Field& field : input.schema) text += type_text(field.type) + ",";
  return text;
}

std::string columns_text(const PlanNode& input, std::span<const int> columns) {
  std::string text;
  for (const int column : columns) text += column_token(input, column) + ",";
  return text;
}

std::string expression_token(const PlanNode& input, const BoundPtr& expression) {
  if (expression == nullptr) return "-";
  const Schema* named = table_schema(input);
  const std::string text =
      named == nullptr ? expression_text(*expression) : expression_text(*expression, input.schema);
  return fmt::format("{}:{}", text, type_text(expression->type));
}

std::string window_text(const PlanNode& input, const WindowSpec& window) {
  return fmt::format("{}|{}|{}|{}|{}|{}|{}|{}", static_cast<int>(window.kind),
                     window.time_column < 0 ? "-" : column_token(input, window.time_column),
                     window.processing_time, window.size_ms, window.slide_ms, window.offset_ms,
                     window.calendar_unit ? static_cast<int>(*window.calendar_unit) : -1,
                     columns_text(input, window.partition_by));
}

std::string constant_token(const Value& constant) {
  struct Token {
    std::string operator()(std::monostate) const { return "NULL"; }
    std::string operator()(bool value) const { return value ? "TRUE" : "FALSE"; }
    std::string operator()(int64_t value) const { return std::to_string(value); }
    std::string operator()(double value) const { return fmt::format("{:a}", value); }
    std::string operator()(Decimal value) const {
      return fmt::format("{:x}:{:x}", static_cast<uint64_t>(value >> 64),
                         static_cast<uint64_t>(value));
    }
    std::string operator()(const std::string& value) const {
      return fmt::format("{}'{}'", value.size(), value);
    }
  };
  return std::visit(Token{}, constant);
}

std::string aggregates_text(const PlanNode& input, std::span<const AggregateCall> calls) {
  std::string text;
  for (const AggregateCall& call : calls) {
    text += fmt::format("{}({}{}", call.function == nullptr ? "" : call.function->name,
                        call.distinct ? "DISTINCT " : "", columns_text(input, call.arguments));
    for (size_t i = 0; i < call.argument_types.size(); ++i) {
      text += type_text(call.argument_types[i]) + ",";
    }
    for (const Value& constant : call.constants) text += constant_token(constant) + ",";
    text += fmt::format("|{})->{};", call.filter < 0 ? "-" : column_token(input, call.filter),
                        type_text(call.type));
  }
  return text;
}

std::string orders_text(const PlanNode& input, std::span<const RankNode::Order> orders) {
  std::string text;
  for (const RankNode::Order& order : orders) {
    text += fmt::format("{} {} {},", column_token(input, order.column), order.descending,
                        order.nulls_first);
  }
  return text;
}

// Two inputs' columns seen as one row: by number, with both rows' types beside.
std::string condition_text(const PlanNode& plan, const BoundPtr& condition) {
  if (condition == nullptr) return "-";
  Schema both = plan.inputs[0]->schema;
  both.insert(both.end(), plan.inputs[1]->schema.begin(), plan.inputs[1]->schema.end());
  return expression_text(*condition, both);
}

struct Describe {
  const PlanNode& plan;

  const PlanNode& input(size_t index = 0) const { return *plan.inputs[index]; }
  std::string keys(const std::vector<int>& left, const std::vector<int>& right) const {
    return columns_text(input(0), left) + "=" + columns_text(input(1), right);
  }
  std::string rows() const { return row_text(input(0)) + "/" + row_text(input(1)); }

  std::string operator()(const SourceNode& node) const {
    std::string text =
        fmt::format("Source {} {}", static_cast<int>(node.table->connector), node.table->name);
    for (const std::string_view key : {"stream", "stream.arn", "path"}) {
      const auto found = node.table->options.find(std::string(key));
      if (found != node.table->options.end()) text += fmt::format(" {}", found->second);
    }
    return text;
  }
  std::string operator()(const ProjectNode& node) const {
    std::string text = "Project ";
    for (const BoundPtr& expression : node.expressions) {
      text += expression_token(input(), expression) + ",";
    }
    return text;
  }
  std::string operator()(const FilterNode& node) const {
    return "Filter " + expression_token(input(), node.condition);
  }
  std::string operator()(const WindowAssignNode& node) const {
    return "WindowAssign " + window_text(input(), node.window) +
           (node.window.kind == WindowKind::kSession ? row_text(input()) : "");
  }
  std::string operator()(const WindowAggregateNode& node) const {
    std::string text =
        fmt::format("WindowAggregate {} [{}] {}", window_text(input(), node.window),
                    columns_text(input(), node.keys), aggregates_text(input(), node.aggregates));
    for (const auto property : node.properties) text += std::to_string(static_cast<int>(property));
    if (node.window_columns) {
      text += fmt::format(" by {} {}", column_token(input(), node.window_columns->first),
                          column_token(input(), node.window_columns->second));
    }
    return text;
  }
  std::string operator()(const GroupAggregateNode& node) const {
    return fmt::format("GroupAggregate [{}] {} {}", columns_text(input(), node.keys),
                       aggregates_text(input(), node.aggregates), node.input_retracts);
  }
  std::string operator()(const OverNode& node) const {
    return fmt::format("Over [{}] {} {} {} {} {} {} rows {}",
                       columns_text(input(), node.partition_by),
                       node.order_column < 0 ? "-" : column_token(input(), node.order_column),
                       node.processing_time, node.immediate, node.rows, node.preceding.value_or(-1),
                       aggregates_text(input(), node.aggregates), row_text(input()));
  }
  std::string operator()(const JoinNode& node) const {
    return fmt::format("Join {} {} {} {} {} rows {}", static_cast<int>(node.kind),
                       keys(node.left_keys, node.right_keys), condition_text(plan, node.condition),
                       node.left_retracts, node.right_retracts, rows());
  }
  std::string operator()(const IntervalJoinNode& node) const {
    return fmt::format("IntervalJoin {} {} {} {} {} {} {} {} {} {} rows {}",
                       static_cast<int>(node.kind), keys(node.left_keys, node.right_keys),
                       node.left_time < 0 ? "-" : column_token(input(0), node.left_time),
                       node.right_time < 0 ? "-" : column_token(input(1), node.right_time),
                       node.processing_time, node.lower_ms, node.upper_ms, node.left_rows,
                       node.right_rows, condition_text(plan, node.condition), rows());
  }
  std::string operator()(const WindowJoinNode& node) const {
    return fmt::format("WindowJoin {} {} {} {} {} rows {}", static_cast<int>(node.kind),
                       keys(node.left_keys, node.right_keys),
                       column_token(input(0), node.left_window_end),
                       column_token(input(1), node.right_window_end),
                       condition_text(plan, node.condition), rows());
  }
  std::string operator()(const ReferenceJoinNode& node) const {
    std::string text = fmt::format("ReferenceJoin {} {} [{}]", static_cast<int>(node.kind),
                                   node.table->name, columns_text(input(), node.left_keys));
    for (const int key : node.table_keys) {
      text += node.table->columns[static_cast<size_t>(key)].name + ",";
    }
    return text + expression_token(plan, node.condition);
  }
  std::string operator()(const RankNode& node) const {
    return fmt::format(
        "Rank [{}] [{}] {} {} {} {} {} rows {}", columns_text(input(), node.partition_by),
        orders_text(input(), node.order_by), node.limit, node.output_rank, node.input_retracts,
        node.order_time.value_or(-1), node.window_end.value_or(-1), row_text(input()));
  }
  std::string operator()(const SortNode& node) const {
    return fmt::format("Sort [{}] {} {} {} rows {}", orders_text(input(), node.order_by),
                       node.limit.value_or(-1), node.offset, node.rowtime.value_or(-1),
                       row_text(input()));
  }
  std::string operator()(const UnionNode&) const { return "Union"; }
  std::string operator()(const ValuesNode& node) const {
    std::string text = "Values ";
    for (const std::vector<Value>& row : node.rows) {
      for (const Value& value : row) text += constant_token(value) + ",";
      text += ";";
    }
    return text;
  }
  std::string operator()(const SinkNode& node) const {
    return fmt::format("Sink {} {}", static_cast<int>(node.table->connector), node.table->name);
  }
};

// 64 bits in hexadecimal: enough for the nodes of one application.
constexpr size_t kDigestBytes = 8;

std::string digest_of(const PlanNode& node, std::span<const std::string> inputs) {
  std::string text = std::visit(Describe{node}, node.node);
  for (const std::string& input : inputs) text += "\n" + input;
  const Sha256 digest = sha256(text);
  return to_hex(std::span<const unsigned char>(digest).first(kDigestBytes));
}

std::vector<std::string> ids_of(const std::vector<PlanPtr>& inputs) {
  std::vector<std::string> ids;
  for (const PlanPtr& input : inputs) ids.push_back(input->state_id);
  return ids;
}

}  // namespace

std::string state_id_of(const PlanNode& node) {
  // A node that stands by itself: its inputs' digests first, each once.
  std::unordered_map<const PlanNode*, std::string> digests;
  const auto digest = [&](const PlanNode& each) {
    std::vector<std::string> inputs;
    for (const PlanPtr& input : each.inputs) {
      inputs.push_back(input->state_id.empty() ? digests.at(input.get()) : input->state_id);
    }
    return digest_of(each, inputs);
  };
  for (const PlanPtr& below : nodes_in_order(node.inputs)) {
    if (below->state_id.empty()) digests[below.get()] = digest(*below);
  }
  return digest(node);
}

Plan with_state_ids(const Plan& plan) {
  Plan result = plan;
  std::unordered_map<const PlanNode*, PlanPtr> copies;
  std::unordered_map<std::string, int> uses;
  for (const PlanPtr& node : nodes_in_order(plan.sinks)) {
    auto copy = std::make_shared<PlanNode>(*node);
    for (PlanPtr& input : copy->inputs) input = copies.at(input.get());
    copy->state_id = digest_of(*copy, ids_of(copy->inputs));
    const int use = ++uses[copy->state_id];
    if (use > 1) copy->state_id += fmt::format("-{}", use);
    copies[node.get()] = std::move(copy);
  }
  for (PlanPtr& sink : result.sinks) sink = copies.at(sink.get());
  return result;
}

}  // namespace millstream::analytics
