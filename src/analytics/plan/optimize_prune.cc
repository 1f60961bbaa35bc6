// Which columns are needed is asked from the sinks down; the plan is then made anew from the
// sources up, each node's columns possibly at other places.
#include <algorithm>
#include <unordered_map>
#include <utility>

#include "analytics/plan/optimize_parts.h"
#include "analytics/plan/plan_nodes.h"

namespace millstream::analytics {
namespace {

using Columns = std::vector<bool>;  // of a node's output: which are needed

struct Pruned {
  PlanPtr plan;
  std::vector<int> places;  // of the old columns; -1: gone
};

void need(Columns& columns, int column) { columns[static_cast<size_t>(column)] = true; }
void need(Columns& columns, const std::vector<int>& all) {
  for (const int column : all) need(columns, column);
}
void need(Columns& columns, const BoundPtr& expression) {
  if (expression != nullptr) need(columns, columns_of(*expression));
}
void need(Columns& columns, const std::vector<AggregateCall>& calls) {
  for (const AggregateCall& call : calls) {
    need(columns, call.arguments);
    if (call.filter >= 0) need(columns, call.filter);
  }
}

// --- Down: what a node needs of its inputs, if `out` of its own columns are needed.

class Needs {
 public:
  Needs(const Columns& out, std::vector<Columns*> inputs) : out_(out), in_(std::move(inputs)) {}

  void operator()(const SourceNode&) {}
  void operator()(const ValuesNode&) {}
  void operator()(const ProjectNode& project) {
    bool any = false;
    for (size_t i = 0; i < out_.size(); ++i) {
      if (!out_[i]) continue;
      need(*in_[0], project.expressions[i]);
      any = true;
    }
    if (!any && !project.expressions.empty()) need(*in_[0], project.expressions[0]);
  }
  void operator()(const FilterNode& filter) {
    pass(0, 0);
    need(*in_[0], filter.condition);
  }
  void operator()(const WindowAssignNode& assign) {
    pass(0, 0);
    need_window(assign.window);
  }
  void operator()(const WindowAggregateNode& aggregate) {
    need(*in_[0], aggregate.keys);
    need(*in_[0], aggregate.aggregates);
    if (aggregate.window_columns) {
      need(*in_[0], aggregate.window_columns->first);
      need(*in_[0], aggregate.window_columns->second);
    }
    need_window(aggregate.window);
  }
  void operator()(const GroupAggregateNode& aggregate) {
    need(*in_[0], aggregate.keys);
    need(*in_[0], aggregate.aggregates);
  }
  void operator()(const OverNode& over) {
    pass(0, 0);
    need(*in_[0], over.partition_by);
    if (over.order_column >= 0) need(*in_[0], over.order_column);
    need(*in_[0], over.aggregates);
  }
  void operator()(const JoinNode& join) {
    pass_both(join.kind);
    need_join(join.left_keys, join.right_keys, join.condition);
  }
  void operator()(const IntervalJoinNode& join) {
    pass_both(join.kind);
    need_join(join.left_keys, join.right_keys, join.condition);
    if (join.left_time >= 0) need(*in_[0], join.left_time);
    if (join.right_time >= 0) need(*in_[1], join.right_time);
  }
  void operator()(const WindowJoinNode& join) {
    pass_both(join.kind);
    need_join(join.left_keys, join.right_keys, join.condition);
    if (join.left_window_end >= 0) need(*in_[0], join.left_window_end);
    if (join.right_window_end >= 0) need(*in_[1], join.right_window_end);
  }
  void operator()(const ReferenceJoinNode& join) {
    pass(0, 0);
    need(*in_[0], join.left_keys);
    if (join.condition == nullptr) return;
    for (const int column : columns_of(*join.condition)) {
      if (static_cast<size_t>(column) < in_[0]->size()) need(*in_[0], column);
    }
  }
  void operator()(const RankNode& rank) {
    pass(0, 0);
    need(*in_[0], rank.partition_by);
    for (const RankNode::Order& order : rank.order_by) need(*in_[0], order.column);
    if (rank.order_time) need(*in_[0], *rank.order_time);
    if (rank.window_end) need(*in_[0], *rank.window_end);
  }
  void operator()(const SortNode& sort) {
    pass(0, 0);
    for (const RankNode::Order& order : sort.order_by) need(*in_[0], order.column);
    if (sort.rowtime) need(*in_[0], *sort.rowtime);
  }
  void operator()(const UnionNode&) {
    for (size_t i = 0; i < in_.size(); ++i) pass(i, 0);
  }
  void operator()(const SinkNode&) { in_[0]->assign(in_[0]->size(), true); }

 private:
  // Input columns stand in the output from `offset` on.
  void pass(size_t input, size_t offset) {
    Columns& columns = *in_[input];
    for (size_t i = 0; i < columns.size() && offset + i < out_.size(); ++i) {
      if (out_[offset + i]) columns[i] = true;
    }
  }
  void pass_both(sql::JoinKind kind) {
    pass(0, 0);
    if (kind == sql::JoinKind::kSemi || kind == sql::JoinKind::kAnti) return;
    pass(1, in_[0]->size());
  }
  void need_join(const std::vector<int>& left, const std::vector<int>& right,
                 const BoundPtr& condition) {
    need(*in_[0], left);
    need(*in_[1], right);
    if (condition == nullptr) return;
    const auto width = static_cast<int>(in_[0]->size());
    for (const int column : columns_of(*condition)) {
      if (column < width) {
        need(*in_[0], column);
      } else {
        need(*in_[1], column - width);
      }
    }
  }
  void need_window(const WindowSpec& window) {
    if (window.time_column >= 0) need(*in_[0], window.time_column);
    need(*in_[0], window.partition_by);
  }

  const Columns& out_;
  std::vector<Columns*> in_;
};

// --- Up.

std::vector<int> counted(size_t count, int from = 0) {
  std::vector<int> places(count);
  for (size_t i = 0; i < count; ++i) places[i] = from + static_cast<int>(i);
  return places;
}

// Exactly the columns that are needed, in order; one at least.
Pruned narrowed(Pruned input, const Columns& needed) {
  Columns kept(input.plan->schema.size());
  for (size_t i = 0; i < needed.size(); ++i) {
    if (needed[i]) kept[static_cast<size_t>(input.places[i])] = true;
  }
  if (std::ranges::find(kept, true) == kept.end() && !kept.empty()) kept[0] = true;
  if (std::ranges::find(kept, false) == kept.end()) return input;
  std::vector<BoundPtr> expressions;
  std::vector<std::string> names;
  std::vector<int> moved(kept.size(), -1);
  for (size_t i = 0; i < kept.size(); ++i) {
    if (!kept[i]) continue;
    moved[i] = static_cast<int>(expressions.size());
    expressions.push_back(bound_column(static_cast<int>(i), input.plan->schema[i]));
    names.push_back(input.plan->schema[i].name);
  }
  Pruned result;
  result.places = std::move(input.places);
  for (int& place : result.places) {
    if (place >= 0) place = moved[static_cast<size_t>(place)];
  }
  result.plan = make_project(std::move(input.plan), std::move(expressions), std::move(names));
  return result;
}

class Rebuild {
 public:
  Rebuild(const PlanNode& node, const Columns& out, std::vector<Pruned> inputs,
          const std::vector<Columns>& needed)
      : node_(node), out_(out), in_(std::move(inputs)), needed_(needed) {}

  Pruned operator()(SourceNode source) {
    std::vector<int> columns;
    for (const int column : source.columns) {
      if (out_[static_cast<size_t>(column)]) columns.push_back(column);
    }
    source.columns = std::move(columns);
    return {make_node(std::move(source), {}, node_.schema), counted(out_.size())};
  }
  Pruned operator()(ValuesNode values) {
    return {make_node(std::move(values), {}, node_.schema), counted(out_.size())};
  }
  Pruned operator()(const ProjectNode& project) {
    std::vector<BoundPtr> expressions;
    std::vector<std::string> names;
    std::vector<int> places(out_.size(), -1);
    const bool none = std::ranges::find(out_, true) == out_.end();
    for (size_t i = 0; i < out_.size(); ++i) {
      if (!out_[i] && !(none && i == 0)) continue;
      places[i] = static_cast<int>(expressions.size());
      expressions.push_back(remap(project.expressions[i], in_[0].places));
      names.push_back(node_.schema[i].name);
    }
    return {make_project(in_[0].plan, std::move(expressions), std::move(names)), std::move(places)};
  }
  Pruned operator()(FilterNode filter) {
    filter.condition = remap(filter.condition, in_[0].places);
    return {make_filter(in_[0].plan, std::move(filter.condition)), in_[0].places};
  }
  Pruned operator()(WindowAssignNode assign) {
    move(assign.window);
    return behind_input(std::move(assign));
  }
  Pruned operator()(WindowAggregateNode aggregate) {
    move(aggregate.keys);
    move(aggregate.aggregates);
    move(aggregate.window);
    if (aggregate.window_columns) {
      move(aggregate.window_columns->first);
      move(aggregate.window_columns->second);
    }
    return same_columns(std::move(aggregate));
  }
  Pruned operator()(GroupAggregateNode aggregate) {
    move(aggregate.keys);
    move(aggregate.aggregates);
    return same_columns(std::move(aggregate));
  }
  Pruned operator()(OverNode over) {
    narrow();
    move(over.partition_by);
    move(over.order_column);
    move(over.aggregates);
    return behind_input(std::move(over));
  }
  Pruned operator()(JoinNode join) {
    narrow();
    move_join(join);
    return joined(std::move(join));
  }
  Pruned operator()(IntervalJoinNode join) {
    narrow();
    move_join(join);
    move(join.left_time);
    move(join.right_time, 1);
    return joined(std::move(join));
  }
  Pruned operator()(WindowJoinNode join) {
    narrow();
    move_join(join);
    move(join.left_window_end);
    move(join.right_window_end, 1);
    return joined(std::move(join));
  }
  Pruned operator()(ReferenceJoinNode join) {
    move(join.left_keys);
    const size_t width = in_[0].places.size();
    std::vector<int> places = in_[0].places;
    const auto tail =
        counted(node_.schema.size() - width, static_cast<int>(in_[0].plan->schema.size()));
    places.insert(places.end(), tail.begin(), tail.end());
    if (join.condition != nullptr) join.condition = remap(join.condition, places);
    return behind_input(std::move(join));
  }
  Pruned operator()(RankNode rank) {
    narrow();
    move(rank.partition_by);
    for (RankNode::Order& order : rank.order_by) move(order.column);
    if (rank.order_time) move(*rank.order_time);
    if (rank.window_end) move(*rank.window_end);
    return behind_input(std::move(rank));
  }
  Pruned operator()(SortNode sort) {
    narrow();
    for (RankNode::Order& order : sort.order_by) move(order.column);
    if (sort.rowtime) move(*sort.rowtime);
    return behind_input(std::move(sort));
  }
  // All inputs to the same columns.
  Pruned operator()(const UnionNode&) {
    Columns needed = out_;
    if (std::ranges::find(needed, true) == needed.end()) needed[0] = true;
    Schema schema;
    std::vector<int> places(needed.size(), -1);
    for (size_t i = 0; i < needed.size(); ++i) {
      if (!needed[i]) continue;
      places[i] = static_cast<int>(schema.size());
      schema.push_back(node_.schema[i]);
    }
    std::vector<PlanPtr> inputs;
    for (Pruned& input : in_) {
      std::vector<BoundPtr> expressions;
      for (size_t i = 0; i < needed.size(); ++i) {
        if (!needed[i]) continue;
        const int at = input.places[i];
        expressions.push_back(bound_column(at, input.plan->schema[static_cast<size_t>(at)]));
      }
      inputs.push_back(
          make_project(std::move(input.plan), std::move(expressions), names_of(schema)));
    }
    return {make_union(std::move(inputs), std::move(schema)), std::move(places)};
  }
  Pruned operator()(SinkNode sink) {
    narrow();
    return same_columns(std::move(sink));
  }

 private:
  void narrow() {
    for (size_t i = 0; i < in_.size(); ++i) in_[i] = narrowed(std::move(in_[i]), needed_[i]);
  }
  void move(int& column, size_t input = 0) const {
    if (column >= 0) column = in_[input].places[static_cast<size_t>(column)];
  }
  void move(std::vector<int>& columns, size_t input = 0) const {
    for (int& column : columns) move(column, input);
  }
  void move(std::vector<AggregateCall>& calls) const {
    for (AggregateCall& call : calls) {
      move(call.arguments);
      move(call.filter);
    }
  }
  void move(WindowSpec& window) const {
    move(window.time_column);
    move(window.partition_by);
  }
  std::vector<int> both_places() const {
    std::vector<int> places = in_[0].places;
    const auto width = static_cast<int>(in_[0].plan->schema.size());
    for (const int place : in_[1].places) places.push_back(place < 0 ? -1 : width + place);
    return places;
  }
  template <class Join>
  void move_join(Join& join) const {
    move(join.left_keys);
    move(join.right_keys, 1);
    if (join.condition != nullptr) join.condition = remap(join.condition, both_places());
  }

  // The old schema's fields at the new places: their types are the node's (outer joins').
  Schema moved_schema(const std::vector<int>& places, size_t width) const {
    Schema schema(width);
    for (size_t i = 0; i < places.size(); ++i) {
      if (places[i] >= 0) schema[static_cast<size_t>(places[i])] = node_.schema[i];
    }
    return schema;
  }
  // A column that nobody knew by its old place (an input had it for another reader).
  static void fill(Schema& schema, const Schema& from, size_t offset) {
    for (size_t i = 0; i < from.size(); ++i) {
      if (schema[offset + i].name.empty() && schema[offset + i].type.kind == TypeKind::kNull) {
        schema[offset + i] = from[i];
      }
    }
  }
  std::vector<PlanPtr> plans() const {
    std::vector<PlanPtr> inputs;
    for (const Pruned& input : in_) inputs.push_back(input.plan);
    return inputs;
  }

  Pruned same_columns(PlanVariant node) const {
    return {make_node(std::move(node), plans(), node_.schema), counted(out_.size())};
  }
  // The output is the input's columns, then the node's own.
  Pruned behind_input(PlanVariant node) const {
    std::vector<int> places = in_[0].places;
    const Schema& below = in_[0].plan->schema;
    const size_t own = node_.schema.size() - places.size();
    const auto tail = counted(own, static_cast<int>(below.size()));
    places.insert(places.end(), tail.begin(), tail.end());
    Schema schema = moved_schema(places, below.size() + own);
    fill(schema, below, 0);
    return {make_node(std::move(node), plans(), std::move(schema)), std::move(places)};
  }
  template <class Join>
  Pruned joined(Join join) const {
    const bool left_only = join.kind == sql::JoinKind::kSemi || join.kind == sql::JoinKind::kAnti;
    const Schema& left = in_[0].plan->schema;
    const Schema& right = in_[1].plan->schema;
    std::vector<int> places = left_only ? in_[0].places : both_places();
    Schema schema = moved_schema(places, left.size() + (left_only ? 0 : right.size()));
    fill(schema, left, 0);
    if (!left_only) fill(schema, right, left.size());
    return {make_node(std::move(join), plans(), std::move(schema)), std::move(places)};
  }

  const PlanNode& node_;
  const Columns& out_;
  std::vector<Pruned> in_;
  const std::vector<Columns>& needed_;
};

// Nodes that put out the columns of their inputs and keep one at least of each (narrowed()).
bool keeps_a_column(const PlanVariant& node) {
  return std::holds_alternative<OverNode>(node) || std::holds_alternative<JoinNode>(node) ||
         std::holds_alternative<IntervalJoinNode>(node) ||
         std::holds_alternative<WindowJoinNode>(node) || std::holds_alternative<RankNode>(node) ||
         std::holds_alternative<SortNode>(node) || std::holds_alternative<UnionNode>(node);
}

// What this reader needs of each of its inputs: others of the same input may need more.
std::vector<Columns> needs_of(const PlanNode& node, const Columns& out) {
  std::vector<Columns> needs;
  for (const PlanPtr& input : node.inputs) needs.emplace_back(input->schema.size());
  std::vector<Columns*> asked;
  for (Columns& columns : needs) asked.push_back(&columns);
  std::visit(Needs(out, std::move(asked)), node.node);
  if (!keeps_a_column(node.node)) return needs;
  for (Columns& columns : needs) {
    // COUNT(*) of a join: the column that it keeps must be read, too.
    if (std::ranges::find(columns, true) == columns.end() && !columns.empty()) columns[0] = true;
  }
  return needs;
}

}  // namespace

std::vector<PlanPtr> prune_columns(const std::vector<PlanPtr>& sinks) {
  const std::vector<PlanPtr> order = nodes_below(sinks);
  std::unordered_map<const PlanNode*, Columns> needed;
  for (const PlanPtr& node : order) needed[node.get()].resize(node->schema.size());
  for (auto at = order.rbegin(); at != order.rend(); ++at) {
    const PlanNode& node = **at;
    const std::vector<Columns> needs = needs_of(node, needed[&node]);
    for (size_t i = 0; i < needs.size(); ++i) {
      Columns& all = needed[node.inputs[i].get()];
      for (size_t column = 0; column < all.size(); ++column) {
        if (needs[i][column]) all[column] = true;
      }
    }
  }
  std::unordered_map<const PlanNode*, Pruned> done;
  for (const PlanPtr& node : order) {
    std::vector<Pruned> inputs;
    for (const PlanPtr& input : node->inputs) inputs.push_back(done.at(input.get()));
    const std::vector<Columns> wanted = needs_of(*node, needed[node.get()]);
    done[node.get()] =
        std::visit(Rebuild(*node, needed[node.get()], std::move(inputs), wanted), node->node);
  }
  std::vector<PlanPtr> result;
  for (const PlanPtr& sink : sinks) result.push_back(done.at(sink.get()).plan);
  return result;
}

}  // namespace millstream::analytics
