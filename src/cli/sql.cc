#include "cli/sql.h"

#include <unistd.h>

#include <cstdio>

#include <fmt/format.h>

#include "base/real_env.h"
#include "base/text.h"
#include "cli/sql_output.h"
#include "cli/sql_script.h"
#include "cli/sql_shell.h"

namespace millstream::cli {
namespace {

int complain(std::string_view message) {
  fmt::print(stderr, "millstream sql: {}\n", message);
  return 1;
}

std::string read_all(std::FILE* file) {
  std::string text;
  char bytes[65536];
  size_t got = 0;
  while ((got = std::fread(bytes, 1, sizeof bytes, file)) > 0) text.append(bytes, got);
  return text;
}

}  // namespace

Result<SqlOutput> parse_sql_output(std::string_view name) {
  if (name == "auto") return SqlOutput::kAuto;
  if (name == "table") return SqlOutput::kTable;
  if (name == "changelog") return SqlOutput::kChangelog;
  if (name == "json") return SqlOutput::kJson;
  return fail(ErrorCode::kInvalidArgument, "the output is table, changelog or json, not '{}'",
              name);
}

Result<std::string> read_script(const std::string& file) { return real_env().read_file(file); }

bool run_sql_step(const SqlStep& step, const SqlOptions& options, const Connection& connection,
                  size_t hidden_lines) {
  const bool on_terminal = ::isatty(STDOUT_FILENO) == 1;
  SqlPrinter printer(output_for(options.output, on_terminal), on_terminal);
  if (step.is_insert && !options.bounded && on_terminal) {
    fmt::print(stderr, "The job runs until it ends by itself or Ctrl-C is pressed.\n");
  }
  const Result<> ended = run_query(
      connection, {.sql = step.sql, .bounded = options.bounded},
      [&printer](const SqlEvent& event) { printer.take(event); }, [&printer] { printer.tick(); });
  printer.finish();
  if (!ended) {
    (void)complain(ended.error().message);
    return false;
  }
  if (!printer.error().empty()) {
    (void)complain(without_lines(printer.error(), hidden_lines));
    return false;
  }
  return true;
}

int run_sql(const SqlOptions& options, const Connection& connection) {
  std::string script = options.statement;
  if (!options.file.empty()) {
    auto text = read_script(options.file);
    if (!text) return complain(text.error().message);
    script = *std::move(text);
  } else if (script.empty()) {
    if (::isatty(STDIN_FILENO) == 1) return run_sql_shell(options, connection);
    script = read_all(stdin);
  }
  const auto steps = split_script(script);
  if (!steps) return complain(steps.error().message);
  for (const SqlStep& step : steps->steps) {
    if (!run_sql_step(step, options, connection, 0)) return 1;
  }
  return 0;
}

}  // namespace millstream::cli
