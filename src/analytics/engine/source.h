// Inputs of a job: what is read, how far, and the watermark that follows from it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analytics/data/batch.h"
#include "analytics/plan/plan.h"
#include "base/async.h"
#include "base/env.h"
#include "base/result.h"
#include "log/shard_log.h"

namespace millstream::analytics {

// How far one slot of an input has been processed: a shard of a stream, the objects of a folder,
// a generator. Part of the changelog.
struct SlotPosition {
  std::string source;  // Source::name()
  std::string slot;
  uint64_t next = 0;
  std::string text;  // the object under way
  EventTime watermark = kNoWatermark;
  bool finished = false;
};

// For the columns that say where a record came from.
struct SlotOrigin {
  std::string shard_name;
  int64_t shard_created_s = 0;
  int64_t shard_index = 0;
};

// One slot while the job runs.
struct Slot {
  std::string name;
  uint64_t next = 0;
  std::string text;
  EventTime watermark = kNoWatermark;
  bool started = false;       // counts for the watermark until finished
  bool finished = false;      // all rows have been taken, no more will come
  bool bounded_here = false;  // … in this run: a later one goes on
  bool changed = true;        // since its position was last logged
  bool at_tip = false;        // nothing is waiting, here or in the log
  std::chrono::nanoseconds last_rows{0};
  std::shared_ptr<const SlotOrigin> origin;
};

// A run of one slot's records (or ready rows) that one partition decodes.
struct SourceChunk {
  size_t source = 0;
  uint32_t slot = 0;
  uint32_t partition = 0;
  uint64_t rows = 0;  // records
  std::shared_ptr<const SlotOrigin> origin;
  std::vector<StoredBatch> stored;      // records of the log
  std::vector<std::string_view> lines;  // records of an object …
  Slice object;                         // … which is kept by this
  std::optional<Batch> ready;           // physical columns, decoded already
};

struct TakeBudget {
  uint64_t rows = 0;
  size_t bytes = 0;
};

// Life cycle: made for a SourceNode; open(); take() as often as wanted; stop() and stopped().
// Threads:    the job's strand.
// Memory:     what is read ahead has a limit in bytes.
class Source {
 public:
  // `wake` is called when there is something to take, or the source has finished or failed.
  Source(std::string name, std::function<void()> wake)
      : wake_(std::move(wake)), name_(std::move(name)) {}
  virtual ~Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  // Goes on at `restored` (those of this source; empty: at the start position).
  virtual awaitable<Result<>> open(std::span<const SlotPosition> restored) = 0;
  // When the next rows arrived; nullopt: there are none now.
  virtual std::optional<TimeMs> oldest() = 0;
  // Takes the oldest run of rows, within the budget; at least one row if budget.rows > 0.
  virtual void take(TakeBudget& budget, std::vector<SourceChunk>& chunks) = 0;
  virtual Result<> failure() const { return {}; }
  // The oldest row not yet taken is this old; 0 at the tip; -1: not known yet.
  virtual int64_t millis_behind(TimeMs now_ms) const = 0;
  virtual bool finished() const = 0;  // bounded, and everything has been taken
  virtual void stop() {}
  virtual awaitable<> stopped() { co_return; }

  const std::string& name() const { return name_; }
  std::vector<Slot>& slots() { return slots_; }
  // Positions that changed since they were last asked for; `all`: every one.
  std::vector<SlotPosition> positions(bool all);

  // --- Watermarks, from those of the slots.
  void set_idle_timeout(std::chrono::milliseconds timeout) { idle_timeout_ = timeout; }
  bool may_idle() const { return idle_timeout_.count() > 0; }
  // The minimum over slots that are read and not idle; never falls. As of the last batch:
  EventTime combined() const { return combined_; }
  void set_combined(EventTime watermark) { combined_ = watermark; }
  // What it would be now, without new rows.
  EventTime combined_at(std::chrono::nanoseconds now) const;
  // The minimum over all those but `slot`.
  EventTime others(uint32_t slot, std::chrono::nanoseconds now) const;
  bool counts(const Slot& slot, std::chrono::nanoseconds now) const;

 protected:
  std::function<void()> wake_;
  std::vector<Slot> slots_;

 private:
  std::string name_;
  std::chrono::milliseconds idle_timeout_{0};  // 0: never idle
  EventTime combined_ = kNoWatermark;
};

}  // namespace millstream::analytics
