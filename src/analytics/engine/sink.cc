#include "analytics/engine/sink.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "analytics/engine/row_text.h"
#include "log/record.h"

namespace millstream::analytics {
namespace {

constexpr size_t kFirstBodyBytes = size_t{16} << 10;

// Rows are counted, and gone.
class CountingWriter final : public SinkWriter {
 public:
  Result<> write(const Piece& piece) override {
    output_.rows += piece.batch.rows;
    return {};
  }
  SinkOutput finish() override { return std::exchange(output_, {}); }

 private:
  SinkOutput output_;
};

class BlackholeSink final : public Sink {
 public:
  Result<std::unique_ptr<SinkWriter>> writer(uint32_t, OperatorState&) override {
    return std::make_unique<CountingWriter>();
  }
};

class PrintWriter final : public SinkWriter {
 public:
  PrintWriter(Schema schema, std::string prefix)
      : schema_(std::move(schema)), prefix_(std::move(prefix)) {}
  Result<> write(const Piece& piece) override {
    output_.rows += piece.batch.rows;
    for (size_t row = 0; row < piece.batch.rows; ++row) {
      output_.lines.push_back(prefix_ + row_text(piece.batch, row, schema_));
    }
    return {};
  }
  SinkOutput finish() override { return std::exchange(output_, {}); }

 private:
  Schema schema_;
  std::string prefix_;
  SinkOutput output_;
};

class PrintSink final : public Sink {
 public:
  PrintSink(const PlanNode& node, JobHost& host) : schema_(node.schema), host_(host) {
    const Table& table = *std::get<SinkNode>(node.node).table;
    const auto found = table.options.find("print-identifier");
    if (found != table.options.end()) prefix_ = found->second + "> ";
  }
  Result<std::unique_ptr<SinkWriter>> writer(uint32_t, OperatorState&) override {
    return std::make_unique<PrintWriter>(schema_, prefix_);
  }
  awaitable<Result<>> after_commit(SinkOutput output) override {
    for (const std::string& line : output.lines) host_.log_line("INFO", line);
    co_return Result<>();
  }

 private:
  Schema schema_;
  std::string prefix_;
  JobHost& host_;
};

class CollectWriter final : public SinkWriter {
 public:
  Result<> write(const Piece& piece) override {
    output_.rows += piece.batch.rows;
    output_.rows_to_ask.push_back(piece.batch);
    return {};
  }
  SinkOutput finish() override { return std::exchange(output_, {}); }

 private:
  SinkOutput output_;
};

class CollectSink final : public Sink {
 public:
  CollectSink(const PlanNode& node, JobHost& host) : schema_(node.schema), host_(host) {}
  Result<std::unique_ptr<SinkWriter>> writer(uint32_t, OperatorState&) override {
    return std::make_unique<CollectWriter>();
  }
  awaitable<Result<>> after_commit(SinkOutput output) override {
    for (Batch& batch : output.rows_to_ask) {
      CO_TRY(co_await host_.collect(schema_, std::move(batch)));
    }
    co_return Result<>();
  }

 private:
  Schema schema_;
  JobHost& host_;
};

}  // namespace

char* RecordBody::add(std::string_view partition_key, size_t data_size) {
  const size_t size = stored_record_size(partition_key.size(), data_size);
  reserve(size);
  char* data = store_record_head(buffer_->data() + size_, partition_key, data_size);
  size_ += size;
  ++records_;
  return data;
}

void RecordBody::reserve(size_t more_bytes) {
  if (size_ + more_bytes <= capacity_) return;
  capacity_ = std::max({size_ + more_bytes, capacity_ * 2, kFirstBodyBytes});
  BufferRef larger = BufferRef::allocate(capacity_);
  if (size_ > 0) std::memcpy(larger->data(), buffer_->data(), size_);
  buffer_ = std::move(larger);
}

void RecordBody::append(std::string_view stored, uint32_t records) {
  reserve(stored.size());
  std::memcpy(buffer_->data() + size_, stored.data(), stored.size());
  size_ += stored.size();
  records_ += records;
}

Slice RecordBody::take() {
  Slice all(std::exchange(buffer_, {}), size_);
  size_ = capacity_ = 0;
  records_ = 0;
  return all;
}

awaitable<Result<std::vector<ShardBody>>> Sink::reroute(ShardBody sealed) {
  co_return fail(ErrorCode::kSealed, "log shard {} is closed", static_cast<uint64_t>(sealed.shard));
}

awaitable<Result<>> Sink::after_commit(SinkOutput) { co_return Result<>(); }

Result<std::unique_ptr<Sink>> make_sink(const PlanNode& node, SinkContext context) {
  const Table& table = *std::get<SinkNode>(node.node).table;
  switch (table.connector) {
    case Connector::kStream:
    case Connector::kDelivery:
      return make_stream_sink(node, std::move(context));
    case Connector::kPrint:
      return std::make_unique<PrintSink>(node, context.host);
    case Connector::kCollect:
      return std::make_unique<CollectSink>(node, context.host);
    case Connector::kBlackhole:
    case Connector::kInternal:
      return std::make_unique<BlackholeSink>();
    case Connector::kFilesystem:
      return make_file_sink(node, std::move(context));
    case Connector::kDatagen:
      break;
  }
  return fail(ErrorCode::kInvalidArgument,
              "table {} has connector 'datagen', which can only be read", table.name);
}

}  // namespace millstream::analytics
