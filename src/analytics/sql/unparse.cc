#include "analytics/sql/unparse.h"

#include <algorithm>

namespace millstream::analytics::sql {
namespace {

// Where the quoted text or comment that begins at `place` ends; `place` itself if none does.
size_t end_of_quoted(std::string_view text, size_t place) {
  const char c = text[place];
  if (c == '\'' || c == '"' || c == '`') {
    const size_t end = text.find(c, place + 1);
    return end == std::string_view::npos ? text.size() : end + 1;
  }
  return place;
}

size_t end_of_comment(std::string_view text, size_t place) {
  const std::string_view rest = text.substr(place);
  if (rest.starts_with("--") || rest.starts_with("//")) {
    return std::min(text.find('\n', place), text.size());
  }
  if (rest.starts_with("/*")) {
    const size_t end = text.find("*/", place + 2);
    return end == std::string_view::npos ? text.size() : end + 2;
  }
  return place;
}

}  // namespace

std::string expression_source(const Expression& expression, std::string_view script) {
  const size_t begin = std::min<size_t>(expression.position.offset, script.size());
  const size_t end = std::clamp<size_t>(expression.end_offset, begin, script.size());
  const std::string_view text = script.substr(begin, end - begin);
  std::string result;
  bool blank = false;
  for (size_t i = 0; i < text.size();) {
    const size_t comment = end_of_comment(text, i);
    if (comment > i || text[i] == ' ' || (text[i] >= '\t' && text[i] <= '\r')) {
      blank = true;
      i = std::max(comment, i + 1);
      continue;
    }
    if (blank && !result.empty()) result += ' ';
    blank = false;
    const size_t quoted = std::max(end_of_quoted(text, i), i + 1);
    result += text.substr(i, quoted - i);
    i = quoted;
  }
  return result;
}

}  // namespace millstream::analytics::sql
