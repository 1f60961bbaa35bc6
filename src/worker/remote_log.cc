#include "worker/remote_log.h"

#include <algorithm>

#include "base/hash.h"
#include "log/record.h"
#include "worker/log_message.h"

namespace millstream::worker {
namespace {

using Parts = std::vector<Slice>;
using std::chrono::milliseconds;

// A wait on the log is cut into pieces of this, so that it ends soon after its channel has.
constexpr milliseconds kWaitPiece{1000};
// Bodies up to this are copied out of the buffer that they share with other frames: the log keeps
// what is appended in its tail cache.
constexpr size_t kCopiedBody = size_t{32} << 10;

uint64_t number(ShardId shard) { return static_cast<uint64_t>(shard); }

Result<> check_access(const LogAccess& access, ShardId shard, bool write) {
  if (access.may_use(shard, write)) return {};
  return fail(ErrorCode::kAccessDenied, "Log shard {} may not be {} by this process.",
              number(shard), write ? "written" : "read");
}

// The log trusts its callers; a worker is none.
Result<> check_batch(const ShardBatch& batch) {
  RecordCursor cursor(batch.body.view());
  RecordView record;
  uint32_t records = 0;
  while (cursor.next(record)) ++records;
  if (!cursor.broken() && records == batch.records && records > 0 &&
      crc32c(batch.body.view()) == batch.checksum) {
    return {};
  }
  return fail(ErrorCode::kInvalidArgument,
              "A batch of {} records for log shard {} is damaged: {} were found, or its checksum "
              "is wrong.",
              batch.records, number(batch.shard), records);
}

struct Server {
  ShardLog* log;
  LogAccess access;
  std::weak_ptr<Channel> channel;
};
using ServerPtr = std::shared_ptr<const Server>;

awaitable<Result<Parts>> append(ServerPtr server, Slice request) {
  CO_TRY_ASSIGN(AppendRequest append, decode_append(request));
  if (append.stamp.writer != 0 && append.stamp.writer != server->access.writer) {
    co_return fail(ErrorCode::kAccessDenied, "Writer {} is not the one of this process.",
                   append.stamp.writer);
  }
  for (ShardBatch& batch : append.batches) {
    CO_TRY(check_access(server->access, batch.shard, true));
    CO_TRY(check_batch(batch));
    if (request.size() <= kCopiedBody) batch.body = Slice::copy_of(batch.body.view());
  }
  CO_TRY_ASSIGN(const std::vector<Appended> appended,
                co_await server->log->append(std::move(append.batches), append.stamp));
  co_return encode_appended(appended);
}

awaitable<Result<Parts>> open_writer(ServerPtr server, Slice request) {
  NumberReader in(request.view());
  const auto writer = in.take<uint64_t>();
  CO_TRY(in.end());
  if (writer == 0 || writer != server->access.writer) {
    co_return fail(ErrorCode::kAccessDenied, "Writer {} is not the one of this process.", writer);
  }
  CO_TRY_ASSIGN(const OpenedWriter opened, co_await server->log->open_writer(writer));
  co_return NumberWriter().add(opened.epoch).add(opened.last_number).parts();
}

awaitable<Result<Parts>> read(ServerPtr server, Slice request) {
  NumberReader in(request.view());
  const ShardId shard = in.shard();
  const auto from = in.take<Counter>();
  ReadLimits limits;
  limits.records = in.take<uint32_t>();
  limits.bytes = in.take<uint64_t>();
  CO_TRY(in.end());
  CO_TRY(check_access(server->access, shard, false));
  // The answer has to fit into a frame, with one batch beyond the limit.
  limits.bytes = std::min(limits.bytes, kMaxFrameBytes - kMaxWriterAppendBytes / 2);
  CO_TRY_ASSIGN(const ReadResult result, co_await server->log->read(shard, from, limits));
  co_return encode_read(result);
}

awaitable<Result<Parts>> wait(ServerPtr server, Slice request) {
  NumberReader in(request.view());
  const ShardId shard = in.shard();
  const auto position = in.take<Counter>();
  milliseconds left(in.take<int64_t>());
  CO_TRY(in.end());
  CO_TRY(check_access(server->access, shard, false));
  for (;;) {
    const milliseconds piece = std::min(left, kWaitPiece);
    const Result<> waited = co_await server->log->wait(shard, position, piece);
    if (waited) co_return Parts();
    left -= piece;
    if (waited.error().code != ErrorCode::kTimeout || left.count() <= 0) {
      co_return std::unexpected(waited.error());
    }
    const auto channel = server->channel.lock();
    if (!channel || channel->is_closed()) {
      co_return fail(ErrorCode::kCancelled, "The process that waited is gone.");
    }
  }
}

awaitable<Result<Parts>> position_at(ServerPtr server, Slice request) {
  NumberReader in(request.view());
  const ShardId shard = in.shard();
  const auto time = in.take<TimeMs>();
  CO_TRY(in.end());
  CO_TRY(check_access(server->access, shard, false));
  CO_TRY_ASSIGN(const Counter position, co_await server->log->position_at(shard, time));
  co_return NumberWriter().add(position).parts();
}

awaitable<Result<Parts>> status(ServerPtr server, Slice request) {
  NumberReader in(request.view());
  const ShardId shard = in.shard();
  CO_TRY(in.end());
  CO_TRY(check_access(server->access, shard, false));
  CO_TRY_ASSIGN(const ShardStatus status, server->log->status(shard));
  co_return NumberWriter()
      .add(status.first)
      .add(status.tip)
      .add(static_cast<uint8_t>(status.sealed))
      .add(status.last_arrival_ms)
      .add(status.stored_bytes)
      .parts();
}

awaitable<Result<Parts>> trim(ServerPtr server, Slice request) {
  NumberReader in(request.view());
  const ShardId shard = in.shard();
  const auto first = in.take<Counter>();
  CO_TRY(in.end());
  CO_TRY(check_access(server->access, shard, true));
  CO_TRY(co_await server->log->trim(shard, first));
  co_return Parts();
}

std::unexpected<Error> not_served(std::string_view call) {
  return fail(ErrorCode::kAccessDenied,
              "{} is the server's: a worker process reads, appends and trims only.", call);
}

class RemoteLog final : public ShardLog {
 public:
  explicit RemoteLog(std::shared_ptr<Channel> channel) : channel_(std::move(channel)) {}

  awaitable<Result<std::vector<Appended>>> append(std::vector<ShardBatch> batches,
                                                  WriterStamp stamp) override {
    AppendRequest request{.batches = std::move(batches), .stamp = stamp};
    CO_TRY_ASSIGN(const Slice answer, co_await channel_->call(kLogAppend, encode_append(request)));
    co_return decode_appended(answer);
  }

  awaitable<Result<OpenedWriter>> open_writer(uint64_t writer) override {
    CO_TRY_ASSIGN(const Slice answer,
                  co_await channel_->call(kLogOpenWriter, NumberWriter().add(writer).parts()));
    NumberReader in(answer.view());
    OpenedWriter opened;
    opened.epoch = in.take<uint64_t>();
    opened.last_number = in.take<uint64_t>();
    CO_TRY(in.end());
    co_return opened;
  }

  awaitable<Result<>> trim(ShardId shard, Counter first) override {
    CO_TRY(co_await channel_->call(kLogTrim, NumberWriter().add(shard).add(first).parts()));
    co_return Result<>();
  }

  awaitable<Result<ReadResult>> read(ShardId shard, Counter from, ReadLimits limits) override {
    NumberWriter out;
    out.add(shard).add(from).add(limits.records).add(static_cast<uint64_t>(limits.bytes));
    CO_TRY_ASSIGN(const Slice answer, co_await channel_->call(kLogRead, out.parts()));
    co_return decode_read(answer);
  }

  awaitable<Result<>> wait(ShardId shard, Counter position, milliseconds timeout) override {
    NumberWriter out;
    out.add(shard).add(position).add(static_cast<int64_t>(timeout.count()));
    CO_TRY(co_await channel_->call(kLogWait, out.parts()));
    co_return Result<>();
  }

  awaitable<Result<Counter>> position_at(ShardId shard, TimeMs time) override {
    CO_TRY_ASSIGN(
        const Slice answer,
        co_await channel_->call(kLogPositionAt, NumberWriter().add(shard).add(time).parts()));
    NumberReader in(answer.view());
    const auto position = in.take<Counter>();
    CO_TRY(in.end());
    co_return position;
  }

  // Blocks the thread until the server has answered, some 50 microseconds.
  Result<ShardStatus> status(ShardId shard) override {
    TRY_ASSIGN(const Slice answer,
               channel_->call_blocking(kLogStatus, NumberWriter().add(shard).parts()));
    NumberReader in(answer.view());
    ShardStatus status;
    status.first = in.take<Counter>();
    status.tip = in.take<Counter>();
    status.sealed = in.take<uint8_t>() != 0;
    status.last_arrival_ms = in.take<TimeMs>();
    status.stored_bytes = in.take<uint64_t>();
    TRY(in.end());
    return status;
  }

  awaitable<Result<>> create(ShardId, ShardOptions) override { co_return not_served("create"); }
  awaitable<Result<Counter>> seal(ShardId) override { co_return not_served("seal"); }
  awaitable<Result<>> remove(ShardId) override { co_return not_served("remove"); }
  awaitable<Result<>> set_retention(ShardId, TimeMs) override {
    co_return not_served("set_retention");
  }
  std::vector<ShardId> shards() override { return {}; }
  awaitable<Result<>> close() override { co_return Result<>(); }

 private:
  std::shared_ptr<Channel> channel_;
};

}  // namespace

void serve_log(Channel& channel, ShardLog& log, LogAccess access) {
  const auto server = std::make_shared<const Server>(
      Server{.log = &log, .access = std::move(access), .channel = channel.weak_from_this()});
  using Answer = awaitable<Result<Parts>> (*)(ServerPtr, Slice);
  const std::pair<Method, Answer> methods[] = {
      {kLogAppend, append}, {kLogOpenWriter, open_writer}, {kLogRead, read},
      {kLogWait, wait},     {kLogPositionAt, position_at}, {kLogStatus, status},
      {kLogTrim, trim},
  };
  for (const auto& [method, answer] : methods) {
    channel.handle(method,
                   [server, answer](Slice request) { return answer(server, std::move(request)); });
  }
}

std::unique_ptr<ShardLog> make_remote_log(std::shared_ptr<Channel> channel) {
  return std::make_unique<RemoteLog>(std::move(channel));
}

}  // namespace millstream::worker
