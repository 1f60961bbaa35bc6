// All aggregates of a GROUP BY together, in the rows of a state table.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analytics/engine/operator.h"
#include "analytics/engine/state.h"
#include "analytics/engine/value_multiset.h"
#include "analytics/functions/aggregate.h"

namespace millstream::analytics {

// The multisets that belong to one table of groups (AggregateSet::values()).
using AggregateValues = std::vector<std::unique_ptr<ValueMultiset>>;

// Lays out the states of the aggregates in a row: accumulators one behind another in its fixed
// part from `offset` on, blobs (length and bytes each) in its blob. DISTINCT and what a
// retraction can't undo keep their values in multisets; equal ones are shared.
//
// Threads: one (the partition's).
class AggregateSet {
 public:
  // `retracts`: the input takes rows back. Errors: kInvalidArgument (not yet supported).
  static Result<std::unique_ptr<AggregateSet>> make(const std::vector<AggregateCall>& calls,
                                                    sql::Dialect dialect, bool retracts);

  uint32_t fixed_bytes() const { return fixed_bytes_; }
  bool uses_blob() const { return blobs_ > 0; }
  bool uses_values() const { return !multisets_.empty(); }
  // Multisets in tables "<prefix>0", "<prefix>1" …; `erasable`: ValueMultiset::erase_all().
  AggregateValues values(OperatorState& state, std::string_view prefix, bool erasable) const;

  // Takes rows[i] of the batch into row states[i] of the table, in order. The caller touches.
  void update(const Batch& batch, std::span<const uint32_t> rows, std::span<const StateRow> states,
              StateTable& table, uint32_t offset, AggregateValues& values);
  // Adds row `from` of the table to `to`. Without multisets only.
  void merge(StateTable& table, StateRow to, StateRow from, uint32_t offset);
  // Appends the results, a column each.
  void result(const StateTable& table, StateRow row, uint32_t offset, const AggregateValues& values,
              std::span<Column* const> out, Arena& arena) const;

 private:
  struct Multiset {
    std::vector<int> arguments;
    int filter = -1;
    bool ordered = false;
  };
  struct Item {
    AggregateCall call;
    std::unique_ptr<Accumulator> accumulator;
    uint32_t offset = 0;
    int blob = -1;
    int multiset = -1;
    bool by_order = false;  // the result is the least or greatest of the multiset
    bool greatest = false;
  };
  struct Step {
    uint32_t row;
    StateRow state;
    bool retract;
  };

  Result<> add(const AggregateCall& call, sql::Dialect dialect, bool retracts);
  int multiset_of(const AggregateCall& call, bool ordered);
  void apply(const Item& item, const Batch& batch, std::span<const Step> steps, StateTable& table,
             uint32_t offset);
  void apply_blob(const Item& item, std::span<const Column* const> arguments,
                  std::span<const Step> steps, StateTable& table);

  std::vector<Item> items_;
  std::vector<Multiset> multisets_;
  uint32_t fixed_bytes_ = 0;
  int blobs_ = 0;
  // Scratch.
  std::vector<Step> all_;
  std::vector<std::vector<Step>> changed_;  // by multiset: where the value came or went
  std::vector<Step> filtered_;
  std::vector<uint32_t> rows_;
  std::vector<char*> pointers_;
};

}  // namespace millstream::analytics
