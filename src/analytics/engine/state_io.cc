#include "analytics/engine/state_io.h"

#include <cstring>

namespace millstream::analytics {
namespace {

constexpr uint8_t kEnd = 0;
constexpr uint8_t kDrop = 1;
constexpr uint8_t kValue = 2;
constexpr uint8_t kStore = 3;
constexpr uint8_t kErased = 1;
constexpr size_t kLeastDelta = 10;  // bytes of an entry with empty texts

std::unexpected<Error> broken() {
  return fail(ErrorCode::kCorruption,
              "an application's state is not readable; restore it from a snapshot, or start the "
              "application anew without its state");
}

}  // namespace

NodeState::Store& NodeState::make(std::string_view name, StoreType type, uint32_t fixed_bytes) {
  const auto found = stores_.find(name);
  if (found != stores_.end()) {
    MS_ASSERT(found->second.type == type && found->second.fixed_bytes == fixed_bytes);
    return found->second;
  }
  std::unique_ptr<StateStore> store;
  if (type == StoreType::kRows) {
    store = std::make_unique<RowStore>(std::string(name), fixed_bytes);
  } else {
    store = std::make_unique<StateTable>(
        StateTable::Shape{std::string(name), fixed_bytes, type == StoreType::kBlobTable});
  }
  return stores_.emplace(name, Store{type, fixed_bytes, std::move(store)}).first->second;
}

StateTable& NodeState::table(const StateTable::Shape& shape) {
  Store& store = make(shape.name, shape.has_blob ? StoreType::kBlobTable : StoreType::kTable,
                      shape.fixed_bytes);
  return static_cast<StateTable&>(*store.store);
}

RowStore& NodeState::row_store(std::string_view name, uint32_t fixed_bytes) {
  return static_cast<RowStore&>(*make(name, StoreType::kRows, fixed_bytes).store);
}

void NodeState::drop(std::string_view name) {
  const auto found = stores_.find(name);
  if (found == stores_.end()) return;
  stores_.erase(found);
  dropped_.emplace(name);
}

std::vector<StateTable*> NodeState::tables(std::string_view prefix) {
  std::vector<StateTable*> found;
  for (auto at = stores_.lower_bound(prefix);
       at != stores_.end() && std::string_view(at->first).starts_with(prefix); ++at) {
    if (at->second.type != StoreType::kRows) {
      found.push_back(static_cast<StateTable*>(at->second.store.get()));
    }
  }
  return found;
}

std::vector<RowStore*> NodeState::row_stores(std::string_view prefix) {
  std::vector<RowStore*> found;
  for (auto at = stores_.lower_bound(prefix);
       at != stores_.end() && std::string_view(at->first).starts_with(prefix); ++at) {
    if (at->second.type == StoreType::kRows) {
      found.push_back(static_cast<RowStore*>(at->second.store.get()));
    }
  }
  return found;
}

void NodeState::set_value(std::string_view name, std::string_view value) {
  const auto found = values_.find(name);
  if (found == values_.end()) {
    values_.emplace(name, value);
  } else if (found->second != value) {
    found->second = value;
  } else {
    return;
  }
  changed_values_.emplace(name);
}

std::string_view NodeState::value(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::string_view() : found->second;
}

size_t NodeState::bytes() const {
  size_t bytes = 0;
  for (const auto& [name, store] : stores_) bytes += store.store->bytes();
  return bytes;
}

size_t NodeState::rows() const {
  size_t rows = 0;
  for (const auto& [name, store] : stores_) rows += store.store->rows();
  return rows;
}

void NodeState::write_store(std::string_view name, const Store& store,
                            const std::function<void(const Visit&)>& rows, std::string& out) {
  const size_t begin = out.size();
  FieldWriter writer(out);
  writer.number(kStore);
  writer.number(static_cast<uint8_t>(store.type));
  writer.text(name);
  writer.number(store.fixed_bytes);
  const size_t count_at = out.size();
  writer.number(uint32_t{0});
  uint32_t count = 0;
  rows([&](const StateDelta& delta) {
    ++count;
    const size_t at = out.size();
    out.resize(at + 2 + 8 + delta.key.size() + delta.value.size());
    char* to = out.data() + at;
    to[0] = static_cast<char>(delta.erased ? kErased : 0);
    to[1] = static_cast<char>(delta.group);
    store_le(to + 2, static_cast<uint32_t>(delta.key.size()));
    if (!delta.key.empty()) std::memcpy(to + 6, delta.key.data(), delta.key.size());
    to += 6 + delta.key.size();
    store_le(to, static_cast<uint32_t>(delta.value.size()));
    if (!delta.value.empty()) std::memcpy(to + 4, delta.value.data(), delta.value.size());
  });
  if (count == 0) {
    out.resize(begin);
  } else {
    store_le(out.data() + count_at, count);
  }
}

void NodeState::take_changes(uint32_t node, std::string& out) {
  const size_t begin = out.size();
  FieldWriter writer(out);
  writer.number(node);
  const size_t empty = out.size();
  for (const std::string& name : dropped_) {
    writer.number(kDrop);
    writer.text(name);
  }
  for (const std::string& name : changed_values_) {
    writer.number(kValue);
    writer.text(name);
    writer.text(values_.find(name)->second);
  }
  dropped_.clear();
  changed_values_.clear();
  for (const auto& [name, store] : stores_) {
    write_store(
        name, store, [&](const Visit& visit) { store.store->for_each_changed(visit); }, out);
    store.store->clear_changes();
  }
  if (out.size() == empty) {
    out.resize(begin);
  } else {
    writer.number(kEnd);
  }
}

Result<> NodeState::apply_store(FieldReader& in) {
  const auto type = static_cast<StoreType>(in.number<uint8_t>());
  const std::string_view name = in.text();
  const auto fixed_bytes = in.number<uint32_t>();
  if (!in.ok() || type < StoreType::kTable || type > StoreType::kRows) return broken();
  const auto found = stores_.find(name);
  if (found != stores_.end() &&
      (found->second.type != type || found->second.fixed_bytes != fixed_bytes)) {
    return broken();
  }
  StateStore& store = *make(name, type, fixed_bytes).store;
  for (size_t left = in.count(kLeastDelta); left > 0; --left) {
    StateDelta delta;
    delta.erased = (in.number<uint8_t>() & kErased) != 0;
    delta.group = in.number<uint8_t>();
    delta.key = in.text();
    delta.value = in.text();
    if (!in.ok() || delta.group >= kKeyGroups) return broken();
    // Tables assert it of their operators; here it is a file's.
    if (type != StoreType::kRows && !delta.erased &&
        (delta.value.size() < fixed_bytes ||
         (type == StoreType::kTable && delta.value.size() != fixed_bytes))) {
      return broken();
    }
    store.apply(delta);
  }
  return in.ok() ? Result<>() : broken();
}

Result<> NodeState::apply(FieldReader& in) {
  for (;;) {
    const auto kind = in.number<uint8_t>();
    if (!in.ok()) return broken();
    switch (kind) {
      case kEnd:
        return {};
      case kDrop: {
        const auto found = stores_.find(in.text());
        if (found != stores_.end()) stores_.erase(found);
        break;
      }
      case kValue: {
        const std::string_view name = in.text();
        values_.insert_or_assign(std::string(name), std::string(in.text()));
        break;
      }
      case kStore:
        TRY(apply_store(in));
        break;
      default:
        return broken();
    }
  }
}

void NodeState::save_group(uint32_t group, std::string& out) const {
  for (const auto& [name, store] : stores_) {
    write_store(name, store, [&](const Visit& visit) { store.store->for_each(group, visit); }, out);
  }
  FieldWriter(out).number(kEnd);
}

void NodeState::save_values(std::string& out) const {
  FieldWriter writer(out);
  for (const auto& [name, value] : values_) {
    writer.number(kValue);
    writer.text(name);
    writer.text(value);
  }
  writer.number(kEnd);
}

Result<> NodeState::move_group(uint32_t group, NodeState& to) const {
  for (const auto& [name, store] : stores_) {
    StateStore& target = *to.make(name, store.type, store.fixed_bytes).store;
    store.store->for_each(group, [&](const StateDelta& delta) { target.apply(delta); });
  }
  return {};
}

Result<> skip_node_changes(FieldReader& in) {
  for (;;) {
    const auto kind = in.number<uint8_t>();
    if (!in.ok()) return broken();
    if (kind == kEnd) return {};
    if (kind == kDrop) {
      (void)in.text();
    } else if (kind == kValue) {
      (void)in.text();
      (void)in.text();
    } else if (kind == kStore) {
      (void)in.number<uint8_t>();
      (void)in.text();
      (void)in.number<uint32_t>();
      for (size_t left = in.count(kLeastDelta); left > 0; --left) {
        (void)in.number<uint16_t>();
        (void)in.text();
        (void)in.text();
      }
    } else {
      return broken();
    }
  }
}

}  // namespace millstream::analytics
