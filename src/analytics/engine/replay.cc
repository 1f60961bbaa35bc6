#include "analytics/engine/replay.h"

#include <algorithm>

#include "analytics/engine/snapshot_store.h"
#include "log/record.h"

namespace millstream::analytics {
namespace {

std::unexpected<Error> broken(const JobSpec& spec, std::string_view what) {
  return fail(ErrorCode::kCorruption,
              "the changelog of application {} {}; restore it from a snapshot, or start it anew "
              "without its state",
              spec.application, what);
}

}  // namespace

Replay::Replay(const JobSpec& spec, JobHost& host, std::shared_ptr<const StagePlan> plan)
    : spec_(spec), host_(host), plan_(std::move(plan)), names_(state_names(*plan_)) {
  result_.state = std::make_unique<JobState>(plan_, 1);
}

void Replay::note_nodes(const std::vector<std::string>& stored) {
  nodes_.clear();
  gone_.clear();
  for (const std::string& name : stored) {
    const auto found = std::ranges::find(names_, name);
    nodes_.push_back(found == names_.end() ? kGone : static_cast<size_t>(found - names_.begin()));
  }
  // What an operator had before a run without it is out of date.
  for (size_t node = 0; node < names_.size(); ++node) {
    if (std::ranges::find(nodes_, node) == nodes_.end()) result_.state->clear_node(node);
  }
}

void Replay::forget() {
  result_.state = std::make_unique<JobState>(plan_, 1);
  positions_.clear();
  watermarks_.clear();
  gone_.clear();
  nodes_.clear();
}

Result<> Replay::set_partitions(uint32_t partitions) {
  if (result_.state->partitions() == partitions) return {};
  TRY_ASSIGN(result_.state, result_.state->rescale(partitions));
  return {};
}

Result<> Replay::note_head(BatchHead head) {
  if (!head.nodes.empty()) note_nodes(head.nodes);
  if (nodes_.empty()) return broken(spec_, "does not begin with a run of the application");
  TRY(set_partitions(head.partitions));
  result_.found = true;
  for (SlotPosition& position : head.positions) {
    positions_.insert_or_assign({position.source, position.slot}, position);
  }
  for (auto& [source, watermark] : head.watermarks) watermarks_[source] = watermark;
  result_.head = std::move(head);
  return {};
}

Result<> Replay::begin_batch(BatchHead head) {
  if (head.reset) {
    forget();
    if (!head.base.empty()) {
      TRY(load_snapshot(host_.env(), spec_.snapshot_folder, head.base, *this));
    }
  }
  return note_head(std::move(head));
}

Result<> Replay::begin_snapshot(BatchHead head) {
  forget();
  return note_head(std::move(head));
}

Result<> Replay::apply_sections(uint32_t partition, uint32_t stored, FieldReader& in) {
  if (stored >= nodes_.size() || partition >= result_.state->partitions()) {
    return broken(spec_, "names an operator that it does not know");
  }
  const size_t node = nodes_[stored];
  NodeState* state = node == kGone ? nullptr : result_.state->at(partition, node);
  if (state != nullptr) return state->apply(in);
  if (node != kGone) return broken(spec_, "has state of an operator where it does not run");
  gone_.insert(fmt::format("operator {} of the former code", stored));
  return skip_node_changes(in);
}

Result<> Replay::apply_changes(uint32_t partition, std::string_view bytes) {
  FieldReader in(bytes);
  while (!in.at_end()) {
    const auto node = in.number<uint32_t>();
    if (!in.ok()) return broken(spec_, "is cut within a batch");
    TRY(apply_sections(partition, node, in));
  }
  return {};
}

Result<> Replay::apply_values(uint32_t partition, uint32_t node, FieldReader& in) {
  return apply_sections(partition, node, in);
}

Result<> Replay::apply_group(uint32_t group, uint32_t node, FieldReader& in) {
  if (node >= nodes_.size() || group >= kKeyGroups) {
    return broken(spec_, "has a snapshot of an operator that it does not know");
  }
  const uint32_t partitions = result_.state->partitions();
  const bool single = nodes_[node] != kGone && plan_->nodes[nodes_[node]].single;
  return apply_sections(
      single ? single_partition(partitions) : partition_of_group(group, partitions), node, in);
}

Result<> Replay::apply_batch(const StoredBatch& batch) {
  RecordCursor cursor(batch.body.view());
  RecordView record;
  while (cursor.next(record)) {
    if (missing_ == 0) {
      TRY_ASSIGN(BatchHead head, decode_head(record.data));
      const uint32_t partitions = head.partitions;
      TRY(begin_batch(std::move(head)));
      missing_ = partitions;
    } else {
      TRY(apply_changes(result_.head.partitions - missing_, record.data));
      --missing_;
    }
  }
  if (cursor.broken()) return broken(spec_, "has a record that is not whole");
  return {};
}

Result<> Replay::check_whole() const {
  if (missing_ > 0) return broken(spec_, "ends within a batch");
  return {};
}

Recovered Replay::take() {
  result_.head.positions.clear();
  for (auto& [key, position] : positions_) result_.head.positions.push_back(position);
  result_.head.watermarks.assign(watermarks_.begin(), watermarks_.end());
  result_.dropped.assign(gone_.begin(), gone_.end());
  return std::move(result_);
}

}  // namespace millstream::analytics
