// The expressions of a SELECT: what is an aggregate, a window's time, an OVER call.
#include <algorithm>
#include <array>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "analytics/plan/select_parts.h"
#include "analytics/plan/select_planner.h"

namespace millstream::analytics {
namespace {

using Kind = sql::ExpressionKind;
using Property = WindowAggregateNode::Property;

constexpr std::array<std::string_view, 3> kRanks = {"ROW_NUMBER", "RANK", "DENSE_RANK"};

std::string dotted(const std::vector<std::string>& parts, size_t from) {
  std::string text;
  for (size_t i = from; i < parts.size(); ++i) {
    if (i > from) text += '.';
    text += parts[i];
  }
  return text;
}

}  // namespace

Result<BoundPtr> SelectPlanner::stand_in(const sql::Expression& expression) {
  if (expression.kind != Kind::kCall) return nullptr;
  const std::string name = function_name(expression.name);
  if (expression.over != nullptr) return over_stand_in(expression, name);
  TRY_ASSIGN(const auto time, window_stand_in(expression, name));
  if (time) return *time;
  if (is_aggregate(name, names().dialect)) return aggregate_stand_in(expression, name);
  return nullptr;
}

Result<BoundPtr> SelectPlanner::aggregate_stand_in(const sql::Expression& expression,
                                                   const std::string& name) {
  if (inside_aggregate_) {
    return fail_at(expression.position, "Aggregate expressions cannot be nested");
  }
  TRY_ASSIGN(BoundAggregate aggregate, bind_aggregate(expression, name));
  const auto known = std::ranges::find_if(
      aggregates_, [&](const BoundAggregate& other) { return same(other, aggregate); });
  const auto at = static_cast<int>(known - aggregates_.begin());
  const Type type = aggregate.type;
  if (known == aggregates_.end()) aggregates_.push_back(std::move(aggregate));
  return bound_column(kFirstAggregate + at, {.name = name, .type = type});
}

Result<BoundAggregate> SelectPlanner::bind_aggregate(const sql::Expression& expression,
                                                     const std::string& name) {
  if (!expression.order_by.empty()) {
    return fail_at(expression.position, "ORDER BY inside an aggregate is not yet supported");
  }
  if (!expression.argument_names.empty()) {
    return fail_at(expression.position, fmt::format("{} takes no arguments by name", name));
  }
  BoundAggregate aggregate;
  aggregate.position = expression.position;
  aggregate.text = source_text(names(), expression);
  aggregate.distinct = expression.distinct;
  auto function = find_aggregate(name, names().dialect);
  if (!function) return error_at(names(), expression.position, function.error());
  aggregate.function = *function;
  const bool was_inside = std::exchange(inside_aggregate_, true);
  auto arguments = binder_->bind_all(expression.arguments);
  Result<BoundPtr> filter = BoundPtr();
  if (arguments && expression.filter != nullptr) {
    filter = binder_->bind_condition(*expression.filter, "FILTER");
  }
  inside_aggregate_ = was_inside;
  if (!arguments) return std::unexpected(arguments.error());
  if (!filter) return std::unexpected(filter.error());
  aggregate.filter = *std::move(filter);
  if (expression.star && name != "COUNT") {
    return fail_at(expression.position,
                   fmt::format("{}(*) means nothing: only COUNT(*) does", name));
  }
  std::vector<Type> types;
  for (const BoundPtr& argument : *arguments) types.push_back(argument->type);
  auto type = aggregate.function->resolve(types, names().dialect);
  if (!type) return error_at(names(), expression.position, type.error());
  aggregate.type = *std::move(type);
  aggregate.type.time = TimeAttribute::kNone;
  for (size_t i = 0; i < arguments->size(); ++i) {
    BoundPtr& argument = (*arguments)[i];
    const bool literal = argument->kind == BoundKind::kLiteral;
    // COUNT(1) counts rows.
    const bool counted = name == "COUNT" && literal && !argument->type.nullable &&
                         arguments->size() == 1 && !expression.distinct;
    if (counted) continue;
    if (i > 0 && literal) {
      aggregate.constants.push_back(argument->literal);
    } else {
      aggregate.arguments.push_back(std::move(argument));
    }
  }
  return aggregate;
}

// --- OVER.

Result<BoundPtr> SelectPlanner::over_stand_in(const sql::Expression& expression,
                                              const std::string& name) {
  if (inside_aggregate_ || inside_over_) {
    return fail_at(expression.position, "OVER inside an aggregate or another OVER is not allowed");
  }
  if (!allows_over_) {
    return fail_at(expression.position,
                   "OVER is not allowed in HAVING: filter its result outside, in SELECT … FROM "
                   "(SELECT … OVER …) WHERE …");
  }
  OverCall call;
  inside_over_ = true;
  auto window = bind_window(*expression.over);
  const bool is_rank = std::ranges::find(kRanks, name) != kRanks.end();
  Result<BoundAggregate> aggregate = BoundAggregate();
  if (window && !is_rank) {
    if (is_aggregate(name, names().dialect)) {
      aggregate = bind_aggregate(expression, name);
    } else {
      aggregate =
          fail_at(expression.position, fmt::format("{} with OVER is not yet supported", name));
    }
  }
  inside_over_ = false;
  if (!window) return std::unexpected(window.error());
  if (!aggregate) return std::unexpected(aggregate.error());
  call.window = *std::move(window);
  call.aggregate = *std::move(aggregate);
  if (is_rank) {
    if (!expression.arguments.empty() || expression.star) {
      return fail_at(expression.position, fmt::format("{} takes no arguments", name));
    }
    call.rank_function = name;
    call.aggregate.type = make_type(TypeKind::kBigint, false);
    call.aggregate.text = source_text(names(), expression);
    call.aggregate.position = expression.position;
  }
  const auto known = std::ranges::find_if(overs_, [&](const OverCall& other) {
    return other.rank_function == call.rank_function && same(other.window, call.window) &&
           same(other.aggregate, call.aggregate);
  });
  const auto at = static_cast<int>(known - overs_.begin());
  const Type type = call.aggregate.type;
  if (known == overs_.end()) overs_.push_back(std::move(call));
  return bound_column(kFirstOver + at, {.name = name, .type = type});
}

Result<const sql::WindowSpecification*> SelectPlanner::named_window(
    const sql::Identifier& name) const {
  const std::string wanted = names().name(name);
  for (const sql::NamedWindow& window : select_.windows) {
    if (names().name(window.name) == wanted) return &window.window;
  }
  return fail_at(name.position, fmt::format("Window '{}' not found", wanted));
}

// The parts may be in a named window: OVER w, OVER (w ROWS …).
Result<BoundOver> SelectPlanner::bind_window(const sql::WindowSpecification& window) {
  const sql::WindowSpecification* partition = &window;
  const sql::WindowSpecification* order = &window;
  const sql::WindowSpecification* frame = &window;
  const sql::WindowSpecification* at = &window;
  for (size_t steps = 0; at->base; ++steps) {
    if (steps > select_.windows.size()) {
      return fail_at(window.position, "windows that are made of one another in a circle");
    }
    TRY_ASSIGN(at, named_window(*at->base));
    if (partition->partition_by.empty()) partition = at;
    if (order->order_by.empty()) order = at;
    if (!frame->has_frame) frame = at;
  }
  BoundOver over;
  over.position = window.position;
  TRY_ASSIGN(over.partition_by, binder_->bind_all(partition->partition_by));
  for (const sql::OrderItem& item : order->order_by) {
    BoundOrder bound;
    TRY_ASSIGN(bound.expression, binder_->bind(*item.expression));
    bound.descending = item.descending;
    bound.nulls_first = item.nulls_first.value_or(!item.descending);
    over.order_by.push_back(std::move(bound));
  }
  TRY(bind_frame(*frame, over.frame));
  return over;
}

Result<> SelectPlanner::bind_frame(const sql::WindowSpecification& window, BoundFrame& frame) {
  frame.has_frame = window.has_frame;
  if (!window.has_frame) return {};
  frame.rows = window.rows;
  frame.start_kind = window.start.kind;
  frame.end_kind = window.end.kind;
  const auto offset = [&](const sql::FrameBound& bound, std::optional<int64_t>& value) -> Result<> {
    if (bound.offset == nullptr) return {};
    if (window.rows) {
      TRY_ASSIGN(value, constant_count(names(), *bound.offset, "the number of rows of the window"));
    } else {
      TRY_ASSIGN(value, constant_millis(names(), *bound.offset, "the length of the window"));
    }
    return {};
  };
  TRY(offset(window.start, frame.start_offset));
  return offset(window.end, frame.end_offset);
}

// --- Select list.

Result<> SelectPlanner::bind_items() {
  for (const sql::SelectItem& item : select_.items) {
    const sql::Expression& expression = *item.expression;
    if (expression.kind == Kind::kStar) {
      TRY(add_star(expression));
      continue;
    }
    if (expression.kind == Kind::kName && !resolve_column(columns_, expression.name, names())) {
      const auto leaves = resolve_item(columns_, expression.name, names());
      if (leaves) {  // a ROW
        TRY(add_columns(item, *leaves));
        continue;
      }
    }
    Item bound;
    TRY_ASSIGN(bound.expression, binder_->bind(expression));
    bound.position = expression.position;
    if (item.alias) {
      bound.name = names().name(*item.alias);
    } else {
      bound.name =
          implied_name(names(), expression).value_or(fmt::format("EXPR${}", items_.size()));
    }
    items_.push_back(std::move(bound));
  }
  return {};
}

Result<> SelectPlanner::add_star(const sql::Expression& star) {
  TRY_ASSIGN(const std::vector<int> found,
             resolve_star(columns_, star.name, names(), star.position));
  std::unordered_set<std::string> taken;
  for (const Item& item : items_) taken.insert(item.name);
  for (const int column : found) {
    const auto index = static_cast<size_t>(column);
    std::string name = columns_[index].name;
    // Of a join's equal names the second is a0, as in Flink.
    const std::string base = name;
    for (int i = 0; !is_kinesis() && i < 10 && taken.contains(name); ++i) {
      name = fmt::format("{}{}", base, i);
    }
    taken.insert(name);
    items_.push_back({bound_column(column, schema_[index]), std::move(name), star.position});
  }
  return {};
}

// The leaves of a ROW column, named after the item.
Result<> SelectPlanner::add_columns(const sql::SelectItem& item, const std::vector<int>& columns) {
  const sql::Expression& expression = *item.expression;
  std::vector<std::string> parts;
  for (const sql::Identifier& part : expression.name) parts.push_back(names().name(part));
  for (const int column : columns) {
    const auto index = static_cast<size_t>(column);
    std::string name = columns_[index].name;
    for (size_t from = 0; from < parts.size(); ++from) {
      const std::string written = dotted(parts, from);
      if (!name.starts_with(written + ".")) continue;
      name = (item.alias ? names().name(*item.alias) : parts.back()) + name.substr(written.size());
      break;
    }
    items_.push_back({bound_column(column, schema_[index]), std::move(name), expression.position});
  }
  return {};
}

// --- GROUP BY.

Result<> SelectPlanner::bind_keys() {
  if (select_.grouping_sets) {
    return fail_at(select_.position, "GROUPING SETS, CUBE and ROLLUP are not yet supported");
  }
  ExpressionBinder binder(names(), columns_, schema_);
  binder.set_place("in GROUP BY");
  const auto& written =
      select_.windowed_by != nullptr ? select_.windowed_by->partition_by : select_.group_by;
  for (const sql::ExpressionPtr& expression : written) {
    const std::string name =
        expression->kind == Kind::kCall ? function_name(expression->name) : std::string();
    if (!is_kinesis() && is_group_window(name)) {
      if (window_) {
        return fail_at(expression->position, "Multiple window aggregates are not supported");
      }
      TRY_ASSIGN(window_, group_window(*expression, name));
      continue;
    }
    if (expression->kind == Kind::kNumber) {
      return fail_at(expression->position,
                     "GROUP BY a number groups all rows together: write the expression of the "
                     "select list itself");
    }
    if (expression->kind == Kind::kName && !resolve_column(columns_, expression->name, names())) {
      if (const auto leaves = resolve_item(columns_, expression->name, names())) {
        for (const int leaf : *leaves) {  // a ROW
          const auto index = static_cast<size_t>(leaf);
          keys_.push_back(bound_column(leaf, schema_[index]));
          key_names_.push_back(columns_[index].name);
        }
        continue;
      }
    }
    TRY_ASSIGN(BoundPtr key, binder.bind(*expression));
    if (key->kind == BoundKind::kColumn) {
      key_names_.push_back(schema_[static_cast<size_t>(key->column)].name);
    } else {
      key_names_.push_back(fmt::format("$k{}", keys_.size()));
    }
    keys_.push_back(std::move(key));
  }
  return {};
}

// --- Group windows of Flink.

Result<GroupWindow> SelectPlanner::group_window(const sql::Expression& call,
                                                std::string_view kind) {
  const size_t wanted = kind == "HOP" ? 3 : 2;
  if (call.arguments.size() == wanted + 1) {
    return fail_at(call.arguments[wanted]->position,
                   fmt::format("an offset of {} in GROUP BY is not yet supported: FROM "
                               "TABLE({}(…)) takes one",
                               kind, kind));
  }
  if (call.arguments.size() != wanted) {
    return fail_at(call.position, fmt::format("{} takes {} arguments: {}", kind, wanted,
                                              kind == "HOP"      ? "HOP(time, slide, size)"
                                              : kind == "TUMBLE" ? "TUMBLE(time, size)"
                                                                 : "SESSION(time, gap)"));
  }
  ExpressionBinder binder(names(), columns_, schema_);
  binder.set_place("in GROUP BY");
  TRY_ASSIGN(const BoundPtr time, binder.bind(*call.arguments[0]));
  if (time->type.time == TimeAttribute::kNone) {
    return fail_at(call.arguments[0]->position,
                   fmt::format("Window aggregate can only be defined over a time attribute column, "
                               "but {} encountered.",
                               type_text(time->type)));
  }
  if (time->kind != BoundKind::kColumn) {
    return fail_at(call.arguments[0]->position,
                   "a group window is over a column: compute PROCTIME() in the table");
  }
  GroupWindow window;
  window.call = &call;
  WindowSpec& spec = window.window;
  spec.kind = kind == "TUMBLE" ? WindowKind::kTumble
              : kind == "HOP"  ? WindowKind::kHop
                               : WindowKind::kSession;
  spec.time_column = time->column;
  spec.processing_time = time->type.time == TimeAttribute::kProctime;
  TRY_ASSIGN(spec.size_ms,
             constant_millis(names(), *call.arguments[wanted - 1], "the size of the window"));
  if (kind == "HOP") {
    TRY_ASSIGN(spec.slide_ms,
               constant_millis(names(), *call.arguments[1], "the slide of the window"));
  }
  if (spec.size_ms <= 0 || (kind == "HOP" && spec.slide_ms <= 0)) {
    return fail_at(call.position, fmt::format("{}: a window must be longer than zero", kind));
  }
  return window;
}

Result<std::optional<BoundPtr>> SelectPlanner::window_stand_in(const sql::Expression& expression,
                                                               std::string_view name) {
  if (is_kinesis()) return std::nullopt;
  const auto auxiliary = window_property(name);
  if (!auxiliary) return std::nullopt;
  TRY_ASSIGN(const GroupWindow asked, group_window(expression, auxiliary->window));
  const bool known = window_ && window_->window.kind == asked.window.kind &&
                     window_->window.time_column == asked.window.time_column &&
                     window_->window.size_ms == asked.window.size_ms &&
                     window_->window.slide_ms == asked.window.slide_ms;
  if (!known) {
    return fail_at(expression.position,
                   fmt::format("Call to auxiliary group function '{}' must have matching call to "
                               "group function '{}' in GROUP BY clause",
                               name, auxiliary->window));
  }
  Type type = timestamp_type(3);
  type.nullable = false;
  const Type& time = schema_[static_cast<size_t>(asked.window.time_column)].type;
  if (auxiliary->property == Property::kTime) {
    if (asked.window.processing_time) {
      return fail_at(expression.position,
                     fmt::format("{} needs event time: a time attribute with a watermark", name));
    }
    type.kind = time.kind;
    type.time = TimeAttribute::kRowtime;
  } else if (auxiliary->property == Property::kProctime) {
    type.kind = TypeKind::kTimestampLtz;
    type.time = TimeAttribute::kProctime;
  }
  return property_column(auxiliary->property, std::move(type));
}

BoundPtr SelectPlanner::property_column(Property property, Type type) {
  const auto known = std::ranges::find(properties_, property);
  const auto at = static_cast<int>(known - properties_.begin());
  if (known == properties_.end()) properties_.push_back(property);
  return bound_column(kFirstProperty + at, {.name = "window", .type = std::move(type)});
}

}  // namespace millstream::analytics
