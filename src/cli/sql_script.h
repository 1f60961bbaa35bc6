// Cuts a script of SQL into what runs one after the other.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millstream::cli {

// Something to run: a query, INSERTs that follow one another (they run as one job, so that a
// source that they share is read once), or a statement that answers with text.
struct SqlStep {
  // All of the script that it needs, at its place, the rest as blanks: lines and columns in the
  // server's errors are those of the script.
  std::string sql;
  bool is_query = false;   // has rows
  bool is_insert = false;  // runs on, continuous or not
};

struct SqlScript {
  std::vector<SqlStep> steps;
  // What later statements stand on: CREATE, DROP, SET; as text that can stand before them.
  std::string definitions;
  std::vector<std::string> names;  // of the tables and views that it makes
};

// Definitions after the last step make a step of their own, so that the server checks them.
// Errors: the parser's, with line and column.
Result<SqlScript> split_script(std::string_view script);

// The same error for somebody who doesn't see the first `lines` lines of what was sent.
std::string without_lines(std::string_view message, size_t lines);

}  // namespace millstream::cli
