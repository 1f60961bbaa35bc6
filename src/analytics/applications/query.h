// A query of somebody who waits for its rows: the shell, a script, a test.
#pragma once

#include <string>

#include "analytics/applications/server_host.h"
#include "analytics/applications/worker_runner.h"
#include "base/http_message.h"
#include "base/result.h"

namespace millstream::analytics {

struct Query {
  std::string account;
  std::string region;
  std::string code;      // a script of Flink SQL; its SELECT is what is shown
  bool bounded = false;  // over what is there now, then it ends
};

// Runs the query in a worker process of its own and writes its lines (result_lines.h) to
// `stream` as they come, each second without one an empty line, so that a client that has gone
// is noticed; at the end {"end":true}. An INSERT runs as long as the client stays: nothing is
// kept of it, and it starts anew each time.
//
// Completes when the query has ended or the client is gone. Errors of the query are lines.
// Executor: the caller's, on which `stream` lives.
awaitable<> run_query(HostContext& context, const WorkerRunnerSettings& settings, Query query,
                      ResponseStream& stream);

}  // namespace millstream::analytics
