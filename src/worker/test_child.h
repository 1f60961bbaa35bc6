// What this test program does when a test starts it as a worker process.
#pragma once

namespace millstream::worker {

// The exit code; `what` is the test's word.
int run_child_process(const char* what);

}  // namespace millstream::worker
