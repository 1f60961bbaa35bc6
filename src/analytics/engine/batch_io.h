// What goes into one batch of a job, and what comes out of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "analytics/engine/sink.h"
#include "analytics/engine/source.h"
#include "analytics/engine/source_decoder.h"

namespace millstream::analytics {

// The watermarks of a source at the batch's begin: a copy, since partitions read it while the
// source goes on reading.
struct SourceTimes {
  struct SlotTime {
    EventTime watermark = kNoWatermark;
    EventTime others = kNoWatermark;  // the minimum over the slots that count, without this one
    bool counts = false;
  };
  bool has_watermark = false;
  bool by_clock = false;
  bool ended = false;  // with this batch
  EventTime before = kNoWatermark;
  EventTime clock_after = kNoWatermark;  // by_clock
  std::vector<SlotTime> slots;
};

struct BatchInput {
  int64_t now_us = 0;
  std::vector<SourceChunk> chunks;  // in the order in which their rows count
  std::vector<SourceTimes> times;   // by source
  // Steps that an operator has left over from the batch before: no input, the same times.
  bool resumes = false;
};

struct BatchOutcome {
  bool more = false;  // an operator has more to emit for these times
  uint64_t input_rows = 0;
  uint64_t output_rows = 0;
  uint64_t late_rows = 0;
  uint64_t skipped_rows = 0;
  std::vector<RowFailure> failures;
  std::vector<SinkOutput> sinks;                   // by sink
  std::vector<std::string> changes;                // of state, encoded; by partition
  std::vector<EventTime> source_after;             // by source
  std::vector<std::vector<EventTime>> slot_after;  // by source, slot
  std::vector<uint64_t> node_rows;                 // emitted, by node of the StagePlan
  uint64_t state_bytes = 0;
  uint64_t state_rows = 0;
  int64_t next_timer_us = kEndOfTime;
};

}  // namespace millstream::analytics
