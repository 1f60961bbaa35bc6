// The tree of commands and their flags: what `millstream` understands.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/api_client.h"
#include "cli/app.h"
#include "cli/bench.h"
#include "cli/key.h"
#include "cli/put.h"
#include "cli/sql.h"
#include "cli/tail.h"
#include "server/config.h"

namespace millstream::cli {

// What the commands do; each returns the exit code.
struct Commands {
  std::function<int(const ServerConfig&)> serve;
  std::function<int(const PutOptions&, const PartitionKeyRule&, const std::vector<std::string>&,
                    const Connection&)>
      put;
  std::function<int(const TailOptions&, const Connection&)> tail;
  std::function<int(const SqlOptions&, const Connection&)> sql;
  std::function<int(const AppOptions&, const Connection&)> app;
  std::function<int(const BenchOptions&)> bench;
  std::function<int(const ServerConfig&)> cert;
  std::function<int(const KeyOptions&, const ServerConfig&)> key;
  std::function<std::string()> operations_table;
  std::function<std::string()> functions_table;
};

// Exit codes: a command's own; 0 after --help; 2 for arguments that are not understood and 1 for
// a wrong configuration, each with a message on standard error that says what would be right.
int run_command_line(int argc, const char* const* argv, const Commands& commands);

// "1000" or "1000/s": records a second.
Result<uint64_t> parse_rate(std::string_view text);

}  // namespace millstream::cli
