#include "lake/lake_path.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/text.h"

namespace millstream {
namespace {

constexpr std::string_view kContinues = "%+";
constexpr std::string_view kEmpty = "%";

bool must_escape(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return c == '%' || byte < 0x20 || byte == 0x7f;
}

std::string escape(std::string_view segment) {
  if (segment.empty()) return std::string(kEmpty);
  if (segment == ".") return "%2E";
  if (segment == "..") return "%2E%2E";
  std::string escaped;
  for (char c : segment) {
    if (must_escape(c)) {
      escaped += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    } else {
      escaped += c;
    }
  }
  return escaped;
}

// At most kMaxSegmentBytes, and never within an escape.
size_t cut_at(std::string_view escaped) {
  size_t at = kMaxSegmentBytes;
  for (size_t back = 1; back <= 2; ++back) {
    if (escaped[at - back] == '%') return at - back;
  }
  return at;
}

}  // namespace

Result<> check_bucket_name(std::string_view bucket) {
  const bool known = std::ranges::all_of(bucket, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
  });
  if (bucket.empty() || bucket.size() > 255 || bucket[0] == '.' || !known) {
    return fail(ErrorCode::kInvalidArgument,
                "'{}' can't be the name of a bucket: use 1 to 255 letters, digits, '.', '-' and "
                "'_', and no '.' in front",
                bucket);
  }
  return {};
}

Result<std::vector<std::string>> lake_path(std::string_view key) {
  if (key.empty()) return fail(ErrorCode::kInvalidArgument, "an object's key can't be empty");
  if (key.size() > kMaxKeyBytes) {
    return fail(ErrorCode::kInvalidArgument, "a key of {} bytes is too long: {} are the limit",
                key.size(), kMaxKeyBytes);
  }
  std::vector<std::string> names;
  for (std::string_view segment : split(key, '/')) {
    std::string escaped = escape(segment);
    std::string_view rest = escaped;
    while (rest.size() > kMaxSegmentBytes) {
      const size_t cut = cut_at(rest);
      names.push_back(fmt::format("{}{}", rest.substr(0, cut), kContinues));
      rest.remove_prefix(cut);
    }
    names.emplace_back(rest);
  }
  return names;
}

Result<LakeName> parse_lake_name(std::string_view name) {
  if (name == kEmpty) return LakeName{};
  LakeName parsed;
  std::string_view rest = name;
  if (rest.ends_with(kContinues)) {
    parsed.continues = true;
    rest.remove_suffix(kContinues.size());
  }
  const std::optional<std::string> text = percent_decode(rest);
  if (!text || text->empty()) {
    return fail(ErrorCode::kInvalidArgument, "'{}' is not the name of an object", name);
  }
  parsed.text = *text;
  return parsed;
}

}  // namespace millstream
