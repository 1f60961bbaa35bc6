#include "analytics/engine/ranked_rows.h"

#include <algorithm>

#include "base/bytes.h"

namespace millstream::analytics {

std::string_view RankedRows::order_of(RowRef row) const {
  const std::string_view payload = store_.payload(row);
  return payload.substr(4, load_le<uint32_t>(payload.data()));
}

std::string_view RankedRows::encoded(RowRef row) const {
  const std::string_view payload = store_.payload(row);
  return payload.substr(4 + load_le<uint32_t>(payload.data()));
}

RankedRows::List& RankedRows::list(KeyRef key) {
  const uint32_t user = store_.user(key);
  if (user != 0) return lists_[user - 1];
  uint32_t index;
  if (free_lists_.empty()) {
    index = static_cast<uint32_t>(lists_.size());
    lists_.emplace_back();
  } else {
    index = free_lists_.back();
    free_lists_.pop_back();
  }
  store_.set_user(key, index + 1);
  List& list = lists_[index];
  for (RowRef row = store_.first(key); row != RowStore::kNone; row = store_.next(row)) {
    list.push_back({order_prefix(order_of(row)), row});
  }
  std::sort(list.begin(), list.end(), [this](const Entry& a, const Entry& b) {
    if (a.prefix != b.prefix) return a.prefix < b.prefix;
    const int order = order_of(a.row).compare(order_of(b.row));
    if (order != 0) return order < 0;
    return latest_first_ ? store_.id(a.row) > store_.id(b.row)
                         : store_.id(a.row) < store_.id(b.row);
  });
  return list;
}

void RankedRows::set(const Batch& batch, size_t row) {
  payload_.assign(4, '\0');
  order_.encode(batch, row, payload_);
  key_bytes_ = payload_.size() - 4;
  store_le(payload_.data(), static_cast<uint32_t>(key_bytes_));
  prefix_ = order_prefix(order_of_current());
  codec_.encode(batch, row, payload_);
}

bool RankedRows::is_before(const Entry& entry, bool or_equal) const {
  if (entry.prefix != prefix_) return entry.prefix < prefix_;
  const int order = order_of(entry.row).compare(order_of_current());
  return order < 0 || (or_equal && order == 0);
}

size_t RankedRows::place(const List& list) const {
  // Most rows of a long-running top-N come behind all that are kept.
  if (!list.empty() && is_before(list.back(), !latest_first_)) return list.size();
  const auto at = std::partition_point(list.begin(), list.end(), [this](const Entry& entry) {
    return is_before(entry, !latest_first_);
  });
  return static_cast<size_t>(at - list.begin());
}

void RankedRows::insert(KeyRef key, List& list, size_t place) {
  const RowRef row = store_.append(key, payload_);
  list.insert(list.begin() + static_cast<ptrdiff_t>(place), {prefix_, row});
}

std::optional<size_t> RankedRows::find(const List& list) const {
  auto at = std::partition_point(list.begin(), list.end(),
                                 [this](const Entry& entry) { return is_before(entry, false); });
  for (; at != list.end() &&
         store_.payload(at->row).starts_with(std::string_view(payload_).substr(0, 4 + key_bytes_));
       ++at) {
    if (store_.payload(at->row) == payload_) return static_cast<size_t>(at - list.begin());
  }
  return std::nullopt;
}

void RankedRows::erase(List& list, size_t place) {
  store_.erase(list[place].row, RowStore::Erase::kLogged);
  list.erase(list.begin() + static_cast<ptrdiff_t>(place));
}

void RankedRows::release(KeyRef key) {
  const uint32_t user = store_.user(key);
  if (user == 0) return;
  List().swap(lists_[user - 1]);
  free_lists_.push_back(user - 1);
  store_.set_user(key, 0);
}

}  // namespace millstream::analytics
