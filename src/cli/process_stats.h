// What a process uses, from /proc.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace millstream::cli {

struct ProcessStats {
  double cpu_seconds = 0;  // user + system, all threads, since its start
  uint64_t resident_bytes = 0;
};

// Nothing if there is no such process.
std::optional<ProcessStats> process_stats(pid_t pid);

}  // namespace millstream::cli
