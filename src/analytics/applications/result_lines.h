// Rows of a query as lines of JSON, for the shell and other clients of /_millstream/sql.
#pragma once

#include <string>
#include <string_view>

#include "analytics/data/batch.h"
#include "base/bytes.h"

namespace millstream::analytics {

// {"columns":[{"name":"a","type":"INT"},…]}
std::string columns_line(const Schema& schema);
// {"op":"+I","row":[1,"x",null]} for each row. Numbers and booleans as such, all else as text:
// times as "2026-11-25 01:02:03.004", binary as base64.
Slice result_lines(const Schema& schema, const Batch& batch);
// {"text":"…"}: what EXPLAIN, SHOW and DESCRIBE answer.
std::string text_line(std::string_view text);
// {"error":{"message":"…"}}
std::string error_line(std::string_view message);
// {"log":"warning: …"}, from the body of a kLogLine message.
std::string log_line(std::string_view message);

}  // namespace millstream::analytics
