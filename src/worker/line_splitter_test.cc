#include "worker/line_splitter.h"

#include <gmock/gmock.h>

namespace millstream::worker {
namespace {

using testing::ElementsAre;

TEST(LineSplitter, PutsPiecesTogetherAndCutsLongLines) {
  std::vector<std::string> lines;
  LineSplitter splitter([&](std::string_view line) { lines.emplace_back(line); });
  splitter.add("a");
  splitter.add("b\n\nc\nd");
  EXPECT_THAT(lines, ElementsAre("ab", "", "c"));
  splitter.finish();
  EXPECT_EQ(lines.back(), "d");
  for (int i = 0; i < 100; ++i) splitter.add(std::string(1000, 'x'));
  splitter.add("\ne\n");
  ASSERT_EQ(lines.size(), 6);
  EXPECT_EQ(lines[4].size(), LineSplitter::kMaxLine + 6);
  EXPECT_EQ(lines[5], "e");
}

TEST(LineSplitter, LeavesOutLinesBeyondItsRateAndSaysSo) {
  std::vector<std::string> lines;
  LineSplitter splitter([&](std::string_view line) { lines.emplace_back(line); });
  const auto now = LineSplitter::Clock::now();
  for (int i = 0; i < 1000; ++i) splitter.add("x\n", now);
  EXPECT_EQ(lines.size(), LineSplitter::kMaxLinesPerSecond);
  splitter.add("y\n", now + std::chrono::seconds(2));
  EXPECT_EQ(lines[LineSplitter::kMaxLinesPerSecond], "(800 more lines left out)");
  EXPECT_EQ(lines.back(), "y");
}

}  // namespace
}  // namespace millstream::worker
