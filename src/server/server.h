// The whole server: wires the parts together, starts and stops them in order.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "server/config.h"

namespace millstream::server {

// Life cycle: start() makes it ready; stop() or the destructor ends it: what was accepted is
//             finished, the log makes a checkpoint.
// Threads:    one owner, not on a loop.
class Server {
 public:
  // Recovers the data folder, creates the declared streams, listens. Errors: kInUse (address or
  // data folder taken), kInvalidArgument (settings), those of recovery.
  static Result<std::unique_ptr<Server>> start(ServerConfig config);
  virtual ~Server() = default;

  // "127.0.0.1:4567", as bound.
  virtual std::vector<std::string> addresses() const = 0;
  // What an operator should know: a weak configuration, quarantined ranges.
  virtual std::vector<std::string> warnings() const = 0;
  // The Markdown table of operations and which of them have handlers.
  virtual std::string compatibility() const = 0;
  // Reads the credentials file, if there is one, and the key file again. Calls that were verified
  // before finish as they began. Errors: those of read_credentials_file(); the access keys stay as
  // they were. If the key file can't be read, the log says so, and the master keys stay.
  virtual Result<> reload() = 0;
  virtual void stop() = 0;
};

// `millstream serve`: runs until SIGINT or SIGTERM; SIGHUP reloads. The exit code.
int run_server(const ServerConfig& config);

// The Markdown table of operations and which of them have handlers (docs/compatibility.md).
std::string compatibility_table();

}  // namespace millstream::server
