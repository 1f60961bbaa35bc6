// Where an object of the embedded lake lies: every key has exactly one file, and people find it
// under its own name.
//
// A key's segments (between '/') are folders, the last is the file. What no file can be called
// is escaped, and only that, so that usual keys look the same on disk:
//   '%' and control characters    %XX
//   "." and ".."                  %2E and %2E%2E
//   an empty segment              %
//   longer than kMaxSegmentBytes  cut into folders that end in "%+"
// Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millstream {

inline constexpr size_t kMaxKeyBytes = 1024;     // of S3: 1,024 bytes of UTF-8
inline constexpr size_t kMaxSegmentBytes = 200;  // escaped; file systems take 255 bytes

// Errors: kInvalidArgument. S3's rules, but for the length, and what its ARNs allow besides.
Result<> check_bucket_name(std::string_view bucket);

// The names of the folders and the file, below the bucket's folder. Errors: kInvalidArgument
// (empty or too long key).
Result<std::vector<std::string>> lake_path(std::string_view key);

// What one folder entry stands for.
struct LakeName {
  std::string text;        // unescaped
  bool continues = false;  // the segment goes on in this folder's entries
};
// Errors: kInvalidArgument if the lake did not write that name.
Result<LakeName> parse_lake_name(std::string_view name);

}  // namespace millstream
