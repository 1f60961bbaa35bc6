// What runs a node of the plan in one partition.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "analytics/data/batch.h"
#include "analytics/engine/state.h"
#include "analytics/plan/plan.h"
#include "base/result.h"

namespace millstream::analytics {

// Where an operator's rows go.
class Output {
 public:
  virtual ~Output() = default;
  virtual void emit(Batch batch) = 0;
  // The append of this batch is large enough: an operator that emits on its own account
  // (advance) stops here, keeps the rest in its state, and goes on in the next batch.
  virtual bool is_full() const = 0;
  // A row that could not be processed: its message. Kinesis dialect: to the error stream; Flink:
  // the application fails.
  virtual void row_error(std::string_view message, const Batch& batch, uint32_t row) = 0;
  virtual void count_late(uint64_t rows) = 0;
};

class ReferenceTables;  // reference_join.h

struct OperatorContext {
  sql::Dialect dialect = sql::Dialect::kFlink;
  std::string time_zone = "UTC";
  OperatorState* state = nullptr;  // of this operator in this partition
  uint32_t partition = 0;
  uint32_t partitions = 1;
  int64_t state_ttl_ms = 0;  // Flink: table.exec.state.ttl; 0: never
  // What reference joins read; outlives the operators. nullptr: the plan has none.
  ReferenceTables* references = nullptr;
};

// Life cycle: made by make_operator(); open() once, after the state was restored; then batches.
// Threads:    one (the partition's).
// What comes out must not depend on where batches end: the same rows, in order per key.
// All that must survive is in `context.state` when advance() returns; indexes in memory that
// follow from it are rebuilt in open().
class Operator {
 public:
  virtual ~Operator() = default;
  virtual Result<> open() { return {}; }

  // Rows of input `input`. Within a batch of the job, process() is called any number of times
  // (several inputs, several pieces), then advance() once.
  virtual Result<> process(size_t input, const Batch& batch, int64_t now_us, Output& out) = 0;

  // The watermark of all inputs (their minimum) and the processing time are now these; neither
  // falls. Fires what is due, in order of time. Returns false if `out` became full before
  // everything was emitted: it is called again, with the same times, in the next batch.
  virtual Result<bool> advance(EventTime watermark, int64_t now_us, Output& out) {
    (void)watermark;
    (void)now_us;
    (void)out;
    return true;
  }
  // The watermark that holds downstream once advance() has returned true for `watermark`.
  virtual EventTime output_watermark(EventTime watermark) const { return watermark; }
  // The next processing time (microseconds) at which advance() has something to do without
  // input; kEndOfTime: none.
  virtual int64_t next_timer_us() const { return kEndOfTime; }
};

// Errors: kInvalidArgument: the node asks for what the engine can't do yet ("… is not yet
// supported").
Result<std::unique_ptr<Operator>> make_operator(const PlanNode& node, OperatorContext context);

}  // namespace millstream::analytics
