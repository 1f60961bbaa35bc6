// Where nghttp2's memory comes from.
#pragma once

#include <nghttp2/nghttp2.h>

namespace millstream {

// Free lists of the calling thread in front of malloc. A session that serves one request takes
// and gives back dozens of small blocks; for many sessions at a time that is more than malloc
// keeps at hand. Bounded for each thread. Never freed; any thread may use it, and free what
// another one has allocated.
nghttp2_mem* http2_memory();

}  // namespace millstream
