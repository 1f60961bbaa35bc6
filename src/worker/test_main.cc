#include <string_view>

#include <gtest/gtest.h>

#include "worker/test_child.h"

// The test program is its own worker program: "worker_test as-child WORD".
int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "as-child") {
    return millstream::worker::run_child_process(argv[2]);
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
