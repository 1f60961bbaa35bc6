// Reads the tables of ReferenceJoinNodes into memory, before a job begins.
#pragma once

#include "analytics/engine/job.h"
#include "analytics/engine/reference_join.h"
#include "analytics/engine/stage_plan.h"

namespace millstream::analytics {

// Of all reference tables of a job together; the job's memory limit may be below it.
inline constexpr size_t kMaxReferenceBytes = size_t{256} << 20;

// The objects below a table's path, one record a line, by their keys' order.
// Threads: the caller's executor; decoding runs on it too.
// Errors: kNotFound (no object there), kInvalidArgument (a line that is no row in Flink's
// dialect; a connector that can't be looked up in), kLimitExceeded (beyond kMaxReferenceBytes).
awaitable<Result<std::shared_ptr<const ReferenceTable>>> read_reference_table(
    std::shared_ptr<const Table> table, sql::Dialect dialect, std::string time_zone, JobHost& host);

// Those of all nodes of `plan`.
awaitable<Result<>> read_reference_tables(std::shared_ptr<const StagePlan> plan,
                                          sql::Dialect dialect, std::string time_zone,
                                          JobHost& host, ReferenceTables& into);

}  // namespace millstream::analytics
