// Dry runs: everything is checked as ever, and nothing is put or read.
//
// https://docs.aws.amazon.com/streams/latest/dev/kds-dryrun-validation.html
#pragma once

#include "base/result.h"

namespace millstream::streams {

// The good end of a dry run, which is an error. Limits of shards are not touched on the way.
inline Error dry_run_passed() {
  return {ErrorCode::kDryRun, "The request would have succeeded, but the DryRun parameter is set."};
}

}  // namespace millstream::streams
