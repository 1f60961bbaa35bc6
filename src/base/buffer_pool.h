// How much memory a process keeps that it does not use.
#pragma once

#include <cstddef>

namespace millstream {

// Buffers that are free are kept for reuse up to `bytes` (64 MiB unless called), the smallest of
// each thread apart; and large blocks go back to the system as soon as they are freed. To be
// called at start: what is pooled already stays.
void limit_idle_memory(size_t bytes);

}  // namespace millstream
