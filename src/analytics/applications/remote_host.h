// The world of a job inside a worker process: everything through the channel to the server.
#pragma once

#include <memory>

#include "analytics/engine/job.h"
#include "worker/channel.h"

namespace millstream::analytics {

// Threads: any. `clock` outlives it; `executor` sends the log lines.
std::unique_ptr<JobHost> make_remote_host(asio::any_io_executor executor,
                                          std::shared_ptr<worker::Channel> channel, Clock& clock);

}  // namespace millstream::analytics
