// What a request left out where the C++ structs have no empty state: required members, and
// elements of lists and maps that were null. Noted by a decoder, reported by the validator.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "wire/types.h"

namespace millstream::wire {

// Keeps addresses: valid as long as the decoded object stays where it is.
class Absences {
 public:
  void add_member(const void* object, const Member& member) { add(object, &member); }
  void add_element(const void* element) { add(element, nullptr); }
  bool has_member(const void* object, const Member& member) const { return has(object, &member); }
  bool has_element(const void* element) const { return has(element, nullptr); }
  bool empty() const { return entries_.empty(); }

 private:
  void add(const void* at, const Member* member) { entries_.emplace_back(at, member); }
  // Decoders and the validator meet most absences in the same order; few requests have any.
  bool has(const void* at, const Member* member) const {
    if (entries_.empty()) return false;
    if (!sorted_) {
      std::ranges::sort(entries_);
      sorted_ = true;
    }
    return std::ranges::binary_search(entries_, std::pair(at, member));
  }
  mutable std::vector<std::pair<const void*, const Member*>> entries_;
  mutable bool sorted_ = false;
};

}  // namespace millstream::wire
