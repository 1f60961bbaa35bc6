// Window table functions: TUMBLE, HOP, CUMULATE, SESSION.
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "analytics/plan/flink_rules.h"

namespace millstream::analytics {
namespace {

using Kind = sql::ExpressionKind;

struct Parameters {
  std::string_view function;
  WindowKind kind;
  // In order; those behind `required` may be left out.
  std::array<std::string_view, 5> names;
  size_t count;
  size_t required;
};
constexpr std::array<Parameters, 4> kFunctions = {{
    {"TUMBLE", WindowKind::kTumble, {"DATA", "TIMECOL", "SIZE", "OFFSET"}, 4, 3},
    {"HOP", WindowKind::kHop, {"DATA", "TIMECOL", "SLIDE", "SIZE", "OFFSET"}, 5, 4},
    {"CUMULATE", WindowKind::kCumulate, {"DATA", "TIMECOL", "STEP", "SIZE", "OFFSET"}, 5, 4},
    {"SESSION", WindowKind::kSession, {"DATA", "TIMECOL", "GAP"}, 3, 3},
}};

class WindowFunction {
 public:
  WindowFunction(QueryPlanner& planner, const sql::TableReference& reference)
      : planner_(planner), reference_(reference), call_(*reference.function) {}

  Result<Relation> plan() {
    const std::string name = function_name(call_.name);
    for (const Parameters& parameters : kFunctions) {
      if (name == parameters.function) parameters_ = &parameters;
    }
    if (parameters_ == nullptr) {
      return fail_at(reference_.position,
                     fmt::format("function {} in FROM is not yet supported", name));
    }
    TRY(sort_arguments());
    TRY_ASSIGN(Relation input, data());
    window_.kind = parameters_->kind;
    TRY(find_time(input));
    TRY(find_sizes());
    return assign(std::move(input));
  }

 private:
  std::unexpected<Error> fail_at(sql::Position position, std::string_view message) const {
    return error_at(planner_.names(), position, message);
  }
  const sql::Expression* argument(std::string_view name) const {
    for (size_t i = 0; i < parameters_->count; ++i) {
      if (parameters_->names[i] == name) return arguments_[i];
    }
    return nullptr;
  }
  std::string usage() const {
    std::string text =
        fmt::format("{}(TABLE table_name, DESCRIPTOR(timecol)", parameters_->function);
    for (size_t i = 2; i < parameters_->count; ++i) {
      text += i < parameters_->required ? ", " : "[, ";
      text += parameters_->names[i];
      if (i >= parameters_->required) text += "]";
    }
    return text + ")";
  }

  Result<> sort_arguments() {
    for (size_t i = 0; i < call_.arguments.size(); ++i) {
      size_t at = i;
      if (i < call_.argument_names.size() && !call_.argument_names[i].empty()) {
        const sql::Identifier written{.text = call_.argument_names[i], .position = {}};
        const std::string name = function_name({written});
        at = 0;
        while (at < parameters_->count && parameters_->names[at] != name) ++at;
        if (at == parameters_->count) {
          return fail_at(
              call_.arguments[i]->position,
              fmt::format("{} has no parameter '{}': {}", parameters_->function, name, usage()));
        }
      }
      if (at >= parameters_->count || arguments_[at] != nullptr) {
        return fail_at(call_.arguments[i]->position,
                       fmt::format("too many arguments: {}", usage()));
      }
      arguments_[at] = call_.arguments[i].get();
    }
    for (size_t i = 0; i < parameters_->required; ++i) {
      if (arguments_[i] == nullptr) {
        return fail_at(call_.position, fmt::format("{} misses {}: {}", parameters_->function,
                                                   parameters_->names[i], usage()));
      }
    }
    return {};
  }

  Result<Relation> data() {
    const sql::Expression& data = *argument("DATA");
    if (data.kind != Kind::kTable) {
      return fail_at(data.position, fmt::format("the first argument is a table: {}", usage()));
    }
    sql::TableReference table;
    table.kind = sql::TableReference::Kind::kNamed;
    table.position = data.position;
    table.name = data.name;
    TRY_ASSIGN(JoinSide side, planner_.plan_reference(table));
    if (data.over == nullptr) return std::move(side.relation);
    if (parameters_->kind != WindowKind::kSession) {
      return fail_at(data.position, fmt::format("{} takes no PARTITION BY: write the keys into "
                                                "GROUP BY",
                                                parameters_->function));
    }
    for (const sql::ExpressionPtr& key : data.over->partition_by) {
      if (key->kind != Kind::kName) {
        return fail_at(key->position, "PARTITION BY of SESSION takes columns");
      }
      TRY_ASSIGN(const int column,
                 resolve_column(side.relation.columns, key->name, planner_.names()));
      window_.partition_by.push_back(column);
    }
    return std::move(side.relation);
  }

  Result<> find_time(const Relation& input) {
    const sql::Expression& descriptor = *argument("TIMECOL");
    const bool one_name = descriptor.kind == Kind::kDescriptor &&
                          descriptor.arguments.size() == 1 &&
                          descriptor.arguments[0]->kind == Kind::kName;
    if (!one_name) {
      return fail_at(descriptor.position,
                     fmt::format("the second argument names the time column: {}", usage()));
    }
    TRY_ASSIGN(window_.time_column,
               resolve_column(input.columns, descriptor.arguments[0]->name, planner_.names()));
    const Type& type = input.plan->schema[static_cast<size_t>(window_.time_column)].type;
    if (type.time == TimeAttribute::kNone) {
      return fail_at(descriptor.position,
                     fmt::format("The window function {} requires the timecol to be a time "
                                 "attribute type, but is {}.",
                                 usage(), type_text(type)));
    }
    window_.processing_time = type.time == TimeAttribute::kProctime;
    return {};
  }

  Result<int64_t> millis(std::string_view name) const {
    const sql::Expression& written = *argument(name);
    TRY_ASSIGN(const int64_t value,
               constant_millis(planner_.names(), written,
                               fmt::format("{} of {}", name, parameters_->function)));
    if (value <= 0) {
      return fail_at(written.position,
                     fmt::format("{} of {} must be longer than zero", name, parameters_->function));
    }
    return value;
  }

  Result<> find_sizes() {
    if (parameters_->kind == WindowKind::kSession) {
      TRY_ASSIGN(window_.size_ms, millis("GAP"));
      return {};
    }
    TRY_ASSIGN(window_.size_ms, millis("SIZE"));
    const bool hops = parameters_->kind == WindowKind::kHop;
    if (hops || parameters_->kind == WindowKind::kCumulate) {
      TRY_ASSIGN(window_.slide_ms, millis(hops ? "SLIDE" : "STEP"));
      if (window_.size_ms % window_.slide_ms != 0) {
        return fail_at(call_.position,
                       fmt::format("{} table function based aggregate requires {} must be an "
                                   "integral multiple of {}, but got {} {} ms and {} {} ms",
                                   parameters_->function, hops ? "size" : "maxSize",
                                   hops ? "slide" : "step", hops ? "size" : "maxSize",
                                   window_.size_ms, hops ? "slide" : "step", window_.slide_ms));
      }
    }
    if (const sql::Expression* offset = argument("OFFSET")) {
      TRY_ASSIGN(window_.offset_ms,
                 constant_millis(planner_.names(), *offset, "the offset of the window"));
      const int64_t step = window_.slide_ms > 0 ? window_.slide_ms : window_.size_ms;
      window_.offset_ms %= step;
      if (window_.offset_ms < 0) window_.offset_ms += step;
    }
    return {};
  }

  Result<Relation> assign(Relation input) {
    Schema schema = input.plan->schema;
    Type bound = timestamp_type(3);
    bound.nullable = false;
    Type time = schema[static_cast<size_t>(window_.time_column)].type;
    time.nullable = false;
    // The windows' own time takes the place of the rows'.
    for (Field& field : schema) field.type.time = TimeAttribute::kNone;
    schema.push_back({.name = "window_start", .type = bound});
    schema.push_back({.name = "window_end", .type = bound});
    schema.push_back({.name = "window_time", .type = std::move(time)});
    for (const char* name : {"window_start", "window_end", "window_time"}) {
      input.columns.push_back({.table = "", .name = name});
    }
    WindowAssignNode node;
    node.window = std::move(window_);
    Relation result;
    result.plan = make_node(std::move(node), {std::move(input.plan)}, std::move(schema));
    result.columns = std::move(input.columns);
    return result;
  }

  QueryPlanner& planner_;
  const sql::TableReference& reference_;
  const sql::Expression& call_;
  const Parameters* parameters_ = nullptr;
  std::array<const sql::Expression*, 5> arguments_{};
  WindowSpec window_;
};

}  // namespace

Result<Relation> flink_window_function(QueryPlanner& planner,
                                       const sql::TableReference& reference) {
  if (reference.function == nullptr || reference.function->kind != Kind::kCall) {
    return error_at(planner.names(), reference.position, "a function in FROM is a call");
  }
  return WindowFunction(planner, reference).plan();
}

}  // namespace millstream::analytics
