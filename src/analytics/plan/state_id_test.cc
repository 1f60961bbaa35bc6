#include "analytics/plan/state_id.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analytics/plan/kinesis_testing.h"
#include "analytics/plan/partitioning.h"

namespace millstream::analytics {
namespace {

constexpr std::string_view kStream = "CREATE STREAM \"ALARMS\" (d VARCHAR(8), n INTEGER);\n";

// State ids of the nodes of a script whose pump is `query`.
std::vector<std::string> ids_of(std::string_view query, std::string_view before = "") {
  const auto planned = plan_script(
      fmt::format("{}{}CREATE PUMP \"P\" AS INSERT INTO \"ALARMS\" {};", kStream, before, query),
      kinesis_settings());
  EXPECT_TRUE(planned) << planned.error().message;
  std::vector<std::string> ids;
  if (!planned) return ids;
  for (const PlanPtr& node : nodes_in_order(planned->plan.sinks)) ids.push_back(node->state_id);
  return ids;
}

// Of the one node of that kind.
template <class Node>
std::string id_of(std::string_view query, std::string_view before = "") {
  const auto planned = plan_script(
      fmt::format("{}{}CREATE PUMP \"P\" AS INSERT INTO \"ALARMS\" {};", kStream, before, query),
      kinesis_settings());
  EXPECT_TRUE(planned) << planned.error().message;
  if (!planned) return "";
  std::string id;
  for (const PlanPtr& node : nodes_in_order(planned->plan.sinks)) {
    if (std::holds_alternative<Node>(node->node)) id = node->state_id;
  }
  return id;
}

constexpr std::string_view kQuery =
    "SELECT STREAM device, COUNT(*) FROM \"SENSOR_001\" WHERE temperature > 1 GROUP BY device, "
    "STEP(\"SENSOR_001\".ROWTIME BY INTERVAL '60' SECOND)";

TEST(StateId, DoesNotDependOnHowTheScriptIsWritten) {
  const auto ids = ids_of(kQuery);
  EXPECT_THAT(ids, testing::Each(testing::Not("")));
  EXPECT_EQ(ids, ids_of("SELECT STREAM DEVICE,\n -- how many\n COUNT( * ) AS many FROM "
                        "\"SENSOR_001\"  WHERE (TEMPERATURE) > 1 GROUP BY device, /* a minute */ "
                        "STEP(sensor_001.ROWTIME BY INTERVAL '1' MINUTE)"));
}

TEST(StateId, ChangesWithWhatTheNodeOrOneBelowComputes) {
  const std::string id = id_of<WindowAggregateNode>(kQuery);
  const auto changed = [&](std::string_view from, std::string_view to) {
    std::string query(kQuery);
    const size_t at = query.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    query.replace(at, from.size(), to);
    return id_of<WindowAggregateNode>(query);
  };
  EXPECT_NE(id, changed("'60'", "'61'"));
  EXPECT_NE(id, changed("> 1", "> 2"));
  EXPECT_NE(id, changed("COUNT(*)", "COUNT(zone)"));
  EXPECT_NE(id, changed("GROUP BY device", "GROUP BY device, zone"));
}

TEST(StateId, StaysWhenAnotherPumpReadsMoreOfTheSource) {
  EXPECT_EQ(id_of<WindowAggregateNode>(kQuery),
            id_of<WindowAggregateNode>(
                kQuery,
                "CREATE PUMP \"Q\" AS INSERT INTO \"ALARMS\" SELECT STREAM zone, 1 FROM "
                "\"SENSOR_001\";\n"));
}

TEST(StateId, EqualSubtreesAreNumbered) {
  auto table = std::make_shared<Table>();
  table->name = "t";
  table->columns.push_back({.name = "a", .type = make_type(TypeKind::kInteger)});
  const auto source = [&] {
    auto node = std::make_shared<PlanNode>();
    node->node = SourceNode{.table = table, .columns = {0}};
    node->schema = table->schema();
    return node;
  };
  auto both = std::make_shared<PlanNode>();
  both->node = UnionNode{};
  both->schema = table->schema();
  const PlanPtr shared = source();
  both->inputs = {shared, source(), shared};
  Plan plan;
  plan.sinks = {both};
  const Plan named = with_state_ids(plan);
  const auto& inputs = named.sinks[0]->inputs;
  EXPECT_EQ(inputs[0], inputs[2]);
  EXPECT_EQ(inputs[1]->state_id, inputs[0]->state_id + "-2");
  EXPECT_EQ(state_id_of(*shared), inputs[0]->state_id);
}

}  // namespace
}  // namespace millstream::analytics
