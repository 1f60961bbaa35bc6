#include "cli/pushed_records.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/base64.h"

namespace millstream::cli {
namespace {

constexpr size_t kDataSize = 50;

// Three records in two events, as they stand in an HTTP/1.1 response.
std::string subscription_bytes() {
  const std::string data = base64_encode(std::string(kDataSize, 'd'));
  auto record = [&](std::string_view key) {
    return R"({"Data":")" + data + R"(","PartitionKey":")" + std::string(key) +
           R"(","SequenceNumber":"49"})";
  };
  return "HTTP/1.1 200 OK\r\n\r\n1f\r\n:event-type" + std::string(3, '\0') + R"({"Records":[)" +
         record("one") + "," + record("two") + "]}\r\n2a\r\n" + R"({"Records":[)" +
         record("three") + "]}\r\n";
}

TEST(PushedRecords, FindsEveryKeyWhereverTheBytesAreCut) {
  const std::string bytes = subscription_bytes();
  for (size_t first = 0; first <= bytes.size(); ++first) {
    for (const size_t second : {size_t{1}, size_t{7}, size_t{90}}) {
      PushedRecords records(kDataSize);
      std::vector<std::string> keys;
      const auto keep = [&](std::string_view key) { keys.emplace_back(key); };
      const std::string_view all = bytes;
      records.take(all.substr(0, first), keep);
      records.take(all.substr(first, second), keep);
      records.take(all.substr(std::min(all.size(), first + second)), keep);
      ASSERT_EQ(keys, (std::vector<std::string>{"one", "two", "three"}))
          << "cut at " << first << " and " << second << " later";
    }
  }
}

}  // namespace
}  // namespace millstream::cli
