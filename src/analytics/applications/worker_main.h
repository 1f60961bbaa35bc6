// The whole life of a worker process: one job, from the server's call to its end.
#pragma once

namespace millstream::analytics {

// The main of millstream-worker; the exit code. Started by the server with its socket inherited.
int run_worker();

}  // namespace millstream::analytics
