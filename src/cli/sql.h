// `millstream sql`: a shell and a runner of scripts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/api_client.h"

namespace millstream::cli {

enum class SqlOutput : uint8_t {
  kAuto,  // a table on a terminal, else tabs
  kTable,
  kChangelog,  // the kind of change and the cells, separated by tabs
  kJson,       // an object a row; with "op" where it is no insertion
};

struct SqlOptions {
  std::string file;       // a script; empty: none
  std::string statement;  // of --execute; empty: none
  SqlOutput output = SqlOutput::kAuto;
  bool bounded = false;  // over what is stored now
};

// "table", "changelog", "json", "auto". Errors: kInvalidArgument.
Result<SqlOutput> parse_sql_output(std::string_view name);
// Errors: kIo: names the file.
Result<std::string> read_script(const std::string& file);

// A script's statements in their order: each query of its own, INSERTs that follow one another as
// one job. The exit code: 0 when all have ended or Ctrl-C stopped the last.
// Without file and statement: the shell, on a terminal; else a script from standard input.
int run_sql(const SqlOptions& options, const Connection& connection);

}  // namespace millstream::cli
