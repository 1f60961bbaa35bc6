#include "server/slow_requests.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/manual_clock.h"

namespace millstream::server {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;

class SlowRequestsTest : public ::testing::Test {
 protected:
  // What the log says of `count` requests that took `time`.
  std::string told(SlowRequests& slow, int count, milliseconds time) {
    ::testing::internal::CaptureStderr();
    for (int i = 0; i < count; ++i) {
      slow.note({.target = "Kinesis_20131202.PutRecords",
                 .request_id = "id-1",
                 .account = "123456789012",
                 .request_bytes = 5,
                 .response_bytes = 7,
                 .status = 200,
                 .time = time});
    }
    return ::testing::internal::GetCapturedStderr();
  }
  static int64_t lines(const std::string& text) { return std::ranges::count(text, '\n'); }

  ManualClock clock_;
};

TEST_F(SlowRequestsTest, OnlyThoseOfTheLimitAndLongerAreTold) {
  SlowRequests slow(clock_, milliseconds(100));
  EXPECT_EQ(told(slow, 1, milliseconds(99)), "");
  EXPECT_THAT(told(slow, 1, milliseconds(100)),
              HasSubstr("Kinesis_20131202.PutRecords id-1 took 100 ms: account 123456789012, 5 "
                        "bytes in, 7 bytes out, status 200"));
  SlowRequests none(clock_, milliseconds(0));
  EXPECT_EQ(told(none, 1, std::chrono::hours(1)), "");
}

TEST_F(SlowRequestsTest, ASecondHasTenLinesAndTheNextSaysWhatWasLeftOut) {
  SlowRequests slow(clock_, milliseconds(100));
  clock_.advance(std::chrono::seconds(5));
  EXPECT_EQ(lines(told(slow, 25, milliseconds(100))), SlowRequests::kLinesPerSecond);
  clock_.advance(milliseconds(999));
  EXPECT_EQ(told(slow, 3, milliseconds(100)), "");
  clock_.advance(milliseconds(1));
  const std::string next = told(slow, 2, milliseconds(100));
  EXPECT_EQ(lines(next), 3);
  EXPECT_THAT(next, HasSubstr("18 slow requests before this were left out"));
  // Told once.
  clock_.advance(std::chrono::seconds(1));
  EXPECT_THAT(told(slow, 1, milliseconds(100)), Not(HasSubstr("left out")));
}

}  // namespace
}  // namespace millstream::server
