// The server's log: one line for each event, to stderr, for people or as JSON.
//
// Never logged: secret keys, session tokens, signatures, record data. Texts from outside are
// escaped, so that nobody writes lines of their own into the log.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/result.h"

namespace millstream {

enum class LogLevel : uint8_t { kDebug, kInfo, kWarning, kError, kOff };
enum class LogFormat : uint8_t { kHuman, kJson };

// Called once at start, before other threads log; without it: kHuman, kInfo.
void start_logging(LogFormat format, LogLevel level);
Result<LogLevel> parse_log_level(std::string_view name);  // debug info warning error off
bool log_enabled(LogLevel level);
// Threads: any. `part` names the component ("log", "http", "firehose").
void write_log(LogLevel level, std::string_view part, std::string_view message);
// `text` with control characters as \n, \t or \xNN.
std::string escape_control(std::string_view text);

template <class... Args>
void log_debug(std::string_view part, fmt::format_string<Args...> format, Args&&... args) {
  if (!log_enabled(LogLevel::kDebug)) return;
  write_log(LogLevel::kDebug, part, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_info(std::string_view part, fmt::format_string<Args...> format, Args&&... args) {
  if (!log_enabled(LogLevel::kInfo)) return;
  write_log(LogLevel::kInfo, part, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warning(std::string_view part, fmt::format_string<Args...> format, Args&&... args) {
  if (!log_enabled(LogLevel::kWarning)) return;
  write_log(LogLevel::kWarning, part, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_error(std::string_view part, fmt::format_string<Args...> format, Args&&... args) {
  if (!log_enabled(LogLevel::kError)) return;
  write_log(LogLevel::kError, part, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace millstream
