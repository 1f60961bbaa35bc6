// The state of one node in one partition: its operator's tables, and their way into the changelog
// and back.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "analytics/engine/batch_record.h"
#include "analytics/engine/row_store.h"
#include "analytics/engine/state.h"

namespace millstream::analytics {

// Threads: one at a time.
// Format:  of a batch's changes, for each node with any: u32 node, then sections, each a u8 kind:
//   kDrop   name                                          a table or row store is gone
//   kValue  name, value                                   a value of the operator
//   kStore  u8 type, name, u32 fixed bytes, u32 count     changed rows, `count` times:
//             u8 flags, u8 group, key, value
//   kEnd
// Drops come before the rows of a store of the same name that was made again.
class NodeState final : public OperatorState {
 public:
  NodeState() = default;
  ~NodeState() override = default;
  NodeState(const NodeState&) = delete;
  NodeState& operator=(const NodeState&) = delete;

  OperatorState& operators() { return *this; }

  StateTable& table(const StateTable::Shape& shape) override;
  RowStore& row_store(std::string_view name, uint32_t fixed_bytes) override;
  void drop(std::string_view name) override;
  std::vector<StateTable*> tables(std::string_view prefix) override;
  std::vector<RowStore*> row_stores(std::string_view prefix) override;
  void set_value(std::string_view name, std::string_view value) override;
  std::string_view value(std::string_view name) const override;
  size_t bytes() const override;
  size_t rows() const;

  // Appends what changed since the last call, as number `node`; nothing if nothing did.
  void take_changes(uint32_t node, std::string& out);
  // One section after another, up to and with kEnd. Errors: kCorruption.
  Result<> apply(FieldReader& in);
  // The whole of a key group, and of the values, as sections with kEnd: for snapshots.
  void save_group(uint32_t group, std::string& out) const;
  void save_values(std::string& out) const;
  Result<> move_group(uint32_t group, NodeState& to) const;
  void copy_values(NodeState& to) const { to.values_ = values_; }

 private:
  enum class StoreType : uint8_t { kTable = 1, kBlobTable = 2, kRows = 3 };
  struct Store {
    StoreType type;
    uint32_t fixed_bytes;
    std::unique_ptr<StateStore> store;
  };
  using Visit = std::function<void(const StateDelta&)>;
  Store& make(std::string_view name, StoreType type, uint32_t fixed_bytes);
  static void write_store(std::string_view name, const Store& store,
                          const std::function<void(const Visit&)>& rows, std::string& out);
  Result<> apply_store(FieldReader& in);

  std::map<std::string, Store, std::less<>> stores_;
  std::map<std::string, std::string, std::less<>> values_;
  std::set<std::string, std::less<>> dropped_;
  std::set<std::string, std::less<>> changed_values_;
};

// Passes over the sections of a node that is not wanted any more. Errors: kCorruption.
Result<> skip_node_changes(FieldReader& in);

}  // namespace millstream::analytics
