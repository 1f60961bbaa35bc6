// The world of a job inside the server: streams by the catalog, objects by the lake.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "analytics/engine/job.h"
#include "base/object_store.h"
#include "log/shard_log.h"
#include "streams/catalog.h"

namespace millstream::analytics {

// What all hosts share. All members outlive every host.
struct HostContext {
  ShardLog& log;
  streams::Catalog& catalog;
  ObjectStore& lake;
  ObjectStore* s3 = nullptr;  // nullptr: none configured
  Clock& clock;
  // The shards that puts of a delivery stream go to. Errors: kNotFound; kInvalidArgument (it
  // reads a stream).
  std::function<Result<std::vector<ShardId>>(const std::string& account, const std::string& region,
                                             const std::string& name)>
      delivery_shards;
};

// Where a job's words go.
struct HostOutputs {
  std::function<void(std::string_view level, std::string_view text)> log_line;
  // Result lines of a query (result_lines.h); completes when there is room for more.
  std::function<awaitable<Result<>>(Slice lines)> results;
};

// Threads: any.
// Rights:  names are looked up in the job's own account and region (an ARN selects its own
//          region, and must be of the job's account); may_use() says yes only to shards that
//          this host has given out.
class ServerHost final : public JobHost {
 public:
  ServerHost(HostContext& context, std::string account, std::string region, HostOutputs outputs);

  ShardLog& log() override { return context_.log; }
  awaitable<Result<std::shared_ptr<const InputStream>>> stream(std::string name) override;
  awaitable<Result<>> wait_for_change(std::string name, std::shared_ptr<const InputStream> seen,
                                      std::chrono::milliseconds timeout) override;
  awaitable<Result<std::vector<ShardId>>> delivery_shards(std::string name) override;
  ObjectStore& objects(bool s3) override;
  void log_line(std::string_view level, std::string_view text) override;
  awaitable<Result<>> collect(const Schema& schema, Batch batch) override;
  Clock& clock() override { return context_.clock; }

  awaitable<Result<>> results(Slice lines) { return outputs_.results(std::move(lines)); }
  // The application's own changelog.
  void allow(ShardId shard);
  bool may_use(ShardId shard) const;

 private:
  Result<streams::StreamKey> key_of(const std::string& name) const;

  HostContext& context_;
  const std::string account_;
  const std::string region_;
  const HostOutputs outputs_;
  mutable std::mutex mutex_;
  std::set<ShardId> allowed_;
  struct Seen {
    std::shared_ptr<const streams::Stream> source;
    std::shared_ptr<const InputStream> stream;
  };
  std::map<streams::StreamKey, Seen> seen_;  // by name asked for: bounded by the plan's tables
};

}  // namespace millstream::analytics
