// Where a plan's rows leave: one Sink for each SinkNode, one writer of it in each partition.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "analytics/engine/exchange.h"
#include "analytics/engine/job.h"
#include "analytics/engine/source_decoder.h"
#include "analytics/engine/state.h"

namespace millstream::analytics {

// Records in stored layout for one shard, growing.
class RecordBody {
 public:
  // Room for a record; its data (`data_size` bytes) goes to the returned address.
  char* add(std::string_view partition_key, size_t data_size);
  void reserve(size_t more_bytes);
  void append(std::string_view stored, uint32_t records);
  uint32_t records() const { return records_; }
  size_t size() const { return size_; }
  Slice take();  // and starts anew

 private:
  BufferRef buffer_;
  size_t size_ = 0;
  size_t capacity_ = 0;
  uint32_t records_ = 0;
};

struct ShardBody {
  ShardId shard{};
  uint32_t records = 0;
  Slice body;
};

// An object to put once the batch is durable.
struct SinkObject {
  uint64_t number = 0;
  std::string key;
  std::vector<Slice> parts;
};

// What one batch's rows became at a sink, in order.
struct SinkOutput {
  uint64_t rows = 0;
  std::vector<ShardBody> bodies;   // appended with the batch
  std::vector<std::string> lines;  // logged once the batch is durable
  std::vector<Batch> rows_to_ask;  // handed to JobHost::collect() once the batch is durable
  std::vector<SinkObject> objects;
  bool wants_after = false;  // after_commit() also without lines or rows
};

// Threads: its partition's.
class SinkWriter {
 public:
  virtual ~SinkWriter() = default;
  // Errors: kInvalidArgument: a row that the sink can't take.
  virtual Result<> write(const Piece& piece) = 0;
  // What was written since the last call.
  virtual SinkOutput finish() = 0;
  // When finish() has something to do without rows; kEndOfTime: never.
  virtual int64_t next_timer_us() const { return kEndOfTime; }
  // No rows will come any more: before the last finish().
  virtual void close_all() {}
};

// Life cycle: make_sink(), open(), then writers; refresh() between batches only.
// Threads:    the job's strand; writers in their partitions.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual awaitable<Result<>> open() { co_return Result<>(); }
  // `state`: of the sink in that partition.
  virtual Result<std::unique_ptr<SinkWriter>> writer(uint32_t partition, OperatorState& state) = 0;
  // An append met a sealed shard: learns the shards anew and gives its records new shards.
  virtual awaitable<Result<std::vector<ShardBody>>> reroute(ShardBody sealed);
  // Whether one of this sink's shards is `shard`.
  virtual bool owns(ShardId) const { return false; }
  // After the batch is durable.
  virtual awaitable<Result<>> after_commit(SinkOutput output);
};

struct SinkContext {
  JobHost& host;
  const JobSpec& spec;
  sql::Dialect dialect = sql::Dialect::kFlink;
  std::string time_zone = "UTC";
  // The columns by whose hash rows come (StageNode::spread_by).
  std::optional<std::vector<int>> spread_by;
};

// Errors: kInvalidArgument: a connector that can't be written to.
Result<std::unique_ptr<Sink>> make_sink(const PlanNode& node, SinkContext context);
Result<std::unique_ptr<Sink>> make_stream_sink(const PlanNode& node, SinkContext context);
Result<std::unique_ptr<Sink>> make_file_sink(const PlanNode& node, SinkContext context);

}  // namespace millstream::analytics
