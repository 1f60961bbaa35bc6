// The values of each group with their counts: DISTINCT, and MIN and MAX that rows are taken from.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "analytics/engine/state.h"

namespace millstream::analytics {

// Durable in a StateTable keyed (group's key, value) with the count; what a batch costs in the
// changelog are the values it changed.
//
// Life cycle: made over the state as it was restored; the table outlives it (until dropped).
// Threads:    one (the partition's).
// Memory:     an ordered multiset also keeps each key in an index in memory, rebuilt when made.
class ValueMultiset {
 public:
  // `ordered`: least(), greatest() and erase_all() can be called.
  ValueMultiset(OperatorState& state, std::string_view name, bool ordered);

  // Adds or takes back the value in `row` of `column`. 1: it is there now and was not before;
  // -1: it was there and is gone; 0: neither.
  int change(std::string_view group_key, uint8_t group, const Column& column, size_t row,
             bool retract);
  // The encoded value (state.h, decode_key); nullopt: the group has none. Valid until a change.
  std::optional<std::string_view> least(std::string_view group_key) const;
  std::optional<std::string_view> greatest(std::string_view group_key) const;
  void erase_all(std::string_view group_key);

 private:
  StateTable& table_;
  bool ordered_;
  std::set<std::string, std::less<>> index_;
  std::string key_;
};

}  // namespace millstream::analytics
