// Joins with tables held in memory: reference data, filesystem tables FOR SYSTEM_TIME AS OF.
//
// To the runtime (job, RT): before the partitions are opened, read the table of every
// ReferenceJoinNode (table->name names it), make a ReferenceTable of its rows, and put it into
// the job's ReferenceTables; hand that to operators as OperatorContext::references. When a
// table is read again, put() replaces it as a whole.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "analytics/data/batch.h"
#include "analytics/engine/operator.h"

namespace millstream::analytics {

// The rows of a table by the columns of its key. Constant.
class ReferenceIndex {
 public:
  static constexpr uint32_t kNoRow = 0xFFFFFFFF;

  ReferenceIndex(const Batch& rows, std::vector<int> columns);
  // The first row with that key (KeyEncoder's form) in the table's order; kNoRow: none. A row
  // with a NULL in its key has none.
  uint32_t first(std::string_view key) const;
  uint32_t next(uint32_t row) const { return next_[row]; }

 private:
  std::string bytes_;
  std::unordered_map<std::string_view, uint32_t> first_;
  std::vector<uint32_t> next_;
};

// A table as it was read once.
//
// Threads: any; constant but for indexes, which are made when first asked for.
class ReferenceTable {
 public:
  // `pieces`: rows by `schema` (Table::schema()), all columns there.
  ReferenceTable(Schema schema, std::span<const Batch> pieces);

  const Schema& schema() const { return schema_; }
  const Batch& rows() const { return rows_; }
  size_t bytes() const;  // of memory, without indexes
  std::shared_ptr<const ReferenceIndex> index(const std::vector<int>& columns) const;

 private:
  Schema schema_;
  Batch rows_;
  mutable std::mutex mutex_;
  mutable std::map<std::vector<int>, std::shared_ptr<const ReferenceIndex>> indexes_;
};

// A job's reference tables, by name.
//
// Threads: any.
class ReferenceTables {
 public:
  // Takes the place of what has been there: seen whole by the next batch of each operator.
  void put(std::string name, std::shared_ptr<const ReferenceTable> table);
  std::shared_ptr<const ReferenceTable> get(std::string_view name) const;  // nullptr: none

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const ReferenceTable>, std::less<>> tables_;
};

// ReferenceJoinNode: inner, left. Changes of the input keep their kinds; an update that meets
// another version of the table than its row did before is not made good (as Flink's lookup join).
// State: none. Errors (of process()): kInvalidArgument: the table has not been read.
Result<std::unique_ptr<Operator>> make_reference_join(const PlanNode& node,
                                                      OperatorContext context);

}  // namespace millstream::analytics
