// Which nodes update their results, and who may read updates.
#pragma once

#include <string>

#include "analytics/plan/plan.h"
#include "base/result.h"

namespace millstream::analytics {

// The mode of `node`'s output; its inputs' modes are known.
ChangelogMode infer_mode(const PlanNode& node);
// Sets the …_retracts members from the modes of the inputs.
void set_retractions(PlanNode& node);

// Whether the node can read its inputs' changes. Errors, in Flink's words:
//   "Table sink 'default_catalog.default_database.t' doesn't support consuming update changes
//   which is produced by node GroupAggregate(groupBy=[k], select=[k, COUNT(*) AS n])"
//   "OverAggregate doesn't support consuming update and delete changes which is produced by …"
Result<> check_changes(const PlanNode& node);
// Of all nodes below.
Result<> check_all_changes(const PlanPtr& plan);

// A node as Flink's messages name it.
std::string flink_node_text(const PlanNode& node);

}  // namespace millstream::analytics
