#include "analytics/applications/host_service.h"

#include <algorithm>

#include "analytics/applications/message.h"
#include "analytics/applications/worker_protocol.h"
#include "worker/remote_log.h"

namespace millstream::analytics {
namespace {

using Parts = std::vector<Slice>;

// A wait is cut into pieces of this, so that it ends soon after its worker has.
constexpr std::chrono::milliseconds kWaitPiece{1000};

Parts one(Slice slice) {
  Parts parts;
  parts.push_back(std::move(slice));
  return parts;
}

awaitable<Result<Parts>> answer_stream(std::shared_ptr<ServerHost> host, Slice request) {
  MessageReader in(request.view());
  std::string name(in.text());
  CO_TRY(in.end());
  CO_TRY_ASSIGN(const auto stream, co_await host->stream(std::move(name)));
  co_return one(encode(*stream));
}

// The worker says what it has seen by its encoding: both sides are of one build.
awaitable<Result<Parts>> wait_for_change(std::weak_ptr<worker::Channel> asker,
                                         std::shared_ptr<ServerHost> host, Slice request) {
  MessageReader in(request.view());
  const std::string name(in.text());
  std::chrono::milliseconds left(in.get<int64_t>());
  const std::string_view seen = in.rest();
  CO_TRY(in.end());
  CO_TRY_ASSIGN(const auto stream, co_await host->stream(name));
  if (encode(*stream).view() != seen) co_return Parts();
  while (left.count() > 0) {
    const auto piece = std::min(left, kWaitPiece);
    left -= piece;
    CO_TRY(co_await host->wait_for_change(name, stream, piece));
    CO_TRY_ASSIGN(const auto now, co_await host->stream(name));
    if (now != stream) break;
    const auto channel = asker.lock();
    if (!channel || channel->is_closed()) {
      co_return fail(ErrorCode::kCancelled, "The process that waited is gone.");
    }
  }
  co_return Parts();
}

awaitable<Result<Parts>> answer_delivery_shards(std::shared_ptr<ServerHost> host, Slice request) {
  MessageReader in(request.view());
  std::string name(in.text());
  CO_TRY(in.end());
  CO_TRY_ASSIGN(const auto shards, co_await host->delivery_shards(std::move(name)));
  MessageWriter out;
  out.add(shards.size());
  for (const ShardId shard : shards) out.add(shard);
  co_return one(out.slice());
}

awaitable<Result<Parts>> put_object(std::shared_ptr<ServerHost> host, Slice request) {
  MessageReader in(request.view());
  const bool s3 = in.get<bool>();
  std::string bucket(in.text());
  std::string key(in.text());
  PutOptions options;
  in.into(options.content_type);
  in.into(options.content_encoding);
  CO_TRY(in.end());
  const std::string_view body = in.rest();
  Parts content = one(request.sub(static_cast<size_t>(body.data() - request.data()), body.size()));
  CO_TRY(co_await host->objects(s3).put(std::move(bucket), std::move(key), std::move(content),
                                        std::move(options)));
  co_return Parts();
}

struct ObjectName {
  bool s3 = false;
  std::string bucket;
  std::string key;
};

Result<ObjectName> object_name(const Slice& request) {
  MessageReader in(request.view());
  ObjectName name;
  in.into(name.s3);
  in.into(name.bucket);
  in.into(name.key);
  TRY(in.end());
  return name;
}

awaitable<Result<Parts>> get_object(std::shared_ptr<ServerHost> host, Slice request) {
  CO_TRY_ASSIGN(const ObjectName name, object_name(request));
  CO_TRY_ASSIGN(Slice content, co_await host->objects(name.s3).get(name.bucket, name.key));
  co_return one(std::move(content));
}

void add_info(MessageWriter& out, const ObjectInfo& info) {
  out.add(info.key).add(info.size).add(info.modified).add(info.etag);
}

awaitable<Result<Parts>> head_object(std::shared_ptr<ServerHost> host, Slice request) {
  CO_TRY_ASSIGN(const ObjectName name, object_name(request));
  CO_TRY_ASSIGN(const ObjectInfo info, co_await host->objects(name.s3).head(name.bucket, name.key));
  MessageWriter out;
  add_info(out, info);
  co_return one(out.slice());
}

awaitable<Result<Parts>> list_objects(std::shared_ptr<ServerHost> host, Slice request) {
  MessageReader in(request.view());
  const bool s3 = in.get<bool>();
  std::string bucket(in.text());
  std::string prefix(in.text());
  std::string start_after(in.text());
  const auto limit = in.get<size_t>();
  CO_TRY(in.end());
  CO_TRY_ASSIGN(const ObjectPage page,
                co_await host->objects(s3).list(std::move(bucket), std::move(prefix),
                                                std::move(start_after), limit));
  MessageWriter out;
  out.add(page.next_start_after).add(page.objects.size());
  for (const ObjectInfo& info : page.objects) add_info(out, info);
  co_return one(out.slice());
}

awaitable<Result<Parts>> remove_object(std::shared_ptr<ServerHost> host, Slice request) {
  CO_TRY_ASSIGN(const ObjectName name, object_name(request));
  CO_TRY(co_await host->objects(name.s3).remove(name.bucket, name.key));
  co_return Parts();
}

awaitable<Result<Parts>> make_bucket(std::shared_ptr<ServerHost> host, Slice request) {
  CO_TRY_ASSIGN(const ObjectName name, object_name(request));
  CO_TRY(co_await host->objects(name.s3).make_bucket(name.bucket));
  co_return Parts();
}

awaitable<Result<Parts>> log_line(std::shared_ptr<ServerHost> host, Slice request) {
  MessageReader in(request.view());
  const std::string_view level = in.text();
  const std::string_view text = in.text();
  CO_TRY(in.end());
  host->log_line(level, text);
  co_return Parts();
}

awaitable<Result<Parts>> results(std::shared_ptr<ServerHost> host, Slice request) {
  CO_TRY(co_await host->results(std::move(request)));
  co_return Parts();
}

}  // namespace

void serve_host(worker::Channel& channel, std::shared_ptr<ServerHost> host, uint64_t writer) {
  worker::serve_log(
      channel, host->log(),
      {.may_use = [host](ShardId shard, bool) { return host->may_use(shard); }, .writer = writer});
  using Answer = awaitable<Result<Parts>> (*)(std::shared_ptr<ServerHost>, Slice);
  const std::pair<worker::Method, Answer> methods[] = {
      {kStream, answer_stream},       {kDeliveryShards, answer_delivery_shards},
      {kObjectPut, put_object},       {kObjectGet, get_object},
      {kObjectHead, head_object},     {kObjectList, list_objects},
      {kObjectRemove, remove_object}, {kMakeBucket, make_bucket},
      {kLogLine, log_line},           {kResult, results},
  };
  for (const auto& [method, answer] : methods) {
    channel.handle(method,
                   [host, answer](Slice request) { return answer(host, std::move(request)); });
  }
  channel.handle(kWaitForChange, [host, asker = channel.weak_from_this()](Slice request) {
    return wait_for_change(asker, host, std::move(request));
  });
}

}  // namespace millstream::analytics
