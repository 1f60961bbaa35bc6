#include "base/logging.h"

#include <array>
#include <atomic>
#include <memory>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "base/real_env.h"
#include "base/text.h"

namespace millstream {
namespace {

struct LevelName {
  LogLevel level;
  std::string_view name;
  spdlog::level::level_enum library;
};
constexpr std::array<LevelName, 5> kLevels = {{
    {LogLevel::kDebug, "debug", spdlog::level::debug},
    {LogLevel::kInfo, "info", spdlog::level::info},
    {LogLevel::kWarning, "warning", spdlog::level::warn},
    {LogLevel::kError, "error", spdlog::level::err},
    {LogLevel::kOff, "off", spdlog::level::off},
}};

const LevelName& entry(LogLevel level) { return kLevels[static_cast<size_t>(level)]; }

std::atomic<LogFormat> chosen_format{LogFormat::kHuman};
std::atomic<LogLevel> chosen_level{LogLevel::kInfo};

// Never destroyed: threads may log while the process ends. The library only writes lines; the
// fields are made here, since its patterns don't escape JSON.
spdlog::logger& logger() {
  static auto* instance = [] {
    auto* made =
        new spdlog::logger("millstream", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->set_level(spdlog::level::trace);
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return *instance;
}

std::string json_escape(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (char c : text) {
    if (c == '"' || c == '\\') {
      escaped += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20) {
      escaped += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string time_with_ms() {
  const TimeMs now = real_env().now_ms();
  return fmt::format("{}.{:03}Z", format_time(now - now % 1000).substr(0, 19), now % 1000);
}

}  // namespace

void start_logging(LogFormat format, LogLevel level) {
  chosen_format = format;
  chosen_level = level;
}

Result<LogLevel> parse_log_level(std::string_view name) {
  for (const LevelName& known : kLevels) {
    if (known.name == name) return known.level;
  }
  return fail(ErrorCode::kInvalidArgument,
              "unknown log level \"{}\"; use debug, info, warning, error or off", name);
}

bool log_enabled(LogLevel level) {
  return level >= chosen_level.load(std::memory_order_relaxed) && level != LogLevel::kOff;
}

void write_log(LogLevel level, std::string_view part, std::string_view message) {
  if (!log_enabled(level)) return;
  const LevelName& known = entry(level);
  if (chosen_format.load(std::memory_order_relaxed) == LogFormat::kJson) {
    logger().log(known.library, R"({{"time":"{}","level":"{}","part":"{}","message":"{}"}})",
                 time_with_ms(), known.name, json_escape(part), json_escape(message));
  } else {
    logger().log(known.library, "{} {:7} {}: {}", time_with_ms(), known.name, part,
                 escape_control(message));
  }
}

std::string escape_control(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      escaped += "\\n";
    } else if (c == '\t') {
      escaped += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      escaped += fmt::format("\\x{:02x}", byte);
    } else {
      escaped += c;
    }
  }
  return escaped;
}

}  // namespace millstream
