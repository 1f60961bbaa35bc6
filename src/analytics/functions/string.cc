// Functions that make strings of strings. Positions count characters (utf8.h), from 1.

#include <algorithm>
#include <array>

#include "analytics/functions/kernel.h"
#include "analytics/functions/utf8.h"

namespace millstream::analytics {
namespace {

using sql::Dialect;

Type varying(const Type& type) { return varchar_type(string_argument(type).precision, false); }
Type any_string() { return varchar_type(kMaxLength, false); }

// What the parameters of a function are: 's' a string, 'i' an integer; small after the capital
// ones are optional: "SIi".
Result<std::vector<Type>> parameters(const Function& self, std::span<const BoundPtr> arguments,
                                     Dialect dialect, std::string_view kinds) {
  const auto required = static_cast<size_t>(
      std::ranges::count_if(kinds, [](char c) { return c == 'S' || c == 'I'; }));
  if (arguments.size() < required || arguments.size() > kinds.size()) {
    return no_overload(self, arguments);
  }
  std::vector<Type> types;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const Type& given = arguments[i]->type;
    const bool string = kinds[i] == 'S' || kinds[i] == 's';
    if (string ? !takes_string(given, dialect)
               : !given.is_integer() && given.kind != TypeKind::kNull &&
                     !(dialect == Dialect::kKinesis && given.is_numeric())) {
      return no_overload(self, arguments);
    }
    types.push_back(string ? string_argument(given) : make_type(TypeKind::kBigint));
  }
  return types;
}

// `kinds` as above, the result as long as it gets; kLikeFirst: not longer than the first.
template <size_t N>
struct Kinds {
  char text[N] = {};
  constexpr Kinds(const char (&source)[N]) {  // NOLINT(google-explicit-constructor)
    std::copy_n(source, N, text);
  }
};
template <Kinds kKinds, bool kLikeFirst>
Result<ResolvedCall> resolve_string(const Function& self, std::span<const BoundPtr> arguments,
                                    Dialect dialect) {
  TRY_ASSIGN(auto types, parameters(self, arguments, dialect, kKinds.text));
  return resolved(self, kLikeFirst ? varying(arguments[0]->type) : any_string(), std::move(types),
                  arguments);
}

Result<ResolvedCall> resolve_concat_operator(const Function& self,
                                             std::span<const BoundPtr> arguments, Dialect dialect) {
  TRY_ASSIGN(auto types, parameters(self, arguments, dialect, "SS"));
  const int64_t length = int64_t{types[0].precision} + types[1].precision;
  Type type = varchar_type(static_cast<int32_t>(std::min<int64_t>(length, kMaxLength)), false);
  if (types[0].kind == TypeKind::kChar && types[1].kind == TypeKind::kChar) {
    type.kind = TypeKind::kChar;
  }
  return resolved(self, type, std::move(types), arguments);
}

// Any number of strings.
Result<ResolvedCall> resolve_concat(const Function& self, std::span<const BoundPtr> arguments,
                                    Dialect dialect) {
  if (arguments.empty()) return no_overload(self, arguments);
  std::vector<Type> types;
  for (const BoundPtr& argument : arguments) {
    if (!takes_string(argument->type, dialect)) return no_overload(self, arguments);
    types.push_back(string_argument(argument->type));
  }
  return resolved(self, any_string(), std::move(types), arguments);
}

void concat_kernel(KernelContext& context, Arguments arguments, Column& out) {
  StringWriter writer(context, out);
  for (size_t i = 0; i < context.rows; ++i) {
    size_t bytes = 0;
    for (const Column* argument : arguments) bytes += argument->strings[i].size();
    char* to = writer.allocate(i, bytes);
    if (to == nullptr) continue;
    for (const Column* argument : arguments) {
      to = std::ranges::copy(argument->strings[i], to).out;
    }
  }
}

// CONCAT_WS: NULL strings are left out, a NULL separator makes NULL.
void concat_ws_kernel(KernelContext& context, Arguments arguments, Column& out) {
  StringWriter writer(context, out);
  std::string text;
  for (size_t i = 0; i < context.rows; ++i) {
    if (arguments[0]->is_null(i)) {
      writer.marks().null(i);
      continue;
    }
    text.clear();
    bool first = true;
    for (const Column* argument : arguments.subspan(1)) {
      if (argument->is_null(i)) continue;
      if (!first) text += arguments[0]->strings[i];
      first = false;
      text += argument->strings[i];
      if (text.size() > kMaxStringBytes) break;
    }
    writer.set(i, text);
  }
}

template <void (*kAppend)(std::string&, std::string_view), char kFrom, char kTo>
void case_kernel(KernelContext& context, Arguments arguments, Column& out) {
  StringWriter writer(context, out);
  std::string text;
  for (size_t i = 0; i < context.rows; ++i) {
    const std::string_view from = arguments[0]->strings[i];
    if (!is_ascii(from)) {
      text.clear();
      kAppend(text, from);
      writer.set(i, text);
      continue;
    }
    char* const to = writer.allocate(i, from.size());
    if (to == nullptr) continue;
    for (size_t k = 0; k < from.size(); ++k) {
      const char c = from[k];
      to[k] = static_cast<char>(c ^ ((c >= kFrom && c <= kTo) ? 0x20 : 0));
    }
  }
}

void initcap_kernel(KernelContext& context, Arguments arguments, Column& out) {
  StringWriter writer(context, out);
  std::string text;
  for (size_t i = 0; i < context.rows; ++i) {
    const std::string_view from = arguments[0]->strings[i];
    text.clear();
    bool inside = false;  // of a word
    for (size_t at = 0; at < from.size();) {
      const size_t size = utf8_size_at(from, at);
      const std::string_view character = from.substr(at, size);
      if (inside) {
        append_lower(text, character);
      } else {
        append_upper(text, character);
      }
      inside = is_letter_or_digit(utf8_decode(from, at));
      at += size;
    }
    writer.set(i, text);
  }
}

void reverse_kernel(KernelContext& context, Arguments arguments, Column& out) {
  StringWriter writer(context, out);
  for (size_t i = 0; i < context.rows; ++i) {
    const std::string_view from = arguments[0]->strings[i];
    char* const start = writer.allocate(i, from.size());
    if (start == nullptr) continue;
    char* to = start + from.size();
    for (size_t at = 0; at < from.size();) {
      const size_t size = utf8_size_at(from, at);
      to -= size;
      std::copy_n(from.data() + at, size, to);
      at += size;
    }
  }
}

// Characters [start, start + length) of a text, both from 0 and within reach or not.
std::string_view slice(std::string_view text, int64_t start, int64_t length) {
  if (length <= 0 || start < 0) return text.substr(0, 0);
  const auto from = static_cast<size_t>(start);
  const auto count = static_cast<size_t>(length);
  if (is_ascii(text)) {
    return from >= text.size() ? text.substr(0, 0) : text.substr(from, count);
  }
  const size_t begin = utf8_offset(text, from);
  return utf8_prefix(text.substr(begin), count);
}

// Flink: a negative start counts from the end, zero is one, a negative length makes NULL.
void substring_flink(StringWriter& writer, size_t row, std::string_view text, int64_t start,
                     int64_t length) {
  if (length < 0) return writer.marks().null(row);
  if (start < 0) {
    const auto characters = static_cast<int64_t>(utf8_length(text));
    if (start < -characters) return writer.share(row, text.substr(0, 0));
    start += characters + 1;
  }
  writer.share(row, slice(text, std::max<int64_t>(start, 1) - 1, length));
}

// Kinesis dialect: what lies before the first character uses up length.
void substring_kinesis(StringWriter& writer, size_t row, std::string_view text, int64_t start,
                       int64_t length) {
  if (length < 0) {
    return writer.marks().error(row, "the length of SUBSTRING is below zero");
  }
  if (start < 1) {
    length = start < -kMaxLength ? 0 : length - (1 - start);
    start = 1;
  }
  writer.share(row, slice(text, start - 1, length));
}

void substring_kernel(KernelContext& context, Arguments arguments, Column& out) {
  StringWriter writer(context, out);
  const bool flink = context.dialect == Dialect::kFlink;
  for (size_t i = 0; i < context.rows; ++i) {
    const std::string_view text = arguments[0]->strings[i];
    const int64_t start = arguments[1]->ints[i];
    const int64_t length =
        arguments.size() == 3 ? std::min<int64_t>(arguments[2]->ints[i], kMaxLength) : kMaxLength;
    if (flink) {
      substring_flink(writer, i, text, start, length);
    } else {
      substring_kinesis(writer, i, text, start, length);
    }
  }
}

template <bool kRight>
void end_kernel(KernelContext& context, Arguments arguments, Column& out) {
  StringWriter writer(context, out);
  for (size_t i = 0; i < context.rows; ++i) {
    const std::string_view text = arguments[0]->strings[i];
    const int64_t count = std::max<int64_t>(arguments[1]->ints[i], 0);
    if (!kRight) {
      writer.share(i, slice(text, 0, count));
    } else {
      const auto characters = static_cast<int64_t>(utf8_length(text));
      writer.share(i, slice(text, std::max<int64_t>(characters - count, 0), count));
    }
  }
}

void replace_kernel(KernelContext& context, Arguments arguments, Column& out) {
  StringWriter writer(context, out);
  std::string result;
  for (size_t i = 0; i < context.rows; ++i) {
    const std::string_view text = arguments[0]->strings[i];
    const std::string_view from = arguments[1]->strings[i];
    const std::string_view to = arguments[2]->strings[i];
    size_t found = text.find(from);
    if (found == std::string_view::npos) {
      writer.share(i, text);
      continue;
    }
    result.clear();
    size_t at = 0;
    while (found != std::string_view::npos && result.size() <= kMaxStringBytes) {
      result += text.substr(at, found - at);
      result += to;
      at = found + from.size();
      if (from.empty()) {  // as Java: before each character and at the end
        if (at >= text.size()) break;
        const size_t size = utf8_size_at(text, at);
        result += text.substr(at, size);
        at += size;
        found = at;
      } else {
        found = text.find(from, at);
      }
    }
    if (at < text.size()) result += text.substr(at);
    writer.set(i, result);
  }
}

void repeat_kernel(KernelContext& context, Arguments arguments, Column& out) {
  StringWriter writer(context, out);
  for (size_t i = 0; i < context.rows; ++i) {
    const std::string_view text = arguments[0]->strings[i];
    const int64_t count = text.empty() ? 0 : std::max<int64_t>(arguments[1]->ints[i], 0);
    // So that the product can't overflow; longer ones are refused below.
    const auto times = static_cast<size_t>(std::min<int64_t>(count, kMaxStringBytes + 1));
    if (text.size() > kMaxStringBytes || !writer.fits(i, text.size() * times)) continue;
    char* to = writer.allocate(i, text.size() * times);
    if (to == nullptr) continue;
    for (size_t k = 0; k < times; ++k) to = std::ranges::copy(text, to).out;
  }
}

// LPAD and RPAD: NULL for a negative length or an empty padding; too long a text is cut.
template <bool kLeft>
void pad_kernel(KernelContext& context, Arguments arguments, Column& out) {
  StringWriter writer(context, out);
  std::string result;
  for (size_t i = 0; i < context.rows; ++i) {
    const std::string_view text = arguments[0]->strings[i];
    const int64_t wanted = arguments[1]->ints[i];
    const std::string_view padding =
        arguments.size() == 3 ? arguments[2]->strings[i] : std::string_view(" ");
    if (wanted < 0 || padding.empty()) {
      writer.marks().null(i);
      continue;
    }
    const auto length = static_cast<size_t>(wanted);
    const size_t characters = utf8_length(text);
    if (characters >= length) {
      writer.share(i, utf8_prefix(text, length));
      continue;
    }
    const size_t missing = length - characters;
    if (!writer.fits(i, text.size() + missing)) continue;
    result.clear();
    if (!kLeft) result += text;
    const size_t whole = utf8_length(padding);
    for (size_t k = 0; k < missing / whole; ++k) {
      result += padding;
      if (result.size() > kMaxStringBytes) break;
    }
    result += utf8_prefix(padding, missing % whole);
    if (kLeft) result += text;
    writer.set(i, result);
  }
}

// OVERLAY(text PLACING replacement FROM start [FOR length]).
void overlay_kernel(KernelContext& context, Arguments arguments, Column& out) {
  StringWriter writer(context, out);
  const bool flink = context.dialect == Dialect::kFlink;
  std::string result;
  for (size_t i = 0; i < context.rows; ++i) {
    const std::string_view text = arguments[0]->strings[i];
    const std::string_view replacement = arguments[1]->strings[i];
    const int64_t start = std::clamp<int64_t>(arguments[2]->ints[i], -kMaxLength, kMaxLength);
    const int64_t length = arguments.size() == 4
                               ? std::clamp<int64_t>(arguments[3]->ints[i], -kMaxLength, kMaxLength)
                               : static_cast<int64_t>(utf8_length(replacement));
    const auto characters = static_cast<int64_t>(utf8_length(text));
    if (flink && (start <= 0 || start > characters)) {
      writer.share(i, text);
      continue;
    }
    if (!flink && length < 0) {
      writer.marks().error(i, "the length of OVERLAY is below zero");
      continue;
    }
    // The first character of the rest, from 0.
    const int64_t rest = start - 1 + length;
    result = slice(text, 0, start - 1);
    result += replacement;
    const bool has_rest = flink ? rest < characters && length > 0 : true;
    if (has_rest) result += slice(text, std::max<int64_t>(rest, 0), characters);
    writer.set(i, result);
  }
}

// TRIM(BOTH | LEADING | TRAILING, characters, text)
struct TrimSides {
  bool leading = true;
  bool trailing = true;
};

Result<std::shared_ptr<void>> prepare_trim(std::span<const BoundPtr> arguments) {
  const auto side = literal_text(*arguments[0]);
  auto sides = std::make_shared<TrimSides>();
  sides->leading = side != "TRAILING";
  sides->trailing = side != "LEADING";
  return sides;
}

// Whether the character of `text` at `at` is one of `set`.
bool is_among(std::string_view text, size_t at, std::string_view set) {
  return set.find(text.substr(at, utf8_size_at(text, at))) != std::string_view::npos;
}

std::string_view trim_characters(std::string_view text, std::string_view set, bool leading,
                                 bool trailing) {
  while (leading && !text.empty() && is_among(text, 0, set)) {
    text.remove_prefix(utf8_size_at(text, 0));
  }
  while (trailing && !text.empty()) {
    size_t last = text.size() - 1;
    while (last > 0 && (static_cast<unsigned char>(text[last]) & 0xC0U) == 0x80U) --last;
    if (last + utf8_size_at(text, last) != text.size()) last = text.size() - 1;
    if (!is_among(text, last, set)) break;
    text.remove_suffix(text.size() - last);
  }
  return text;
}

void trim_kernel(KernelContext& context, Arguments arguments, Column& out) {
  StringWriter writer(context, out);
  const auto& sides = *static_cast<const TrimSides*>(context.state);
  for (size_t i = 0; i < context.rows; ++i) {
    writer.share(i, trim_characters(arguments[2]->strings[i], arguments[1]->strings[i],
                                    sides.leading, sides.trailing));
  }
}

Result<ResolvedCall> resolve_trim(const Function& self, std::span<const BoundPtr> arguments,
                                  Dialect dialect) {
  TRY_ASSIGN(auto types, parameters(self, arguments, dialect, "SSS"));
  return resolved(self, varying(arguments[2]->type), std::move(types), arguments);
}

template <bool kLeading, bool kTrailing>
void side_trim_kernel(KernelContext& context, Arguments arguments, Column& out) {
  StringWriter writer(context, out);
  for (size_t i = 0; i < context.rows; ++i) {
    const std::string_view set =
        arguments.size() == 2 ? arguments[1]->strings[i] : std::string_view(" ");
    writer.share(i, trim_characters(arguments[0]->strings[i], set, kLeading, kTrailing));
  }
}

// SPLIT_INDEX(text, separator, index from 0): NULL outside.
void split_index_kernel(KernelContext& context, Arguments arguments, Column& out) {
  StringWriter writer(context, out);
  for (size_t i = 0; i < context.rows; ++i) {
    std::string_view text = arguments[0]->strings[i];
    std::string_view separator = arguments[1]->strings[i];
    if (separator.empty()) separator = " ";
    int64_t index = arguments[2]->ints[i];
    bool found = index >= 0 && !text.empty();
    for (; found && index > 0; --index) {
      const size_t at = text.find(separator);
      found = at != std::string_view::npos;
      if (found) text.remove_prefix(at + separator.size());
    }
    if (found) {
      writer.share(i, text.substr(0, text.find(separator)));
    } else {
      writer.marks().null(i);
    }
  }
}

void split_code_kernel(KernelContext& context, Arguments arguments, Column& out) {
  StringWriter writer(context, out);
  for (size_t i = 0; i < context.rows; ++i) {
    const int64_t code = arguments[1]->ints[i];
    int64_t index = arguments[2]->ints[i];
    std::string_view text = arguments[0]->strings[i];
    std::string separator;
    bool found = code >= 1 && code <= 255 && index >= 0 && !text.empty();
    if (found) utf8_append(separator, static_cast<uint32_t>(code));
    for (; found && index > 0; --index) {
      const size_t at = text.find(separator);
      found = at != std::string_view::npos;
      if (found) text.remove_prefix(at + separator.size());
    }
    if (found) {
      writer.share(i, text.substr(0, text.find(separator)));
    } else {
      writer.marks().null(i);
    }
  }
}

// CHR of the low 8 bits; a negative number makes "".
void chr_kernel(KernelContext& context, Arguments arguments, Column& out) {
  StringWriter writer(context, out);
  std::string text;
  for (size_t i = 0; i < context.rows; ++i) {
    const int64_t code = arguments[0]->ints[i];
    text.clear();
    if (code >= 0) utf8_append(text, static_cast<uint32_t>(code & 0xFF));
    writer.set(i, text);
  }
}

template <Kinds kKinds, bool kLikeFirst = false>
Function make(std::string_view name, Kernel kernel, std::string_view signature,
              Dialects dialects = Dialects::kFlink) {
  return {.name = name,
          .dialects = dialects,
          .resolve = resolve_string<kKinds, kLikeFirst>,
          .kernel = kernel,
          .signature = signature};
}

void add_joining(FunctionList& table) {
  table.push_back({.name = "||",
                   .resolve = resolve_concat_operator,
                   .kernel = concat_kernel,
                   .signature = "string || string"});
  table.push_back({.name = "CONCAT",
                   .dialects = Dialects::kFlink,
                   .resolve = resolve_concat,
                   .kernel = concat_kernel,
                   .signature = "CONCAT(string, ...)"});
  table.push_back({.name = "CONCAT_WS",
                   .dialects = Dialects::kFlink,
                   .resolve = resolve_concat,
                   .kernel = concat_ws_kernel,
                   .nulls_are_values = true,
                   .signature = "CONCAT_WS(separator, string, ...)"});
}

}  // namespace

void add_string(FunctionList& table) {
  const auto both = Dialects::kBoth;
  add_joining(table);
  table.push_back(
      make<"S", true>("UPPER", case_kernel<append_upper, 'a', 'z'>, "UPPER(string)", both));
  table.push_back(
      make<"S", true>("LOWER", case_kernel<append_lower, 'A', 'Z'>, "LOWER(string)", both));
  table.push_back(make<"S", true>("INITCAP", initcap_kernel, "INITCAP(string)", both));
  table.push_back(make<"S", true>("REVERSE", reverse_kernel, "REVERSE(string)"));
  table.push_back(make<"SIi", true>("SUBSTRING", substring_kernel,
                                    "SUBSTRING(string FROM start[ FOR length])", both));
  table.push_back(make<"SIi", true>("SUBSTR", substring_kernel, "SUBSTR(string, start[, length])"));
  table.push_back(make<"SI", true>("LEFT", end_kernel<false>, "LEFT(string, count)"));
  table.push_back(make<"SI", true>("RIGHT", end_kernel<true>, "RIGHT(string, count)"));
  table.push_back(make<"SSS">("REPLACE", replace_kernel, "REPLACE(string, search, replacement)"));
  table.push_back(make<"SI">("REPEAT", repeat_kernel, "REPEAT(string, count)"));
  table.push_back(make<"SIS">("LPAD", pad_kernel<true>, "LPAD(string, length, padding)"));
  table.push_back(make<"SIS">("RPAD", pad_kernel<false>, "RPAD(string, length, padding)"));
  table.push_back(make<"SSIi">("OVERLAY", overlay_kernel,
                               "OVERLAY(string PLACING string FROM start[ FOR length])", both));
  table.push_back({.name = "TRIM",
                   .resolve = resolve_trim,
                   .kernel = trim_kernel,
                   .prepare = prepare_trim,
                   .signature = "TRIM([BOTH | LEADING | TRAILING] [characters] FROM string)"});
  table.push_back(
      make<"Ss", true>("LTRIM", side_trim_kernel<true, false>, "LTRIM(string[, characters])"));
  table.push_back(
      make<"Ss", true>("RTRIM", side_trim_kernel<false, true>, "RTRIM(string[, characters])"));
  table.push_back(
      make<"Ss", true>("BTRIM", side_trim_kernel<true, true>, "BTRIM(string[, characters])"));
  table.push_back(make<"SSI", true>("SPLIT_INDEX", split_index_kernel,
                                    "SPLIT_INDEX(string, separator, index)"));
  table.push_back(
      make<"SII", true>("SPLIT_INDEX", split_code_kernel, "SPLIT_INDEX(string, code, index)"));
  table.push_back(make<"I">("CHR", chr_kernel, "CHR(code)"));
}

}  // namespace millstream::analytics
