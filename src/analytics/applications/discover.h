// DiscoverInputSchema: what a stream's records, or an object's lines, look like.
#pragma once

#include <string>
#include <vector>

#include "analytics/applications/server_host.h"
#include "base/async.h"
#include "wire/generated/kinesisanalyticsv2.h"
#include "wire/operation.h"

namespace millstream::analytics {

// Samples the newest records (or the oldest, for TRIM_HORIZON) of a stream or delivery stream, or
// the beginning of an object of the lake; waits a few seconds if there are none.
// Errors: kNotFound, kInvalidArgument, kUndetectableSchema (no records, or neither JSON nor CSV).
awaitable<Result<wire::kinesisanalyticsv2::DiscoverInputSchemaResponse>> discover_input_schema(
    HostContext& host, wire::RequestContext caller,
    wire::kinesisanalyticsv2::DiscoverInputSchemaRequest in);

// The schema of sampled records, and their rows. Pure. Errors: kUndetectableSchema.
Result<wire::kinesisanalyticsv2::DiscoverInputSchemaResponse> infer_schema(
    std::vector<std::string> records);

}  // namespace millstream::analytics
