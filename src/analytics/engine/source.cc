#include "analytics/engine/source.h"

#include <algorithm>

namespace millstream::analytics {

std::vector<SlotPosition> Source::positions(bool all) {
  std::vector<SlotPosition> result;
  for (Slot& slot : slots_) {
    if (!all && !slot.changed) continue;
    slot.changed = false;
    result.push_back({name_, slot.name, slot.next, slot.text, slot.watermark,
                      slot.finished && !slot.bounded_here});
  }
  return result;
}

bool Source::counts(const Slot& slot, std::chrono::nanoseconds now) const {
  if (!slot.started || slot.finished) return false;
  if (idle_timeout_.count() == 0 || !slot.at_tip) return true;
  return now - slot.last_rows < idle_timeout_;
}

EventTime Source::combined_at(std::chrono::nanoseconds now) const {
  if (finished()) return kEndOfTime;
  EventTime least = kEndOfTime;
  bool any = false;
  for (const Slot& slot : slots_) {
    if (!counts(slot, now)) continue;
    any = true;
    least = std::min(least, slot.watermark);
  }
  // All idle: time stands still.
  return any ? std::max(combined_, least) : combined_;
}

EventTime Source::others(uint32_t slot, std::chrono::nanoseconds now) const {
  EventTime least = kEndOfTime;
  for (uint32_t i = 0; i < slots_.size(); ++i) {
    if (i != slot && counts(slots_[i], now)) least = std::min(least, slots_[i].watermark);
  }
  return least;
}

}  // namespace millstream::analytics
