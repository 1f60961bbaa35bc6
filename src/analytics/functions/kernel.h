// What kernels are written with: loops over the values of columns, errors of rows, the families'
// entries in the table of functions. Internal to this folder.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analytics/functions/function.h"

namespace millstream::analytics {

using Arguments = std::span<const Column* const>;

// The vector of a column that holds values of a Physical.
template <Physical P>
auto& values_of(auto& column) {
  if constexpr (P == Physical::kBool) {
    return column.bools;
  } else if constexpr (P == Physical::kInt64) {
    return column.ints;
  } else if constexpr (P == Physical::kDouble) {
    return column.doubles;
  } else if constexpr (P == Physical::kDecimal) {
    return column.decimals;
  } else {
    return column.strings;
  }
}

// out[i] = f(a[i]): a plain loop that the compiler vectorises where it can.
template <Physical A, Physical R, class F>
void map_unary(const KernelContext& context, Arguments arguments, Column& out, F f) {
  auto& result = values_of<R>(out);
  result.resize(context.rows);
  const auto* a = values_of<A>(*arguments[0]).data();
  auto* r = result.data();
  for (size_t i = 0; i < context.rows; ++i) r[i] = f(a[i]);
}

template <Physical A, Physical B, Physical R, class F>
void map_binary(const KernelContext& context, Arguments arguments, Column& out, F f) {
  auto& result = values_of<R>(out);
  result.resize(context.rows);
  const auto* a = values_of<A>(*arguments[0]).data();
  const auto* b = values_of<B>(*arguments[1]).data();
  auto* r = result.data();
  for (size_t i = 0; i < context.rows; ++i) r[i] = f(a[i], b[i]);
}

// Marks rows of `out` as failed or NULL; costs nothing until the first.
class RowMarks {
 public:
  RowMarks(KernelContext& context, Column& out) : context_(context), out_(out) {}
  void error(size_t row, std::string text) {
    if (out_.errors.empty()) out_.errors.resize(context_.rows);
    out_.errors[row] = context_.error(std::move(text));
  }
  void null(size_t row) {
    if (out_.nulls.empty()) out_.nulls.resize(context_.rows);
    out_.nulls[row] = 1;
  }

 private:
  KernelContext& context_;
  Column& out_;
};

// The value of an argument that is a literal in all rows ("constants"); its row 0.
inline bool is_constant(const KernelContext& context, size_t argument) {
  return argument < 32 && ((context.constants >> argument) & 1U) != 0;
}

// A literal argument's value, or nullptr (also through casts that the planner put around it when
// they change nothing but the length).
const Value* literal_of(const BoundExpression& argument);
// As text; nullopt: not a literal, or NULL.
std::optional<std::string> literal_text(const BoundExpression& argument);
std::optional<int64_t> literal_integer(const BoundExpression& argument);

// What `resolve` functions are written with.
// Errors of a call that does not fit: names the function, what it was given and what it takes.
std::unexpected<Error> no_overload(const Function& self, std::span<const BoundPtr> arguments);
// The call with these argument types; nullable if an argument is.
ResolvedCall resolved(const Function& self, Type type, std::vector<Type> argument_types,
                      std::span<const BoundPtr> arguments);
// As a string argument: of any length; the Kinesis dialect takes any value that has a text.
bool takes_string(const Type& type, sql::Dialect dialect);
bool takes_number(const Type& type);
Type string_argument(const Type& type);

// What strings made by one function in one row, and by a program in one batch, may hold at most.
inline constexpr size_t kMaxStringBytes = size_t{16} << 20;
inline constexpr size_t kMaxBatchStringBytes = size_t{1} << 30;
inline constexpr std::string_view kStringTooLong =
    "the result is longer than 16 MiB, the most that a value may hold";
inline constexpr std::string_view kBatchTooLarge = "the results of one batch are larger than 1 GiB";

// `text` in the arena; false if it is too long (the error is set).
class StringWriter {
 public:
  StringWriter(KernelContext& context, Column& out)
      : context_(context), out_(out), marks_(context, out) {
    out.strings.resize(context.rows);
  }
  void set(size_t row, std::string_view text) {
    if (!fits(row, text.size())) return;
    out_.strings[row] = context_.arena.copy(text);
  }
  // Shares bytes of an argument.
  void share(size_t row, std::string_view text) { out_.strings[row] = text; }
  // Room for a result of exactly `bytes`, or nullptr (the error is set).
  char* allocate(size_t row, size_t bytes) {
    if (!fits(row, bytes)) return nullptr;
    char* const place = context_.arena.allocate(bytes);
    out_.strings[row] = {place, bytes};
    return place;
  }
  // Whether the limits allow it; else the row has an error.
  bool fits(size_t row, size_t bytes) {
    if (bytes > kMaxStringBytes) {
      marks_.error(row, std::string(kStringTooLong));
      return false;
    }
    if (context_.arena.bytes() + bytes > kMaxBatchStringBytes) {
      marks_.error(row, std::string(kBatchTooLarge));
      return false;
    }
    return true;
  }
  RowMarks& marks() { return marks_; }

 private:
  KernelContext& context_;
  Column& out_;
  RowMarks marks_;
};

using FunctionList = std::vector<Function>;
// Each family's entries, appended to the one table.
void add_arithmetic(FunctionList& table);
void add_comparison(FunctionList& table);
void add_logic(FunctionList& table);
void add_math(FunctionList& table);
void add_conditional(FunctionList& table);
void add_datetime(FunctionList& table);
void add_datetime_text(FunctionList& table);
void add_string(FunctionList& table);
void add_string_search(FunctionList& table);
void add_regex(FunctionList& table);
void add_json(FunctionList& table);
void add_conversion(FunctionList& table);

}  // namespace millstream::analytics
