#include "analytics/engine/reference_join.h"

#include <utility>

#include "analytics/engine/keyed_rows.h"
#include "analytics/engine/pair_condition.h"
#include "analytics/engine/pair_writer.h"

namespace millstream::analytics {
namespace {

constexpr uint32_t kNoRow = ReferenceIndex::kNoRow;

ColumnPtr gather_or_null(const Column& column, std::span<const uint32_t> rows) {
  auto result = std::make_shared<Column>(column.physical);
  result->reserve(rows.size());
  for (const uint32_t row : rows) {
    if (row == kNoRow) {
      result->append_null();
    } else {
      result->append(column, row);
    }
  }
  return result;
}

class ReferenceJoin final : public Operator {
 public:
  ReferenceJoin(const ReferenceJoinNode& node, const PlanNode& plan, const OperatorContext& context,
                std::unique_ptr<Program> condition)
      : node_(node),
        keys_(node.left_keys, std::nullopt),
        left_columns_(plan.inputs[0]->schema.size()),
        tables_(context.references),
        condition_(std::move(condition)) {}

  Result<> process(size_t, const Batch& batch, int64_t now_us, Output& out) override {
    TRY(take_table());
    batch_ = &batch;
    now_us_ = now_us;
    out_ = &out;
    keys_.encode(batch);
    found_ = false;
    for (uint32_t row = 0; row < batch.rows; ++row) {
      if (!keys_.has_null(row)) {
        for (uint32_t at = index_->first(keys_.keys()[row]); at != kNoRow; at = index_->next(at)) {
          add(row, at);
        }
      }
      if (condition_) {
        ends_.push_back({rows_.size(), row});
      } else {
        end_row(row, rows_, found_rows_);
        if (rows_.size() >= kPieceRows) settle();
      }
    }
    settle();
    return {};
  }

 private:
  struct RowEnd {
    size_t pairs;  // collected by then
    uint32_t row;
  };

  // The newest version, for the whole of a batch.
  Result<> take_table() {
    const auto newest = tables_ == nullptr ? nullptr : tables_->get(node_.table->name);
    if (newest == nullptr) {
      return fail(ErrorCode::kInvalidArgument,
                  "the reference table '{}' has not been read: give its file a place that the "
                  "application can read, and start it again",
                  node_.table->name);
    }
    if (newest == table_) return {};
    table_ = newest;
    index_ = table_->index(node_.table_keys);
    return {};
  }

  void add(uint32_t row, uint32_t at) {
    rows_.push_back(row);
    found_rows_.push_back(at);
    found_ = true;
    if (rows_.size() >= kPieceRows) settle();
  }

  void end_row(uint32_t row, std::vector<uint32_t>& rows, std::vector<uint32_t>& table_rows) {
    if (!std::exchange(found_, false) && node_.kind == sql::JoinKind::kLeft) {
      rows.push_back(row);
      table_rows.push_back(kNoRow);
    }
  }

  // Puts out what has been collected. A row can go on behind it: `found_` says whether it has
  // had a partner.
  void settle() {
    if (condition_ && !(rows_.empty() && ends_.empty())) keep_what_holds();
    if (!rows_.empty()) out_->emit(pairs());
    rows_.clear();
    found_rows_.clear();
  }

  void keep_what_holds() {
    const Batch candidates = pairs();
    errors_.clear();
    const std::vector<uint32_t> holds = condition_->select(candidates, now_us_, errors_);
    report_pair_errors(errors_, candidates, left_columns_, *out_);
    std::vector<uint32_t> rows;
    std::vector<uint32_t> table_rows;
    size_t next = 0;
    found_ = found_before_;
    const auto take_until = [&](size_t pairs) {
      for (; next < holds.size() && holds[next] < pairs; ++next) {
        rows.push_back(rows_[holds[next]]);
        table_rows.push_back(found_rows_[holds[next]]);
        found_ = true;
      }
    };
    for (const RowEnd& end : ends_) {
      take_until(end.pairs);
      end_row(end.row, rows, table_rows);
    }
    take_until(rows_.size());
    found_before_ = found_;
    ends_.clear();
    rows_ = std::move(rows);
    found_rows_ = std::move(table_rows);
  }

  Batch pairs() const {
    Batch result = gather(*batch_, rows_);
    const Batch& table = table_->rows();
    for (const ColumnPtr& column : table.columns) {
      result.columns.push_back(gather_or_null(*column, found_rows_));
    }
    result.memory.insert(result.memory.end(), table.memory.begin(), table.memory.end());
    return result;
  }

  ReferenceJoinNode node_;
  KeyedRows keys_;
  size_t left_columns_;
  ReferenceTables* tables_;
  std::unique_ptr<Program> condition_;
  std::shared_ptr<const ReferenceTable> table_;
  std::shared_ptr<const ReferenceIndex> index_;

  // Of the call of process() under way.
  const Batch* batch_ = nullptr;
  int64_t now_us_ = 0;
  Output* out_ = nullptr;
  std::vector<uint32_t> rows_;        // of the batch
  std::vector<uint32_t> found_rows_;  // of the table; kNoRow: NULLs
  std::vector<RowEnd> ends_;          // with a condition
  std::vector<RowError> errors_;
  bool found_ = false;
  bool found_before_ = false;  // of the row that goes on, with a condition
};

}  // namespace

ReferenceIndex::ReferenceIndex(const Batch& rows, std::vector<int> columns) {
  KeyedRows keys(std::move(columns), std::nullopt);
  keys.encode(rows);
  size_t total = 0;
  for (const std::string_view key : keys.keys()) total += key.size();
  bytes_.reserve(total);
  next_.assign(rows.rows, kNoRow);
  first_.reserve(rows.rows);
  for (uint32_t row = static_cast<uint32_t>(rows.rows); row-- > 0;) {
    if (keys.has_null(row)) continue;
    const std::string_view key = keys.keys()[row];
    if (const auto known = first_.find(key); known != first_.end()) {
      next_[row] = std::exchange(known->second, row);
      continue;
    }
    const size_t start = bytes_.size();
    bytes_.append(key);  // within what was reserved: views stay valid
    first_.emplace(std::string_view(bytes_).substr(start), row);
  }
}

uint32_t ReferenceIndex::first(std::string_view key) const {
  const auto found = first_.find(key);
  return found == first_.end() ? kNoRow : found->second;
}

ReferenceTable::ReferenceTable(Schema schema, std::span<const Batch> pieces)
    : schema_(std::move(schema)) {
  BatchBuilder builder(schema_);
  for (const Batch& piece : pieces) {
    builder.keep(piece);
    for (size_t row = 0; row < piece.rows; ++row) {
      for (size_t i = 0; i < schema_.size(); ++i) {
        if (piece.columns[i] == nullptr) {
          builder.column(i).append_null();
        } else {
          builder.column(i).append(*piece.columns[i], row);
        }
      }
      builder.finish_row();
    }
  }
  rows_ = builder.take();
}

size_t ReferenceTable::bytes() const {
  size_t bytes = 0;
  for (const ColumnPtr& column : rows_.columns) {
    bytes += column->size() *
             (column->physical == Physical::kString ? sizeof(std::string_view) : sizeof(int64_t));
  }
  for (const auto& memory : rows_.memory) bytes += memory->bytes();
  return bytes;
}

std::shared_ptr<const ReferenceIndex> ReferenceTable::index(const std::vector<int>& columns) const {
  std::lock_guard lock(mutex_);
  auto& index = indexes_[columns];
  if (index == nullptr) index = std::make_shared<ReferenceIndex>(rows_, columns);
  return index;
}

void ReferenceTables::put(std::string name, std::shared_ptr<const ReferenceTable> table) {
  std::lock_guard lock(mutex_);
  tables_[std::move(name)] = std::move(table);
}

std::shared_ptr<const ReferenceTable> ReferenceTables::get(std::string_view name) const {
  std::lock_guard lock(mutex_);
  const auto found = tables_.find(name);
  return found == tables_.end() ? nullptr : found->second;
}

Result<std::unique_ptr<Operator>> make_reference_join(const PlanNode& node,
                                                      OperatorContext context) {
  const auto& join = std::get<ReferenceJoinNode>(node.node);
  if (join.kind != sql::JoinKind::kInner && join.kind != sql::JoinKind::kCross &&
      join.kind != sql::JoinKind::kLeft) {
    return fail(ErrorCode::kInvalidArgument,
                "a join with the reference table '{}' must be JOIN or LEFT JOIN; others are not "
                "yet supported",
                join.table->name);
  }
  std::unique_ptr<Program> condition;
  if (join.condition != nullptr) {
    TRY_ASSIGN(condition, Program::compile(std::span<const BoundPtr>(&join.condition, 1),
                                           {context.dialect, context.time_zone}));
  }
  return std::make_unique<ReferenceJoin>(join, node, context, std::move(condition));
}

}  // namespace millstream::analytics
