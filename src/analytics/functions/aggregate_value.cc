// MIN, MAX, FIRST_VALUE, LAST_VALUE, LISTAGG: aggregates that keep one of their values, or all.
#include <cmath>

#include "analytics/functions/aggregate_kinds.h"

namespace millstream::analytics {

void Accumulator::update_blob(std::span<const Column* const>, uint32_t, std::string&) const {
  MS_ASSERT(false);
}
void Accumulator::merge_blob(std::string&, std::string_view) const { MS_ASSERT(false); }
void Accumulator::result_blob(std::string_view, Column&, Arena&) const { MS_ASSERT(false); }

namespace {

enum class Keep : uint8_t { kLeast, kGreatest, kFirst, kLast };

// How a value lies in state. A blob is empty before the first value, else one of these bytes and
// the text.
constexpr char kValue = 1;
constexpr char kNull = 2;

struct Kept {
  char presence = 0;  // 0: none yet
  char padding[15] = {};
  char value[16] = {};
};

template <Physical P>
struct Access;
template <>
struct Access<Physical::kBool> {
  static auto& values(auto& column) { return column.bools; }
};
template <>
struct Access<Physical::kInt64> {
  static auto& values(auto& column) { return column.ints; }
};
template <>
struct Access<Physical::kDouble> {
  static auto& values(auto& column) { return column.doubles; }
};
template <>
struct Access<Physical::kDecimal> {
  static auto& values(auto& column) { return column.decimals; }
};

// NaN is the greatest double, as the order of keys has it.
template <class T>
bool is_less(const T& a, const T& b) {
  if constexpr (std::is_same_v<T, double>) {
    if (std::isnan(a)) return false;
    if (std::isnan(b)) return true;
  }
  return a < b;
}

template <class T>
bool replaces(Keep keep, const T& value, const T& held) {
  switch (keep) {
    case Keep::kLeast:
      return is_less(value, held);
    case Keep::kGreatest:
      return is_less(held, value);
    case Keep::kFirst:
      return false;
    case Keep::kLast:
      return true;
  }
  return false;
}

class KeepOne : public Accumulator {
 public:
  KeepOne(Keep keep, bool nulls) : keep_(keep), nulls_(nulls) {}
  bool can_retract() const override { return false; }

 protected:
  Keep keep_;
  bool nulls_;  // NULL is a value (FIRST_VALUE and LAST_VALUE of the Kinesis dialect)
};

template <Physical P>
class KeepFixed final : public KeepOne {
 public:
  using KeepOne::KeepOne;
  uint32_t state_bytes() const override { return sizeof(Kept); }
  void update(std::span<const Column* const> arguments, std::span<const uint32_t> rows,
              std::span<char* const> states, bool retract) const override {
    MS_ASSERT(!retract);
    const Column& column = *arguments[0];
    const auto* const values = Access<P>::values(column).data();
    for (size_t i = 0; i < rows.size(); ++i) {
      const bool null = column.is_null(rows[i]);
      if (null && !nulls_) continue;
      auto state = load_state<Kept>(states[i]);
      if (!take(state, values[rows[i]], null)) continue;
      store_state(states[i], state);
    }
  }
  void merge(char* to, const char* from) const override {
    const auto other = load_state<Kept>(from);
    if (other.presence == 0) return;
    auto state = load_state<Kept>(to);
    if (take(state, load_state<T>(other.value), other.presence == kNull)) store_state(to, state);
  }
  void result(const char* from, Column& out, Arena&) const override {
    const auto state = load_state<Kept>(from);
    if (state.presence != kValue) return out.append_null();
    Access<P>::values(out).push_back(load_state<T>(state.value));
    if (!out.nulls.empty()) out.nulls.push_back(0);
  }

 private:
  using T = std::remove_cvref_t<decltype(Access<P>::values(std::declval<Column&>())[0])>;
  bool take(Kept& state, const T& value, bool null) const {
    if (state.presence != 0) {
      const bool by_order = keep_ == Keep::kFirst || keep_ == Keep::kLast;
      if (by_order ? keep_ == Keep::kFirst : !replaces(keep_, value, load_state<T>(state.value))) {
        return false;
      }
    }
    state.presence = null ? kNull : kValue;
    if (!null) store_state(state.value, value);
    return true;
  }
};

class KeepText final : public KeepOne {
 public:
  using KeepOne::KeepOne;
  uint32_t state_bytes() const override { return 0; }
  bool uses_blob() const override { return true; }
  void update(std::span<const Column* const>, std::span<const uint32_t>, std::span<char* const>,
              bool) const override {
    MS_ASSERT(false);
  }
  void merge(char*, const char*) const override { MS_ASSERT(false); }
  void result(const char*, Column&, Arena&) const override { MS_ASSERT(false); }
  void update_blob(std::span<const Column* const> arguments, uint32_t row,
                   std::string& blob) const override {
    const Column& column = *arguments[0];
    const bool null = column.is_null(row);
    if (null && !nulls_) return;
    take(blob, null ? std::string_view() : column.strings[row], null);
  }
  void merge_blob(std::string& to, std::string_view from) const override {
    if (!from.empty()) take(to, from.substr(1), from[0] == kNull);
  }
  void result_blob(std::string_view blob, Column& out, Arena& arena) const override {
    if (blob.empty() || blob[0] != kValue) return out.append_null();
    out.strings.push_back(arena.copy(blob.substr(1)));
    if (!out.nulls.empty()) out.nulls.push_back(0);
  }

 private:
  void take(std::string& blob, std::string_view text, bool null) const {
    if (!blob.empty() && !replaces(keep_, text, std::string_view(blob).substr(1))) return;
    std::string next(1, null ? kNull : kValue);
    next += text;
    blob = std::move(next);
  }
};

// Values in the order of their arrival, with the separator between them; NULLs are passed over.
class ListText final : public Accumulator {
 public:
  explicit ListText(std::string separator) : separator_(std::move(separator)) {}
  uint32_t state_bytes() const override { return 0; }
  bool uses_blob() const override { return true; }
  bool can_retract() const override { return false; }
  void update(std::span<const Column* const>, std::span<const uint32_t>, std::span<char* const>,
              bool) const override {
    MS_ASSERT(false);
  }
  void merge(char*, const char*) const override { MS_ASSERT(false); }
  void result(const char*, Column&, Arena&) const override { MS_ASSERT(false); }
  void update_blob(std::span<const Column* const> arguments, uint32_t row,
                   std::string& blob) const override {
    if (!arguments[0]->is_null(row)) add(blob, arguments[0]->strings[row]);
  }
  void merge_blob(std::string& to, std::string_view from) const override {
    if (!from.empty()) add(to, from.substr(1));
  }
  void result_blob(std::string_view blob, Column& out, Arena& arena) const override {
    if (blob.empty()) return out.append_null();
    out.strings.push_back(arena.copy(blob.substr(1)));
    if (!out.nulls.empty()) out.nulls.push_back(0);
  }

 private:
  void add(std::string& blob, std::string_view text) const {
    if (blob.empty()) {
      blob.push_back(kValue);
    } else {
      blob += separator_;
    }
    blob += text;
  }
  std::string separator_;
};

std::unique_ptr<Accumulator> make_keep(const AggregateCall& call, Keep keep, bool nulls) {
  switch (call.argument_types[0].physical()) {
    case Physical::kBool:
      return std::make_unique<KeepFixed<Physical::kBool>>(keep, nulls);
    case Physical::kInt64:
      return std::make_unique<KeepFixed<Physical::kInt64>>(keep, nulls);
    case Physical::kDouble:
      return std::make_unique<KeepFixed<Physical::kDouble>>(keep, nulls);
    case Physical::kDecimal:
      return std::make_unique<KeepFixed<Physical::kDecimal>>(keep, nulls);
    case Physical::kString:
      break;
  }
  return std::make_unique<KeepText>(keep, nulls);
}

}  // namespace

std::unique_ptr<Accumulator> make_extreme(const AggregateCall& call, bool greatest) {
  return make_keep(call, greatest ? Keep::kGreatest : Keep::kLeast, false);
}
std::unique_ptr<Accumulator> make_first(const AggregateCall& call, sql::Dialect dialect) {
  return make_keep(call, Keep::kFirst, dialect == sql::Dialect::kKinesis);
}
std::unique_ptr<Accumulator> make_last(const AggregateCall& call, sql::Dialect dialect) {
  return make_keep(call, Keep::kLast, dialect == sql::Dialect::kKinesis);
}
std::unique_ptr<Accumulator> make_listagg(const AggregateCall& call) {
  std::string separator = ",";
  if (!call.constants.empty()) {
    const auto* text = std::get_if<std::string>(&call.constants[0]);
    separator = text != nullptr ? *text : std::string();
  }
  return std::make_unique<ListText>(std::move(separator));
}

}  // namespace millstream::analytics
