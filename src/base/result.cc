#include "base/result.h"

#include <cstdio>
#include <cstdlib>

namespace millstream {

void assertion_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "millstream: broken invariant at %s:%d: %s\n", file, line, condition);
  std::abort();
}

}  // namespace millstream
