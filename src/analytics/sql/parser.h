// From a script's text to its statements.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analytics/sql/ast.h"
#include "base/result.h"

namespace millstream::analytics::sql {

// A script of AWS's size limit for application code (100 KB, API model ApplicationCode) is the
// default; a nesting deeper than kMaxDepth is refused, so that no input exhausts the stack.
inline constexpr size_t kMaxScriptBytes = size_t{1} << 20;
inline constexpr int kMaxDepth = 200;

// The statements of `script`, separated by semicolons; comments are skipped.
//
// Threads: any. Errors: kInvalidArgument, one line of message, then the line of the script and a
// caret below it:
//   line 3, column 15: unexpected 'FORM': expected FROM, ',' or the end of the statement
//     SELECT a, b FORM t
//                 ^
// What a dialect has and Millstream has not yet says so by name: "… is not yet supported".
Result<std::vector<Statement>> parse_script(std::string_view script, Dialect dialect);

// For the interactive shell: whether `text` ends outside quotes, comments and BEGIN … END with a
// semicolon.
bool is_complete(std::string_view text, Dialect dialect);

// An error at a place in the script, in the form above. `length`: of the text in question.
Error error_at(std::string_view script, Position position, std::string_view message);

// Keywords of a dialect, for completion. Sorted, upper case.
std::span<const std::string_view> keywords(Dialect dialect);

}  // namespace millstream::analytics::sql
