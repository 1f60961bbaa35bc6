#include "analytics/plan/partitioning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millstream::analytics {
namespace {

using testing::ElementsAre;
using testing::Optional;

PlanPtr node_of(decltype(PlanNode::node) node, std::vector<PlanPtr> inputs = {}) {
  auto result = std::make_shared<PlanNode>();
  result->node = std::move(node);
  result->inputs = std::move(inputs);
  return result;
}

PlanPtr source() { return node_of(SourceNode{}); }

TEST(Partitioning, KeyedNodesAskForTheirKeysAndOthersForNothing) {
  EXPECT_THAT(partitioning(*node_of(FilterNode{}, {source()})), ElementsAre(std::nullopt));
  EXPECT_THAT(
      partitioning(*node_of(GroupAggregateNode{.keys = {2, 0}, .aggregates = {}}, {source()})),
      ElementsAre(Optional(ElementsAre(2, 0))));
  EXPECT_THAT(partitioning(*node_of(GroupAggregateNode{}, {source()})),
              ElementsAre(Optional(ElementsAre())));
  JoinNode join;
  join.left_keys = {1};
  join.right_keys = {3};
  EXPECT_THAT(partitioning(*node_of(join, {source(), source()})),
              ElementsAre(Optional(ElementsAre(1)), Optional(ElementsAre(3))));
}

TEST(Partitioning, AWindowsRankMeetsByItsOtherKeys) {
  RankNode rank;
  rank.partition_by = {4, 1};
  EXPECT_THAT(partitioning(*node_of(rank, {source()})), ElementsAre(Optional(ElementsAre(4, 1))));
  rank.window_end = 4;
  EXPECT_THAT(partitioning(*node_of(rank, {source()})), ElementsAre(Optional(ElementsAre(1))));
}

TEST(PlanOrder, EveryNodeStandsOnceBehindItsInputs) {
  const PlanPtr shared = source();
  const PlanPtr left = node_of(FilterNode{}, {shared});
  const PlanPtr right = node_of(FilterNode{}, {shared});
  const PlanPtr both = node_of(UnionNode{}, {left, right});
  EXPECT_THAT(nodes_in_order({both, right}), ElementsAre(shared, left, right, both));
}

TEST(PlanOrder, DeepAndDiamondShapedPlansCostNoMoreThanTheirNodes) {
  PlanPtr plan = source();
  constexpr size_t kNodes = 3000;
  for (size_t i = 1; i < kNodes; ++i) plan = node_of(UnionNode{}, {plan, plan});
  EXPECT_EQ(nodes_in_order({plan}).size(), kNodes);
  PlanDepths depths;
  EXPECT_EQ(depths.of(plan), kNodes);
}

}  // namespace
}  // namespace millstream::analytics
