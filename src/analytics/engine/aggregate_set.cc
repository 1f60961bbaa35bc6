#include "analytics/engine/aggregate_set.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/bytes.h"

namespace millstream::analytics {
namespace {

const Column& column_of(const Batch& batch, int index) {
  const ColumnPtr& column = batch.columns[static_cast<size_t>(index)];
  MS_ASSERT(column != nullptr);
  return *column;
}

bool passes(const Batch& batch, int filter, size_t row) {
  if (filter < 0) return true;
  const Column& column = column_of(batch, filter);
  return !column.is_null(row) && column.bools[row] != 0;
}

// The blobs of a row: for each a length of 4 bytes and its bytes. Nothing: all are empty.
std::vector<std::string> split_blobs(std::string_view bytes, int count) {
  std::vector<std::string> blobs(static_cast<size_t>(count));
  for (std::string& blob : blobs) {
    if (bytes.empty()) break;
    const auto size = load_le<uint32_t>(bytes.data());
    blob = bytes.substr(4, size);
    bytes.remove_prefix(4 + size);
  }
  return blobs;
}

std::string join_blobs(const std::vector<std::string>& blobs) {
  std::string bytes;
  for (const std::string& blob : blobs) {
    char size[4];
    store_le(size, static_cast<uint32_t>(blob.size()));
    bytes.append(size, sizeof size);
    bytes += blob;
  }
  return bytes;
}

}  // namespace

Result<std::unique_ptr<AggregateSet>> AggregateSet::make(const std::vector<AggregateCall>& calls,
                                                         sql::Dialect dialect, bool retracts) {
  auto set = std::make_unique<AggregateSet>();
  for (const AggregateCall& call : calls) TRY(set->add(call, dialect, retracts));
  set->changed_.resize(set->multisets_.size());
  return set;
}

Result<> AggregateSet::add(const AggregateCall& call, sql::Dialect dialect, bool retracts) {
  Item item;
  item.call = call;
  item.accumulator = call.function->make(call, dialect);
  const std::string_view name = call.function->name;
  const bool extreme = name == "MIN" || name == "MAX";
  if (extreme && retracts) {
    item.multiset = multiset_of(call, true);
    item.by_order = true;
    item.greatest = name == "MAX";
    items_.push_back(std::move(item));
    return {};
  }
  if (!item.accumulator->can_retract() && retracts) {
    return fail(ErrorCode::kInvalidArgument,
                "{} over a query that updates its rows is not yet supported; aggregate the "
                "source's rows, or use MIN or MAX",
                call.text.empty() ? name : std::string_view(call.text));
  }
  // Twice the same value changes neither MIN nor MAX.
  if (call.distinct && !extreme) {
    if (call.arguments.size() != 1) {
      return fail(ErrorCode::kInvalidArgument,
                  "{}: DISTINCT over several arguments is not yet supported", call.text);
    }
    item.multiset = multiset_of(call, false);
  }
  if (item.accumulator->uses_blob()) {
    item.blob = blobs_++;
  } else {
    item.offset = fixed_bytes_;
    fixed_bytes_ += item.accumulator->state_bytes();
  }
  items_.push_back(std::move(item));
  return {};
}

int AggregateSet::multiset_of(const AggregateCall& call, bool ordered) {
  for (size_t i = 0; i < multisets_.size(); ++i) {
    Multiset& known = multisets_[i];
    if (known.arguments != call.arguments || known.filter != call.filter) continue;
    known.ordered = known.ordered || ordered;
    return static_cast<int>(i);
  }
  multisets_.push_back({call.arguments, call.filter, ordered});
  return static_cast<int>(multisets_.size()) - 1;
}

AggregateValues AggregateSet::values(OperatorState& state, std::string_view prefix,
                                     bool erasable) const {
  AggregateValues values;
  for (size_t i = 0; i < multisets_.size(); ++i) {
    values.push_back(std::make_unique<ValueMultiset>(state, fmt::format("{}{}", prefix, i),
                                                     multisets_[i].ordered || erasable));
  }
  return values;
}

void AggregateSet::update(const Batch& batch, std::span<const uint32_t> rows,
                          std::span<const StateRow> states, StateTable& table, uint32_t offset,
                          AggregateValues& values) {
  all_.clear();
  for (size_t i = 0; i < rows.size(); ++i) {
    all_.push_back({rows[i], states[i], !is_addition(batch.change(rows[i]))});
  }
  for (size_t m = 0; m < multisets_.size(); ++m) {
    changed_[m].clear();
    const Column& column = column_of(batch, multisets_[m].arguments[0]);
    for (const Step& step : all_) {
      if (column.is_null(step.row) || !passes(batch, multisets_[m].filter, step.row)) continue;
      const int change = values[m]->change(table.key(step.state), table.group(step.state), column,
                                           step.row, step.retract);
      if (change != 0) changed_[m].push_back({step.row, step.state, change < 0});
    }
  }
  for (const Item& item : items_) {
    if (item.by_order) continue;
    if (item.multiset >= 0) {
      apply(item, batch, changed_[static_cast<size_t>(item.multiset)], table, offset);
    } else if (item.call.filter >= 0) {
      filtered_.clear();
      std::ranges::copy_if(all_, std::back_inserter(filtered_), [&](const Step& step) {
        return passes(batch, item.call.filter, step.row);
      });
      apply(item, batch, filtered_, table, offset);
    } else {
      apply(item, batch, all_, table, offset);
    }
  }
}

void AggregateSet::apply(const Item& item, const Batch& batch, std::span<const Step> steps,
                         StateTable& table, uint32_t offset) {
  std::vector<const Column*> arguments;
  for (const int argument : item.call.arguments) {
    arguments.push_back(&column_of(batch, argument));
  }
  if (item.blob >= 0) return apply_blob(item, arguments, steps, table);
  // Runs of one direction: the order of a group's rows is kept, whatever a batch holds.
  for (size_t start = 0; start < steps.size();) {
    rows_.clear();
    pointers_.clear();
    size_t end = start;
    for (; end < steps.size() && steps[end].retract == steps[start].retract; ++end) {
      rows_.push_back(steps[end].row);
      pointers_.push_back(table.value(steps[end].state) + offset + item.offset);
    }
    item.accumulator->update(arguments, rows_, pointers_, steps[start].retract);
    start = end;
  }
}

void AggregateSet::apply_blob(const Item& item, std::span<const Column* const> arguments,
                              std::span<const Step> steps, StateTable& table) {
  for (const Step& step : steps) {
    auto blobs = split_blobs(table.blob(step.state), blobs_);
    std::string& blob = blobs[static_cast<size_t>(item.blob)];
    const std::string before = blob;
    item.accumulator->update_blob(arguments, step.row, blob);
    if (blob != before) table.set_blob(step.state, join_blobs(blobs));
  }
}

void AggregateSet::merge(StateTable& table, StateRow to, StateRow from, uint32_t offset) {
  MS_ASSERT(multisets_.empty());
  std::vector<std::string> into;
  std::vector<std::string> other;
  if (blobs_ > 0) {
    into = split_blobs(table.blob(to), blobs_);
    other = split_blobs(table.blob(from), blobs_);
  }
  for (const Item& item : items_) {
    if (item.blob >= 0) {
      const auto blob = static_cast<size_t>(item.blob);
      item.accumulator->merge_blob(into[blob], other[blob]);
    } else {
      item.accumulator->merge(table.value(to) + offset + item.offset,
                              table.value(from) + offset + item.offset);
    }
  }
  if (blobs_ > 0) table.set_blob(to, join_blobs(into));
}

void AggregateSet::result(const StateTable& table, StateRow row, uint32_t offset,
                          const AggregateValues& values, std::span<Column* const> out,
                          Arena& arena) const {
  std::vector<std::string> blobs;
  if (blobs_ > 0) blobs = split_blobs(table.blob(row), blobs_);
  for (size_t i = 0; i < items_.size(); ++i) {
    const Item& item = items_[i];
    Column& column = *out[i];
    if (item.by_order) {
      const ValueMultiset& held = *values[static_cast<size_t>(item.multiset)];
      const auto value = item.greatest ? held.greatest(table.key(row)) : held.least(table.key(row));
      if (!value) {
        column.append_null();
      } else {
        Column* const target = &column;
        decode_key(*value, std::span<Column* const>(&target, 1), arena);
      }
    } else if (item.blob >= 0) {
      item.accumulator->result_blob(blobs[static_cast<size_t>(item.blob)], column, arena);
    } else {
      item.accumulator->result(table.value(row) + offset + item.offset, column, arena);
    }
  }
}

}  // namespace millstream::analytics
