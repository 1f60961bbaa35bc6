#include "wire/java_regex.h"

#include <cstdint>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>

namespace millstream::wire {
namespace {

constexpr std::string_view kSpace = R"(\t\n\x0B\f\r )";
constexpr std::string_view kAnyButLineEnd = R"([^\n\r\x{85}\x{2028}\x{2029}])";
constexpr std::string_view kHostLabelJava = "((?!-)[A-Za-z0-9-]{1,63}(?<!-)\\.)";
constexpr std::string_view kHostLabel = "(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.)";

// The code unit of "\uXXXX" at `at`; -1 if there is none.
long code_unit(std::string_view text, size_t at) {
  if (text.size() < at + 6 || text[at] != '\\' || text[at + 1] != 'u') return -1;
  return std::strtol(std::string(text.substr(at + 2, 4)).c_str(), nullptr, 16);
}

std::string translate(std::string_view java) {
  std::string out;
  bool in_class = false;
  bool after_quantifier = false;
  for (size_t i = 0; i < java.size();) {
    const char c = java[i];
    const bool quantified = std::exchange(after_quantifier, false);
    if (!in_class && java.substr(i).starts_with(kHostLabelJava)) {
      out += kHostLabel;
      i += kHostLabelJava.size();
    } else if (long unit = code_unit(java, i); unit >= 0) {
      i += 6;
      const long low = code_unit(java, i);
      if (unit >= 0xD800 && unit < 0xDC00 && low >= 0xDC00 && low < 0xE000) {
        unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
        i += 6;
      }
      out += fmt::format("\\x{{{:X}}}", unit);
    } else if (c == '\\' && java.substr(i).starts_with("\\p{ASCII}")) {
      out += in_class ? "\\x00-\\x7F" : "[\\x00-\\x7F]";
      i += 9;
    } else if (c == '\\' && java.substr(i).starts_with("\\p{Print}")) {
      out += in_class ? "\\x20-\\x7E" : "[\\x20-\\x7E]";
      i += 9;
    } else if (c == '\\' && i + 1 < java.size()) {
      const char escaped = java[i + 1];
      if (escaped == 's') {
        out += in_class ? std::string(kSpace) : fmt::format("[{}]", kSpace);
      } else if (escaped == 'S' && !in_class) {
        out += fmt::format("[^{}]", kSpace);
      } else if (escaped == '_' || escaped == '/') {
        out += escaped;  // no need to escape, and RE2 minds
      } else {
        out += java.substr(i, 2);
      }
      i += 2;
    } else if (in_class) {
      in_class = c != ']';
      out += c;
      ++i;
    } else if (c == '.') {
      out += kAnyButLineEnd;
      ++i;
    } else if (c == '+' && quantified) {
      ++i;  // possessive
    } else {
      in_class = c == '[';
      after_quantifier = c == '*' || c == '+' || c == '?' || c == '}';
      // "(?" opens a group, it counts nothing.
      if (c == '?' && i > 0 && java[i - 1] == '(') after_quantifier = false;
      out += c;
      ++i;
    }
  }
  return out;
}

// The length of the group that `text` starts with, brackets included; 0 if it is not closed.
size_t group_length(std::string_view text) {
  int depth = 0;
  bool in_class = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (in_class) {
      in_class = text[i] != ']';
    } else if (text[i] == '[') {
      in_class = true;
    } else if (text[i] == '(') {
      ++depth;
    } else if (text[i] == ')' && --depth == 0) {
      return i + 1;
    }
  }
  return 0;
}

}  // namespace

std::vector<Re2Condition> to_re2(std::string_view java) {
  std::vector<Re2Condition> conditions;
  std::string_view rest = java;
  while (rest.starts_with("^(?!") || rest.starts_with("^(?=") || rest.starts_with("(?!") ||
         rest.starts_with("(?=")) {
    if (rest.front() == '^') rest.remove_prefix(1);
    const size_t length = group_length(rest);
    if (length == 0) break;
    conditions.push_back(
        {fmt::format("(?s:(?:{}).*)", translate(rest.substr(3, length - 4))), rest[2] == '='});
    rest.remove_prefix(length);
  }
  conditions.push_back({translate(rest), true});
  return conditions;
}

}  // namespace millstream::wire
