// Windows of the Kinesis dialect: what a group key says about time.
#pragma once

#include <cstdint>
#include <optional>

#include "analytics/data/type.h"
#include "analytics/functions/expression.h"
#include "analytics/sql/ast.h"
#include "base/result.h"

namespace millstream::analytics {

// Rows of equal key are those of one such window.
struct RowtimeWindow {
  int time_column = -1;   // ROWTIME
  int64_t size_ms = 0;    // 0: a calendar unit
  int64_t offset_ms = 0;  // windows start at offset + n * size
  std::optional<sql::TimeUnit> calendar_unit;
};

// The window that `key` makes, if it is a monotonic expression of ROWTIME: ROWTIME itself,
// FLOOR(ROWTIME TO unit), STEP(ROWTIME BY INTERVAL …), or FLOOR((ROWTIME - TIMESTAMP '…') SECOND /
// n TO unit). nullopt: it is an ordinary key. Errors: it is one, but of an impossible size
// (the message alone: the caller knows the place).
Result<std::optional<RowtimeWindow>> rowtime_window(const BoundExpression& key,
                                                    const Schema& schema);

// Whether each window of `fine` lies in one window of `coarse`.
bool is_within(const RowtimeWindow& fine, const RowtimeWindow& coarse);

// The column that is ROWTIME of these rows.
std::optional<int> rowtime_column(const Schema& schema);

}  // namespace millstream::analytics
