#include "analytics/applications/remote_host.h"

#include <atomic>

#include <fmt/format.h>

#include "analytics/applications/message.h"
#include "analytics/applications/result_lines.h"
#include "analytics/applications/worker_protocol.h"
#include "worker/remote_log.h"

namespace millstream::analytics {
namespace {

using worker::Channel;

std::vector<Slice> one(const MessageWriter& message) {
  std::vector<Slice> parts;
  parts.push_back(message.slice());
  return parts;
}

ObjectInfo read_info(MessageReader& in) {
  ObjectInfo info;
  in.into(info.key);
  in.into(info.size);
  in.into(info.modified);
  in.into(info.etag);
  return info;
}

class RemoteObjects final : public ObjectStore {
 public:
  RemoteObjects(std::shared_ptr<Channel> channel, bool s3)
      : channel_(std::move(channel)), s3_(s3) {}

  awaitable<Result<>> put(std::string bucket, std::string key, std::vector<Slice> parts,
                          PutOptions options) override {
    MessageWriter head;
    head.add(s3_).add(bucket).add(key).add(options.content_type).add(options.content_encoding);
    std::vector<Slice> request = one(head);
    for (Slice& part : parts) request.push_back(std::move(part));
    CO_TRY(co_await channel_->call(kObjectPut, std::move(request)));
    co_return Result<>();
  }
  awaitable<Result<Slice>> get(std::string bucket, std::string key) override {
    return channel_->call(kObjectGet, name(bucket, key));
  }
  awaitable<Result<ObjectInfo>> head(std::string bucket, std::string key) override {
    CO_TRY_ASSIGN(const Slice answer, co_await channel_->call(kObjectHead, name(bucket, key)));
    MessageReader in(answer.view());
    ObjectInfo info = read_info(in);
    CO_TRY(in.end());
    co_return info;
  }
  awaitable<Result<ObjectPage>> list(std::string bucket, std::string prefix,
                                     std::string start_after, size_t limit) override {
    MessageWriter request;
    request.add(s3_).add(bucket).add(prefix).add(start_after).add(limit);
    CO_TRY_ASSIGN(const Slice answer, co_await channel_->call(kObjectList, one(request)));
    MessageReader in(answer.view());
    ObjectPage page;
    in.into(page.next_start_after);
    const auto objects = in.get<size_t>();
    for (size_t i = 0; i < objects && in.end(); ++i) page.objects.push_back(read_info(in));
    CO_TRY(in.end());
    co_return page;
  }
  awaitable<Result<>> remove(std::string bucket, std::string key) override {
    CO_TRY(co_await channel_->call(kObjectRemove, name(bucket, key)));
    co_return Result<>();
  }
  awaitable<Result<>> make_bucket(std::string bucket) override {
    CO_TRY(co_await channel_->call(kMakeBucket, name(bucket, "")));
    co_return Result<>();
  }

 private:
  std::vector<Slice> name(std::string_view bucket, std::string_view key) const {
    MessageWriter request;
    request.add(s3_).add(bucket).add(key);
    return one(request);
  }

  const std::shared_ptr<Channel> channel_;
  const bool s3_;
};

class RemoteHost final : public JobHost {
 public:
  RemoteHost(asio::any_io_executor executor, std::shared_ptr<Channel> channel, Clock& clock)
      : executor_(std::move(executor)),
        channel_(std::move(channel)),
        clock_(clock),
        log_(worker::make_remote_log(channel_)),
        lake_(channel_, false),
        s3_(channel_, true) {}

  ShardLog& log() override { return *log_; }

  awaitable<Result<std::shared_ptr<const InputStream>>> stream(std::string name) override {
    MessageWriter request;
    request.add(name);
    CO_TRY_ASSIGN(const Slice answer, co_await channel_->call(kStream, one(request)));
    CO_TRY_ASSIGN(InputStream stream, decode_stream(answer.view()));
    co_return std::make_shared<const InputStream>(std::move(stream));
  }

  awaitable<Result<>> wait_for_change(std::string name, std::shared_ptr<const InputStream> seen,
                                      std::chrono::milliseconds timeout) override {
    MessageWriter head;
    head.add(name).add(int64_t{timeout.count()});
    std::vector<Slice> request = one(head);
    request.push_back(encode(*seen));
    CO_TRY(co_await channel_->call(kWaitForChange, std::move(request)));
    co_return Result<>();
  }

  awaitable<Result<std::vector<ShardId>>> delivery_shards(std::string name) override {
    MessageWriter request;
    request.add(name);
    CO_TRY_ASSIGN(const Slice answer, co_await channel_->call(kDeliveryShards, one(request)));
    MessageReader in(answer.view());
    std::vector<ShardId> shards;
    const auto count = in.get<size_t>();
    for (size_t i = 0; i < count && in.end(); ++i) shards.push_back(in.get<ShardId>());
    CO_TRY(in.end());
    co_return shards;
  }

  ObjectStore& objects(bool s3) override { return s3 ? s3_ : lake_; }

  void log_line(std::string_view level, std::string_view text) override {
    if (lines_->on_their_way.load() >= kMaxLines) {
      ++lines_->left_out;
      return;
    }
    std::string shown(text);
    if (const uint64_t left_out = lines_->left_out.exchange(0); left_out > 0) {
      shown += fmt::format(" ({} lines before this one came faster than they could be logged)",
                           left_out);
    }
    MessageWriter line;
    line.add(level).add(shown);
    ++lines_->on_their_way;
    asio::co_spawn(executor_, send_line(channel_, lines_, line.slice()), asio::detached);
  }

  awaitable<Result<>> collect(const Schema& schema, Batch batch) override {
    std::vector<Slice> parts;
    if (!columns_sent_) {
      columns_sent_ = true;
      parts.push_back(Slice::copy_of(columns_line(schema)));
    }
    parts.push_back(result_lines(schema, batch));
    CO_TRY(co_await channel_->call(kResult, std::move(parts)));
    co_return Result<>();
  }

  Clock& clock() override { return clock_; }

 private:
  static constexpr size_t kMaxLines = 1000;
  struct Lines {
    std::atomic<size_t> on_their_way = 0;
    std::atomic<uint64_t> left_out = 0;
  };

  static awaitable<> send_line(std::shared_ptr<Channel> channel, std::shared_ptr<Lines> lines,
                               Slice line) {
    std::vector<Slice> parts;
    parts.push_back(std::move(line));
    // A channel that has closed takes the job with it.
    (void)co_await channel->notify(kLogLine, std::move(parts));
    --lines->on_their_way;
  }

  const asio::any_io_executor executor_;
  const std::shared_ptr<Channel> channel_;
  Clock& clock_;
  const std::unique_ptr<ShardLog> log_;
  RemoteObjects lake_;
  RemoteObjects s3_;
  bool columns_sent_ = false;
  const std::shared_ptr<Lines> lines_ = std::make_shared<Lines>();
};

}  // namespace

std::unique_ptr<JobHost> make_remote_host(asio::any_io_executor executor,
                                          std::shared_ptr<worker::Channel> channel, Clock& clock) {
  return std::make_unique<RemoteHost>(std::move(executor), std::move(channel), clock);
}

}  // namespace millstream::analytics
