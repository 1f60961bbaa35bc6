#include "leases/expression.h"

#include <algorithm>
#include <charconv>

namespace millstream::leases {
namespace {

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// The length of the word or symbol that `text` begins with; 0: none.
size_t word_length(std::string_view text) {
  const char c = text.front();
  if (is_word(c) || c == '#' || c == ':') {
    const auto end = std::find_if_not(text.begin() + 1, text.end(), is_word);
    return static_cast<size_t>(end - text.begin());
  }
  if (text.starts_with("<>") || text.starts_with("<=") || text.starts_with(">=")) return 2;
  return std::string_view("()[],.=<>+-").contains(c) ? 1 : 0;
}

}  // namespace

std::string to_string(const Path& path) {
  std::string text = "[";
  for (const PathStep& step : path) {
    if (text.size() > 1) text += ", ";
    text += step.index ? fmt::format("[{}]", *step.index) : step.name;
  }
  return text + "]";
}

const AttributeValue* find(const Item& item, const Path& path) {
  const auto first = item.find(path.front().name);
  const AttributeValue* value = first == item.end() ? nullptr : &first->second;
  for (size_t i = 1; value != nullptr && i < path.size(); ++i) {
    const PathStep& step = path[i];
    if (step.index) {
      value = value->l && *step.index < value->l->size() ? &(*value->l)[*step.index] : nullptr;
    } else if (value->m) {
      const auto member = value->m->find(step.name);
      value = member == value->m->end() ? nullptr : &member->second;
    } else {
      value = nullptr;
    }
  }
  return value;
}

Result<Placeholders> Placeholders::create(const Names& names, const Values& values) {
  Placeholders placeholders;
  if (names) {
    if (names->empty()) {
      return fail(ErrorCode::kValidation, "ExpressionAttributeNames must not be empty");
    }
    placeholders.names_ = *names;
  }
  if (values) {
    if (values->empty()) {
      return fail(ErrorCode::kValidation, "ExpressionAttributeValues must not be empty");
    }
    placeholders.values_ = *values;
  }
  for (const auto& [name, target] : placeholders.names_) {
    if (name.size() < 2 || name.front() != '#') {
      return fail(ErrorCode::kValidation,
                  "ExpressionAttributeNames contains invalid key: Syntax error; key: \"{}\"", name);
    }
  }
  for (auto& [name, value] : placeholders.values_) {
    if (name.size() < 2 || name.front() != ':') {
      return fail(ErrorCode::kValidation,
                  "ExpressionAttributeValues contains invalid key: Syntax error; key: \"{}\"",
                  name);
    }
    if (auto good = normalize(value); !good) {
      return fail(ErrorCode::kValidation,
                  "ExpressionAttributeValues contains invalid value: {} for key {}",
                  good.error().message, name);
    }
  }
  return placeholders;
}

Result<std::string> Placeholders::name(std::string_view placeholder) {
  const auto found = names_.find(std::string(placeholder));
  if (found == names_.end()) {
    return fail(ErrorCode::kValidation,
                "An expression attribute name used in the document path is not defined; attribute "
                "name: {}",
                placeholder);
  }
  used_.insert(found->first);
  return found->second;
}

Result<AttributeValue> Placeholders::value(std::string_view placeholder) {
  const auto found = values_.find(std::string(placeholder));
  if (found == values_.end()) {
    return fail(ErrorCode::kValidation,
                "An expression attribute value used in expression is not defined; attribute value: "
                "{}",
                placeholder);
  }
  used_.insert(found->first);
  return found->second;
}

Result<> Placeholders::check_all_used() const {
  const auto unused = [this](const auto& map) {
    std::vector<std::string> keys;
    for (const auto& [key, value] : map) {
      if (!used_.contains(key)) keys.push_back(key);
    }
    return keys;
  };
  constexpr auto kText = "Value provided in {} unused in expressions: keys: {{{}}}";
  if (const auto keys = unused(names_); !keys.empty()) {
    return fail(ErrorCode::kValidation, kText, "ExpressionAttributeNames", fmt::join(keys, ", "));
  }
  if (const auto keys = unused(values_); !keys.empty()) {
    return fail(ErrorCode::kValidation, kText, "ExpressionAttributeValues", fmt::join(keys, ", "));
  }
  return {};
}

Result<> ExpressionReader::start() {
  if (text_.size() > kMaxExpressionBytes) {
    return error(
        fmt::format("Expression size has exceeded the maximum allowed size; expression "
                    "size: {}",
                    text_.size()));
  }
  std::string_view rest = text_;
  while (!rest.empty()) {
    if (is_space(rest.front())) {
      rest.remove_prefix(1);
      continue;
    }
    const size_t length = word_length(rest);
    if (length == 0) {
      return error(fmt::format("Syntax error; token: \"{}\", near: \"{}\"", rest.substr(0, 1),
                               rest.substr(0, 20)));
    }
    words_.push_back(rest.substr(0, length));
    rest.remove_prefix(length);
  }
  if (words_.empty()) return error("The expression can not be empty;");
  return {};
}

std::string_view ExpressionReader::peek(size_t ahead) const {
  return place_ + ahead < words_.size() ? words_[place_ + ahead] : std::string_view();
}

std::string_view ExpressionReader::next() {
  const std::string_view word = peek();
  if (!at_end()) ++place_;
  return word;
}

bool ExpressionReader::take(std::string_view symbol) {
  if (peek() != symbol) return false;
  ++place_;
  return true;
}

bool ExpressionReader::at_keyword(std::string_view keyword, size_t ahead) const {
  return std::ranges::equal(peek(ahead), keyword, {}, lower, lower);
}

bool ExpressionReader::take_keyword(std::string_view keyword) {
  if (!at_keyword(keyword)) return false;
  ++place_;
  return true;
}

Result<> ExpressionReader::expect(std::string_view symbol) {
  if (!take(symbol)) return syntax_error();
  return {};
}

Result<std::string> ExpressionReader::path_name() {
  const std::string_view word = peek();
  if (word.starts_with('#')) {
    auto name = placeholders_.name(word);
    if (!name) return error(name.error().message);
    next();
    return name;
  }
  if (word.empty() || !is_word(word.front()) || (word.front() >= '0' && word.front() <= '9')) {
    return syntax_error();
  }
  return std::string(next());
}

Result<Path> ExpressionReader::path() {
  Path path;
  TRY_ASSIGN(std::string first, path_name());
  path.push_back({std::move(first), {}});
  while (true) {
    if (take(".")) {
      TRY_ASSIGN(std::string name, path_name());
      path.push_back({std::move(name), {}});
    } else if (take("[")) {
      const std::string_view word = peek();
      size_t index = 0;
      const auto [end, failed] = std::from_chars(word.data(), word.data() + word.size(), index);
      if (word.empty() || failed != std::errc() || end != word.data() + word.size()) {
        return syntax_error();
      }
      next();
      TRY(expect("]"));
      path.push_back({{}, index});
    } else {
      break;
    }
    if (path.size() > kMaxDepth) {
      return error("The document path has too many nesting elements; nesting elements: 32");
    }
  }
  return path;
}

Result<AttributeValue> ExpressionReader::value() {
  auto value = placeholders_.value(peek());
  if (!value) return error(value.error().message);
  next();
  return value;
}

Result<> ExpressionReader::count_operator() {
  if (++operators_ > kMaxOperators) {
    return error(
        fmt::format("The expression contains too many operators; operator count: {}", operators_));
  }
  return {};
}

std::unexpected<Error> ExpressionReader::error(std::string_view what) const {
  return fail(ErrorCode::kValidation, "Invalid {}: {}", label_, what);
}

std::unexpected<Error> ExpressionReader::syntax_error() const {
  const size_t first = place_ > 0 ? place_ - 1 : 0;
  const size_t last = std::min(place_ + 2, words_.size());
  const auto near = std::vector(words_.begin() + static_cast<ptrdiff_t>(first),
                                words_.begin() + static_cast<ptrdiff_t>(last));
  return error(fmt::format("Syntax error; token: \"{}\", near: \"{}\"",
                           at_end() ? std::string_view("<EOF>") : peek(), fmt::join(near, " ")));
}

}  // namespace millstream::leases
