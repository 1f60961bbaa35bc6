#include "analytics/functions/blend.h"

#include <algorithm>

namespace millstream::analytics {
namespace {

bool any_nulls(Arguments arguments) {
  return std::ranges::any_of(arguments, [](const Column* c) { return !c->nulls.empty(); });
}
bool any_errors(Arguments arguments) {
  return std::ranges::any_of(arguments, [](const Column* c) { return !c->errors.empty(); });
}

// Calls use.operator()<P>() for the physical type of `column`.
template <class Use>
void with_physical(const Column& column, Use use) {
  switch (column.physical) {
    case Physical::kBool:
      return use.template operator()<Physical::kBool>();
    case Physical::kInt64:
      return use.template operator()<Physical::kInt64>();
    case Physical::kDouble:
      return use.template operator()<Physical::kDouble>();
    case Physical::kDecimal:
      return use.template operator()<Physical::kDecimal>();
    case Physical::kString:
      return use.template operator()<Physical::kString>();
  }
}

template <class T>
void copy_rows(const std::vector<T>& from, size_t rows, std::vector<T>& to) {
  to.assign(from.begin(), from.begin() + static_cast<ptrdiff_t>(rows));
}

// to[i] = mask[i] ? from[i] : to[i]
template <class T>
void blend_rows(size_t rows, const uint8_t* mask, const T* from, T* to) {
  for (size_t i = 0; i < rows; ++i) to[i] = mask[i] != 0 ? from[i] : to[i];
}

// Values and NULLs of `from` where `mask` is set.
void blend(size_t rows, const uint8_t* mask, const Column& from, bool nulls, Column& out) {
  with_physical(out, [&]<Physical P>() {
    blend_rows(rows, mask, values_of<P>(from).data(), values_of<P>(out).data());
  });
  if (!nulls) return;
  if (from.nulls.empty()) {
    for (size_t i = 0; i < rows; ++i) out.nulls[i] = mask[i] != 0 ? 0 : out.nulls[i];
  } else {
    blend_rows(rows, mask, from.nulls.data(), out.nulls.data());
  }
}

void start_with(size_t rows, const Column& from, bool nulls, Column& out) {
  with_physical(out, [&]<Physical P>() { copy_rows(values_of<P>(from), rows, values_of<P>(out)); });
  if (!nulls) return;
  if (from.nulls.empty()) {
    out.nulls.assign(rows, 0);
  } else {
    copy_rows(from.nulls, rows, out.nulls);
  }
}

uint16_t error_at(const Column& column, size_t row) {
  return column.errors.empty() ? uint16_t{0} : column.errors[row];
}

// Where a condition is TRUE.
void condition_mask(size_t rows, const Column& condition, std::vector<uint8_t>& mask) {
  copy_rows(condition.bools, rows, mask);
  if (condition.nulls.empty()) return;
  for (size_t i = 0; i < rows; ++i) {
    mask[i] = static_cast<uint8_t>(mask[i] & (condition.nulls[i] ^ 1U));
  }
}

}  // namespace

void choose_case(size_t rows, Arguments arguments, Column& out) {
  const bool errors = any_errors(arguments);
  bool nulls = !arguments.back()->nulls.empty();
  for (size_t i = 1; i < arguments.size(); i += 2) nulls |= !arguments[i]->nulls.empty();
  start_with(rows, *arguments.back(), nulls, out);
  if (errors) {
    out.errors.assign(rows, 0);
    for (size_t i = 0; i < rows; ++i) out.errors[i] = error_at(*arguments.back(), i);
  }
  // From the last branch to the first, so that the first that is TRUE has the last word.
  thread_local std::vector<uint8_t> mask;
  for (size_t pair = arguments.size() / 2; pair-- > 0;) {
    const Column& condition = *arguments[2 * pair];
    const Column& value = *arguments[2 * pair + 1];
    condition_mask(rows, condition, mask);
    blend(rows, mask.data(), value, nulls, out);
    if (!errors) continue;
    for (size_t i = 0; i < rows; ++i) {
      if (mask[i] != 0) out.errors[i] = error_at(value, i);
      if (const uint16_t failed = error_at(condition, i); failed != 0) out.errors[i] = failed;
    }
  }
}

void choose_first(size_t rows, Arguments arguments, Column& out) {
  const bool errors = any_errors(arguments);
  const bool nulls = any_nulls(arguments);
  start_with(rows, *arguments.back(), nulls, out);
  if (errors) {
    out.errors.assign(rows, 0);
    for (size_t i = 0; i < rows; ++i) out.errors[i] = error_at(*arguments.back(), i);
  }
  thread_local std::vector<uint8_t> mask;
  for (size_t k = arguments.size() - 1; k-- > 0;) {
    const Column& value = *arguments[k];
    mask.assign(rows, 1);
    if (!value.nulls.empty()) {
      for (size_t i = 0; i < rows; ++i) mask[i] = value.nulls[i] ^ 1U;
    }
    blend(rows, mask.data(), value, nulls, out);
    if (!errors) continue;
    for (size_t i = 0; i < rows; ++i) {
      const uint16_t failed = error_at(value, i);
      if (failed != 0 || mask[i] != 0) out.errors[i] = failed;
    }
  }
}

void combine_logic(size_t rows, Arguments arguments, uint8_t stop, Column& out) {
  // With `flip`, TRUE is what decides; so AND and OR are one loop.
  const auto flip = static_cast<uint8_t>(stop ^ 1U);
  out.bools.assign(rows, 0);  // 1: decided
  const bool nulls = any_nulls(arguments);
  const bool errors = any_errors(arguments);
  if (nulls) out.nulls.assign(rows, 0);
  if (errors) out.errors.assign(rows, 0);
  for (const Column* argument : arguments) {
    if (errors && !argument->errors.empty()) {
      for (size_t i = 0; i < rows; ++i) {
        if (out.errors[i] == 0 && out.bools[i] == 0) out.errors[i] = argument->errors[i];
      }
    }
    const uint8_t* values = argument->bools.data();
    uint8_t* decided = out.bools.data();
    if (argument->nulls.empty()) {
      for (size_t i = 0; i < rows; ++i) decided[i] |= static_cast<uint8_t>(values[i] ^ flip);
      continue;
    }
    const uint8_t* unknown = argument->nulls.data();
    for (size_t i = 0; i < rows; ++i) {
      decided[i] |= static_cast<uint8_t>((values[i] ^ flip) & (unknown[i] ^ 1U));
      out.nulls[i] |= unknown[i];
    }
  }
  if (nulls) {
    for (size_t i = 0; i < rows; ++i) {
      out.nulls[i] = static_cast<uint8_t>(out.nulls[i] & (out.bools[i] ^ 1U));
    }
  }
  if (flip == 0) return;
  for (size_t i = 0; i < rows; ++i) out.bools[i] ^= 1U;
}

}  // namespace millstream::analytics
