#include "analytics/functions/program.h"

#include <algorithm>
#include <deque>
#include <ranges>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "analytics/functions/blend.h"
#include "analytics/functions/cast.h"
#include "analytics/functions/kernel.h"
#include "analytics/functions/time_value.h"

namespace millstream::analytics {
namespace {

// Deeper expressions are refused, so that no script exhausts the stack (the parser's limit is
// 200; views add theirs).
constexpr int kMaxExpressionDepth = 2000;
// Texts of errors in one run; what goes beyond shares one text.
constexpr size_t kMaxErrorTexts = 60'000;
constexpr size_t kMaxShownExpression = 200;

enum class Step : uint8_t { kInput, kLiteral, kCall, kCast, kCase, kAnd, kOr, kCoalesce, kNow };

// One kernel of the flat program; arguments are steps before it.
struct Node {
  Step step = Step::kLiteral;
  Type type;
  Physical physical = Physical::kInt64;
  std::vector<uint32_t> arguments;
  size_t passed = SIZE_MAX;  // so many arguments the kernel gets at most
  std::vector<Type> argument_types;
  int column = -1;
  Value literal;
  std::string_view literal_bytes;  // a literal string, in the program's arena
  const Function* function = nullptr;
  std::shared_ptr<void> state;
  bool try_cast = false;
  bool is_output = false;
  bool is_passed = false;  // to another step's kernel
  uint32_t constants = 0;
  std::string text;

  std::shared_ptr<Column> scratch;  // reused from run to run unless it was handed out
  ColumnPtr value;                  // of this run; literals: kept, at least as long as the batch
};

// Whether every value of `from` is, unchanged, a value of `to`.
bool is_free_cast(const Type& from, const Type& to) {
  if (from.is_integer() && to.is_integer()) return from.kind <= to.kind;
  if (from.is_approximate() && to.is_approximate()) return from.kind <= to.kind;
  if (from.is_string() && to.kind == TypeKind::kVarchar) {
    return from.precision > 0 && from.precision <= to.precision;
  }
  if (from.is_binary() && to.kind == TypeKind::kVarbinary) return from.precision <= to.precision;
  if (from.kind != to.kind) return false;
  if (from.kind == TypeKind::kDecimal) {
    return from.scale == to.scale && from.precision <= to.precision;
  }
  if (from.is_string() || from.is_binary()) return from.precision == to.precision;
  return from.precision <= to.precision;
}

// Casts whose result hangs on the day of the run.
bool is_cast_to_today(const Type& from, const Type& to) {
  return from.kind == TypeKind::kTime && to.is_timestamp();
}

void fill_literal(const Value& literal, size_t rows, std::string_view text, Column& out) {
  if (std::holds_alternative<std::monostate>(literal)) {
    out.resize(rows);
    out.nulls.assign(rows, 1);
    return;
  }
  switch (out.physical) {
    case Physical::kBool:
      out.bools.assign(rows, std::get<bool>(literal) ? 1 : 0);
      break;
    case Physical::kInt64:
      out.ints.assign(rows, std::get<int64_t>(literal));
      break;
    case Physical::kDouble:
      out.doubles.assign(rows, std::get<double>(literal));
      break;
    case Physical::kDecimal:
      out.decimals.assign(rows, std::get<Decimal>(literal));
      break;
    case Physical::kString:
      out.strings.assign(rows, text);
      break;
  }
}

// NULL wherever an argument is; an error there is none.
void merge_nulls(size_t rows, Arguments arguments, Column& out) {
  for (const Column* argument : arguments) {
    if (argument->nulls.empty()) continue;
    if (out.nulls.empty()) {
      out.nulls.assign(argument->nulls.begin(),
                       argument->nulls.begin() + static_cast<ptrdiff_t>(rows));
      continue;
    }
    for (size_t i = 0; i < rows; ++i) out.nulls[i] |= argument->nulls[i];
  }
  if (out.errors.empty() || out.nulls.empty()) return;
  for (size_t i = 0; i < rows; ++i) {
    if (out.nulls[i] != 0) out.errors[i] = 0;
  }
}

// An argument that failed comes before what was made of it; the first argument before others.
void merge_errors(size_t rows, Arguments arguments, Column& out) {
  for (size_t k = arguments.size(); k-- > 0;) {
    const Column& argument = *arguments[k];
    if (argument.errors.empty()) continue;
    if (out.errors.empty()) out.errors.assign(rows, 0);
    for (size_t i = 0; i < rows; ++i) {
      if (argument.errors[i] != 0) out.errors[i] = argument.errors[i];
    }
  }
}

void errors_to_nulls(size_t rows, Column& out) {
  if (out.errors.empty()) return;
  if (out.nulls.empty()) out.nulls.assign(rows, 0);
  for (size_t i = 0; i < rows; ++i) {
    if (out.errors[i] != 0) out.nulls[i] = 1;
  }
  out.errors.clear();
}

class CompiledProgram final : public Program {
 public:
  explicit CompiledProgram(ProgramSettings settings) : settings_(std::move(settings)) {}

  Result<> add_output(const BoundPtr& expression) {
    TRY_ASSIGN(const uint32_t node, compile_node(expression, 0));
    nodes_[node].is_output = true;
    outputs_.push_back(node);
    return {};
  }

  std::vector<ColumnPtr> run(const Batch& input, int64_t now_us,
                             std::vector<std::shared_ptr<Arena>>& memory,
                             std::vector<RowError>& errors) override {
    compute_all(input, now_us);
    std::vector<ColumnPtr> results;
    results.reserve(outputs_.size());
    for (const uint32_t output : outputs_) results.push_back(output_column(output, input.rows));
    collect_errors(errors);
    if (arena_->bytes() > 0) memory.push_back(arena_);
    if (literals_->bytes() > 0) memory.push_back(literals_);
    finish();
    return results;
  }

  std::vector<uint32_t> select(const Batch& input, int64_t now_us,
                               std::vector<RowError>& errors) override {
    MS_ASSERT(outputs_.size() == 1 && nodes_[outputs_[0]].physical == Physical::kBool);
    compute_all(input, now_us);
    const ColumnPtr condition = output_column(outputs_[0], input.rows);
    collect_errors(errors);
    std::vector<uint32_t> rows(input.rows);
    size_t count = 0;
    for (size_t i = 0; i < input.rows; ++i) {
      rows[count] = static_cast<uint32_t>(i);
      const bool failed = !condition->errors.empty() && condition->errors[i] != 0;
      count += condition->bools[i] != 0 && !condition->is_null(i) && !failed ? 1 : 0;
    }
    rows.resize(count);
    finish();
    return rows;
  }

 private:
  Result<uint32_t> compile_node(const BoundPtr& expression, int depth);
  Result<uint32_t> compile_new(const BoundPtr& expression, int depth);
  Result<uint32_t> compile_lowered(const BoundExpression& call, int depth);
  Result<> compile_arguments(const BoundExpression& expression, int depth, Node& node);
  Result<> prepare(const BoundExpression& expression, Node& node);
  uint32_t add_node(Node node, bool shareable);
  void fold(Node& node);

  void compute_all(const Batch& input, int64_t now_us);
  void compute(Node& node);
  void call_kernel(Node& node, Arguments arguments, Column& out);
  void fill_now(const Node& node, Column& out) const;
  ColumnPtr literal_column(Node& node, size_t rows);
  ColumnPtr output_column(uint32_t index, size_t rows);
  void collect_errors(std::vector<RowError>& errors);
  void finish();
  uint16_t error_number(std::string text);

  ProgramSettings settings_;
  std::vector<Node> nodes_;
  std::vector<uint32_t> outputs_;
  std::vector<BoundPtr> kept_;  // what addresses in `by_address_` point to
  std::unordered_map<const BoundExpression*, uint32_t> by_address_;
  std::unordered_map<std::string, uint32_t> by_key_;
  std::shared_ptr<Arena> literals_ = std::make_shared<Arena>();

  // Of the current run.
  size_t rows_ = 0;
  int64_t now_us_ = 0;
  std::shared_ptr<Arena> arena_;
  std::vector<const Column*> argument_columns_;
  const Node* current_ = nullptr;
  std::deque<std::string> error_texts_;
  std::unordered_map<std::string, uint16_t> error_numbers_;
};

Result<uint32_t> CompiledProgram::compile_node(const BoundPtr& expression, int depth) {
  if (depth > kMaxExpressionDepth) {
    return fail(ErrorCode::kInvalidArgument,
                "an expression is nested more than {} levels deep: split it into several views",
                kMaxExpressionDepth);
  }
  if (const auto found = by_address_.find(expression.get()); found != by_address_.end()) {
    return found->second;
  }
  TRY_ASSIGN(const uint32_t node, compile_new(expression, depth));
  kept_.push_back(expression);
  by_address_.emplace(expression.get(), node);
  return node;
}

Result<> CompiledProgram::compile_arguments(const BoundExpression& expression, int depth,
                                            Node& node) {
  const bool chooses = node.step == Step::kCase || node.step == Step::kCoalesce;
  for (size_t i = 0; i < expression.arguments.size(); ++i) {
    BoundPtr argument = expression.arguments[i];
    const bool is_condition =
        node.step == Step::kCase && i % 2 == 0 && i + 1 < expression.arguments.size();
    if (chooses && !is_condition) {
      // Values that are chosen between lie alike: an untyped NULL among them, too.
      if (argument->type.kind == TypeKind::kNull) {
        argument = bound_literal(std::monostate(), expression.type);
      } else if (argument->type.physical() != node.physical ||
                 argument->type.scale != expression.type.scale) {
        argument = bound_cast(argument, expression.type);
      }
    }
    TRY_ASSIGN(const uint32_t index, compile_node(argument, depth + 1));
    if (nodes_[index].step == Step::kLiteral && i < 32) node.constants |= 1U << i;
    node.arguments.push_back(index);
    node.argument_types.push_back(argument->type);
  }
  return {};
}

Result<> CompiledProgram::prepare(const BoundExpression& expression, Node& node) {
  if (node.function->prepare == nullptr) return {};
  // Arguments that turned out constant are literals to the function.
  std::vector<BoundPtr> arguments = expression.arguments;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const Node& argument = nodes_[node.arguments[i]];
    if (argument.step == Step::kLiteral && arguments[i]->kind != BoundKind::kLiteral) {
      arguments[i] = bound_literal(argument.literal, argument.type);
    }
  }
  TRY_ASSIGN(node.state, node.function->prepare(arguments));
  if (node.state != nullptr && node.function->state_is_enough) node.passed = 1;
  return {};
}

Result<uint32_t> CompiledProgram::compile_lowered(const BoundExpression& call, int depth) {
  return compile_node(call.function->lower(call, settings_.dialect), depth + 1);
}

Result<uint32_t> CompiledProgram::compile_new(const BoundPtr& expression, int depth) {
  Node node;
  node.type = expression->type;
  node.physical = expression->type.physical();
  switch (expression->kind) {
    case BoundKind::kColumn:
      node.step = Step::kInput;
      node.column = expression->column;
      return add_node(std::move(node), true);
    case BoundKind::kLiteral:
      node.literal = expression->literal;
      return add_node(std::move(node), true);
    case BoundKind::kProctime:
    case BoundKind::kCurrentTime:
      node.step = Step::kNow;
      return add_node(std::move(node), true);
    case BoundKind::kCall:
      if (expression->function->lower != nullptr) return compile_lowered(*expression, depth);
      node.step = Step::kCall;
      node.function = expression->function;
      break;
    case BoundKind::kCast:
      if (is_free_cast(expression->arguments[0]->type, expression->type)) {
        return compile_node(expression->arguments[0], depth + 1);
      }
      node.step = Step::kCast;
      node.try_cast = expression->try_cast;
      break;
    case BoundKind::kCase:
      node.step = Step::kCase;
      break;
    case BoundKind::kAnd:
      node.step = Step::kAnd;
      break;
    case BoundKind::kOr:
      node.step = Step::kOr;
      break;
    case BoundKind::kCoalesce:
      node.step = Step::kCoalesce;
      break;
  }
  node.text = expression->text.substr(0, kMaxShownExpression);
  TRY(compile_arguments(*expression, depth, node));
  bool deterministic = true;
  if (node.step == Step::kCall) {
    deterministic = node.function->deterministic;
    TRY(prepare(*expression, node));
  } else if (node.step == Step::kCast) {
    deterministic = !is_cast_to_today(node.argument_types[0], node.type);
  }
  const bool constant = std::ranges::all_of(
      node.arguments, [this](uint32_t i) { return nodes_[i].step == Step::kLiteral; });
  if (constant && deterministic) fold(node);
  return add_node(std::move(node), deterministic);
}

// Equal steps are one.
uint32_t CompiledProgram::add_node(Node node, bool shareable) {
  Type type = node.type;
  type.nullable = true;
  type.time = TimeAttribute::kNone;
  std::string key =
      fmt::format("{} {} {} {} {} ", static_cast<int>(node.step), node.column,
                  static_cast<const void*>(node.function), node.try_cast, type_text(type));
  for (const uint32_t argument : node.arguments) key += fmt::format("{},", argument);
  if (node.step == Step::kLiteral) key += value_text(node.literal, type);
  // Doubles that print alike are alike, but for the sign of zero.
  if (const auto* number = std::get_if<double>(&node.literal)) {
    key += fmt::format(" {}", std::bit_cast<uint64_t>(*number));
  }
  if (shareable) {
    if (const auto found = by_key_.find(key); found != by_key_.end()) return found->second;
  }
  for (const uint32_t argument : node.arguments | std::views::take(node.passed)) {
    nodes_[argument].is_passed = true;
  }
  nodes_.push_back(std::move(node));
  const auto index = static_cast<uint32_t>(nodes_.size() - 1);
  if (shareable) by_key_.emplace(std::move(key), index);
  return index;
}

// Computes a step over constants once, for all rows. One that fails stays: it fails in each row
// that needs it.
void CompiledProgram::fold(Node& node) {
  rows_ = 1;
  arena_ = std::make_shared<Arena>();
  for (const uint32_t argument : node.arguments) {
    nodes_[argument].value = literal_column(nodes_[argument], 1);
  }
  compute(node);
  const bool failed = !node.value->errors.empty() && node.value->errors[0] != 0;
  if (!failed) {
    node.literal = node.value->value(0);
    node.step = Step::kLiteral;
    node.arguments.clear();
    node.argument_types.clear();
    node.function = nullptr;
    node.state.reset();
    node.try_cast = false;
  }
  node.value.reset();
  node.scratch.reset();
  current_ = nullptr;
  error_texts_.clear();
  error_numbers_.clear();
}

ColumnPtr CompiledProgram::literal_column(Node& node, size_t rows) {
  if (node.value && node.value->size() >= rows) return node.value;
  auto column = std::make_shared<Column>(node.physical);
  const auto* value = std::get_if<std::string>(&node.literal);
  if (value != nullptr && node.literal_bytes.empty()) node.literal_bytes = literals_->copy(*value);
  fill_literal(node.literal, rows, node.literal_bytes, *column);
  return column;
}

void CompiledProgram::compute_all(const Batch& input, int64_t now_us) {
  rows_ = input.rows;
  now_us_ = now_us;
  arena_ = std::make_shared<Arena>();
  error_texts_.clear();
  error_numbers_.clear();
  for (Node& node : nodes_) {
    if (node.step == Step::kInput) {
      node.value = input.columns[static_cast<size_t>(node.column)];
      MS_ASSERT(node.value != nullptr);
    } else if (node.step == Step::kLiteral) {
      // A list of thousands of constants is no columns.
      if (node.is_passed || node.is_output) node.value = literal_column(node, rows_);
    } else {
      compute(node);
    }
  }
}

void CompiledProgram::compute(Node& node) {
  if (!node.scratch) node.scratch = std::make_shared<Column>(node.physical);
  Column& out = *node.scratch;
  out.nulls.clear();
  out.errors.clear();
  out.strings.clear();
  argument_columns_.clear();
  for (const uint32_t argument : node.arguments | std::views::take(node.passed)) {
    argument_columns_.push_back(nodes_[argument].value.get());
  }
  const Arguments arguments(argument_columns_);
  switch (node.step) {
    case Step::kCase:
      choose_case(rows_, arguments, out);
      break;
    case Step::kAnd:
      combine_logic(rows_, arguments, 0, out);
      break;
    case Step::kOr:
      combine_logic(rows_, arguments, 1, out);
      break;
    case Step::kCoalesce:
      choose_first(rows_, arguments, out);
      break;
    case Step::kNow:
      fill_now(node, out);
      break;
    default:
      call_kernel(node, arguments, out);
      break;
  }
  MS_ASSERT(out.size() == rows_);
  node.value = node.scratch;
}

void CompiledProgram::call_kernel(Node& node, Arguments arguments, Column& out) {
  current_ = &node;
  KernelContext context{
      .rows = rows_,
      .arena = *arena_,
      .type = node.type,
      .argument_types = node.argument_types,
      .dialect = settings_.dialect,
      .now_us = now_us_,
      .time_zone = settings_.time_zone,
      .state = node.state.get(),
      .constants = node.constants,
      .error = [this](std::string text) { return error_number(std::move(text)); }};
  if (node.step == Step::kCast) {
    cast_column(context, *arguments[0], out);
  } else {
    node.function->kernel(context, arguments, out);
  }
  if (node.step == Step::kCast || !node.function->nulls_are_values) {
    merge_nulls(rows_, arguments, out);
  }
  if (node.try_cast) errors_to_nulls(rows_, out);
  merge_errors(rows_, arguments, out);
}

void CompiledProgram::fill_now(const Node& node, Column& out) const {
  const auto zone = find_time_zone(settings_.time_zone);
  const int64_t local = zone ? (*zone)->to_local(now_us_) : now_us_;
  int64_t value = 0;
  switch (node.type.kind) {
    case TypeKind::kDate:
      value = floor_div(local, kMicrosPerDay);
      break;
    case TypeKind::kTime:
      value = floor_mod(local, kMicrosPerDay) / kMicrosPerMilli;
      break;
    case TypeKind::kTimestamp:
      value = truncate_to_precision(local, node.type.precision);
      break;
    default:
      value = truncate_to_precision(now_us_, node.type.precision);
      break;
  }
  out.ints.assign(rows_, value);
}

// Exactly `rows` long, whoever may keep it.
ColumnPtr CompiledProgram::output_column(uint32_t index, size_t rows) {
  Node& node = nodes_[index];
  if (node.step == Step::kLiteral && node.value->size() != rows) {
    auto column = std::make_shared<Column>(node.physical);
    fill_literal(node.literal, rows, node.literal_bytes, *column);
    node.value = std::move(column);
  }
  return node.value;
}

void CompiledProgram::collect_errors(std::vector<RowError>& errors) {
  const size_t first = errors.size();
  for (size_t k = 0; k < outputs_.size(); ++k) {
    const Node& node = nodes_[outputs_[k]];
    if (node.step == Step::kInput || node.value->errors.empty()) continue;
    for (size_t i = 0; i < rows_; ++i) {
      const uint16_t number = node.value->errors[i];
      if (number == 0) continue;
      errors.push_back({static_cast<uint32_t>(i), static_cast<uint32_t>(k),
                        error_texts_[static_cast<size_t>(number) - 1]});
    }
  }
  const auto begin = errors.begin() + static_cast<ptrdiff_t>(first);
  std::sort(begin, errors.end(), [](const RowError& a, const RowError& b) {
    return std::pair(a.row, a.expression) < std::pair(b.row, b.expression);
  });
  const auto end = std::unique(begin, errors.end(),
                               [](const RowError& a, const RowError& b) { return a.row == b.row; });
  errors.erase(end, errors.end());
}

// Lets go of what this run held, so that nothing of the input stays alive.
void CompiledProgram::finish() {
  for (Node& node : nodes_) {
    if (node.step == Step::kLiteral) continue;
    node.value.reset();
    if (!node.is_output || !node.scratch) continue;
    // The numbers mean something here only.
    node.scratch->errors.clear();
    node.scratch.reset();
  }
  arena_.reset();
}

uint16_t CompiledProgram::error_number(std::string text) {
  if (current_ != nullptr && !current_->text.empty()) text += fmt::format(" in {}", current_->text);
  if (error_texts_.size() >= kMaxErrorTexts) return static_cast<uint16_t>(kMaxErrorTexts);
  const auto [place, is_new] = error_numbers_.try_emplace(text, uint16_t{0});
  if (is_new) {
    error_texts_.push_back(std::move(text));
    place->second = static_cast<uint16_t>(error_texts_.size());
  }
  return place->second;
}

}  // namespace

Result<std::unique_ptr<Program>> Program::compile(std::span<const BoundPtr> expressions,
                                                  ProgramSettings settings) {
  TRY(find_time_zone(settings.time_zone));
  auto program = std::make_unique<CompiledProgram>(std::move(settings));
  for (const BoundPtr& expression : expressions) TRY(program->add_output(expression));
  return program;
}

Result<Value> evaluate_constant(const BoundExpression& expression, sql::Dialect dialect) {
  const BoundPtr shared = std::make_shared<BoundExpression>(expression);
  TRY_ASSIGN(auto program, Program::compile({&shared, 1}, {.dialect = dialect}));
  Batch one_row;
  one_row.rows = 1;
  std::vector<std::shared_ptr<Arena>> memory;
  std::vector<RowError> errors;
  const auto columns = program->run(one_row, 0, memory, errors);
  if (!errors.empty()) return fail(ErrorCode::kInvalidArgument, "{}", errors[0].message);
  return columns[0]->value(0);
}

}  // namespace millstream::analytics
