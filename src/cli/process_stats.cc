#include "cli/process_stats.h"

#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

#include <fmt/format.h>

namespace millstream::cli {

std::optional<ProcessStats> process_stats(pid_t pid) {
  std::ifstream stat(fmt::format("/proc/{}/stat", pid));
  std::string line;
  if (!std::getline(stat, line)) return std::nullopt;
  // The command name may hold spaces: the fields start behind its closing parenthesis. From
  // there: state is 1, utime 12, stime 13, rss 22 (proc(5)).
  std::istringstream fields(line.substr(line.rfind(')') + 1));
  std::string field;
  ProcessStats stats;
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  for (int i = 1; fields >> field; ++i) {
    if (i == 12 || i == 13) stats.cpu_seconds += std::stod(field) / ticks;
    if (i == 22) {
      stats.resident_bytes = std::stoull(field) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
    }
  }
  return stats;
}

}  // namespace millstream::cli
