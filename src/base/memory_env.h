// An Env that keeps everything in memory, for --ephemeral and for fast tests.
#pragma once

#include <memory>

#include "base/env.h"

namespace millstream {

// Files behave as on Linux: an open file outlives its removal, a rename replaces, folders must
// exist. Contents stand in pieces of 64 KiB that are given back when a file is truncated, or
// removed and closed; what was never written takes no memory. Durability calls do nothing.
// Clocks are those of this machine.
//
// Threads: any; a file's writes exclude its reads.
std::unique_ptr<Env> make_memory_env();

}  // namespace millstream
