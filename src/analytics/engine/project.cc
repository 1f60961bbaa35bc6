#include "analytics/engine/project.h"

#include <utility>
#include <vector>

namespace millstream::analytics {
namespace {

std::vector<uint32_t> rows_without(size_t rows, std::span<const RowError> errors) {
  std::vector<uint32_t> good;
  good.reserve(rows);
  size_t next = 0;
  for (uint32_t row = 0; row < rows; ++row) {
    if (next < errors.size() && errors[next].row == row) {
      while (next < errors.size() && errors[next].row == row) ++next;
      continue;
    }
    good.push_back(row);
  }
  return good;
}

void report(std::span<const RowError> errors, const Batch& batch, Output& out) {
  for (const RowError& error : errors) out.row_error(error.message, batch, error.row);
}

class Project final : public Operator {
 public:
  explicit Project(std::unique_ptr<Program> program) : program_(std::move(program)) {}

  Result<> process(size_t, const Batch& batch, int64_t now_us, Output& out) override {
    errors_.clear();
    Batch result;
    result.rows = batch.rows;
    result.memory = batch.memory;
    result.columns = program_->run(batch, now_us, result.memory, errors_);
    result.changes = batch.changes;
    result.watermarks = batch.watermarks;
    if (!errors_.empty()) {
      report(errors_, batch, out);
      result = without_errors(result, errors_);
    }
    if (result.rows > 0) out.emit(std::move(result));
    return {};
  }

 private:
  std::unique_ptr<Program> program_;
  std::vector<RowError> errors_;
};

class Filter final : public Operator {
 public:
  explicit Filter(std::unique_ptr<Program> program) : program_(std::move(program)) {}

  Result<> process(size_t, const Batch& batch, int64_t now_us, Output& out) override {
    errors_.clear();
    const std::vector<uint32_t> rows = program_->select(batch, now_us, errors_);
    report(errors_, batch, out);
    if (rows.size() == batch.rows) {
      out.emit(batch);
    } else if (!rows.empty()) {
      out.emit(gather(batch, rows));
    }
    return {};
  }

 private:
  std::unique_ptr<Program> program_;
  std::vector<RowError> errors_;
};

}  // namespace

Batch without_errors(const Batch& batch, std::span<const RowError> errors) {
  return gather(batch, rows_without(batch.rows, errors));
}

Result<std::unique_ptr<Operator>> make_project(const PlanNode& node, OperatorContext context) {
  TRY_ASSIGN(auto program, Program::compile(std::get<ProjectNode>(node.node).expressions,
                                            {context.dialect, context.time_zone}));
  return std::make_unique<Project>(std::move(program));
}

Result<std::unique_ptr<Operator>> make_filter(const PlanNode& node, OperatorContext context) {
  const BoundPtr& condition = std::get<FilterNode>(node.node).condition;
  TRY_ASSIGN(auto program, Program::compile(std::span<const BoundPtr>(&condition, 1),
                                            {context.dialect, context.time_zone}));
  return std::make_unique<Filter>(std::move(program));
}

}  // namespace millstream::analytics
