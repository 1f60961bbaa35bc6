// What a worker process learns from its environment variables.
#pragma once

#include <string>
#include <vector>

namespace millstream::worker {

inline constexpr char kSocketVariable[] = "MILLSTREAM_WORKER_SOCKET";
inline constexpr char kSandboxVariable[] = "MILLSTREAM_WORKER_SANDBOX";

// Whether this program runs under a sanitizer, which needs what limits take away.
constexpr bool is_sanitized() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return true;
#elif defined(__has_feature)
  return __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
  return false;
#endif
}

// NAME=VALUE texts: the socket, the sandbox, and of the server's variables only what concerns
// language, time zone and sanitizers: no key or password goes to a worker.
std::vector<std::string> worker_environment(int socket, bool sandbox);

}  // namespace millstream::worker
