// Joins of Flink SQL.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "analytics/functions/function.h"
#include "analytics/plan/flink_rules.h"
#include "analytics/plan/join_parts.h"

namespace millstream::analytics {
namespace {

using sql::JoinKind;

bool contains(const std::vector<int>& columns, int column) {
  return std::ranges::find(columns, column) != columns.end();
}

// time column + offset, over left's, then right's columns.
struct TimePoint {
  int column = -1;
  TimeAttribute time = TimeAttribute::kNone;
  int64_t offset_ms = 0;
};

std::optional<TimePoint> time_point(const BoundExpression& expression) {
  if (expression.kind == BoundKind::kProctime) return std::nullopt;
  if (expression.kind == BoundKind::kColumn) {
    if (expression.type.time == TimeAttribute::kNone) return std::nullopt;
    return TimePoint{.column = expression.column, .time = expression.type.time};
  }
  if (expression.kind == BoundKind::kCast) {
    const Type& from = expression.arguments[0]->type;
    if (!expression.type.is_timestamp() || expression.type.kind != from.kind) return std::nullopt;
    return time_point(*expression.arguments[0]);
  }
  const bool is_sum = expression.kind == BoundKind::kCall && expression.arguments.size() == 2 &&
                      (expression.function->name == "+" || expression.function->name == "-");
  if (!is_sum) return std::nullopt;
  const bool minus = expression.function->name == "-";
  const size_t at = expression.arguments[0]->type.is_timestamp() ? 0 : 1;
  if (minus && at == 1) return std::nullopt;
  const BoundExpression& interval = *expression.arguments[1 - at];
  if (interval.type.kind != TypeKind::kIntervalMillis || !columns_of(interval).empty()) {
    return std::nullopt;
  }
  auto point = time_point(*expression.arguments[at]);
  const auto value = evaluate_constant(interval, sql::Dialect::kFlink);
  if (!point || !value || !std::holds_alternative<int64_t>(*value)) return std::nullopt;
  const int64_t millis = std::get<int64_t>(*value);
  point->offset_ms += minus ? -millis : millis;
  return point;
}

// The bounds of left.time - right.time, in milliseconds.
struct Bounds {
  int left_time = -1;   // over left
  int right_time = -1;  // over right
  TimeAttribute time = TimeAttribute::kNone;
  std::optional<int64_t> lower;
  std::optional<int64_t> upper;
};

class FlinkJoin {
 public:
  FlinkJoin(PlanContext& context, JoinRequest request)
      : context_(context), request_(std::move(request)), sides_(request_) {}

  Result<Relation> plan() {
    if (request_.left.reference != nullptr && request_.left.reference->system_time != nullptr) {
      return fail_here("FOR SYSTEM_TIME AS OF must be at the right side of a join");
    }
    if (request_.right.reference != nullptr && request_.right.reference->system_time != nullptr) {
      return lookup();
    }
    if (const auto bounds = interval()) return interval_join(*bounds);
    if (auto joined = window_join()) return *std::move(joined);
    return regular_join();
  }

 private:
  std::unexpected<Error> fail_here(std::string_view message) const {
    return error_at(context_.names, request_.position, message);
  }
  bool keeps_left_only() const {
    return request_.kind == JoinKind::kSemi || request_.kind == JoinKind::kAnti;
  }
  JoinKind kind() const {
    return request_.kind == JoinKind::kCross ? JoinKind::kInner : request_.kind;
  }

  // --- Lookup.

  Result<Relation> lookup() {
    const auto& table = request_.right.table;
    if (table == nullptr || table->connector != Connector::kFilesystem) {
      return fail_here(
          "FOR SYSTEM_TIME AS OF a table that is not of the filesystem connector is not yet "
          "supported");
    }
    if (kind() != JoinKind::kInner && kind() != JoinKind::kLeft) {
      return fail_here("a temporal join is INNER or LEFT");
    }
    ReferenceJoinNode node;
    node.kind = kind();
    node.table = table;
    std::vector<BoundPtr> left_keys;
    std::vector<BoundPtr> rest;
    for (const BoundPtr& term : request_.conjuncts) {
      const auto key = sides_.as_key(*term);
      // The table's index is by its own columns.
      if (key && key->right->kind == BoundKind::kColumn) {
        left_keys.push_back(key->left);
        node.table_keys.push_back(key->right->column);
      } else {
        rest.push_back(term);
      }
    }
    if (left_keys.empty()) {
      return fail_here("Temporal table join requires an equality condition on fields of table " +
                       table->name + ".");
    }
    PlanPtr input = with_columns(request_.left.relation.plan, left_keys, node.left_keys);
    const int extra = static_cast<int>(input->schema.size()) - sides_.width();
    node.condition = sides_.behind_left(conjunction(std::move(rest)), extra);
    Schema schema = concatenated(input->schema, without_time_attributes(sides_.right_schema()));
    make_padded_nullable(schema, input->schema.size(), node.kind);
    PlanPtr joined = make_node(std::move(node), {std::move(input)}, std::move(schema));
    return Relation{.plan = sides_.drop_extra(std::move(joined), extra, 0),
                    .columns = sides_.both_columns()};
  }

  // --- Intervals.

  // Whether `term` bounds the times; `bounds` then has it.
  bool add_bound(const BoundExpression& term, Bounds& bounds) const {
    if (term.kind != BoundKind::kCall || term.arguments.size() != 2) return false;
    std::string_view sign = term.function->name;
    auto a = time_point(*term.arguments[0]);
    auto b = time_point(*term.arguments[1]);
    if (!a || !b || a->time != b->time) return false;
    const bool a_left = a->column < sides_.width();
    if (a_left == (b->column < sides_.width())) return false;
    bool below = sign == "<" || sign == "<=";
    const bool above = sign == ">" || sign == ">=";
    const bool equal = sign == "=";
    if (!below && !above && !equal) return false;
    if (!a_left) {
      std::swap(a, b);
      below = above;
    }
    const int right = b->column - sides_.width();
    if (bounds.left_time >= 0 && (bounds.left_time != a->column || bounds.right_time != right)) {
      return false;
    }
    bounds.left_time = a->column;
    bounds.right_time = right;
    bounds.time = a->time;
    // left + x <= right + y: left - right <= y - x.
    const int64_t strict = sign == "<" || sign == ">" ? 1 : 0;
    const int64_t difference = b->offset_ms - a->offset_ms;
    if (equal || below) {
      const int64_t upper = difference - strict;
      bounds.upper = std::min(bounds.upper.value_or(upper), upper);
    }
    if (equal || !below) {
      const int64_t lower = difference + strict;
      bounds.lower = std::max(bounds.lower.value_or(lower), lower);
    }
    return true;
  }

  std::optional<Bounds> interval() const {
    if (keeps_left_only()) return std::nullopt;
    Bounds bounds;
    for (const BoundPtr& term : request_.conjuncts) add_bound(*term, bounds);
    if (!bounds.lower || !bounds.upper) return std::nullopt;
    const bool appends = request_.left.relation.plan->mode == ChangelogMode::kAppend &&
                         request_.right.relation.plan->mode == ChangelogMode::kAppend;
    if (!appends) return std::nullopt;
    return bounds;
  }

  Result<Relation> interval_join(const Bounds& bounds) {
    IntervalJoinNode node;
    node.kind = kind();
    node.left_time = bounds.left_time;
    node.right_time = bounds.right_time;
    node.processing_time = bounds.time == TimeAttribute::kProctime;
    node.lower_ms = *bounds.lower;
    node.upper_ms = *bounds.upper;
    std::vector<BoundPtr> terms;
    for (const BoundPtr& term : request_.conjuncts) {
      Bounds ignored = bounds;
      if (!add_bound(*term, ignored)) terms.push_back(term);
    }
    return build(std::move(node), std::move(terms), true);
  }

  // --- Windows.

  static bool same_window(const WindowSpec& a, const WindowSpec& b) {
    return a.kind == b.kind && a.processing_time == b.processing_time && a.size_ms == b.size_ms &&
           a.slide_ms == b.slide_ms && a.offset_ms == b.offset_ms;
  }

  std::optional<Result<Relation>> window_join() {
    const auto left = window_columns(*request_.left.relation.plan);
    const auto right = window_columns(*request_.right.relation.plan);
    const bool have_windows = left && right && left->complete() && right->complete() &&
                              same_window(left->window, right->window) &&
                              left->window.kind != WindowKind::kSession;
    if (!have_windows) return std::nullopt;
    WindowJoinNode node;
    node.kind = kind();
    node.left_window_end = left->end[0];
    node.right_window_end = right->end[0];
    bool start = false;
    bool end = false;
    std::vector<BoundPtr> terms;
    for (const BoundPtr& term : request_.conjuncts) {
      const auto key = sides_.as_key(*term);
      const bool columns =
          key && key->left->kind == BoundKind::kColumn && key->right->kind == BoundKind::kColumn;
      if (columns && contains(left->start, key->left->column) &&
          contains(right->start, key->right->column)) {
        start = true;
      } else if (columns && contains(left->end, key->left->column) &&
                 contains(right->end, key->right->column)) {
        end = true;
      } else {
        terms.push_back(term);
      }
    }
    if (!start || !end) return std::nullopt;
    // The engine ends windows of joins by watermarks.
    if (left->window.processing_time) {
      return fail_here("Processing time Window Join is not supported yet.");
    }
    return build(std::move(node), std::move(terms), true);
  }

  // --- For ever.

  Result<Relation> regular_join() {
    JoinNode node;
    node.kind = kind();
    return build(std::move(node), request_.conjuncts, false);
  }

  // Keys and the condition from `terms`; the rows of both sides.
  template <class Node>
  Result<Relation> build(Node node, std::vector<BoundPtr> terms, bool keeps_times) {
    std::vector<BoundPtr> left_keys;
    std::vector<BoundPtr> right_keys;
    std::vector<BoundPtr> rest;
    for (BoundPtr& term : terms) {
      if (auto key = sides_.as_key(*term)) {
        left_keys.push_back(std::move(key->left));
        right_keys.push_back(std::move(key->right));
      } else {
        rest.push_back(std::move(term));
      }
    }
    if (left_keys.empty()) {
      context_.warnings.push_back(
          "a join without an equality of columns of both sides runs in one place only");
    }
    PlanPtr left = with_columns(request_.left.relation.plan, left_keys, node.left_keys);
    PlanPtr right = with_columns(request_.right.relation.plan, right_keys, node.right_keys);
    const int left_extra = static_cast<int>(left->schema.size()) - sides_.width();
    const int right_extra = static_cast<int>(right->schema.size() - sides_.right_schema().size());
    node.condition = sides_.behind_left(conjunction(std::move(rest)), left_extra);
    const JoinKind kind = node.kind;
    const size_t left_width = left->schema.size();
    Schema schema = keeps_left_only() ? left->schema : concatenated(left->schema, right->schema);
    if (!keeps_times) schema = without_time_attributes(std::move(schema));
    Relation result;
    if (keeps_left_only()) {
      result.columns = request_.left.relation.columns;
    } else {
      make_padded_nullable(schema, left_width, kind);
      result.columns = sides_.both_columns();
    }
    PlanPtr joined =
        make_node(std::move(node), {std::move(left), std::move(right)}, std::move(schema));
    result.plan = keeps_left_only() ? sides_.drop_extra(std::move(joined), 0, left_extra)
                                    : sides_.drop_extra(std::move(joined), left_extra, right_extra);
    return result;
  }

  PlanContext& context_;
  JoinRequest request_;
  JoinSides sides_;  // of request_
};

}  // namespace

Result<Relation> flink_join(PlanContext& context, JoinRequest request) {
  return FlinkJoin(context, std::move(request)).plan();
}

}  // namespace millstream::analytics
