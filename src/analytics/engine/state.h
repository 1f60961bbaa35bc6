// Keyed state: hash tables whose changes can be logged and whose whole can be saved.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analytics/data/batch.h"
#include "base/result.h"

namespace millstream::analytics {

// Rows are spread over key groups by the hash of their partition key; a core owns a range of
// groups. The number is fixed: it is part of the stored format.
inline constexpr uint32_t kKeyGroups = 128;
inline uint32_t key_group(uint64_t partition_hash) {
  return static_cast<uint32_t>(partition_hash >> 57);
}

// The keys of a batch: an encoding of the key columns that is equal for equal keys (NULL equals
// NULL; -0.0 equals 0.0, NaN equals NaN), and its 64-bit hash, the same in every build.
class KeyEncoder {
 public:
  explicit KeyEncoder(std::vector<int> columns) : columns_(std::move(columns)) {}
  // Fills keys and hashes for all rows. Views stay valid until the next call.
  void encode(const Batch& batch);
  std::span<const std::string_view> keys() const { return keys_; }
  std::span<const uint64_t> hashes() const { return hashes_; }

 private:
  std::vector<int> columns_;
  std::vector<char> bytes_;
  std::vector<std::string_view> keys_;
  std::vector<uint64_t> hashes_;
};
uint64_t hash_key(std::string_view key);
// Appends the encoding of one value to a key.
void append_key_value(const Column& column, size_t row, std::string& key);
void append_key_int64(int64_t value, std::string& key);
// The columns of an encoded key again, appended to `out` (for operators whose output has the
// key): types as encoded. Returns the bytes read: what was appended to the key starts there.
size_t decode_key(std::string_view key, std::span<Column* const> out, Arena& arena);
// The int64 appended last to a key.
int64_t decode_key_int64(std::string_view key);
// The least text that is behind all texts that start with `prefix`; empty: there is none.
std::string after_prefix(std::string_view prefix);

// A row of a table: the same from its insert to its erase. (A row erased in this batch is given
// to another key in a later batch at the earliest.)
using StateRow = uint32_t;
inline constexpr StateRow kNoRow = 0xFFFFFFFF;

// One changed row as the changelog keeps it: an after-image. Replaying the same twice is fine.
// (A RowStore's keys and values are its own affair: see row_store.h.)
struct StateDelta {
  uint32_t table = 0;
  uint8_t group = 0;
  bool erased = false;
  std::string_view key;
  std::string_view value;
};

// What the changelog and snapshots see of a StateTable or a RowStore.
class StateStore {
 public:
  virtual ~StateStore() = default;
  virtual std::string_view name() const = 0;
  // The after-images of rows changed since the last call of clear_changes(), erased ones too.
  virtual void for_each_changed(const std::function<void(const StateDelta&)>& visit) const = 0;
  virtual void clear_changes() = 0;
  // Every row of a key group, in no order; for snapshots. Not during changes.
  virtual void for_each(uint32_t group,
                        const std::function<void(const StateDelta&)>& visit) const = 0;
  // Applies a delta of the changelog or a snapshot. Not a change of its own.
  virtual void apply(const StateDelta& delta) = 0;
  virtual size_t rows() const = 0;
  virtual size_t bytes() const = 0;  // of memory
  virtual void clear() = 0;
};

// Lists of rows per key (joins, OVER, top-N): row_store.h. Made by name like tables.
class RowStore;

// A hash table from key bytes to a value: fixed_bytes of plain memory (zero for a new row) and,
// if `has_blob`, a variable part behind it.
//
// Cost:    work per batch is proportional to the keys it touches: also of for_each_changed().
// Memory:  about 53 bytes for an 8-byte key with 16 bytes of value.
// Threads: one (the partition's).
class StateTable : public StateStore {
 public:
  struct Shape {
    std::string name;  // unique within the operator; part of the stored format
    uint32_t fixed_bytes = 0;
    bool has_blob = false;
  };
  explicit StateTable(Shape shape);
  ~StateTable() override;
  std::string_view name() const override { return shape_.name; }
  StateTable(const StateTable&) = delete;
  StateTable& operator=(const StateTable&) = delete;

  // For each key its row: found, or (insert) made with a zero value. Equal keys of one call get
  // the same row. `groups` has each key's key group. Hashes as of hash_key(keys[i]). Prefetches
  // in groups. `inserted`, if not empty: 1 where this call made the row (for its first key).
  void find_or_insert(std::span<const std::string_view> keys, std::span<const uint64_t> hashes,
                      std::span<const uint8_t> groups, std::span<StateRow> rows,
                      std::span<uint8_t> inserted = {});
  void find(std::span<const std::string_view> keys, std::span<const uint64_t> hashes,
            std::span<StateRow> rows) const;  // kNoRow: not there
  StateRow find_one(std::string_view key, uint64_t hash) const;
  StateRow find_or_insert_one(std::string_view key, uint64_t hash, uint8_t group,
                              bool* inserted = nullptr);

  std::string_view key(StateRow row) const;
  uint8_t group(StateRow row) const;
  // False once it was erased, until a new key gets it. `row`: any that was given out once.
  bool is_live(StateRow row) const;
  char* value(StateRow row);  // fixed part; call touch() after changing it
  const char* value(StateRow row) const;
  std::string_view blob(StateRow row) const;
  void set_blob(StateRow row, std::string_view blob);  // touches
  void erase(StateRow row);

  // Marks the row as changed in this batch. True the first time in the batch: the caller may
  // keep what it was ("before") then. A row that was inserted in this batch is logged anyway,
  // and its first touch() is true, too.
  bool touch(StateRow row);

  // The after-images of rows changed since the last call of clear_changes(), erased ones too.
  void for_each_changed(const std::function<void(const StateDelta&)>& visit) const override;
  void clear_changes() override;
  // Every row of a key group, for snapshots. In the order of their inserts as long as no row of
  // the group has been erased: also after a restore. Not during changes.
  void for_each(uint32_t group, const std::function<void(const StateDelta&)>& visit) const override;
  void for_each_row(uint32_t group, const std::function<void(StateRow)>& visit) const;
  void for_each_row(const std::function<void(StateRow)>& visit) const;  // group by group
  // Applies a delta of the changelog or a snapshot. Not a change of its own. The value has
  // fixed_bytes at least, and no more without has_blob.
  void apply(const StateDelta& delta) override;

  const Shape& shape() const { return shape_; }
  size_t rows() const override;
  size_t rows(uint32_t group) const;
  size_t bytes() const override;  // of memory
  // All rows gone at once. Not logged: OperatorState::drop() is.
  void clear() override;

 private:
  struct Parts;
  Shape shape_;
  std::unique_ptr<Parts> parts_;
};

// All tables of one operator in one partition. Tables are made by name when first used: an
// operator with a table per window names them by the window ("slice/1764046800000000"), and
// drops them whole. Implementation: engine/operator_state.h.
class OperatorState {
 public:
  virtual ~OperatorState() = default;
  // Made if it does not exist; the same object until dropped.
  virtual StateTable& table(const StateTable::Shape& shape) = 0;
  // A RowStore of that name, `fixed_bytes` of plain memory per key; the same rules as for tables
  // (one name space with them; deltas, snapshots and drop() go the same way; a restore makes it
  // before the operator asks for it).
  virtual RowStore& row_store(std::string_view name, uint32_t fixed_bytes) = 0;
  // Gone, with one entry in the changelog.
  virtual void drop(std::string_view name) = 0;
  // Existing tables whose name starts with `prefix`, after a restore too.
  virtual std::vector<StateTable*> tables(std::string_view prefix) = 0;
  virtual std::vector<RowStore*> row_stores(std::string_view prefix) = 0;  // the same of those
  // A small value of the operator as a whole in this partition (current watermark, counters).
  virtual void set_value(std::string_view name, std::string_view value) = 0;
  virtual std::string_view value(std::string_view name) const = 0;  // empty: none
  virtual size_t bytes() const = 0;
};

}  // namespace millstream::analytics
