// OVER of the Kinesis dialect: sliding windows that end with the current row.
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "analytics/plan/kinesis_rules.h"
#include "analytics/plan/kinesis_window.h"

namespace millstream::analytics {
namespace {

using BoundKindOf = sql::FrameBound::Kind;

bool is_current_row(BoundKindOf kind, const std::optional<int64_t>& offset) {
  return kind == BoundKindOf::kCurrentRow ||
         ((kind == BoundKindOf::kPreceding || kind == BoundKindOf::kFollowing) && offset == 0);
}

class KinesisOver {
 public:
  KinesisOver(PlanContext& context, OverRequest request)
      : context_(context), request_(std::move(request)) {}

  Result<OverResult> plan() {
    const auto rowtime = rowtime_column(request_.input.plan->schema);
    std::vector<const BoundOver*> windows;
    for (const OverCall& call : request_.calls) {
      if (!call.rank_function.empty()) {
        return fail_at(call.aggregate.position,
                       fmt::format("{} over a stream is not yet supported", call.rank_function));
      }
      if (call.aggregate.distinct) {
        return fail_at(call.aggregate.position, "DISTINCT with OVER is not yet supported");
      }
      if (!rowtime)
        return fail_at(call.window.position, "OVER needs a stream: there is no ROWTIME");
      TRY(check(call.window, *rowtime));
      bool known = false;
      for (const BoundOver* window : windows) known = known || same(*window, call.window);
      if (!known) windows.push_back(&call.window);
    }
    OverResult result;
    result.columns.resize(request_.calls.size());
    PlanPtr input = request_.input.plan;
    for (const BoundOver* window : windows) {
      TRY_ASSIGN(input, chain(std::move(input), *window, *rowtime, result.columns));
    }
    result.plan = std::move(input);
    return result;
  }

 private:
  std::unexpected<Error> fail_at(sql::Position position, std::string_view message) const {
    return error_at(context_.names, position, message);
  }

  Result<> check(const BoundOver& window, int rowtime) const {
    for (const BoundOrder& order : window.order_by) {
      const bool is_rowtime =
          order.expression->kind == BoundKind::kColumn && order.expression->column == rowtime;
      if (!is_rowtime || order.descending || window.order_by.size() > 1) {
        return fail_at(window.position,
                       "the rows of a stream's window are in the order of ROWTIME: leave ORDER BY "
                       "out, or write ORDER BY ROWTIME");
      }
    }
    const BoundFrame& frame = window.frame;
    if (!frame.has_frame) return {};
    if (frame.end_kind == BoundKindOf::kUnboundedFollowing) {
      return fail_at(window.position,
                     "UNBOUNDED FOLLOWING is a window without end, which a stream never has: "
                     "windows end with the current row");
    }
    if (!is_current_row(frame.end_kind, frame.end_offset)) {
      return fail_at(window.position,
                     "windows that do not end with the current row are not yet supported");
    }
    const bool starts_before = frame.start_kind == BoundKindOf::kUnboundedPreceding ||
                               frame.start_kind == BoundKindOf::kPreceding ||
                               is_current_row(frame.start_kind, frame.start_offset);
    if (!starts_before || frame.start_offset.value_or(0) < 0) {
      return fail_at(window.position, "the window starts after the current row, where it ends");
    }
    return {};
  }

  // One OverNode over `input`, with all calls of this window.
  Result<PlanPtr> chain(PlanPtr input, const BoundOver& window, int rowtime,
                        std::vector<int>& places) const {
    OverNode node;
    node.immediate = true;
    node.order_column = rowtime;
    node.rows = window.frame.has_frame && window.frame.rows;
    if (window.frame.has_frame && window.frame.start_kind != BoundKindOf::kUnboundedPreceding) {
      node.preceding = window.frame.start_offset.value_or(0);
    }
    input = with_columns(std::move(input), window.partition_by, node.partition_by);
    std::vector<BoundAggregate> aggregates;
    std::vector<size_t> calls;
    for (size_t i = 0; i < request_.calls.size(); ++i) {
      if (!same(request_.calls[i].window, window)) continue;
      aggregates.push_back(request_.calls[i].aggregate);
      calls.push_back(i);
    }
    node.aggregates = lower_aggregates(input, aggregates);
    Schema schema = input->schema;
    for (size_t i = 0; i < calls.size(); ++i) {
      places[calls[i]] = static_cast<int>(schema.size());
      schema.push_back({.name = fmt::format("$w{}", calls[i]), .type = node.aggregates[i].type});
    }
    return make_node(std::move(node), {std::move(input)}, std::move(schema));
  }

  PlanContext& context_;
  OverRequest request_;
};

}  // namespace

Result<OverResult> kinesis_over(PlanContext& context, OverRequest request) {
  return KinesisOver(context, std::move(request)).plan();
}

}  // namespace millstream::analytics
