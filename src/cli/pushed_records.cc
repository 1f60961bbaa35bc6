#include "cli/pushed_records.h"

#include <algorithm>

namespace millstream::cli {
namespace {

constexpr std::string_view kMark = R"("PartitionKey":")";

}  // namespace

void PushedRecords::take(std::string_view bytes,
                         const std::function<void(std::string_view)>& visit) {
  std::string joined;
  if (!rest_.empty()) {
    joined = std::move(rest_);
    joined += bytes;
    bytes = joined;
    rest_.clear();
  }
  while (true) {
    const size_t skipped = std::min(skip_, bytes.size());
    bytes.remove_prefix(skipped);
    skip_ -= skipped;
    const size_t mark = bytes.find(kMark);
    if (mark == std::string_view::npos) {
      // It may have begun.
      rest_ = bytes.substr(bytes.size() - std::min(bytes.size(), kMark.size() - 1));
      return;
    }
    const size_t key = mark + kMark.size();
    const size_t end = bytes.find('"', key);
    if (end == std::string_view::npos) {
      rest_ = bytes.substr(mark);
      return;
    }
    visit(bytes.substr(key, end - key));
    bytes.remove_prefix(end + 1);
    skip_ = data_text_size_;
  }
}

}  // namespace millstream::cli
