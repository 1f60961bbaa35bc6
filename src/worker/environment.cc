#include "worker/environment.h"

#include <cstdlib>

#include <fmt/format.h>

namespace millstream::worker {

std::vector<std::string> worker_environment(int socket, bool sandbox) {
  std::vector<std::string> result = {fmt::format("{}={}", kSocketVariable, socket),
                                     fmt::format("{}={}", kSandboxVariable, sandbox ? 1 : 0)};
  for (const char* const name : {"LANG", "LC_ALL", "TZ", "TZDIR", "PATH", "LD_LIBRARY_PATH",
                                 "ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"}) {
    if (const char* const value = std::getenv(name)) {
      result.push_back(fmt::format("{}={}", name, value));
    }
  }
  return result;
}

}  // namespace millstream::worker
