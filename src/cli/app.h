// `millstream app`: SQL applications from the command line, through the API.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/api_client.h"

namespace millstream::cli {

enum class AppCommand : uint8_t { kCreate, kStart, kStop, kDescribe, kList, kLogs, kDelete };

struct AppOptions {
  AppCommand command = AppCommand::kList;
  std::string name;
  std::string sql_file;  // create
  // Streams that the application reads; with one, the code is of the Kinesis dialect, without,
  // Flink SQL. The schema is found by the records that are there.
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;  // IN_APPLICATION_STREAM=STREAM
  bool start = false;                // create: and start it
  std::string from;                  // start: now, trim_horizon, last; empty: the server decides
  bool force = false;                // stop
  bool json = false;                 // describe
};

// "DESTINATION_SQL_STREAM=results": the two names. Errors: kInvalidArgument.
Result<std::pair<std::string, std::string>> parse_output(std::string_view text);
// NOW, TRIM_HORIZON, LAST_STOPPED_POINT. Errors: kInvalidArgument.
Result<std::string> parse_start(std::string_view text);

// The exit code. `start` waits until the application runs or has failed, `stop` until it stands.
int run_app(const AppOptions& options, const Connection& connection);

}  // namespace millstream::cli
