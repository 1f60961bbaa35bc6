// Scales the on-demand streams of this server by what is written to them.
#pragma once

#include <chrono>
#include <map>
#include <memory>

#include "base/async.h"
#include "base/env.h"
#include "streams/meta_catalog.h"
#include "streams/on_demand_scaler.h"
#include "streams/service.h"

namespace millstream::streams {

// Life cycle: as the catalog's: start() once; it stops with the loop, and is destroyed after it.
// Threads:    start() and look() on the loop of `background`; nothing else touches it.
// Counts what PutRecord and PutRecords write (Shard::writes), from the start of the process on.
class OnDemandController {
 public:
  OnDemandController(MetaCatalog& catalog, Clock& clock, const StreamsSettings& settings)
      : catalog_(catalog), clock_(clock), settings_(settings) {}

  // Looks once a second.
  void start(const asio::any_io_executor& background);
  // Looks once at every stream, and reshards where that is due.
  awaitable<> look();

 private:
  awaitable<> run();
  awaitable<> look_at(std::shared_ptr<const Stream> stream);

  MetaCatalog& catalog_;
  Clock& clock_;
  const StreamsSettings& settings_;
  std::map<int64_t, OnDemandScaler> scalers_;  // by generation; of streams that exist
};

}  // namespace millstream::streams
