#include "analytics/functions/regex_pattern.h"

#include <algorithm>

#include "analytics/functions/utf8.h"

namespace millstream::analytics {
namespace {

// Of a compiled pattern; RE2 refuses larger ones, and falls back to slower, still linear, search.
constexpr int64_t kMaxPatternMemory = int64_t{8} << 20;
constexpr size_t kMaxPatternBytes = size_t{64} << 10;

std::unexpected<Error> refuse(std::string_view pattern, std::string_view why) {
  return fail(ErrorCode::kInvalidArgument, "the regular expression '{}' {}",
              utf8_prefix(pattern, 100), why);
}

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// Rewrites what RE2 spells differently, and refuses what it would understand differently.
Result<std::string> translate(std::string_view pattern) {
  std::string result;
  bool in_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    const std::string_view rest = pattern.substr(i);
    if (c == '\\' && rest.size() > 1) {
      if (rest[1] == 'u' && rest.size() >= 6 && std::ranges::all_of(rest.substr(2, 4), is_hex)) {
        result += "\\x{" + std::string(rest.substr(2, 4)) + "}";
        i += 5;
      } else if (rest[1] == 'Q') {
        // RE2 quotes outside of classes only, as it stands.
        size_t end = pattern.find("\\E", i + 2);
        const std::string_view quoted =
            pattern.substr(i + 2, end == std::string_view::npos ? end : end - i - 2);
        result += re2::RE2::QuoteMeta(re2::StringPiece(quoted.data(), quoted.size()));
        i = end == std::string_view::npos ? pattern.size() : end + 1;
      } else {
        result += rest.substr(0, 2);
        ++i;
      }
      continue;
    }
    if (in_class) {
      if (c == '[') {
        return refuse(pattern,
                      "has a class within a class, which is not yet supported; write \\[ for the "
                      "character");
      }
      if (rest.starts_with("&&")) {
        return refuse(pattern, "intersects classes by &&, which is not yet supported");
      }
      if (c == ']') in_class = false;
    } else if (c == '[') {
      in_class = true;
      result += c;
      // Java: a ] behind [ or [^ closes nothing; RE2 takes it for the character, too.
      if (rest.starts_with("[^")) {
        result += '^';
        ++i;
      }
      if (i + 1 < pattern.size() && pattern[i + 1] == ']') {
        result += "\\]";
        ++i;
      }
      continue;
    } else if (rest.starts_with("(?<") && !rest.starts_with("(?<=") && !rest.starts_with("(?<!")) {
      result += "(?P<";
      i += 2;
      continue;
    } else if (rest.starts_with("(?=") || rest.starts_with("(?!") || rest.starts_with("(?<")) {
      return refuse(pattern, "looks ahead or behind, which is not yet supported");
    } else if (rest.starts_with("(?>")) {
      return refuse(pattern, "has an atomic group, which is not yet supported");
    }
    result += c;
  }
  return result;
}

bool is_plain(char c) {
  return static_cast<unsigned char>(c) < 0x80 &&
         std::string_view("\\^$.[]|()?*+{}").find(c) == std::string_view::npos;
}

// Past the group or class that starts at `i`.
size_t skip_group(std::string_view pattern, size_t i) {
  int depth = 0;
  bool in_class = false;
  for (; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\') {
      ++i;
    } else if (in_class) {
      in_class = c != ']';
    } else if (c == '[') {
      in_class = true;
    } else if (c == '(') {
      ++depth;
    } else if (c == ')') {
      --depth;
    }
    if (depth <= 0 && !in_class) return i + 1;
  }
  return i;
}

// The longest text that stands in every match: of a pattern without alternatives and flags at the
// top, the characters that nothing repeats. "" where that can't be told easily.
std::string required_text(std::string_view pattern) {
  if (pattern.find("(?") != std::string_view::npos) return "";
  std::string longest;
  std::string run;
  const auto end_run = [&] {
    if (run.size() > longest.size()) longest = run;
    run.clear();
  };
  for (size_t i = 0; i < pattern.size();) {
    const char c = pattern[i];
    if (c == '|') return "";
    if (is_plain(c)) {
      const char next = i + 1 < pattern.size() ? pattern[i + 1] : ' ';
      if (next == '?' || next == '*' || next == '{' || next == '+') {
        end_run();
      } else {
        run += c;
      }
      ++i;
      continue;
    }
    end_run();
    if (c == '(' || c == '[') {
      i = skip_group(pattern, i);
    } else if (c == '{') {
      i = std::min(pattern.find('}', i), pattern.size() - 1) + 1;
    } else {
      i += c == '\\' ? 2 : 1;
    }
  }
  end_run();
  return longest.size() >= 2 ? longest : "";
}

Result<std::unique_ptr<re2::RE2>> compile_re2(const std::string& pattern,
                                              std::string_view written) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMaxPatternMemory);
  auto regex = std::make_unique<re2::RE2>(pattern, options);
  if (!regex->ok()) {
    return refuse(written, fmt::format("is not valid or not yet supported: {}", regex->error()));
  }
  return regex;
}

}  // namespace

Result<RegexPattern> RegexPattern::compile(std::string_view java_pattern) {
  if (java_pattern.size() > kMaxPatternBytes) return refuse(java_pattern, "is too long");
  TRY_ASSIGN(const std::string pattern, translate(java_pattern));
  RegexPattern result;
  TRY_ASSIGN(result.regex_, compile_re2(pattern, java_pattern));
  result.required_ = required_text(pattern);
  return result;
}

Result<RegexPattern> RegexPattern::compile_similar(std::string_view pattern,
                                                   std::string_view escape) {
  if (pattern.size() > kMaxPatternBytes) return refuse(pattern, "is too long");
  std::string regex = "(?s)^(?:";
  bool in_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (!escape.empty() && pattern.substr(i).starts_with(escape)) {
      i += escape.size();
      if (i >= pattern.size()) return refuse(pattern, "ends with its escape");
      const size_t size = utf8_size_at(pattern, i);
      regex += re2::RE2::QuoteMeta(re2::StringPiece(pattern.data() + i, size));
      i += size - 1;
    } else if (in_class) {
      if (c == '\\' || c == '&') regex += '\\';
      regex += c;
      if (c == ']') in_class = false;
      if (c == '[' && i + 1 < pattern.size() && pattern[i + 1] == ':') {
        // [:ALPHA:] within a class; the names are upper or lower case.
        const size_t end = pattern.find(":]", i + 2);
        if (end == std::string_view::npos) return refuse(pattern, "has a class without an end");
        for (size_t k = i + 1; k < end; ++k) {
          const char letter = pattern[k];
          regex += letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : letter;
        }
        regex += ":]";
        i = end + 1;
      }
    } else if (c == '[') {
      in_class = true;
      regex += c;
    } else if (c == '%') {
      regex += ".*";
    } else if (c == '_') {
      regex += '.';
    } else if (std::string_view("\\.^$").find(c) != std::string_view::npos) {
      regex += '\\';
      regex += c;
    } else {
      regex += c;
    }
  }
  regex += ")$";
  RegexPattern result;
  TRY_ASSIGN(result.regex_, compile_re2(regex, pattern));
  return result;
}

bool RegexPattern::find(std::string_view text, size_t from,
                        std::span<re2::StringPiece> groups) const {
  if (!required_.empty() && text.find(required_, from) == std::string_view::npos) return false;
  return regex_->Match(re2::StringPiece(text.data(), text.size()), from, text.size(),
                       re2::RE2::UNANCHORED, groups.data(), static_cast<int>(groups.size()));
}

}  // namespace millstream::analytics
