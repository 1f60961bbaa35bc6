// Continuous SQL with what it needs of this server: worker processes, threads, the lake.
#pragma once

#include <memory>

#include "auth/sigv4.h"
#include "base/env.h"
#include "base/http_message.h"
#include "base/object_store.h"
#include "log/shard_log.h"
#include "meta/meta_store.h"
#include "server/config.h"
#include "server/firehose_part.h"
#include "streams/catalog.h"
#include "wire/operation.h"

namespace millstream::server {

struct AnalyticsPartDependencies {
  const ServerConfig& config;
  Env& env;
  ShardLog& log;
  streams::Catalog& catalog;
  MetaStore& meta;
  FirehosePart& firehose;  // its lake, its S3 client, its delivery streams
};

// Life cycle: open() after the streams are loaded, stop() before the log closes; destroyed after
//             the loops.
class AnalyticsPart {
 public:
  static Result<std::unique_ptr<AnalyticsPart>> open(AnalyticsPartDependencies dependencies);
  ~AnalyticsPart();

  // POST /_millstream/sql: {"sql": "…", "bounded": false}; the answer is applications/query.h's.
  // The whole response.
  awaitable<> run_query(const Caller& caller, HttpRequest& request, ResponseStream& stream);
  // The run of an application: JSON of applications/run_report.h. Errors: kNotFound.
  Result<std::string> application_run(const Caller& caller, const std::string& name) const;
  void register_operations(wire::OperationTable& table);
  // Deletes every application (reset of a test server).
  awaitable<Result<>> delete_all();
  // Running applications end where they are; what they have done is durable. Not on a loop.
  void stop();

 private:
  struct State;
  explicit AnalyticsPart(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace millstream::server
