#include "analytics/engine/row_store.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <boost/unordered/unordered_flat_map.hpp>

#include "base/bytes.h"
#include "base/result.h"

namespace millstream::analytics {
namespace {

// Flags of rows and keys.
constexpr uint8_t kChanged = 1;   // listed in changed_rows_ or changed_keys_
constexpr uint8_t kNew = 2;       // made since the last clear_changes(): no stored image yet
constexpr uint8_t kErased = 4;    // unlinked; the memory goes at clear_changes()
constexpr uint8_t kQuiet = 8;     // erased silently
constexpr uint8_t kEmptied = 16;  // listed in emptied_keys_
constexpr uint8_t kStored = 32;   // the key's fixed bytes have an image in the log

constexpr size_t kProbeGroup = 64;
constexpr size_t kFirstSlots = 8;

// A row's key in a delta: 'r', then its number in 6 bytes; a key's: 'k', then the key.
constexpr char kRowTag = 'r';
constexpr char kKeyTag = 'k';
constexpr size_t kRowKeyBytes = 7;

uint32_t home_of(uint64_t hash) { return static_cast<uint32_t>(hash); }
uint64_t slot_of(uint64_t hash, CellRef key) {
  return static_cast<uint64_t>(home_of(hash)) << 32 | key;
}
constexpr uint64_t kFreeSlot = 0xFFFFFFFF;  // no key has the reference kNone

}  // namespace

struct RowStore::Restore {
  // Rows by group and number.
  boost::unordered_flat_map<uint64_t, RowRef> rows;
};

RowStore::RowStore(std::string name, uint32_t fixed_bytes)
    : name_(std::move(name)), fixed_bytes_((fixed_bytes + 7) / 8 * 8) {}

RowStore::~RowStore() = default;

void RowStore::prefetch_slots(std::span<const uint64_t> hashes,
                              std::span<const uint8_t> groups) const {
  for (size_t i = 0; i < hashes.size(); ++i) {
    const auto& slots = index_[groups[i]].slots;
    if (!slots.empty()) __builtin_prefetch(&slots[home_of(hashes[i]) & (slots.size() - 1)]);
  }
}

void RowStore::prefetch_keys(std::span<const uint64_t> hashes,
                             std::span<const uint8_t> groups) const {
  for (size_t i = 0; i < hashes.size(); ++i) {
    const auto& slots = index_[groups[i]].slots;
    if (slots.empty()) continue;
    // A guess: the key mostly stands in its own slot.
    const uint64_t slot = slots[home_of(hashes[i]) & (slots.size() - 1)];
    if (slot != kFreeSlot) __builtin_prefetch(arena_.at(static_cast<CellRef>(slot)));
  }
}

RowStore::KeyRef RowStore::find_one(std::string_view wanted, uint64_t hash, uint8_t group) const {
  const auto& slots = index_[group].slots;
  if (slots.empty()) return kNone;
  const size_t mask = slots.size() - 1;
  const uint32_t home = home_of(hash);
  for (size_t at = home & mask;; at = (at + 1) & mask) {
    const uint64_t slot = slots[at];
    if (slot == kFreeSlot) return kNone;
    if (static_cast<uint32_t>(slot >> 32) != home) continue;
    const auto ref = static_cast<KeyRef>(slot);
    if (key(ref) == wanted) return ref;
  }
}

RowStore::KeyRef RowStore::find_or_insert_one(std::string_view wanted, uint64_t hash,
                                              uint8_t group) {
  const KeyRef found = find_one(wanted, hash, group);
  if (found != kNone) return found;
  Index& index = index_[group];
  if ((index.used + 1) * 4 > index.slots.size() * 3) grow(index);
  const KeyRef ref = arena_.allocate(sizeof(KeyHead) + fixed_bytes_ + wanted.size());
  KeyHead* head = key_at(ref);
  *head = KeyHead{.hash = hash,
                  .first = kNone,
                  .last = kNone,
                  .count = 0,
                  .key_size = static_cast<uint32_t>(wanted.size()),
                  .user = 0,
                  .group = group,
                  .flags = kEmptied,
                  .spare = 0};
  char* const bytes = reinterpret_cast<char*>(head) + sizeof(KeyHead);
  std::memset(bytes, 0, fixed_bytes_);
  if (!wanted.empty()) std::memcpy(bytes + fixed_bytes_, wanted.data(), wanted.size());
  emptied_keys_.push_back(ref);
  const size_t mask = index.slots.size() - 1;
  size_t at = home_of(hash) & mask;
  while (index.slots[at] != kFreeSlot) at = (at + 1) & mask;
  index.slots[at] = slot_of(hash, ref);
  ++index.used;
  ++keys_;
  return ref;
}

void RowStore::find(std::span<const std::string_view> keys, std::span<const uint64_t> hashes,
                    std::span<const uint8_t> groups, std::span<KeyRef> refs) const {
  for (size_t begin = 0; begin < keys.size(); begin += kProbeGroup) {
    const size_t count = std::min(kProbeGroup, keys.size() - begin);
    prefetch_slots(hashes.subspan(begin, count), groups.subspan(begin, count));
    prefetch_keys(hashes.subspan(begin, count), groups.subspan(begin, count));
    for (size_t i = begin; i < begin + count; ++i) {
      refs[i] = find_one(keys[i], hashes[i], groups[i]);
      if (refs[i] != kNone) prefetch(first(refs[i]));
    }
  }
}

void RowStore::find_or_insert(std::span<const std::string_view> keys,
                              std::span<const uint64_t> hashes, std::span<const uint8_t> groups,
                              std::span<KeyRef> refs) {
  for (size_t begin = 0; begin < keys.size(); begin += kProbeGroup) {
    const size_t count = std::min(kProbeGroup, keys.size() - begin);
    prefetch_slots(hashes.subspan(begin, count), groups.subspan(begin, count));
    prefetch_keys(hashes.subspan(begin, count), groups.subspan(begin, count));
    for (size_t i = begin; i < begin + count; ++i) {
      refs[i] = find_or_insert_one(keys[i], hashes[i], groups[i]);
      prefetch(last(refs[i]));
    }
  }
}

void RowStore::grow(Index& index) {
  const size_t size = std::max(kFirstSlots, index.slots.size() * 2);
  std::vector<uint64_t> slots(size, kFreeSlot);
  for (const uint64_t slot : index.slots) {
    if (slot == kFreeSlot) continue;
    size_t at = static_cast<uint32_t>(slot >> 32) & (size - 1);
    while (slots[at] != kFreeSlot) at = (at + 1) & (size - 1);
    slots[at] = slot;
  }
  index.slots = std::move(slots);
}

void RowStore::remove_slot(KeyRef ref) {
  const KeyHead& head = *key_at(ref);
  Index& index = index_[head.group];
  auto& slots = index.slots;
  const size_t mask = slots.size() - 1;
  const uint64_t wanted = slot_of(head.hash, ref);
  size_t at = home_of(head.hash) & mask;
  while (slots[at] != wanted) at = (at + 1) & mask;
  // Moves back the slots behind that would be cut off from their home.
  for (size_t next = (at + 1) & mask; slots[next] != kFreeSlot; next = (next + 1) & mask) {
    const size_t home = static_cast<uint32_t>(slots[next] >> 32) & mask;
    if (((next - home) & mask) >= ((next - at) & mask)) {
      slots[at] = slots[next];
      at = next;
    }
  }
  slots[at] = kFreeSlot;
  --index.used;
  --keys_;
}

std::string_view RowStore::key(KeyRef ref) const {
  const KeyHead* head = key_at(ref);
  return {reinterpret_cast<const char*>(head) + sizeof(KeyHead) + fixed_bytes_, head->key_size};
}

char* RowStore::fixed(KeyRef ref) { return reinterpret_cast<char*>(key_at(ref)) + sizeof(KeyHead); }

void RowStore::touch(KeyRef ref) {
  KeyHead* head = key_at(ref);
  if ((head->flags & kChanged) != 0) return;
  head->flags |= kChanged;
  changed_keys_.push_back(ref);
}

void RowStore::erase_key(KeyRef ref, Erase how) {
  KeyHead* head = key_at(ref);
  MS_ASSERT(head->count == 0);
  if (how == Erase::kLogged && (head->flags & kStored) != 0) {
    erased_keys_.emplace_back(head->group, key(ref));
  }
  remove_slot(ref);
  if ((head->flags & (kChanged | kEmptied)) != 0) {
    head->flags |= kErased;
    dead_keys_.push_back(ref);
  } else {
    arena_.free(ref, key_bytes(*head));
  }
}

void RowStore::for_each_key(const std::function<void(KeyRef)>& visit) const {
  for (const Index& index : index_) {
    for (const uint64_t slot : index.slots) {
      if (slot != kFreeSlot) visit(static_cast<KeyRef>(slot));
    }
  }
}

RowStore::RowRef RowStore::new_row(KeyRef key, std::string_view payload, uint32_t mark,
                                   uint64_t id) {
  const RowRef ref = arena_.allocate(sizeof(RowHead) + payload.size());
  RowHead* head = row_at(ref);
  *head = RowHead{.next = kNone,
                  .previous = kNone,
                  .key = key,
                  .size = static_cast<uint32_t>(payload.size()),
                  .mark = mark,
                  .id_low = static_cast<uint32_t>(id),
                  .id_high = static_cast<uint16_t>(id >> 32),
                  .group = key_at(key)->group,
                  .flags = 0};
  if (!payload.empty()) {
    std::memcpy(reinterpret_cast<char*>(head) + sizeof(RowHead), payload.data(), payload.size());
  }
  ++rows_;
  return ref;
}

void RowStore::link_behind(RowRef ref, RowRef previous) {
  RowHead* row = row_at(ref);
  KeyHead* key = key_at(row->key);
  row->previous = previous;
  row->next = previous == kNone ? key->first : row_at(previous)->next;
  (previous == kNone ? key->first : row_at(previous)->next) = ref;
  (row->next == kNone ? key->last : row_at(row->next)->previous) = ref;
  ++key->count;
}

void RowStore::unlink(RowRef ref) {
  const RowHead* row = row_at(ref);
  KeyHead* key = key_at(row->key);
  (row->previous == kNone ? key->first : row_at(row->previous)->next) = row->next;
  (row->next == kNone ? key->last : row_at(row->next)->previous) = row->previous;
  --rows_;
  if (--key->count == 0 && (key->flags & kEmptied) == 0) {
    key->flags |= kEmptied;
    emptied_keys_.push_back(row->key);
  }
}

void RowStore::free_row(RowRef ref) { arena_.free(ref, sizeof(RowHead) + row_at(ref)->size); }

void RowStore::change_row(RowRef ref, uint8_t more_flags) {
  RowHead* row = row_at(ref);
  if ((row->flags & kChanged) == 0) changed_rows_.push_back(ref);
  row->flags |= static_cast<uint8_t>(kChanged | more_flags);
}

RowStore::RowRef RowStore::append(KeyRef key, std::string_view payload, uint32_t mark) {
  restore_.reset();
  const uint64_t id = next_id_[key_at(key)->group]++;
  const RowRef ref = new_row(key, payload, mark, id);
  link_behind(ref, key_at(key)->last);
  change_row(ref, kNew);
  return ref;
}

RowStore::RowRef RowStore::replace(RowRef ref, std::string_view payload) {
  const RowHead old = *row_at(ref);
  if (old.size == payload.size()) {
    if (!payload.empty()) {
      std::memcpy(reinterpret_cast<char*>(row_at(ref)) + sizeof(RowHead), payload.data(),
                  payload.size());
    }
    change_row(ref, 0);
    return ref;
  }
  const RowRef previous = old.previous;
  unlink(ref);
  if ((old.flags & kChanged) != 0) {
    row_at(ref)->flags |= kErased | kQuiet;
  } else {
    free_row(ref);
  }
  const uint64_t id = static_cast<uint64_t>(old.id_high) << 32 | old.id_low;
  const RowRef fresh = new_row(old.key, payload, old.mark, id);
  link_behind(fresh, previous);
  change_row(fresh, old.flags & kNew);
  return fresh;
}

void RowStore::set_mark(RowRef ref, uint32_t mark) {
  row_at(ref)->mark = mark;
  change_row(ref, 0);
}

void RowStore::erase(RowRef ref, Erase how) {
  unlink(ref);
  const uint8_t flags = row_at(ref)->flags;
  if (how == Erase::kSilent && (flags & kChanged) == 0) {
    free_row(ref);
    return;
  }
  const bool quiet = how == Erase::kSilent || (flags & kNew) != 0;
  change_row(ref, quiet ? kErased | kQuiet : kErased);
}

size_t RowStore::bytes() const {
  size_t bytes = arena_.bytes() + sizeof(*this);
  for (const Index& index : index_) bytes += index.slots.capacity() * sizeof(uint64_t);
  return bytes;
}

void RowStore::clear() {
  arena_.clear();
  for (Index& index : index_) index = {};
  next_id_ = {};
  rows_ = 0;
  keys_ = 0;
  changed_rows_.clear();
  changed_keys_.clear();
  emptied_keys_.clear();
  erased_keys_.clear();
  dead_keys_.clear();
  restore_.reset();
}

void RowStore::clear_changes() {
  restore_.reset();
  for (const RowRef ref : changed_rows_) {
    RowHead* row = row_at(ref);
    if ((row->flags & kErased) != 0) {
      free_row(ref);
    } else {
      row->flags = 0;
    }
  }
  changed_rows_.clear();
  for (const KeyRef ref : changed_keys_) {
    uint8_t& flags = key_at(ref)->flags;
    flags = static_cast<uint8_t>((flags & ~kChanged) | kStored);
  }
  changed_keys_.clear();
  for (const KeyRef ref : emptied_keys_) {
    KeyHead* key = key_at(ref);
    key->flags &= static_cast<uint8_t>(~kEmptied);
    if (key->count == 0 && fixed_bytes_ == 0 && key->user == 0 && (key->flags & kErased) == 0) {
      remove_slot(ref);
      arena_.free(ref, key_bytes(*key));
    }
  }
  emptied_keys_.clear();
  for (const KeyRef ref : dead_keys_) arena_.free(ref, key_bytes(*key_at(ref)));
  dead_keys_.clear();
  erased_keys_.clear();
}

void RowStore::visit_row(RowRef ref, const std::function<void(const StateDelta&)>& visit,
                         std::string& scratch) const {
  const RowHead& row = *row_at(ref);
  char name[kRowKeyBytes] = {kRowTag};
  store_le(name + 1, row.id_low);
  store_le(name + 5, row.id_high);
  StateDelta delta{.table = 0,
                   .group = row.group,
                   .erased = (row.flags & kErased) != 0,
                   .key = {name, kRowKeyBytes},
                   .value = {}};
  if (!delta.erased) {
    const std::string_view key_text = key(row.key);
    const std::string_view payload_text = payload(ref);
    char head[8];
    store_le(head, row.mark);
    store_le(head + 4, static_cast<uint32_t>(key_text.size()));
    scratch.assign(head, sizeof head);
    scratch.append(key_text);
    scratch.append(payload_text);
    delta.value = scratch;
  }
  visit(delta);
}

void RowStore::visit_key(KeyRef ref, const std::function<void(const StateDelta&)>& visit,
                         std::string& scratch) const {
  const KeyHead& head = *key_at(ref);
  scratch.assign(1, kKeyTag);
  scratch.append(key(ref));
  visit({.table = 0,
         .group = head.group,
         .erased = false,
         .key = scratch,
         .value = {reinterpret_cast<const char*>(&head) + sizeof(KeyHead), fixed_bytes_}});
}

void RowStore::for_each_changed(const std::function<void(const StateDelta&)>& visit) const {
  std::string scratch;
  for (const auto& [group, erased] : erased_keys_) {
    scratch.assign(1, kKeyTag);
    scratch.append(erased);
    visit({.table = 0, .group = group, .erased = true, .key = scratch, .value = {}});
  }
  for (const KeyRef ref : changed_keys_) {
    if ((key_at(ref)->flags & kErased) == 0) visit_key(ref, visit, scratch);
  }
  for (const RowRef ref : changed_rows_) {
    if ((row_at(ref)->flags & kQuiet) == 0) visit_row(ref, visit, scratch);
  }
}

void RowStore::for_each(uint32_t group, const std::function<void(const StateDelta&)>& visit) const {
  std::string scratch;
  for (const uint64_t slot : index_[group].slots) {
    if (slot == kFreeSlot) continue;
    const auto ref = static_cast<KeyRef>(slot);
    if ((key_at(ref)->flags & (kStored | kChanged)) != 0) visit_key(ref, visit, scratch);
    for (RowRef row = first(ref); row != kNone; row = next(row)) visit_row(row, visit, scratch);
  }
}

void RowStore::build_restore() {
  restore_ = std::make_unique<Restore>();
  restore_->rows.reserve(rows_);
  for_each_key([this](KeyRef key) {
    for (RowRef row = first(key); row != kNone; row = next(row)) {
      restore_->rows[static_cast<uint64_t>(row_at(row)->group) << 48 | id(row)] = row;
    }
  });
}

void RowStore::apply(const StateDelta& delta) {
  if (delta.key.empty() || delta.group >= kKeyGroups) return;
  if (delta.key[0] == kKeyTag) {
    apply_key(delta);
  } else if (delta.key.size() == kRowKeyBytes) {
    apply_row(delta);
  }
}

void RowStore::apply_key(const StateDelta& delta) {
  const std::string_view text = delta.key.substr(1);
  const uint64_t hash = hash_key(text);
  if (delta.erased) {
    const KeyRef ref = find_one(text, hash, delta.group);
    if (ref == kNone) return;
    key_at(ref)->flags &= static_cast<uint8_t>(~kStored);
    if (count(ref) == 0) {
      erase_key(ref, Erase::kSilent);
    } else {
      std::memset(fixed(ref), 0, fixed_bytes_);
    }
    return;
  }
  const KeyRef ref = find_or_insert_one(text, hash, delta.group);
  std::memcpy(fixed(ref), delta.value.data(), std::min<size_t>(fixed_bytes_, delta.value.size()));
  key_at(ref)->flags |= kStored;
}

void RowStore::apply_row(const StateDelta& delta) {
  if (restore_ == nullptr) build_restore();
  const uint64_t id = load_le<uint32_t>(delta.key.data() + 1) |
                      static_cast<uint64_t>(load_le<uint16_t>(delta.key.data() + 5)) << 32;
  const uint64_t name = static_cast<uint64_t>(delta.group) << 48 | id;
  next_id_[delta.group] = std::max(next_id_[delta.group], id + 1);
  // An after-image takes the place of whatever the row was.
  if (const auto old = restore_->rows.find(name); old != restore_->rows.end()) {
    unlink(old->second);
    free_row(old->second);
    restore_->rows.erase(old);
  }
  if (delta.erased || delta.value.size() < 8) return;
  const uint32_t key_size = load_le<uint32_t>(delta.value.data() + 4);
  if (key_size > delta.value.size() - 8) return;  // the changelog's checksums are right: not ours
  const std::string_view text = delta.value.substr(8, key_size);
  const KeyRef ref = find_or_insert_one(text, hash_key(text), delta.group);
  const RowRef row =
      new_row(ref, delta.value.substr(8 + key_size), load_le<uint32_t>(delta.value.data()), id);
  RowRef previous = last(ref);
  while (previous != kNone && this->id(previous) > id) previous = this->previous(previous);
  link_behind(row, previous);
  restore_->rows[name] = row;
}

}  // namespace millstream::analytics
