// The records in what a subscription sends, found without decoding the events.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace millstream::cli {

// Reads events whose payload is JSON with data of the same size in each record, cut anywhere.
// Threads: one at a time.
class PushedRecords {
 public:
  explicit PushedRecords(size_t data_size) : data_text_size_((data_size + 2) / 3 * 4) {}

  // Calls `visit` with the partition key of each record that `bytes` complete, in order. The key
  // is valid during the call.
  void take(std::string_view bytes, const std::function<void(std::string_view key)>& visit);

 private:
  size_t data_text_size_;  // of base64: stands between one key and the next
  size_t skip_ = 0;
  std::string rest_;
};

}  // namespace millstream::cli
