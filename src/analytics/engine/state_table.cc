// Slots of (32 bits of the hash, row number) point into rows of equal size, which lie in blocks
// that belong to one key group each. The home of a slot follows from the bits that it keeps, so
// growing reads no keys. A large table has 64 arrays of slots that grow one by one: no insert
// pays for more than a 64th of the table.
#include <array>
#include <cstring>
#include <string>
#include <utility>

#include "analytics/engine/blob_pool.h"
#include "analytics/engine/state.h"

namespace millstream::analytics {
namespace {

constexpr uint32_t kBlockRowsShift = 5;
constexpr uint32_t kBlockRows = 1U << kBlockRowsShift;
constexpr uint32_t kManySegments = 64;
constexpr uint32_t kSplitRows = 1U << 15;  // a lone array of slots is split beyond
constexpr uint32_t kFirstBits = 3;
constexpr uint32_t kInlineKey = 16;
constexpr uint32_t kFreeKey = 0xFFFFFFFF;  // as key_size: the row is free
constexpr size_t kProbeGroup = 64;
constexpr uint32_t kLastEpoch = 0x7FFFFFFF;

// Front of each row. `mark` is 2 * epoch once the row is listed as changed, 2 * epoch + 1 once
// touch() was called, for the current epoch.
struct RowHead {
  uint32_t mark;
  uint32_t key_size;
  char key[kInlineKey];  // longer: 8 bytes of it, then a pointer to all of it
};
static_assert(sizeof(RowHead) == 24);

struct BlobHead {
  char* data;
  uint64_t size;
};

struct Slot {
  uint32_t tag;
  StateRow row;
};

bool equal_bytes(const char* a, const char* b, size_t size) {
  if (size < 8) return size == 0 || std::memcmp(a, b, size) == 0;
  if (size > 16) return std::memcmp(a, b, size) == 0;
  return load_le<uint64_t>(a) == load_le<uint64_t>(b) &&
         load_le<uint64_t>(a + size - 8) == load_le<uint64_t>(b + size - 8);
}

struct Segment {
  std::vector<Slot> slots;  // a power of two, or none yet
  uint32_t shift = 32;      // of a tag, for its home
  uint32_t used = 0;

  size_t home(uint32_t tag) const { return shift == 32 ? 0 : tag >> shift; }
  size_t mask() const { return slots.size() - 1; }
  bool is_full() const { return used + 1 > slots.size() / 16 * 13 + slots.size() % 16 * 3 / 4; }

  void insert(uint32_t tag, StateRow row) {
    size_t at = home(tag);
    while (slots[at].row != kNoRow) at = (at + 1) & mask();
    slots[at] = {tag, row};
    ++used;
  }

  void grow() {
    const uint32_t bits = slots.empty() ? kFirstBits : 32 - shift + 1;
    std::vector<Slot> old(size_t{1} << bits, Slot{0, kNoRow});
    slots.swap(old);
    shift = 32 - bits;
    used = 0;
    for (const Slot& slot : old) {
      if (slot.row != kNoRow) insert(slot.tag, slot.row);
    }
  }

  // Closes the gap, so that no probe meets an empty slot before its key.
  void erase(size_t at) {
    size_t next = at;
    while (true) {
      next = (next + 1) & mask();
      if (slots[next].row == kNoRow) break;
      const size_t from_home = (next - home(slots[next].tag)) & mask();
      const size_t from_gap = (next - at) & mask();
      if (from_home < from_gap) continue;
      slots[at] = slots[next];
      at = next;
    }
    slots[at].row = kNoRow;
    --used;
  }
};

struct Group {
  uint8_t number = 0;
  uint32_t in_last = kBlockRows;  // rows given out of the last block
  uint32_t live = 0;
  std::vector<uint32_t> blocks;
  std::vector<StateRow> free;
};

}  // namespace

struct StateTable::Parts {
  explicit Parts(const Shape& shape)
      : fixed_bytes(shape.fixed_bytes),
        blob_offset(sizeof(RowHead)),
        value_offset(blob_offset + (shape.has_blob ? sizeof(BlobHead) : 0)),
        stride((value_offset + shape.fixed_bytes + 7) / 8 * 8) {
    group_index.fill(0xFF);
    segments.resize(1);
  }

  const uint32_t fixed_bytes;
  const size_t blob_offset;
  const size_t value_offset;
  const size_t stride;
  std::vector<Segment> segments;  // one, or kManySegments
  std::vector<std::unique_ptr<char[]>> blocks;
  std::vector<uint8_t> block_groups;
  std::vector<Group> groups;  // those with blocks
  std::array<uint8_t, kKeyGroups> group_index{};
  BlobPool pool;
  size_t live = 0;
  uint32_t epoch = 1;
  std::vector<StateRow> changed;
  std::vector<StateRow> freed;                       // in this batch
  std::vector<std::pair<uint8_t, uint32_t>> erased;  // group, end of the key in erased_keys
  std::string erased_keys;

  RowHead* head(StateRow row) const {
    return reinterpret_cast<RowHead*>(blocks[row >> kBlockRowsShift].get() +
                                      (row & (kBlockRows - 1)) * stride);
  }
  char* value(StateRow row) const { return reinterpret_cast<char*>(head(row)) + value_offset; }
  BlobHead* blob(StateRow row) const {
    return reinterpret_cast<BlobHead*>(reinterpret_cast<char*>(head(row)) + blob_offset);
  }
  static const char* key_bytes(const RowHead& row) {
    return row.key_size <= kInlineKey ? row.key : load_le<const char*>(row.key + 8);
  }
  std::string_view key(StateRow row) const {
    const RowHead& at = *head(row);
    return {key_bytes(at), at.key_size};
  }
  bool has_key(StateRow row, std::string_view key) const {
    const RowHead& at = *head(row);
    return at.key_size == key.size() && equal_bytes(key_bytes(at), key.data(), key.size());
  }

  const Segment& segment(uint32_t tag) const {
    return segments[tag & static_cast<uint32_t>(segments.size() - 1)];
  }
  Segment& segment(uint32_t tag) {
    return segments[tag & static_cast<uint32_t>(segments.size() - 1)];
  }
  Group& group(uint8_t number) {
    uint8_t& index = group_index[number];
    if (index == 0xFF) {
      index = static_cast<uint8_t>(groups.size());
      groups.emplace_back().number = number;
    }
    return groups[index];
  }

  StateRow find(std::string_view key, uint32_t tag) const {
    const Segment& in = segment(tag);
    if (in.slots.empty()) return kNoRow;
    for (size_t at = in.home(tag);; at = (at + 1) & in.mask()) {
      const Slot& slot = in.slots[at];
      if (slot.row == kNoRow) return kNoRow;
      if (slot.tag == tag && has_key(slot.row, key)) return slot.row;
    }
  }

  // Prefetches what find() will look at: first the slots, then the row of the first candidate.
  void prefetch_slots(uint32_t tag) const {
    const Segment& in = segment(tag);
    if (!in.slots.empty()) __builtin_prefetch(&in.slots[in.home(tag)]);
  }
  void prefetch_row(uint32_t tag) const {
    const Segment& in = segment(tag);
    if (in.slots.empty()) return;
    for (size_t at = in.home(tag);; at = (at + 1) & in.mask()) {
      const Slot& slot = in.slots[at];
      if (slot.row == kNoRow) return;
      if (slot.tag != tag) continue;
      const char* const row = reinterpret_cast<const char*>(head(slot.row));
      __builtin_prefetch(row, 1);
      __builtin_prefetch(row + stride - 1, 1);
      return;
    }
  }

  StateRow take_row(uint8_t number) {
    Group& in = group(number);
    ++in.live;
    if (!in.free.empty()) {
      const StateRow row = in.free.back();
      in.free.pop_back();
      return row;
    }
    if (in.in_last == kBlockRows) {
      MS_ASSERT(blocks.size() < (kNoRow >> kBlockRowsShift));
      in.blocks.push_back(static_cast<uint32_t>(blocks.size()));
      blocks.push_back(std::make_unique_for_overwrite<char[]>(stride * kBlockRows));
      block_groups.push_back(number);
      in.in_last = 0;
    }
    return (in.blocks.back() << kBlockRowsShift) + in.in_last++;
  }

  StateRow insert(std::string_view key, uint32_t tag, uint8_t number) {
    if (segments.size() == 1 && live >= kSplitRows) split();
    Segment& in = segment(tag);
    if (in.is_full()) in.grow();
    const StateRow row = take_row(number);
    RowHead& at = *head(row);
    std::memset(&at, 0, stride);
    at.key_size = static_cast<uint32_t>(key.size());
    if (key.size() <= kInlineKey) {
      if (!key.empty()) std::memcpy(at.key, key.data(), key.size());
    } else {
      char* const copy = pool.allocate(key.size());
      std::memcpy(copy, key.data(), key.size());
      std::memcpy(at.key, copy, 8);
      store_le(at.key + 8, copy);
    }
    in.insert(tag, row);
    ++live;
    return row;
  }

  void split() {
    std::vector<Segment> old(kManySegments);
    segments.swap(old);
    for (const Slot& slot : old[0].slots) {
      if (slot.row == kNoRow) continue;
      Segment& in = segment(slot.tag);
      if (in.is_full()) in.grow();
      in.insert(slot.tag, slot.row);
    }
  }

  void release_bytes(StateRow row, bool has_blob) {
    RowHead& at = *head(row);
    if (at.key_size > kInlineKey) pool.release(load_le<char*>(at.key + 8), at.key_size);
    if (has_blob) {
      const BlobHead& bytes = *blob(row);
      if (bytes.data != nullptr) pool.release(bytes.data, bytes.size);
    }
    at.key_size = kFreeKey;
  }

  // Out of the slots, its bytes given back; the row itself is not free yet.
  void remove(StateRow row, bool has_blob) {
    const std::string_view bytes = key(row);
    const auto tag = static_cast<uint32_t>(hash_key(bytes));
    Segment& in = segment(tag);
    size_t at = in.home(tag);
    while (in.slots[at].row != row) at = (at + 1) & in.mask();
    in.erase(at);
    release_bytes(row, has_blob);
    --live;
    --group(block_groups[row >> kBlockRowsShift]).live;
  }

  void list_as_changed(StateRow row) {
    head(row)->mark = 2 * epoch;
    changed.push_back(row);
  }

  void set_blob(StateRow row, std::string_view bytes) {
    BlobHead& at = *blob(row);
    if (BlobPool::capacity(bytes.size()) != BlobPool::capacity(at.size) || at.data == nullptr) {
      // `bytes` may be a part of the old ones.
      char* const fresh = bytes.empty() ? nullptr : pool.allocate(bytes.size());
      if (fresh != nullptr) std::memcpy(fresh, bytes.data(), bytes.size());
      if (at.data != nullptr) pool.release(at.data, at.size);
      at.data = fresh;
    } else if (!bytes.empty()) {
      std::memmove(at.data, bytes.data(), bytes.size());
    }
    at.size = bytes.size();
  }

  template <class Visit>
  void for_each_row(const Group& in, Visit visit) const {
    for (size_t i = 0; i < in.blocks.size(); ++i) {
      const uint32_t rows = i + 1 == in.blocks.size() ? in.in_last : kBlockRows;
      for (uint32_t j = 0; j < rows; ++j) {
        const StateRow row = (in.blocks[i] << kBlockRowsShift) + j;
        if (head(row)->key_size != kFreeKey) visit(row);
      }
    }
  }

  // Reads the row as the changelog has it; `scratch` holds the value if it is in two places.
  StateDelta delta(StateRow row, bool has_blob, std::string& scratch) const {
    StateDelta result;
    result.group = block_groups[row >> kBlockRowsShift];
    result.key = key(row);
    result.value = {value(row), fixed_bytes};
    if (has_blob && blob(row)->size > 0) {
      scratch.assign(result.value);
      scratch.append(blob(row)->data, blob(row)->size);
      result.value = scratch;
    }
    return result;
  }
};

StateTable::StateTable(Shape shape)
    : shape_(std::move(shape)), parts_(std::make_unique<Parts>(shape_)) {}
StateTable::~StateTable() = default;

void StateTable::find_or_insert(std::span<const std::string_view> keys,
                                std::span<const uint64_t> hashes, std::span<const uint8_t> groups,
                                std::span<StateRow> rows, std::span<uint8_t> inserted) {
  Parts& parts = *parts_;
  for (size_t first = 0; first < keys.size(); first += kProbeGroup) {
    const size_t last = std::min(first + kProbeGroup, keys.size());
    for (size_t i = first; i < last; ++i) parts.prefetch_slots(static_cast<uint32_t>(hashes[i]));
    for (size_t i = first; i < last; ++i) parts.prefetch_row(static_cast<uint32_t>(hashes[i]));
    // One by one, so that equal keys of one group and slots that have moved are seen.
    for (size_t i = first; i < last; ++i) {
      const auto tag = static_cast<uint32_t>(hashes[i]);
      StateRow row = parts.find(keys[i], tag);
      const bool is_new = row == kNoRow;
      if (is_new) {
        row = parts.insert(keys[i], tag, groups[i]);
        parts.list_as_changed(row);
      }
      rows[i] = row;
      if (!inserted.empty()) inserted[i] = is_new ? 1 : 0;
    }
  }
}

void StateTable::find(std::span<const std::string_view> keys, std::span<const uint64_t> hashes,
                      std::span<StateRow> rows) const {
  const Parts& parts = *parts_;
  for (size_t first = 0; first < keys.size(); first += kProbeGroup) {
    const size_t last = std::min(first + kProbeGroup, keys.size());
    for (size_t i = first; i < last; ++i) parts.prefetch_slots(static_cast<uint32_t>(hashes[i]));
    for (size_t i = first; i < last; ++i) parts.prefetch_row(static_cast<uint32_t>(hashes[i]));
    for (size_t i = first; i < last; ++i) {
      rows[i] = parts.find(keys[i], static_cast<uint32_t>(hashes[i]));
    }
  }
}

StateRow StateTable::find_one(std::string_view key, uint64_t hash) const {
  return parts_->find(key, static_cast<uint32_t>(hash));
}

StateRow StateTable::find_or_insert_one(std::string_view key, uint64_t hash, uint8_t group,
                                        bool* inserted) {
  const auto tag = static_cast<uint32_t>(hash);
  StateRow row = parts_->find(key, tag);
  if (inserted != nullptr) *inserted = row == kNoRow;
  if (row != kNoRow) return row;
  row = parts_->insert(key, tag, group);
  parts_->list_as_changed(row);
  return row;
}

std::string_view StateTable::key(StateRow row) const { return parts_->key(row); }

uint8_t StateTable::group(StateRow row) const {
  return parts_->block_groups[row >> kBlockRowsShift];
}

bool StateTable::is_live(StateRow row) const { return parts_->head(row)->key_size != kFreeKey; }

char* StateTable::value(StateRow row) { return parts_->value(row); }
const char* StateTable::value(StateRow row) const { return parts_->value(row); }

std::string_view StateTable::blob(StateRow row) const {
  MS_ASSERT(shape_.has_blob);
  const BlobHead& bytes = *parts_->blob(row);
  return {bytes.data, bytes.size};
}

void StateTable::set_blob(StateRow row, std::string_view blob) {
  MS_ASSERT(shape_.has_blob);
  touch(row);
  parts_->set_blob(row, blob);
}

void StateTable::erase(StateRow row) {
  Parts& parts = *parts_;
  MS_ASSERT(is_live(row));
  parts.erased_keys += parts.key(row);
  parts.erased.emplace_back(group(row), static_cast<uint32_t>(parts.erased_keys.size()));
  parts.remove(row, shape_.has_blob);
  parts.freed.push_back(row);
}

bool StateTable::touch(StateRow row) {
  RowHead& at = *parts_->head(row);
  const uint32_t touched = 2 * parts_->epoch + 1;
  if (at.mark == touched) return false;
  if (at.mark != touched - 1) parts_->changed.push_back(row);
  at.mark = touched;
  return true;
}

void StateTable::for_each_changed(const std::function<void(const StateDelta&)>& visit) const {
  const Parts& parts = *parts_;
  // The erased first: a key may have come back in another row since.
  size_t start = 0;
  for (const auto& [group, end] : parts.erased) {
    StateDelta delta;
    delta.group = group;
    delta.erased = true;
    delta.key = std::string_view(parts.erased_keys).substr(start, end - start);
    visit(delta);
    start = end;
  }
  std::string scratch;
  for (const StateRow row : parts.changed) {
    if (is_live(row)) visit(parts.delta(row, shape_.has_blob, scratch));
  }
}

void StateTable::clear_changes() {
  Parts& parts = *parts_;
  parts.changed.clear();
  parts.erased.clear();
  parts.erased_keys.clear();
  for (const StateRow row : parts.freed) parts.group(group(row)).free.push_back(row);
  parts.freed.clear();
  if (parts.epoch++ < kLastEpoch - 1) return;
  // Marks of the epochs before must not look like new ones.
  parts.epoch = 1;
  for (const Group& in : parts.groups) {
    parts.for_each_row(in, [&](StateRow row) { parts.head(row)->mark = 0; });
  }
}

void StateTable::for_each(uint32_t group,
                          const std::function<void(const StateDelta&)>& visit) const {
  const Parts& parts = *parts_;
  std::string scratch;
  for_each_row(group, [&](StateRow row) { visit(parts.delta(row, shape_.has_blob, scratch)); });
}

void StateTable::for_each_row(uint32_t group, const std::function<void(StateRow)>& visit) const {
  const uint8_t index = parts_->group_index[group];
  if (index != 0xFF) parts_->for_each_row(parts_->groups[index], visit);
}

void StateTable::for_each_row(const std::function<void(StateRow)>& visit) const {
  for (uint32_t group = 0; group < kKeyGroups; ++group) for_each_row(group, visit);
}

void StateTable::apply(const StateDelta& delta) {
  Parts& parts = *parts_;
  const auto tag = static_cast<uint32_t>(hash_key(delta.key));
  StateRow row = parts.find(delta.key, tag);
  if (delta.erased) {
    if (row == kNoRow) return;
    const uint8_t number = group(row);
    parts.remove(row, shape_.has_blob);
    parts.group(number).free.push_back(row);
    return;
  }
  MS_ASSERT(delta.value.size() >= shape_.fixed_bytes);
  MS_ASSERT(shape_.has_blob || delta.value.size() == shape_.fixed_bytes);
  if (row == kNoRow) row = parts.insert(delta.key, tag, delta.group);
  std::memcpy(parts.value(row), delta.value.data(), shape_.fixed_bytes);
  if (shape_.has_blob) parts.set_blob(row, delta.value.substr(shape_.fixed_bytes));
}

size_t StateTable::rows() const { return parts_->live; }

size_t StateTable::rows(uint32_t group) const {
  const uint8_t index = parts_->group_index[group];
  return index == 0xFF ? 0 : parts_->groups[index].live;
}

size_t StateTable::bytes() const {
  const Parts& parts = *parts_;
  size_t slots = 0;
  for (const Segment& segment : parts.segments) slots += segment.slots.capacity() * sizeof(Slot);
  // A block: its bytes, what the allocator adds, its place in `blocks` and in its group.
  return sizeof parts + slots + parts.blocks.size() * (parts.stride * kBlockRows + 16 + 13) +
         parts.groups.size() * sizeof(Group) + parts.pool.bytes();
}

void StateTable::clear() { parts_ = std::make_unique<Parts>(shape_); }

}  // namespace millstream::analytics
