#include "log/local/writer_table.h"

#include <algorithm>

namespace millstream::local {

Result<WriterTable::Verdict> WriterTable::judge(const WriterStamp& stamp) const {
  const auto it = writers_.find(stamp.writer);
  if (it == writers_.end()) {
    return fail(ErrorCode::kFenced, "Writer {} was never opened; call open_writer first.",
                stamp.writer);
  }
  const WriterState& state = it->second;
  if (stamp.epoch != state.epoch) {
    return fail(ErrorCode::kFenced,
                "Writer {} was opened again (epoch {}); this one (epoch {}) must stop.",
                stamp.writer, state.epoch, stamp.epoch);
  }
  if (stamp.number == state.last_number + 1) return Verdict::kWrite;
  if (stamp.number == state.last_number && stamp.number != 0) return Verdict::kRepeat;
  return fail(ErrorCode::kOutOfSequence, "Append {} of writer {} does not follow its last one, {}.",
              stamp.number, stamp.writer, state.last_number);
}

const std::vector<Appended>& WriterTable::last(uint64_t writer) const {
  return writers_.at(writer).last;
}

void WriterTable::appended(const WriterStamp& stamp, std::vector<Appended> where) {
  WriterState& state = writers_[stamp.writer];
  state.epoch = std::max(state.epoch, stamp.epoch);
  state.last_number = stamp.number;
  state.last = std::move(where);
}

OpenedWriter WriterTable::open(uint64_t writer) {
  WriterState& state = writers_[writer];
  ++state.epoch;
  return {state.epoch, state.last_number};
}

void WriterTable::set_epoch(uint64_t writer, uint64_t epoch) { writers_[writer].epoch = epoch; }

void WriterTable::restore(uint64_t writer, WriterState state) {
  writers_[writer] = std::move(state);
}

}  // namespace millstream::local
