#include "base/http_message.h"

#include <algorithm>

namespace millstream {
namespace {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

const HttpHeader* find(const std::vector<HttpHeader>& headers, std::string_view name) {
  auto found = std::ranges::find_if(
      headers, [name](const HttpHeader& header) { return equals_ignore_case(header.name, name); });
  return found == headers.end() ? nullptr : &*found;
}

}  // namespace

bool equals_ignore_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view HttpRequest::header(std::string_view name) const {
  const HttpHeader* found = find(headers, name);
  return found ? found->value : std::string_view();
}

bool HttpRequest::has_header(std::string_view name) const { return find(headers, name) != nullptr; }

}  // namespace millstream
