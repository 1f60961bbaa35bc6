// REGEXP, REGEXP_EXTRACT, REGEXP_REPLACE, SIMILAR TO; REGEX_REPLACE of the Kinesis dialect.

#include <array>

#include "analytics/functions/kernel.h"
#include "analytics/functions/regex_pattern.h"
#include "analytics/functions/utf8.h"

namespace millstream::analytics {
namespace {

using sql::Dialect;

constexpr size_t kMaxGroups = 32;  // that REGEXP_EXTRACT can name

// Patterns that come from a column: the last few compiled ones.
class PatternCache {
 public:
  const Result<RegexPattern>& get(std::string_view pattern) {
    for (const auto& entry : entries_) {
      if (entry && entry->first == pattern) return entry->second;
    }
    auto& slot = entries_[next_++ % entries_.size()];
    slot.emplace(std::string(pattern), RegexPattern::compile(pattern));
    return slot->second;
  }

 private:
  std::array<std::optional<std::pair<std::string, Result<RegexPattern>>>, 8> entries_;
  size_t next_ = 0;
};

// The pattern of each row; nullptr: it is not valid.
class Patterns {
 public:
  Patterns(const KernelContext& context, const Column& column)
      : prepared_(static_cast<const RegexPattern*>(context.state)), column_(column) {}
  const RegexPattern* at(size_t row) {
    if (prepared_ != nullptr) return prepared_;
    if (column_.is_null(row)) return nullptr;
    const auto& pattern = cache_.get(column_.strings[row]);
    return pattern ? &*pattern : nullptr;
  }

 private:
  const RegexPattern* prepared_;
  const Column& column_;
  PatternCache cache_;
};

template <size_t kArgument>
Result<std::shared_ptr<void>> prepare_regex(std::span<const BoundPtr> arguments) {
  const auto text = literal_text(*arguments[kArgument]);
  if (!text) return nullptr;
  TRY_ASSIGN(auto pattern, RegexPattern::compile(*text));
  return std::make_shared<RegexPattern>(std::move(pattern));
}

Result<std::shared_ptr<void>> prepare_similar(std::span<const BoundPtr> arguments) {
  const auto text = literal_text(*arguments[1]);
  const auto escape = arguments.size() == 3 ? literal_text(*arguments[2]) : std::string();
  if (!text || !escape) {
    return fail(ErrorCode::kInvalidArgument,
                "SIMILAR TO with a pattern that is not a literal is not yet supported");
  }
  TRY_ASSIGN(auto pattern, RegexPattern::compile_similar(*text, *escape));
  return std::make_shared<RegexPattern>(std::move(pattern));
}

Result<std::vector<Type>> strings_of(const Function& self, std::span<const BoundPtr> arguments,
                                     Dialect dialect, size_t least, size_t most) {
  if (arguments.size() < least || arguments.size() > most) return no_overload(self, arguments);
  std::vector<Type> types;
  for (const BoundPtr& argument : arguments) {
    if (!takes_string(argument->type, dialect)) return no_overload(self, arguments);
    types.push_back(string_argument(argument->type));
  }
  return types;
}

Result<ResolvedCall> resolve_regexp(const Function& self, std::span<const BoundPtr> arguments,
                                    Dialect dialect) {
  TRY_ASSIGN(auto types, strings_of(self, arguments, dialect, 2, 2));
  return resolved(self, make_type(TypeKind::kBoolean, false), std::move(types), arguments);
}
Result<ResolvedCall> resolve_similar(const Function& self, std::span<const BoundPtr> arguments,
                                     Dialect dialect) {
  TRY_ASSIGN(auto types, strings_of(self, arguments, dialect, 2, 3));
  return resolved(self, make_type(TypeKind::kBoolean, false), std::move(types), arguments);
}

void regexp_kernel(KernelContext& context, Arguments arguments, Column& out) {
  Patterns patterns(context, *arguments[1]);
  out.bools.resize(context.rows);
  for (size_t i = 0; i < context.rows; ++i) {
    const RegexPattern* pattern = patterns.at(i);
    // Flink: an empty pattern matches nothing.
    const bool found = pattern != nullptr && !arguments[1]->strings[i].empty() &&
                       pattern->matches_somewhere(arguments[0]->strings[i]);
    out.bools[i] = static_cast<uint8_t>(found);
  }
}

void similar_kernel(KernelContext& context, Arguments arguments, Column& out) {
  const auto& pattern = *static_cast<const RegexPattern*>(context.state);
  map_unary<Physical::kString, Physical::kBool>(
      context, arguments, out, [&pattern](std::string_view text) {
        return static_cast<uint8_t>(pattern.matches_somewhere(text));
      });
}

// REGEXP_EXTRACT(text, pattern[, group]): NULL if nothing matches or there is no such group.
Result<ResolvedCall> resolve_extract(const Function& self, std::span<const BoundPtr> arguments,
                                     Dialect dialect) {
  const bool has_group = arguments.size() == 3;
  TRY_ASSIGN(auto types,
             strings_of(self, has_group ? arguments.first(2) : arguments, dialect, 2, 2));
  if (has_group) {
    if (!arguments[2]->type.is_integer() && arguments[2]->type.kind != TypeKind::kNull) {
      return no_overload(self, arguments);
    }
    types.push_back(make_type(TypeKind::kBigint));
  }
  ResolvedCall call = resolved(self, varchar_type(), std::move(types), arguments);
  call.type.nullable = true;
  return call;
}

void extract_kernel(KernelContext& context, Arguments arguments, Column& out) {
  Patterns patterns(context, *arguments[1]);
  StringWriter writer(context, out);
  std::array<re2::StringPiece, kMaxGroups> groups;
  for (size_t i = 0; i < context.rows; ++i) {
    const RegexPattern* pattern = patterns.at(i);
    const int64_t group = arguments.size() == 3 ? arguments[2]->ints[i] : 0;
    const bool exists = pattern != nullptr && group >= 0 && group <= pattern->groups() &&
                        group < static_cast<int64_t>(kMaxGroups);
    const auto index = exists ? static_cast<size_t>(group) : 0;
    const bool found =
        exists && !arguments[0]->is_null(i) &&
        pattern->find(arguments[0]->strings[i], 0, std::span(groups).first(index + 1));
    if (found && groups[index].data() != nullptr) {
      writer.share(i, {groups[index].data(), groups[index].size()});
    } else {
      writer.marks().null(i);
    }
  }
}

// --- replacing

// Appends a Java replacement: $1, ${name} are refused by name, \x is x.
bool append_replacement(std::string& out, std::string_view replacement,
                        std::span<const re2::StringPiece> groups) {
  for (size_t i = 0; i < replacement.size(); ++i) {
    const char c = replacement[i];
    const bool last = i + 1 == replacement.size();
    if (c == '\\' && !last) {
      out += replacement[++i];
    } else if (c == '$') {
      if (last || replacement[i + 1] < '0' || replacement[i + 1] > '9') return false;
      const auto group = static_cast<size_t>(replacement[++i] - '0');
      if (group >= groups.size()) return false;
      out.append(groups[group].data() != nullptr ? groups[group].data() : "", groups[group].size());
    } else {
      out += c;
    }
  }
  return true;
}

// How a call replaces.
struct Replacing {
  std::string_view text;
  std::string_view replacement;
  bool expand = false;     // $1 in the replacement
  size_t start = 0;        // byte to search from
  int64_t occurrence = 0;  // only this one; 0: all
};

// False: the replacement names a group that is not there.
bool replace_matches(const RegexPattern& pattern, const Replacing& how, std::string& out) {
  std::array<re2::StringPiece, 10> storage;
  const auto groups = std::span(storage).first(
      how.expand ? std::min<size_t>(storage.size(), static_cast<size_t>(pattern.groups()) + 1) : 1);
  size_t copied = 0;
  size_t at = how.start;
  int64_t count = 0;
  out.clear();
  while (at <= how.text.size() && out.size() <= kMaxStringBytes &&
         pattern.find(how.text, at, groups)) {
    const auto begin = static_cast<size_t>(groups[0].data() - how.text.data());
    const size_t end = begin + groups[0].size();
    if (how.occurrence == 0 || ++count == how.occurrence) {
      out += how.text.substr(copied, begin - copied);
      if (!how.expand) {
        out += how.replacement;
      } else if (!append_replacement(out, how.replacement, groups)) {
        return false;
      }
      copied = end;
      if (how.occurrence != 0) break;
    }
    // Behind an empty match, one character goes by.
    at = end > begin ? end : end < how.text.size() ? end + utf8_size_at(how.text, end) : end + 1;
  }
  out += how.text.substr(copied);
  return true;
}

Result<ResolvedCall> resolve_replace(const Function& self, std::span<const BoundPtr> arguments,
                                     Dialect dialect) {
  TRY_ASSIGN(auto types, strings_of(self, arguments, dialect, 3, 3));
  return resolved(self, varchar_type(kMaxLength, false), std::move(types), arguments);
}

// Flink: the replacement is taken as it is; an invalid pattern makes NULL.
void replace_kernel(KernelContext& context, Arguments arguments, Column& out) {
  Patterns patterns(context, *arguments[1]);
  StringWriter writer(context, out);
  std::string result;
  for (size_t i = 0; i < context.rows; ++i) {
    if (arguments[0]->is_null(i)) continue;
    const RegexPattern* pattern = patterns.at(i);
    if (pattern == nullptr) {
      writer.marks().null(i);
      continue;
    }
    const Replacing how{.text = arguments[0]->strings[i], .replacement = arguments[2]->strings[i]};
    (void)replace_matches(*pattern, how, result);
    writer.set(i, result);
  }
}

// REGEX_REPLACE(text, pattern, replacement, start, occurrence)
Result<ResolvedCall> resolve_regex_replace(const Function& self,
                                           std::span<const BoundPtr> arguments, Dialect dialect) {
  if (arguments.size() != 5 || !takes_number(arguments[3]->type) ||
      !takes_number(arguments[4]->type)) {
    return no_overload(self, arguments);
  }
  TRY_ASSIGN(auto types, strings_of(self, arguments.first(3), dialect, 3, 3));
  types.insert(types.end(), 2, make_type(TypeKind::kBigint));
  return resolved(self, varchar_type(65535, false), std::move(types), arguments);
}

void regex_replace_kernel(KernelContext& context, Arguments arguments, Column& out) {
  Patterns patterns(context, *arguments[1]);
  StringWriter writer(context, out);
  std::string result;
  for (size_t i = 0; i < context.rows; ++i) {
    const std::string_view text = arguments[0]->strings[i];
    const RegexPattern* pattern = patterns.at(i);
    const int64_t start = arguments[3]->ints[i];
    const int64_t occurrence = arguments[4]->ints[i];
    if (pattern == nullptr) {
      writer.marks().error(i, "the regular expression of REGEX_REPLACE is not valid");
      continue;
    }
    if (start < 1 || occurrence < 0) {
      writer.marks().error(i,
                           "REGEX_REPLACE needs a start of 1 or more and an occurrence of 0 or "
                           "more");
      continue;
    }
    const size_t from = utf8_offset(text, static_cast<size_t>(start - 1));
    const Replacing how{.text = text,
                        .replacement = arguments[2]->strings[i],
                        .expand = true,
                        .start = from,
                        .occurrence = occurrence};
    if (static_cast<size_t>(start) > text.size()) {
      writer.share(i, text);
    } else if (replace_matches(*pattern, how, result)) {
      writer.set(i, result);
    } else {
      writer.marks().error(i, "the replacement names a group that the regular expression lacks");
    }
  }
}

}  // namespace

void add_regex(FunctionList& table) {
  table.push_back({.name = "REGEXP",
                   .dialects = Dialects::kFlink,
                   .resolve = resolve_regexp,
                   .kernel = regexp_kernel,
                   .prepare = prepare_regex<1>,
                   .signature = "REGEXP(string, regex)"});
  table.push_back({.name = "SIMILAR TO",
                   .resolve = resolve_similar,
                   .kernel = similar_kernel,
                   .prepare = prepare_similar,
                   .signature = "string SIMILAR TO pattern[ ESCAPE character]"});
  table.push_back({.name = "REGEXP_EXTRACT",
                   .dialects = Dialects::kFlink,
                   .resolve = resolve_extract,
                   .kernel = extract_kernel,
                   .prepare = prepare_regex<1>,
                   .signature = "REGEXP_EXTRACT(string, regex[, group])"});
  table.push_back({.name = "REGEXP_REPLACE",
                   .dialects = Dialects::kFlink,
                   .resolve = resolve_replace,
                   .kernel = replace_kernel,
                   .prepare = prepare_regex<1>,
                   .signature = "REGEXP_REPLACE(string, regex, replacement)"});
  table.push_back({.name = "REGEX_REPLACE",
                   .dialects = Dialects::kKinesis,
                   .resolve = resolve_regex_replace,
                   .kernel = regex_replace_kernel,
                   .prepare = prepare_regex<1>,
                   .signature = "REGEX_REPLACE(string, regex, replacement, start, occurrence)"});
}

}  // namespace millstream::analytics
