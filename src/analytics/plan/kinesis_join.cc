// Joins of the Kinesis dialect: streams over windows, streams with reference tables.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "analytics/functions/function.h"
#include "analytics/plan/join_parts.h"
#include "analytics/plan/kinesis_rules.h"
#include "analytics/plan/kinesis_tables.h"
#include "analytics/plan/kinesis_window.h"

namespace millstream::analytics {
namespace {

// Bounds windows, so that sums of times don't overflow.
constexpr int64_t kMaxWindowMs = int64_t{100} * 366 * 86'400'000;

// The window of one side: which of its earlier rows a row of the other side meets.
struct SideWindow {
  bool written = false;
  int64_t range_ms = 0;  // 0: the current rows only
  int64_t rows = 0;      // by rows; 0: by time
};

bool is_reference(const JoinSide& side) {
  return side.table != nullptr && side.table->connector == Connector::kFilesystem;
}

class KinesisJoin {
 public:
  KinesisJoin(PlanContext& context, JoinRequest request)
      : context_(context), request_(std::move(request)), sides_(request_), width_(sides_.width()) {}

  Result<Relation> plan() {
    if (request_.kind == sql::JoinKind::kSemi || request_.kind == sql::JoinKind::kAnti) {
      return fail_here(
          "IN and EXISTS with a query over streams are not yet supported: write a "
          "join over windows");
    }
    const bool left = is_reference(request_.left);
    const bool right = is_reference(request_.right);
    if (left && right)
      return fail_here("two reference tables can't be joined: one must be a stream");
    if (right) return with_reference();
    if (left) return swapped();
    return over_windows();
  }

 private:
  std::unexpected<Error> fail_here(std::string_view message) const {
    return error_at(context_.names, request_.position, message);
  }
  const Schema& left_schema() const { return sides_.left_schema(); }
  const Schema& right_schema() const { return sides_.right_schema(); }

  // --- A stream and a reference table.

  Result<Relation> with_reference() {
    if (request_.kind == sql::JoinKind::kRight || request_.kind == sql::JoinKind::kFull) {
      return fail_here(
          "a reference table's rows can't be kept in a join with a stream: write "
          "JOIN or LEFT JOIN, with the stream at the left");
    }
    ReferenceJoinNode node;
    node.kind =
        request_.kind == sql::JoinKind::kLeft ? sql::JoinKind::kLeft : sql::JoinKind::kInner;
    node.table = request_.right.table;
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
      context_.warnings.push_back(
          fmt::format("the join with reference table '{}' has no equality of columns: every row is "
                      "compared with all rows of the table",
                      node.table->name));
    }
    PlanPtr input = with_columns(request_.left.relation.plan, left_keys, node.left_keys);
    const int extra = static_cast<int>(input->schema.size()) - width_;
    node.condition = sides_.behind_left(conjunction(std::move(rest)), extra);
    Schema schema = concatenated(input->schema, without_time_attributes(right_schema()));
    if (node.kind == sql::JoinKind::kLeft) {
      make_nullable(schema, input->schema.size(), right_schema().size());
    }
    PlanPtr joined = make_node(std::move(node), {std::move(input)}, std::move(schema));
    return Relation{.plan = sides_.drop_extra(std::move(joined), extra, 0),
                    .columns = sides_.both_columns()};
  }

  // The reference table stands at the left: join the other way, then turn the columns round.
  Result<Relation> swapped() {
    sql::JoinKind kind = request_.kind;
    if (kind == sql::JoinKind::kRight) {
      kind = sql::JoinKind::kLeft;
    } else if (kind == sql::JoinKind::kLeft) {
      kind = sql::JoinKind::kRight;
    }
    const int right_width = static_cast<int>(right_schema().size());
    std::vector<int> map(static_cast<size_t>(width_ + right_width));
    for (int i = 0; i < width_; ++i) map[static_cast<size_t>(i)] = right_width + i;
    for (int i = 0; i < right_width; ++i) map[static_cast<size_t>(width_ + i)] = i;
    JoinRequest other = request_;
    other.kind = kind;
    std::swap(other.left, other.right);
    for (BoundPtr& term : other.conjuncts) term = remap(term, map);
    TRY_ASSIGN(Relation joined, KinesisJoin(context_, std::move(other)).plan());
    std::vector<BoundPtr> expressions;
    std::vector<std::string> names;
    Relation result;
    for (const int from : map) {
      const Field& field = joined.plan->schema[static_cast<size_t>(from)];
      expressions.push_back(bound_column(from, field));
      names.push_back(field.name);
      result.columns.push_back(joined.columns[static_cast<size_t>(from)]);
    }
    result.plan = make_project(joined.plan, std::move(expressions), std::move(names));
    return result;
  }

  // --- Two streams.

  Result<Relation> over_windows() {
    TRY_ASSIGN(const SideWindow left, window_of(request_.left));
    TRY_ASSIGN(const SideWindow right, window_of(request_.right));
    if (!left.written && !right.written) {
      return fail_here(
          "a join of streams needs a window on one of them at least, as in \"a\" JOIN "
          "\"b\" OVER (RANGE INTERVAL '1' MINUTE PRECEDING) AS \"b\" ON …");
    }
    const auto left_time = rowtime_column(left_schema());
    const auto right_time = rowtime_column(right_schema());
    if (!left_time || !right_time) {
      return fail_here("a join of streams needs ROWTIME on both sides");
    }
    IntervalJoinNode node;
    node.kind = request_.kind == sql::JoinKind::kCross ? sql::JoinKind::kInner : request_.kind;
    node.left_time = *left_time;
    node.right_time = *right_time;
    // A row that arrives meets those of the other side's window: a left row is older than its
    // partner by at most the left window, a right row by at most the right one.
    node.lower_ms = -left.range_ms;
    node.upper_ms = right.range_ms;
    node.left_rows = left.rows;
    node.right_rows = right.rows;
    return build(std::move(node));
  }

  Result<SideWindow> window_of(const JoinSide& side) const {
    SideWindow window;
    if (side.reference == nullptr || side.reference->over == nullptr) return window;
    window.written = true;
    TRY_ASSIGN(const sql::WindowSpecification* written, resolved(*side.reference->over));
    const auto fail_at = [&](std::string_view message) {
      return error_at(context_.names, side.reference->over->position, message);
    };
    if (!written->partition_by.empty() || !written->order_by.empty()) {
      return fail_at(
          "the window of a join has no PARTITION BY and no ORDER BY: write the "
          "condition into ON");
    }
    using Kind = sql::FrameBound::Kind;
    const bool ends_here = written->end.kind == Kind::kCurrentRow;
    if (!written->has_frame || written->start.kind != Kind::kPreceding || !ends_here ||
        written->start.offset == nullptr) {
      return fail_at(
          "the window of a join must end with the current row and be finite, as in "
          "RANGE INTERVAL '1' MINUTE PRECEDING or ROWS 10 PRECEDING");
    }
    if (written->rows) {
      TRY_ASSIGN(window.rows, constant_count(context_.names, *written->start.offset,
                                             "the number of rows of the window"));
      if (window.rows < 1) return fail_at("a window of rows must have one at least");
      return window;
    }
    TRY_ASSIGN(window.range_ms,
               constant_millis(context_.names, *written->start.offset, "the length of the window"));
    if (window.range_ms < 0 || window.range_ms > kMaxWindowMs) {
      return fail_at("the length of a window must be between 0 and 100 years");
    }
    return window;
  }

  // OVER w: the window of that name in the WINDOW clause.
  Result<const sql::WindowSpecification*> resolved(const sql::WindowSpecification& written) const {
    if (!written.base) return &written;
    const std::string name = context_.names.name(*written.base);
    if (request_.select != nullptr) {
      for (const sql::NamedWindow& window : request_.select->windows) {
        if (context_.names.name(window.name) == name) return &window.window;
      }
    }
    return error_at(context_.names, written.base->position,
                    fmt::format("Window '{}' not found", name));
  }

  Result<Relation> build(IntervalJoinNode node) {
    std::vector<BoundPtr> left_keys;
    std::vector<BoundPtr> right_keys;
    std::vector<BoundPtr> rest;
    for (const BoundPtr& term : request_.conjuncts) {
      if (const auto key = sides_.as_key(*term)) {
        left_keys.push_back(key->left);
        right_keys.push_back(key->right);
      } else {
        rest.push_back(term);
      }
    }
    if (left_keys.empty()) {
      context_.warnings.push_back(
          "a join of streams without an equality of their columns runs in one place only");
    }
    PlanPtr left = with_columns(request_.left.relation.plan, left_keys, node.left_keys);
    PlanPtr right = with_columns(request_.right.relation.plan, right_keys, node.right_keys);
    const int left_extra = static_cast<int>(left->schema.size()) - width_;
    const int right_extra =
        static_cast<int>(right->schema.size()) - static_cast<int>(right_schema().size());
    node.condition = sides_.behind_left(conjunction(std::move(rest)), left_extra);

    const sql::JoinKind kind = node.kind;
    const int64_t left_wait_ms = -node.lower_ms;
    const int64_t right_wait_ms = node.upper_ms;
    const int left_time = node.left_time;
    const int right_time = width_ + node.right_time;
    Schema schema = without_time_attributes(concatenated(left->schema, right->schema));
    if (kind == sql::JoinKind::kLeft || kind == sql::JoinKind::kFull) {
      make_nullable(schema, left->schema.size(), right->schema.size());
    }
    if (kind == sql::JoinKind::kRight || kind == sql::JoinKind::kFull) {
      make_nullable(schema, 0, left->schema.size());
    }
    PlanPtr joined =
        make_node(std::move(node), {std::move(left), std::move(right)}, std::move(schema));
    joined = sides_.drop_extra(std::move(joined), left_extra, right_extra);
    TRY_ASSIGN(BoundPtr rowtime,
               later_of(joined->schema, left_time, right_time, left_wait_ms, right_wait_ms));
    return with_rowtime(std::move(joined), std::move(rowtime));
  }

  // The joined row's ROWTIME: the later one. A row that found no partner leaves when none can
  // come any more: when it has left its own window.
  Result<BoundPtr> later_of(const Schema& schema, int left_time, int right_time,
                            int64_t left_wait_ms, int64_t right_wait_ms) const {
    const BoundPtr left = bound_column(left_time, schema[static_cast<size_t>(left_time)]);
    const BoundPtr right = bound_column(right_time, schema[static_cast<size_t>(right_time)]);
    std::vector<BoundPtr> cases;
    const auto unless_partner = [&](const BoundPtr& partner, const BoundPtr& own,
                                    int64_t wait_ms) -> Result<> {
      if (!partner->type.nullable) return {};
      TRY_ASSIGN(BoundPtr missing, call("IS NULL", {partner}));
      BoundPtr time = own;
      if (wait_ms > 0) {
        BoundPtr wait = bound_literal(wait_ms, make_type(TypeKind::kIntervalMillis, false));
        TRY_ASSIGN(time, call("+", {own, std::move(wait)}));
      }
      cases.push_back(std::move(missing));
      cases.push_back(std::move(time));
      return {};
    };
    TRY(unless_partner(right, left, left_wait_ms));
    TRY(unless_partner(left, right, right_wait_ms));
    TRY_ASSIGN(BoundPtr left_is_later, call(">=", {left, right}));
    cases.push_back(std::move(left_is_later));
    cases.push_back(left);
    cases.push_back(right);
    BoundExpression result;
    result.kind = BoundKind::kCase;
    result.type = timestamp_type(3, TimeAttribute::kRowtime);
    result.type.nullable = false;
    Type plain = timestamp_type(3);
    for (size_t i = 1; i < cases.size(); i += 2) cases[i] = bound_cast(cases[i], plain);
    cases.back() = bound_cast(cases.back(), plain);
    result.arguments = std::move(cases);
    result.text = kRowtimeName;
    return std::make_shared<BoundExpression>(std::move(result));
  }

  static Result<BoundPtr> call(std::string_view name, std::vector<BoundPtr> arguments) {
    TRY_ASSIGN(const ResolvedCall resolved,
               resolve_function(name, sql::Dialect::kKinesis, arguments));
    for (size_t i = 0; i < arguments.size(); ++i) {
      arguments[i] = bound_cast(arguments[i], resolved.argument_types[i]);
    }
    return bound_call(*resolved.function, std::move(arguments), resolved.type);
  }

  Relation with_rowtime(PlanPtr joined, BoundPtr rowtime) const {
    std::vector<BoundPtr> expressions = identity(joined->schema);
    std::vector<std::string> names = names_of(joined->schema);
    expressions.push_back(std::move(rowtime));
    names.emplace_back(kRowtimeName);
    Relation result;
    result.plan = make_project(std::move(joined), std::move(expressions), std::move(names));
    result.columns = sides_.both_columns();
    result.columns.push_back(
        {.table = "", .name = std::string(kRowtimeName), .visibility = Visibility::kHidden});
    return result;
  }

  PlanContext& context_;
  JoinRequest request_;
  JoinSides sides_;  // of request_
  int width_;
};

}  // namespace

Result<Relation> kinesis_join(PlanContext& context, JoinRequest request) {
  return KinesisJoin(context, std::move(request)).plan();
}

}  // namespace millstream::analytics
