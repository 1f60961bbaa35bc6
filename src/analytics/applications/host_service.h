// Answers a worker's calls: its host, and its log.
#pragma once

#include <memory>

#include "analytics/applications/server_host.h"
#include "worker/channel.h"

namespace millstream::analytics {

// Registers handlers on `channel`; `host` lives as long as they do. `writer`: the only stamp
// that the worker may append with (0: none).
void serve_host(worker::Channel& channel, std::shared_ptr<ServerHost> host, uint64_t writer);

}  // namespace millstream::analytics
