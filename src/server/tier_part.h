// The object store that old records move to, as the settings name it.
#pragma once

#include "base/env.h"
#include "base/metrics.h"
#include "log/local/local_log.h"
#include "server/config.h"

namespace millstream::server {

// Without a store if log.tier.url is not set. The store goes, with its client or its pool, when
// the last owner lets go of it. Blocks. Errors: kInvalidArgument (which setting is wrong), those
// of the folder.
Result<TierOptions> tier_options(const ServerConfig& config, Env& env);

// `log` outlives the registry's rendering.
void add_tier_metrics(MetricRegistry& metrics, const LocalLog& log);

}  // namespace millstream::server
