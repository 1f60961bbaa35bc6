// Rows made up: connector 'datagen'.
#pragma once

#include <memory>
#include <string>

#include "analytics/engine/job.h"
#include "analytics/engine/source.h"

namespace millstream::analytics {

// Row n is always the same but for its times: a restart goes on where the last batch ended.
// 'rows-per-second' (10,000) is kept over each second; 'number-of-rows' or a sequence's end bound
// it. Errors: kInvalidArgument: a column that no generator makes; a bounded query over endless
// rows.
Result<std::unique_ptr<Source>> make_datagen(const SourceNode& node, std::string name,
                                             const JobSpec& spec, JobHost& host,
                                             asio::any_io_executor strand,
                                             std::function<void()> wake);

}  // namespace millstream::analytics
