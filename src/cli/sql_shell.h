// The interactive shell of `millstream sql`.
#pragma once

#include <string_view>

#include "cli/sql.h"

namespace millstream::cli {

struct SqlStep;

// Reads statements from the terminal until \q or the end of input. Definitions (CREATE, DROP,
// SET) hold until the shell ends. Exit code 0.
int run_sql_shell(const SqlOptions& options, const Connection& connection);

// Runs one step and shows what it answers; false after an error, which has been shown.
// `hidden_lines`: at the beginning of the step's text, which the user has not written now.
bool run_sql_step(const SqlStep& step, const SqlOptions& options, const Connection& connection,
                  size_t hidden_lines);

}  // namespace millstream::cli
