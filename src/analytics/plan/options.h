// Options of tables (connector and format) and of the session (SET): which there are, and what
// each may be.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analytics/plan/catalog.h"
#include "analytics/sql/ast.h"
#include "base/result.h"

namespace millstream::analytics {

// The connector and the format that a table's options name. Errors: kInvalidArgument, in
// Flink's words: none named, or unknown (with the nearest).
Result<Connector> connector_of(const std::map<std::string, std::string>& options);
Result<Format> format_of(const std::map<std::string, std::string>& options);
std::string_view connector_text(Connector connector);  // 'kinesis', 'filesystem' …
std::string_view format_text(Format format);           // 'json' …; "" for kNone

// Options that Flink's connector has and that mean nothing here (buffers, retries, credentials
// of its client): one sentence each.
std::vector<std::string> option_warnings(const Table& table);

// "10 s", "1min", "500 ms", "3 days", "1500" (ms), as Flink writes durations; in milliseconds.
std::optional<int64_t> parse_duration_ms(std::string_view text);
// "64 mb", "1 gb", "512" (bytes), as Flink writes sizes; in bytes.
std::optional<int64_t> parse_size_bytes(std::string_view text);

// One SET. Returns a warning for what has no effect here ("" if none).
// Errors: kInvalidArgument: an unknown key that looks like a known one, a malformed value.
Result<std::string> check_session_option(std::string_view key, std::string_view value);

}  // namespace millstream::analytics
