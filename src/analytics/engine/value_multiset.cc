#include "analytics/engine/value_multiset.h"

#include "base/bytes.h"

namespace millstream::analytics {

ValueMultiset::ValueMultiset(OperatorState& state, std::string_view name, bool ordered)
    : table_(state.table({.name = std::string(name), .fixed_bytes = sizeof(int64_t)})),
      ordered_(ordered) {
  if (!ordered_) return;
  table_.for_each_row([this](StateRow row) { index_.emplace(table_.key(row)); });
}

int ValueMultiset::change(std::string_view group_key, uint8_t group, const Column& column,
                          size_t row, bool retract) {
  key_.assign(group_key);
  append_key_value(column, row, key_);
  bool inserted = false;
  const StateRow at = table_.find_or_insert_one(key_, hash_key(key_), group, &inserted);
  const auto before = load_le<int64_t>(table_.value(at));
  const int64_t after = before + (retract ? -1 : 1);
  if (after == 0) {
    table_.erase(at);
    if (ordered_) index_.erase(key_);
  } else {
    store_le(table_.value(at), after);
    table_.touch(at);
    // A value taken back before it came (count below 0) is not there.
    if (ordered_ && after == 1) index_.insert(key_);
    if (ordered_ && after < 0) index_.erase(key_);
  }
  return static_cast<int>(after > 0) - static_cast<int>(before > 0);
}

std::optional<std::string_view> ValueMultiset::least(std::string_view group_key) const {
  const auto at = index_.lower_bound(group_key);
  if (at == index_.end() || !at->starts_with(group_key)) return std::nullopt;
  return std::string_view(*at).substr(group_key.size());
}

std::optional<std::string_view> ValueMultiset::greatest(std::string_view group_key) const {
  const std::string end = after_prefix(group_key);
  auto at = end.empty() ? index_.end() : index_.lower_bound(end);
  if (at == index_.begin()) return std::nullopt;
  --at;
  if (!at->starts_with(group_key)) return std::nullopt;
  return std::string_view(*at).substr(group_key.size());
}

void ValueMultiset::erase_all(std::string_view group_key) {
  auto at = index_.lower_bound(group_key);
  while (at != index_.end() && at->starts_with(group_key)) {
    const StateRow row = table_.find_one(*at, hash_key(*at));
    if (row != kNoRow) table_.erase(row);
    at = index_.erase(at);
  }
}

}  // namespace millstream::analytics
