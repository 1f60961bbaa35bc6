// COUNT, SUM, AVG, the variances: what a retraction undoes by arithmetic.
#include <cmath>
#include <limits>

#include "analytics/functions/aggregate_kinds.h"
#include "analytics/functions/decimal.h"

namespace millstream::analytics {
namespace {

void append_int(Column& out, int64_t value) {
  out.ints.push_back(value);
  if (!out.nulls.empty()) out.nulls.push_back(0);
}
void append_double(Column& out, double value) {
  out.doubles.push_back(value);
  if (!out.nulls.empty()) out.nulls.push_back(0);
}
void append_decimal_value(Column& out, Decimal value) {
  out.decimals.push_back(value);
  if (!out.nulls.empty()) out.nulls.push_back(0);
}

// As Java's narrowing: sums of integers wrap at the width of their type.
int64_t wrapped(int64_t value, TypeKind kind) {
  switch (kind) {
    case TypeKind::kTinyint:
      return static_cast<int8_t>(value);
    case TypeKind::kSmallint:
      return static_cast<int16_t>(value);
    case TypeKind::kInteger:
      return static_cast<int32_t>(value);
    default:
      return value;
  }
}

class Count final : public Accumulator {
 public:
  uint32_t state_bytes() const override { return sizeof(int64_t); }
  bool can_retract() const override { return true; }
  void update(std::span<const Column* const> arguments, std::span<const uint32_t> rows,
              std::span<char* const> states, bool retract) const override {
    const int64_t step = retract ? -1 : 1;
    for (size_t i = 0; i < rows.size(); ++i) {
      bool counted = true;
      for (const Column* argument : arguments) counted = counted && !argument->is_null(rows[i]);
      if (counted) store_state(states[i], load_state<int64_t>(states[i]) + step);
    }
  }
  void merge(char* to, const char* from) const override {
    store_state(to, load_state<int64_t>(to) + load_state<int64_t>(from));
  }
  void result(const char* state, Column& out, Arena&) const override {
    append_int(out, load_state<int64_t>(state));
  }
};

// What SUM and AVG share. Policy: State with add(value, sign), merge(other), count.
struct IntSum {
  uint64_t sum = 0;  // wraps
  int64_t count = 0;
  static int64_t value(const Column& column, size_t row) { return column.ints[row]; }
  void add(int64_t value, bool retract) {
    sum = retract ? sum - static_cast<uint64_t>(value) : sum + static_cast<uint64_t>(value);
  }
  void merge(const IntSum& other) { sum += other.sum; }
};

// Neumaier's compensated sum: what was added and taken back again leaves nothing behind. What is
// not finite is counted apart: infinity minus infinity would stay NaN for ever.
struct DoubleSum {
  double sum = 0;
  double rest = 0;
  int64_t count = 0;
  int32_t nans = 0;
  int32_t plus = 0;
  int32_t minus = 0;
  static double value(const Column& column, size_t row) { return column.doubles[row]; }
  void add_finite(double value) {
    const double next = sum + value;
    rest += std::abs(sum) >= std::abs(value) ? (sum - next) + value : (value - next) + sum;
    sum = next;
  }
  void add(double value, bool retract) {
    const int32_t step = retract ? -1 : 1;
    if (std::isnan(value)) {
      nans += step;
    } else if (std::isinf(value)) {
      (value > 0 ? plus : minus) += step;
    } else {
      add_finite(retract ? -value : value);
    }
  }
  void merge(const DoubleSum& other) {
    add_finite(other.sum);
    rest += other.rest;
    nans += other.nans;
    plus += other.plus;
    minus += other.minus;
  }
  double total() const {
    if (nans > 0 || (plus > 0 && minus > 0)) return std::numeric_limits<double>::quiet_NaN();
    if (plus > 0) return std::numeric_limits<double>::infinity();
    if (minus > 0) return -std::numeric_limits<double>::infinity();
    const double total = sum + rest;
    return std::isfinite(total) ? total : sum;  // overflow: the compensation is NaN then
  }
};

struct DecimalSum {
  unsigned __int128 sum = 0;
  int64_t count = 0;
  int64_t overflowed = 0;  // more than 38 digits once: NULL, as Flink
  static Decimal value(const Column& column, size_t row) { return column.decimals[row]; }
  void set(std::optional<Decimal> total) {
    if (total) {
      sum = static_cast<unsigned __int128>(*total);
    } else {
      overflowed = 1;
    }
  }
  void add(Decimal value, bool retract) {
    set(add_decimals(total(), 0, retract ? -value : value, 0, 0));
  }
  void merge(const DecimalSum& other) {
    set(add_decimals(total(), 0, other.total(), 0, 0));
    overflowed |= other.overflowed;
  }
  Decimal total() const { return static_cast<Decimal>(sum); }
};

void append_sum(const IntSum& state, const Type& type, int, Column& out) {
  append_int(out, wrapped(static_cast<int64_t>(state.sum), type.kind));
}
void append_sum(const DoubleSum& state, const Type& type, int, Column& out) {
  const double total = state.total();
  append_double(out, type.kind == TypeKind::kFloat ? static_cast<float>(total) : total);
}
void append_sum(const DecimalSum& state, const Type& type, int scale, Column& out) {
  const auto value = rescale(state.total(), scale, type.scale);
  if (state.overflowed != 0 || !value || !fits_digits(*value, type.precision)) {
    return out.append_null();
  }
  append_decimal_value(out, *value);
}

void append_average(const IntSum& state, const Type& type, int, Column& out) {
  append_int(out, wrapped(static_cast<int64_t>(state.sum) / state.count, type.kind));
}
void append_average(const DoubleSum& state, const Type& type, int, Column& out) {
  const double mean = state.total() / static_cast<double>(state.count);
  append_double(out, type.kind == TypeKind::kFloat ? static_cast<float>(mean) : mean);
}
void append_average(const DecimalSum& state, const Type& type, int scale, Column& out) {
  const auto value = divide(state.total(), state.count, type.scale - scale);
  if (state.overflowed != 0 || !value || !fits_digits(*value, type.precision)) {
    return out.append_null();
  }
  append_decimal_value(out, *value);
}

template <class State, bool kAverage>
class Sum final : public Accumulator {
 public:
  Sum(Type type, int scale) : type_(std::move(type)), scale_(scale) {}
  uint32_t state_bytes() const override { return sizeof(State); }
  bool can_retract() const override { return true; }
  void update(std::span<const Column* const> arguments, std::span<const uint32_t> rows,
              std::span<char* const> states, bool retract) const override {
    const Column& column = *arguments[0];
    for (size_t i = 0; i < rows.size(); ++i) {
      if (column.is_null(rows[i])) continue;
      auto state = load_state<State>(states[i]);
      state.add(State::value(column, rows[i]), retract);
      state.count += retract ? -1 : 1;
      store_state(states[i], state);
    }
  }
  void merge(char* to, const char* from) const override {
    auto state = load_state<State>(to);
    const auto other = load_state<State>(from);
    if (other.count == 0) return;
    state.merge(other);
    state.count += other.count;
    store_state(to, state);
  }
  void result(const char* from, Column& out, Arena&) const override {
    const auto state = load_state<State>(from);
    if (state.count <= 0) return out.append_null();
    if constexpr (kAverage) {
      append_average(state, type_, scale_, out);
    } else {
      append_sum(state, type_, scale_, out);
    }
  }

 private:
  Type type_;
  int scale_;
};

double as_double(const Column& column, size_t row, int scale) {
  switch (column.physical) {
    case Physical::kInt64:
      return static_cast<double>(column.ints[row]);
    case Physical::kDecimal:
      return decimal_to_double(column.decimals[row], scale);
    default:
      return column.doubles[row];
  }
}

// Welford's running mean and sum of squared distances: no cancellation as with sums of squares.
class Variance final : public Accumulator {
 public:
  Variance(Type type, int scale, bool sample, bool root)
      : type_(std::move(type)), scale_(scale), sample_(sample), root_(root) {}
  uint32_t state_bytes() const override { return sizeof(State); }
  bool can_retract() const override { return true; }
  void update(std::span<const Column* const> arguments, std::span<const uint32_t> rows,
              std::span<char* const> states, bool retract) const override {
    const Column& column = *arguments[0];
    for (size_t i = 0; i < rows.size(); ++i) {
      if (column.is_null(rows[i])) continue;
      auto state = load_state<State>(states[i]);
      const double value = as_double(column, rows[i], scale_);
      if (retract) {
        take(state, value);
      } else {
        state.count += 1;
        const double distance = value - state.mean;
        state.mean += distance / static_cast<double>(state.count);
        state.squares += distance * (value - state.mean);
      }
      store_state(states[i], state);
    }
  }
  void merge(char* to, const char* from) const override {
    auto a = load_state<State>(to);
    const auto b = load_state<State>(from);
    if (b.count == 0) return;
    const auto count = static_cast<double>(a.count + b.count);
    const double distance = b.mean - a.mean;
    a.squares += b.squares + distance * distance * static_cast<double>(a.count) *
                                 static_cast<double>(b.count) / count;
    a.mean += distance * static_cast<double>(b.count) / count;
    a.count += b.count;
    store_state(to, a);
  }
  void result(const char* from, Column& out, Arena&) const override {
    const auto state = load_state<State>(from);
    const int64_t divisor = sample_ ? state.count - 1 : state.count;
    if (divisor <= 0) return out.append_null();
    double value = std::max(0.0, state.squares) / static_cast<double>(divisor);
    if (std::isnan(state.squares)) value = state.squares;
    if (root_) value = std::sqrt(value);
    append(value, out);
  }

 private:
  struct State {
    double mean = 0;
    double squares = 0;
    int64_t count = 0;
  };
  static void take(State& state, double value) {
    state.count -= 1;
    if (state.count <= 0) {
      state = {.count = state.count};
      return;
    }
    const double distance = value - state.mean;
    state.mean -= distance / static_cast<double>(state.count);
    state.squares -= distance * (value - state.mean);
  }
  void append(double value, Column& out) const {
    switch (type_.physical()) {
      case Physical::kInt64:
        // Saturating: a variance of large numbers is above 64 bits.
        if (std::isnan(value)) return append_int(out, 0);
        return append_int(out, value >= 9.2e18 ? std::numeric_limits<int64_t>::max()
                                               : wrapped(static_cast<int64_t>(value), type_.kind));
      case Physical::kDecimal: {
        const auto decimal = double_to_decimal(value, type_.precision, type_.scale);
        return decimal ? append_decimal_value(out, *decimal) : out.append_null();
      }
      default:
        return append_double(out,
                             type_.kind == TypeKind::kFloat ? static_cast<float>(value) : value);
    }
  }

  Type type_;
  int scale_;
  bool sample_;
  bool root_;
};

template <bool kAverage>
std::unique_ptr<Accumulator> make_sum_or_average(const AggregateCall& call) {
  const Type& argument = call.argument_types[0];
  switch (argument.physical()) {
    case Physical::kDouble:
      return std::make_unique<Sum<DoubleSum, kAverage>>(call.type, 0);
    case Physical::kDecimal:
      return std::make_unique<Sum<DecimalSum, kAverage>>(call.type, argument.scale);
    default:
      return std::make_unique<Sum<IntSum, kAverage>>(call.type, 0);
  }
}

}  // namespace

std::unique_ptr<Accumulator> make_count(const AggregateCall&, sql::Dialect) {
  return std::make_unique<Count>();
}
std::unique_ptr<Accumulator> make_sum(const AggregateCall& call, sql::Dialect) {
  return make_sum_or_average<false>(call);
}
std::unique_ptr<Accumulator> make_avg(const AggregateCall& call, sql::Dialect) {
  return make_sum_or_average<true>(call);
}
std::unique_ptr<Accumulator> make_variance(const AggregateCall& call, bool sample, bool root) {
  return std::make_unique<Variance>(call.type, call.argument_types[0].scale, sample, root);
}

}  // namespace millstream::analytics
