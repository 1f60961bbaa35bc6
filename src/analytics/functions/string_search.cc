// Functions that look into strings: LIKE, POSITION, CHAR_LENGTH, IS_DIGIT …

#include <algorithm>

#include "analytics/functions/kernel.h"
#include "analytics/functions/like.h"
#include "analytics/functions/number_text.h"
#include "analytics/functions/utf8.h"

namespace millstream::analytics {
namespace {

using sql::Dialect;

// `strings` strings, then up to `integers` integers.
Result<std::vector<Type>> parameters(const Function& self, std::span<const BoundPtr> arguments,
                                     Dialect dialect, size_t strings, size_t integers = 0) {
  if (arguments.size() < strings || arguments.size() > strings + integers) {
    return no_overload(self, arguments);
  }
  std::vector<Type> types;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const Type& given = arguments[i]->type;
    const bool fits = i < strings ? takes_string(given, dialect)
                                  : given.is_integer() || given.kind == TypeKind::kNull;
    if (!fits) return no_overload(self, arguments);
    types.push_back(i < strings ? string_argument(given) : make_type(TypeKind::kBigint));
  }
  return types;
}

template <TypeKind kResult, size_t kStrings, size_t kIntegers = 0>
Result<ResolvedCall> resolve_search(const Function& self, std::span<const BoundPtr> arguments,
                                    Dialect dialect) {
  TRY_ASSIGN(auto types, parameters(self, arguments, dialect, kStrings, kIntegers));
  return resolved(self, make_type(kResult, false), std::move(types), arguments);
}

// --- LIKE

Result<ResolvedCall> resolve_like(const Function& self, std::span<const BoundPtr> arguments,
                                  Dialect dialect) {
  TRY_ASSIGN(auto types, parameters(self, arguments, dialect, arguments.size() == 3 ? 3 : 2));
  return resolved(self, make_type(TypeKind::kBoolean, false), std::move(types), arguments);
}

Result<std::shared_ptr<void>> prepare_like(std::span<const BoundPtr> arguments) {
  const auto pattern = literal_text(*arguments[1]);
  if (!pattern) return nullptr;
  std::string escape;
  if (arguments.size() == 3) {
    const auto text = literal_text(*arguments[2]);
    if (!text) return nullptr;
    escape = *text;
  }
  TRY_ASSIGN(auto compiled, LikePattern::compile(*pattern, escape));
  return std::make_shared<LikePattern>(std::move(compiled));
}

void like_kernel(KernelContext& context, Arguments arguments, Column& out) {
  out.bools.resize(context.rows);
  const auto& strings = arguments[0]->strings;
  if (context.state != nullptr) {
    const auto& pattern = *static_cast<const LikePattern*>(context.state);
    for (size_t i = 0; i < context.rows; ++i) {
      out.bools[i] = static_cast<uint8_t>(pattern.matches(strings[i]));
    }
    return;
  }
  RowMarks marks(context, out);
  for (size_t i = 0; i < context.rows; ++i) {
    const std::string_view escape =
        arguments.size() == 3 ? arguments[2]->strings[i] : std::string_view();
    const auto pattern = LikePattern::compile(arguments[1]->strings[i], escape);
    out.bools[i] = static_cast<uint8_t>(pattern && pattern->matches(strings[i]));
    if (!pattern) marks.error(i, pattern.error().message);
  }
}

// --- positions

// Where `search` stands in `text` behind the first `skipped` characters; from 1; 0: nowhere.
int64_t position_of(std::string_view search, std::string_view text, int64_t skipped) {
  if (skipped < 0) return 0;
  const size_t start = utf8_offset(text, static_cast<size_t>(skipped));
  if (static_cast<size_t>(skipped) > text.size()) return 0;
  const size_t found = text.find(search, start);
  if (found == std::string_view::npos) return 0;
  return static_cast<int64_t>(utf8_length(text.substr(0, found))) + 1;
}

// POSITION(search IN text), LOCATE(search, text[, from])
void locate_kernel(KernelContext& context, Arguments arguments, Column& out) {
  out.ints.resize(context.rows);
  for (size_t i = 0; i < context.rows; ++i) {
    const int64_t from = arguments.size() == 3 ? arguments[2]->ints[i] : 1;
    const int64_t skipped = from < 1 ? -1 : from - 1;
    out.ints[i] = position_of(arguments[0]->strings[i], arguments[1]->strings[i], skipped);
  }
}

std::string reversed(std::string_view text) {
  std::string result;
  for (size_t at = 0; at < text.size();) {
    const size_t size = utf8_size_at(text, at);
    result.insert(0, text.substr(at, size));
    at += size;
  }
  return result;
}

int64_t instr(std::string_view text, std::string_view search, int64_t from, int64_t appearance) {
  if (from == 0) return 0;
  if (from < 0) {
    const int64_t found = instr(reversed(text), reversed(search), -from, appearance);
    if (found == 0) return 0;
    return static_cast<int64_t>(utf8_length(text)) + 2 - found -
           static_cast<int64_t>(utf8_length(search));
  }
  int64_t found = 0;
  for (; appearance > 0; --appearance) {
    found = position_of(search, text, from - 1);
    if (found == 0) return 0;
    from = found + 1;
  }
  return found;
}

// INSTR(text, search[, from[, appearance]])
void instr_kernel(KernelContext& context, Arguments arguments, Column& out) {
  out.ints.resize(context.rows);
  RowMarks marks(context, out);
  for (size_t i = 0; i < context.rows; ++i) {
    const int64_t from = arguments.size() > 2 ? arguments[2]->ints[i] : 1;
    const int64_t appearance = arguments.size() > 3 ? arguments[3]->ints[i] : 1;
    out.ints[i] = 0;
    if (appearance <= 0) {
      marks.error(i, "the appearance of INSTR is not above zero");
    } else if (from > -kMaxLength) {
      out.ints[i] = instr(arguments[0]->strings[i], arguments[1]->strings[i], from, appearance);
    }
  }
}

void length_kernel(KernelContext& context, Arguments arguments, Column& out) {
  map_unary<Physical::kString, Physical::kInt64>(
      context, arguments, out,
      [](std::string_view text) { return static_cast<int64_t>(utf8_length(text)); });
}

void ascii_kernel(KernelContext& context, Arguments arguments, Column& out) {
  map_unary<Physical::kString, Physical::kInt64>(
      context, arguments, out, [](std::string_view text) {
        return text.empty() ? int64_t{0} : int64_t{static_cast<signed char>(text[0])};
      });
}

template <bool kEnd>
void affix_kernel(KernelContext& context, Arguments arguments, Column& out) {
  map_binary<Physical::kString, Physical::kString, Physical::kBool>(
      context, arguments, out, [](std::string_view text, std::string_view affix) {
        return static_cast<uint8_t>(kEnd ? text.ends_with(affix) : text.starts_with(affix));
      });
}

// --- IS_ALPHA, IS_DIGIT, IS_DECIMAL: false for NULL

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool all_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_digit);
}

bool all_letters(std::string_view text) {
  for (size_t at = 0; at < text.size(); at += utf8_size_at(text, at)) {
    const uint32_t c = utf8_decode(text, at);
    if (!is_letter_or_digit(c) || (c >= '0' && c <= '9')) return false;
  }
  return !text.empty();
}

bool is_number(std::string_view text) { return !text.empty() && parse_double(text).has_value(); }

template <bool (*kTest)(std::string_view)>
void test_kernel(KernelContext& context, Arguments arguments, Column& out) {
  out.bools.resize(context.rows);
  for (size_t i = 0; i < context.rows; ++i) {
    out.bools[i] =
        static_cast<uint8_t>(!arguments[0]->is_null(i) && kTest(arguments[0]->strings[i]));
  }
}

Result<ResolvedCall> resolve_test(const Function& self, std::span<const BoundPtr> arguments,
                                  Dialect dialect) {
  TRY_ASSIGN(auto types, parameters(self, arguments, dialect, 1));
  return ResolvedCall{&self, make_type(TypeKind::kBoolean, false), std::move(types)};
}

Function test(std::string_view name, Kernel kernel, std::string_view signature) {
  return {.name = name,
          .dialects = Dialects::kFlink,
          .resolve = resolve_test,
          .kernel = kernel,
          .nulls_are_values = true,
          .signature = signature};
}

}  // namespace

void add_string_search(FunctionList& table) {
  using enum TypeKind;
  table.push_back({.name = "LIKE",
                   .resolve = resolve_like,
                   .kernel = like_kernel,
                   .prepare = prepare_like,
                   .signature = "string LIKE pattern[ ESCAPE character]"});
  table.push_back({.name = "POSITION",
                   .resolve = resolve_search<kInteger, 2>,
                   .kernel = locate_kernel,
                   .signature = "POSITION(search IN string)"});
  table.push_back({.name = "LOCATE",
                   .dialects = Dialects::kFlink,
                   .resolve = resolve_search<kInteger, 2, 1>,
                   .kernel = locate_kernel,
                   .signature = "LOCATE(search, string[, from])"});
  table.push_back({.name = "INSTR",
                   .dialects = Dialects::kFlink,
                   .resolve = resolve_search<kInteger, 2, 2>,
                   .kernel = instr_kernel,
                   .signature = "INSTR(string, search[, from[, appearance]])"});
  for (const std::string_view name : {"CHAR_LENGTH", "CHARACTER_LENGTH"}) {
    table.push_back(
        {.name = name,
         .resolve = resolve_search<kInteger, 1>,
         .kernel = length_kernel,
         .signature = name == "CHAR_LENGTH" ? "CHAR_LENGTH(string)" : "CHARACTER_LENGTH(string)"});
  }
  table.push_back({.name = "ASCII",
                   .dialects = Dialects::kFlink,
                   .resolve = resolve_search<kTinyint, 1>,
                   .kernel = ascii_kernel,
                   .signature = "ASCII(string)"});
  table.push_back({.name = "STARTSWITH",
                   .dialects = Dialects::kFlink,
                   .resolve = resolve_search<kBoolean, 2>,
                   .kernel = affix_kernel<false>,
                   .signature = "STARTSWITH(string, prefix)"});
  table.push_back({.name = "ENDSWITH",
                   .dialects = Dialects::kFlink,
                   .resolve = resolve_search<kBoolean, 2>,
                   .kernel = affix_kernel<true>,
                   .signature = "ENDSWITH(string, suffix)"});
  table.push_back(test("IS_ALPHA", test_kernel<all_letters>, "IS_ALPHA(string)"));
  table.push_back(test("IS_DIGIT", test_kernel<all_digits>, "IS_DIGIT(string)"));
  table.push_back(test("IS_DECIMAL", test_kernel<is_number>, "IS_DECIMAL(string)"));
}

}  // namespace millstream::analytics
