// Lists of rows per key: the state of joins, OVER windows and top-N.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analytics/engine/cell_arena.h"
#include "analytics/engine/state.h"

namespace millstream::analytics {

// Keys, each with a list of rows in order of their insertion and `fixed_bytes` of plain memory.
// What a batch costs in the changelog are the rows it wrote (and its keys' fixed bytes, where
// touched), never whole keys: a key may hold millions of rows.
//
// A KeyRef stays valid until the key is erased; a key without rows, fixed bytes and user value
// goes by itself at clear_changes(). A RowRef stays valid until that row is erased.
//
// Silent erasure: expiry that follows from what is logged anyway (a watermark) can be left out
// of the changelog; then the operator's open() must erase again what a restore brings back.
//
// Threads: one (the partition's).
// Memory:  28 bytes a row and 40 bytes a key besides their own bytes.
class RowStore : public StateStore {
 public:
  using KeyRef = CellRef;
  using RowRef = CellRef;
  static constexpr CellRef kNone = kNoCell;
  enum class Erase : uint8_t { kLogged, kSilent };

  RowStore(std::string name, uint32_t fixed_bytes);
  ~RowStore() override;
  RowStore(const RowStore&) = delete;
  RowStore& operator=(const RowStore&) = delete;

  // For each key its entry: found (else kNone), or made. hashes[i] == hash_key(keys[i]); equal
  // keys always come with equal groups. Prefetches, also the first
  // (find_or_insert: last) rows.
  void find(std::span<const std::string_view> keys, std::span<const uint64_t> hashes,
            std::span<const uint8_t> groups, std::span<KeyRef> refs) const;
  void find_or_insert(std::span<const std::string_view> keys, std::span<const uint64_t> hashes,
                      std::span<const uint8_t> groups, std::span<KeyRef> refs);
  KeyRef find_one(std::string_view key, uint64_t hash, uint8_t group) const;
  KeyRef find_or_insert_one(std::string_view key, uint64_t hash, uint8_t group);

  std::string_view key(KeyRef key) const;
  uint8_t group(KeyRef key) const { return key_at(key)->group; }
  uint32_t count(KeyRef key) const { return key_at(key)->count; }
  char* fixed(KeyRef key);  // zero at first; call touch() after changing it
  void touch(KeyRef key);
  // Memory of the operator, not logged; 0 for a new key and after a restore.
  uint32_t user(KeyRef key) const { return key_at(key)->user; }
  void set_user(KeyRef key, uint32_t value) { key_at(key)->user = value; }
  void erase_key(KeyRef key, Erase how);                              // it has no rows
  void for_each_key(const std::function<void(KeyRef)>& visit) const;  // nothing changes meanwhile

  RowRef first(KeyRef key) const { return key_at(key)->first; }
  RowRef last(KeyRef key) const { return key_at(key)->last; }
  RowRef next(RowRef row) const { return row_at(row)->next; }
  RowRef previous(RowRef row) const { return row_at(row)->previous; }
  KeyRef key_of(RowRef row) const { return row_at(row)->key; }
  // Rises with each insertion into the same key group; never given twice while rows live.
  uint64_t id(RowRef row) const {
    const RowHead* head = row_at(row);
    return static_cast<uint64_t>(head->id_high) << 32 | head->id_low;
  }
  std::string_view payload(RowRef row) const {
    const RowHead* head = row_at(row);
    return {reinterpret_cast<const char*>(head) + sizeof(RowHead), head->size};
  }
  // A number logged with the row (matches of an outer side).
  uint32_t mark(RowRef row) const { return row_at(row)->mark; }
  void set_mark(RowRef row, uint32_t mark);
  RowRef append(KeyRef key, std::string_view payload, uint32_t mark = 0);
  // Also another length: the row keeps its place and id.
  RowRef replace(RowRef row, std::string_view payload);
  void erase(RowRef row, Erase how);
  void prefetch(CellRef ref) const {
    if (ref != kNone) __builtin_prefetch(arena_.at(ref));
  }

  uint32_t fixed_bytes() const { return fixed_bytes_; }
  size_t keys() const { return keys_; }

  std::string_view name() const override { return name_; }
  void for_each_changed(const std::function<void(const StateDelta&)>& visit) const override;
  void clear_changes() override;
  void for_each(uint32_t group, const std::function<void(const StateDelta&)>& visit) const override;
  void apply(const StateDelta& delta) override;
  size_t rows() const override { return rows_; }
  size_t bytes() const override;
  void clear() override;

 private:
  struct KeyHead {
    uint64_t hash;
    RowRef first;
    RowRef last;
    uint32_t count;
    uint32_t key_size;
    uint32_t user;
    uint8_t group;
    uint8_t flags;
    uint16_t spare;
  };
  struct RowHead {
    RowRef next;
    RowRef previous;
    KeyRef key;
    uint32_t size;
    uint32_t mark;
    uint32_t id_low;
    uint16_t id_high;
    uint8_t group;
    uint8_t flags;
  };
  static_assert(sizeof(RowHead) == 28);
  // Open addressing with linear probing; a slot is the low half of the hash and the key.
  struct Index {
    std::vector<uint64_t> slots;
    size_t used = 0;
  };
  struct Restore;  // what only apply() needs

  KeyHead* key_at(KeyRef ref) { return reinterpret_cast<KeyHead*>(arena_.at(ref)); }
  const KeyHead* key_at(KeyRef ref) const {
    return reinterpret_cast<const KeyHead*>(arena_.at(ref));
  }
  RowHead* row_at(RowRef ref) { return reinterpret_cast<RowHead*>(arena_.at(ref)); }
  const RowHead* row_at(RowRef ref) const {
    return reinterpret_cast<const RowHead*>(arena_.at(ref));
  }
  size_t key_bytes(const KeyHead& head) const {
    return sizeof(KeyHead) + fixed_bytes_ + head.key_size;
  }
  void prefetch_slots(std::span<const uint64_t> hashes, std::span<const uint8_t> groups) const;
  void prefetch_keys(std::span<const uint64_t> hashes, std::span<const uint8_t> groups) const;
  void grow(Index& index);
  void remove_slot(KeyRef key);
  RowRef new_row(KeyRef key, std::string_view payload, uint32_t mark, uint64_t id);
  void link_behind(RowRef row, RowRef previous);
  void unlink(RowRef row);
  void free_row(RowRef row);
  void change_row(RowRef row, uint8_t more_flags);
  void visit_row(RowRef row, const std::function<void(const StateDelta&)>& visit,
                 std::string& scratch) const;
  void visit_key(KeyRef key, const std::function<void(const StateDelta&)>& visit,
                 std::string& scratch) const;
  void apply_row(const StateDelta& delta);
  void apply_key(const StateDelta& delta);
  void build_restore();

  std::string name_;
  uint32_t fixed_bytes_;
  CellArena arena_;
  std::array<Index, kKeyGroups> index_;
  std::array<uint64_t, kKeyGroups> next_id_{};
  size_t rows_ = 0;
  size_t keys_ = 0;
  std::vector<RowRef> changed_rows_;  // with erased ones: their memory goes at clear_changes()
  std::vector<KeyRef> changed_keys_;
  std::vector<KeyRef> emptied_keys_;
  std::vector<KeyRef> dead_keys_;  // erased while listed above
  std::vector<std::pair<uint8_t, std::string>> erased_keys_;
  std::unique_ptr<Restore> restore_;
};

}  // namespace millstream::analytics
