#include "analytics/plan/changelog.h"

#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "analytics/plan/plan_nodes.h"

namespace millstream::analytics {
namespace {

bool updates(const PlanNode& node, size_t input) {
  return node.inputs[input]->mode == ChangelogMode::kUpdates;
}

// The modes a node's message speaks of.
struct Kinds {
  bool update = false;
  bool remove = false;
  std::string text() const {
    if (update && remove) return "update and delete";
    return update ? "update" : "delete";
  }
};

using KindsSeen = std::unordered_map<const PlanNode*, Kinds>;

Kinds kinds_of(const PlanNode& node, KindsSeen& seen) {
  if (node.mode == ChangelogMode::kAppend) return {};
  if (const auto found = seen.find(&node); found != seen.end()) return found->second;
  Kinds kinds{true, true};
  if (std::holds_alternative<GroupAggregateNode>(node.node)) {
    kinds.remove = updates(node, 0);
  } else if (const auto* join = std::get_if<JoinNode>(&node.node);
             std::holds_alternative<ProjectNode>(node.node) ||
             std::holds_alternative<FilterNode>(node.node) ||
             std::holds_alternative<UnionNode>(node.node) ||
             (join != nullptr && join->kind == sql::JoinKind::kInner)) {
    kinds = {};
    for (const PlanPtr& input : node.inputs) {
      const Kinds below = kinds_of(*input, seen);
      kinds.update |= below.update;
      kinds.remove |= below.remove;
    }
  }
  seen.emplace(&node, kinds);
  return kinds;
}

// The node that makes the changes: those that only pass them on are skipped.
const PlanNode& producer_of(const PlanNode& node) {
  const PlanNode* at = &node;
  for (;;) {
    const bool passes = std::holds_alternative<ProjectNode>(at->node) ||
                        std::holds_alternative<FilterNode>(at->node) ||
                        std::holds_alternative<UnionNode>(at->node) ||
                        std::holds_alternative<WindowAssignNode>(at->node) ||
                        std::holds_alternative<ReferenceJoinNode>(at->node);
    if (!passes) return *at;
    for (const PlanPtr& input : at->inputs) {
      if (input->mode == ChangelogMode::kUpdates) {
        at = input.get();
        break;
      }
    }
  }
}

bool takes_updates(const PlanNode& node) {
  if (const auto* sink = std::get_if<SinkNode>(&node.node)) {
    const Connector connector = sink->table->connector;
    return connector == Connector::kPrint || connector == Connector::kBlackhole ||
           connector == Connector::kCollect;
  }
  if (const auto* rank = std::get_if<RankNode>(&node.node)) return !rank->window_end;
  if (const auto* sort = std::get_if<SortNode>(&node.node)) return !sort->rowtime;
  return !std::holds_alternative<WindowAggregateNode>(node.node) &&
         !std::holds_alternative<OverNode>(node.node) &&
         !std::holds_alternative<IntervalJoinNode>(node.node) &&
         !std::holds_alternative<WindowJoinNode>(node.node);
}

std::string requester_of(const PlanNode& node) {
  if (const auto* sink = std::get_if<SinkNode>(&node.node)) {
    return fmt::format("Table sink 'default_catalog.default_database.{}'", sink->table->name);
  }
  if (std::holds_alternative<WindowAggregateNode>(node.node))
    return "StreamPhysicalWindowAggregate";
  if (std::holds_alternative<OverNode>(node.node)) return "StreamPhysicalOverAggregate";
  if (std::holds_alternative<IntervalJoinNode>(node.node)) return "StreamPhysicalIntervalJoin";
  if (std::holds_alternative<WindowJoinNode>(node.node)) return "StreamPhysicalWindowJoin";
  if (std::holds_alternative<RankNode>(node.node)) return "StreamPhysicalWindowRank";
  return "StreamPhysicalTemporalSort";
}

std::string list(const std::vector<int>& columns, const Schema& schema) {
  std::string text;
  for (const int column : columns) {
    if (!text.empty()) text += ", ";
    text += schema[static_cast<size_t>(column)].name;
  }
  return text;
}

std::string call_text(const AggregateCall& call, const Schema& schema) {
  std::string text = fmt::format("{}({}", call.function->name, call.distinct ? "DISTINCT " : "");
  text += call.arguments.empty() ? "*" : list(call.arguments, schema);
  text += ")";
  if (call.filter >= 0) {
    text += fmt::format(" FILTER {}", schema[static_cast<size_t>(call.filter)].name);
  }
  return text;
}

std::string names(const Schema& schema) {
  std::string text;
  for (const Field& field : schema) {
    if (!text.empty()) text += ", ";
    text += field.name;
  }
  return text;
}

std::string aggregate_text(const PlanNode& node, const GroupAggregateNode& aggregate) {
  const Schema& input = node.inputs[0]->schema;
  std::string text = "GroupAggregate(";
  if (!aggregate.keys.empty()) text += fmt::format("groupBy=[{}], ", list(aggregate.keys, input));
  text += fmt::format("select=[{}", list(aggregate.keys, input));
  size_t at = aggregate.keys.size();
  for (const AggregateCall& call : aggregate.aggregates) {
    if (at > 0) text += ", ";
    text += fmt::format("{} AS {}", call_text(call, input), node.schema[at].name);
    ++at;
  }
  return text + "])";
}

std::string rank_text(const PlanNode& node, const RankNode& rank) {
  const Schema& input = node.inputs[0]->schema;
  if (rank.limit == 1 && rank.order_time && !rank.output_rank) {
    const bool rowtime =
        input[static_cast<size_t>(*rank.order_time)].type.time == TimeAttribute::kRowtime;
    return fmt::format("Deduplicate(keep=[{}Row], key=[{}], order=[{}TIME])",
                       rank.order_by[0].descending ? "Last" : "First",
                       list(rank.partition_by, input), rowtime ? "ROW" : "PROC");
  }
  std::string order;
  for (const RankNode::Order& item : rank.order_by) {
    if (!order.empty()) order += ", ";
    order += fmt::format("{} {}", input[static_cast<size_t>(item.column)].name,
                         item.descending ? "DESC" : "ASC");
  }
  return fmt::format(
      "Rank(strategy=[{}], rankType=[ROW_NUMBER], rankRange=[rankStart=1, rankEnd={}], "
      "partitionBy=[{}], orderBy=[{}], select=[{}])",
      rank.input_retracts ? "RetractStrategy" : "AppendFastStrategy", rank.limit,
      list(rank.partition_by, input), order, names(node.schema));
}

std::string_view join_name(sql::JoinKind kind) {
  switch (kind) {
    case sql::JoinKind::kLeft:
      return "LeftOuterJoin";
    case sql::JoinKind::kRight:
      return "RightOuterJoin";
    case sql::JoinKind::kFull:
      return "FullOuterJoin";
    case sql::JoinKind::kSemi:
      return "LeftSemiJoin";
    case sql::JoinKind::kAnti:
      return "LeftAntiJoin";
    case sql::JoinKind::kCross:
    case sql::JoinKind::kInner:
      break;
  }
  return "InnerJoin";
}

std::string join_text(const PlanNode& node, const JoinNode& join) {
  const Schema& left = node.inputs[0]->schema;
  const Schema& right = node.inputs[1]->schema;
  std::string where;
  for (size_t i = 0; i < join.left_keys.size(); ++i) {
    if (i > 0) where += " AND ";
    where += fmt::format("({} = {})", left[static_cast<size_t>(join.left_keys[i])].name,
                         right[static_cast<size_t>(join.right_keys[i])].name);
  }
  if (join.condition != nullptr) {
    if (!where.empty()) where += " AND ";
    where += expression_text(*join.condition, concatenated(left, right));
  }
  return fmt::format("Join(joinType=[{}], where=[{}], select=[{}])", join_name(join.kind), where,
                     names(node.schema));
}

}  // namespace

ChangelogMode infer_mode(const PlanNode& node) {
  bool any = false;
  for (size_t i = 0; i < node.inputs.size(); ++i) any |= updates(node, i);
  const ChangelogMode inherited = any ? ChangelogMode::kUpdates : ChangelogMode::kAppend;
  if (std::holds_alternative<GroupAggregateNode>(node.node)) return ChangelogMode::kUpdates;
  if (const auto* join = std::get_if<JoinNode>(&node.node)) {
    const bool plain = join->kind == sql::JoinKind::kInner || join->kind == sql::JoinKind::kCross ||
                       join->kind == sql::JoinKind::kSemi;
    return plain ? inherited : ChangelogMode::kUpdates;
  }
  if (const auto* rank = std::get_if<RankNode>(&node.node)) {
    if (rank->window_end) return ChangelogMode::kAppend;
    // Flink 2.1 and later: keeping the first row by time never takes it back. By event time it
    // leaves when the watermark reaches it.
    const bool keeps_first =
        rank->limit == 1 && !rank->output_rank && rank->order_time && !rank->order_by[0].descending;
    return keeps_first && !any ? ChangelogMode::kAppend : ChangelogMode::kUpdates;
  }
  if (const auto* sort = std::get_if<SortNode>(&node.node)) {
    // At the end of a bounded input, once; a LIMIT alone passes rows as they come.
    return sort->order_by.empty() ? inherited : ChangelogMode::kAppend;
  }
  return inherited;
}

void set_retractions(PlanNode& node) {
  if (auto* aggregate = std::get_if<GroupAggregateNode>(&node.node)) {
    aggregate->input_retracts = updates(node, 0);
  } else if (auto* rank = std::get_if<RankNode>(&node.node)) {
    rank->input_retracts = updates(node, 0);
  } else if (auto* join = std::get_if<JoinNode>(&node.node)) {
    join->left_retracts = updates(node, 0);
    join->right_retracts = updates(node, 1);
  }
}

Result<> check_changes(const PlanNode& node) {
  // The ROW_NUMBER of Flink SQL to which no filter gave a limit (flink_over.cc); LIMIT 0 has no
  // rank among its columns.
  if (const auto* rank = std::get_if<RankNode>(&node.node);
      rank != nullptr && rank->limit == 0 && rank->output_rank) {
    return fail(ErrorCode::kInvalidArgument,
                "ROW_NUMBER() without a limit is not yet supported: keep the first n rows with "
                "SELECT … FROM (SELECT …, ROW_NUMBER() OVER (…) AS rownum FROM …) WHERE rownum <= "
                "n");
  }
  if (takes_updates(node)) return {};
  for (const PlanPtr& input : node.inputs) {
    if (input->mode == ChangelogMode::kAppend) continue;
    const PlanNode& producer = producer_of(*input);
    KindsSeen seen;
    return fail(ErrorCode::kInvalidArgument,
                "{} doesn't support consuming {} changes which is produced by node {}",
                requester_of(node), kinds_of(producer, seen).text(), flink_node_text(producer));
  }
  return {};
}

Result<> check_all_changes(const PlanPtr& plan) {
  std::unordered_set<const PlanNode*> seen;
  std::vector<const PlanNode*> open{plan.get()};
  std::vector<const PlanNode*> order;
  while (!open.empty()) {
    const PlanNode* node = open.back();
    open.pop_back();
    if (!seen.insert(node).second) continue;
    order.push_back(node);
    for (const PlanPtr& input : node->inputs) open.push_back(input.get());
  }
  // Those below first: what is wrong there is the cause.
  for (size_t i = order.size(); i > 0; --i) TRY(check_changes(*order[i - 1]));
  return {};
}

std::string flink_node_text(const PlanNode& node) {
  if (const auto* aggregate = std::get_if<GroupAggregateNode>(&node.node)) {
    return aggregate_text(node, *aggregate);
  }
  if (const auto* rank = std::get_if<RankNode>(&node.node)) return rank_text(node, *rank);
  if (const auto* join = std::get_if<JoinNode>(&node.node)) return join_text(node, *join);
  if (const auto* sort = std::get_if<SortNode>(&node.node)) {
    return fmt::format("Limit(offset=[{}], fetch=[{}])", sort->offset, sort->limit.value_or(0));
  }
  return fmt::format("{}({})", "Node", names(node.schema));
}

}  // namespace millstream::analytics
