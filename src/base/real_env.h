// Files and clocks of this machine (Linux).
#pragma once

#include "base/env.h"

namespace millstream {

// Threads: any. Stateless; lives as long as the process.
Env& real_env();

}  // namespace millstream
