// One worker process: started, watched, limited, stopped.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/async.h"
#include "base/result.h"
#include "worker/channel.h"

namespace millstream::worker {

struct ProcessOptions {
  std::string executable;  // millstream-worker
  std::vector<std::string> arguments;
  size_t memory_limit_bytes = 0;  // RLIMIT_AS or cgroup where possible; 0: none. Not in
                                  // sanitizer builds
  int nice = 0;
  bool sandbox = true;  // seccomp, no new privileges; not in sanitizer builds
  // Lines that the process writes to stderr.
  std::function<void(std::string_view line)> on_line;
};

// How it ended, for people: "exited with 3", "killed by signal 9 (out of memory?)".
struct ProcessEnd {
  bool clean = false;  // exit code 0
  std::string text;
};

// Life cycle: start(); the process dies with the server (PR_SET_PDEATHSIG) and with the object.
//             Descriptors other than its socket and stderr are closed in it. "With the server"
//             means: with the thread that called start(), so let it be one of the server's loops.
// Threads:    any. start() takes a millisecond or two, whatever the size of the server.
class Process {
 public:
  static Result<std::unique_ptr<Process>> start(asio::any_io_executor executor,
                                                ProcessOptions options);
  virtual ~Process() = default;
  virtual std::shared_ptr<Channel> channel() = 0;  // its run() is the caller's
  virtual int pid() const = 0;
  virtual void kill() = 0;
  virtual awaitable<ProcessEnd> wait() = 0;
};

// In the worker: the channel to the server, from the inherited descriptor; then limits itself
// (seccomp; nothing if the server asked for none, or with sanitizers). Call before threads start.
Result<int> inherited_socket();
Result<> enter_sandbox();

}  // namespace millstream::worker
