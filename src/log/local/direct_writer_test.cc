#include "log/local/direct_writer.h"

#include <gtest/gtest.h>

#include "base/fault_env.h"

namespace millstream::local {
namespace {

TEST(DirectWriter, BytesArriveInOrderWhateverTheirSizes) {
  FaultEnv env;
  const auto file = *env.open("a", OpenMode::kCreateNew);
  DirectWriter writer(2 * kDirectAlignment);
  writer.start(*file, kDirectAlignment);
  std::string expected(kDirectAlignment, '\0');
  for (const size_t size : std::initializer_list<size_t>{0, 1, 4095, 4096, 8192, 8193, 20'000, 7}) {
    const std::string bytes(size, static_cast<char>('a' + size % 26));
    ASSERT_TRUE(writer.add(bytes));
    expected += bytes;
    EXPECT_EQ(writer.offset(), expected.size());
  }
  const std::string last(kDirectAlignment - expected.size() % kDirectAlignment, '.');
  ASSERT_TRUE(writer.add(last));
  ASSERT_TRUE(writer.flush());
  EXPECT_EQ(env.read_file("a"), expected + last);
}

TEST(DirectWriter, AStartForgetsWhatAFailureLeft) {
  FaultEnv env;
  const auto file = *env.open("a", OpenMode::kCreateNew);
  DirectWriter writer(kDirectAlignment);
  const std::string block(kDirectAlignment, 'x');
  writer.start(*file, 0);
  ASSERT_TRUE(writer.add(block));
  env.fail(FaultOp::kWrite, 1);
  EXPECT_FALSE(writer.flush());
  writer.start(*file, 0);
  const std::string again(kDirectAlignment, 'y');
  ASSERT_TRUE(writer.add(again));
  ASSERT_TRUE(writer.flush());
  EXPECT_EQ(env.read_file("a"), again);
}

}  // namespace
}  // namespace millstream::local
