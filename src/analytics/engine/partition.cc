#include "analytics/engine/partition.h"

#include <algorithm>

namespace millstream::analytics {
namespace {

// An operator that emits on its own account stops at about this much: what an append can hold
// (64 MiB over all operators and partitions) stays far away.
constexpr size_t kFullRows = 20'000;
constexpr size_t kFullBytes = size_t{4} << 20;

size_t bytes_of(const Batch& batch) {
  size_t bytes = 0;
  for (const ColumnPtr& column : batch.columns) {
    if (!column) continue;
    if (column->physical != Physical::kString) {
      bytes += 8 * batch.rows;
      continue;
    }
    for (const std::string_view text : column->strings) bytes += text.size() + 4;
  }
  return bytes;
}

}  // namespace

struct Partition::NodeRun {
  const StageNode* node = nullptr;
  NodeState* state = nullptr;
  std::unique_ptr<Operator> op;
  std::unique_ptr<SinkWriter> sink;
  size_t source = 0;       // of a SourceNode
  size_t sink_number = 0;  // of a SinkNode
  struct Way {             // out of this partition
    size_t consumer = 0;
    size_t input = 0;
    Exchange exchange;
    std::vector<std::vector<Piece>> targets;
  };
  std::vector<Way> ways;

  // Of the batch under way.
  std::vector<Piece> out;
  uint64_t rows = 0;

  EventTime watermark = kNoWatermark;  // that holds behind it
  EventTime advanced = kNoWatermark;   // that it has been told
  std::vector<EventTime> inputs;       // as of the batch before
  bool more = false;
};

struct Partition::NodeOutput final : Output {
  NodeRun& run;
  Partition& partition;
  uint32_t origin = kNoOrigin;
  bool advancing = false;
  size_t rows = 0;
  size_t bytes = 0;

  NodeOutput(NodeRun& node, Partition& whole) : run(node), partition(whole) {}

  void emit(Batch batch) override {
    if (batch.rows == 0) return;
    run.rows += batch.rows;
    if (advancing) {
      rows += batch.rows;
      bytes += bytes_of(batch);
    }
    run.out.push_back({std::move(batch), origin});
  }
  bool is_full() const override { return rows >= kFullRows || bytes >= kFullBytes; }
  void row_error(std::string_view message, const Batch& batch, uint32_t row) override {
    std::string text;
    for (size_t i = 0; i < batch.columns.size() && text.size() < kMaxFailureData; ++i) {
      if (!batch.columns[i]) continue;
      if (!text.empty()) text += ", ";
      const Schema& schema = run.node->inputs.empty()
                                 ? run.node->plan->schema
                                 : partition.plan_->nodes[run.node->inputs[0].node].plan->schema;
      text += value_text(batch.columns[i]->value(row),
                         i < schema.size() ? schema[i].type : make_type(TypeKind::kNull));
    }
    partition.failures_.push_back({std::string(message), text.substr(0, kMaxFailureData)});
  }
  void count_late(uint64_t late) override { partition.late_rows_ += late; }
};

Partition::Partition(std::shared_ptr<const StagePlan> plan, uint32_t index, uint32_t count)
    : plan_(std::move(plan)), index_(index), count_(count) {}

Partition::~Partition() = default;

Result<std::unique_ptr<Partition>> Partition::create(std::shared_ptr<const StagePlan> plan,
                                                     const PartitionSettings& settings,
                                                     uint32_t index, JobState& state) {
  const uint32_t count = state.partitions();
  std::unique_ptr<Partition> made(new Partition(std::move(plan), index, count));
  made->dialect_ = settings.dialect;
  made->source_nodes_ = settings.source_nodes;
  made->nodes_.resize(made->plan_->nodes.size());
  made->decoders_.resize(settings.source_nodes.size());
  made->sink_outputs_.resize(settings.sink_nodes.size());
  for (size_t i = 0; i < made->nodes_.size(); ++i) {
    TRY(made->make_node(i, settings, state.at(index, i)));
  }
  for (size_t i = 0; i < made->nodes_.size(); ++i) {
    const StageNode& consumer = made->plan_->nodes[i];
    for (size_t input = 0; input < consumer.inputs.size(); ++input) {
      const StageInput& from = consumer.inputs[input];
      if (from.route == Route::kLocal || !made->nodes_[from.node]) continue;
      made->nodes_[from.node]->ways.push_back(
          {i, input, Exchange(from, count), std::vector<std::vector<Piece>>(count)});
    }
  }
  return made;
}

Result<> Partition::make_node(size_t index, const PartitionSettings& settings, NodeState* state) {
  if (state == nullptr) return {};
  auto run = std::make_unique<NodeRun>();
  run->node = &plan_->nodes[index];
  run->inputs.resize(run->node->inputs.size(), kNoWatermark);
  run->state = state;
  const PlanNode& node = *run->node->plan;
  if (const auto* source = std::get_if<SourceNode>(&node.node)) {
    run->source = static_cast<size_t>(std::ranges::find(settings.source_nodes, index) -
                                      settings.source_nodes.begin());
    TRY_ASSIGN(decoders_[run->source],
               SourceDecoder::make(*source, settings.dialect, settings.time_zone));
  } else if (std::holds_alternative<SinkNode>(node.node)) {
    run->sink_number = static_cast<size_t>(std::ranges::find(settings.sink_nodes, index) -
                                           settings.sink_nodes.begin());
    TRY_ASSIGN(run->sink,
               settings.sinks[run->sink_number]->writer(index_, run->state->operators()));
  } else {
    OperatorContext context;
    context.dialect = settings.dialect;
    context.time_zone = settings.time_zone;
    context.state = &run->state->operators();
    context.partition = run->node->single ? 0 : index_;
    context.partitions = run->node->single ? 1 : count_;
    context.state_ttl_ms = settings.state_ttl_ms;
    context.references = settings.references;
    TRY_ASSIGN(run->op, make_operator(node, context));
  }
  nodes_[index] = std::move(run);
  return {};
}

Result<> Partition::open() {
  for (const auto& run : nodes_) {
    if (run && run->op) TRY(run->op->open());
  }
  return {};
}

void Partition::set_failure(Error error) {
  if (failure_) failure_ = std::unexpected(std::move(error));
}

void Partition::begin(const BatchInput&) {
  failures_.clear();
  decoded_.clear();
  input_rows_ = late_rows_ = skipped_rows_ = 0;
  more_ = false;
  changes_.clear();
  for (const auto& run : nodes_) {
    if (run) run->rows = 0;
  }
}

void Partition::decode(const BatchInput& input) {
  for (const SourceChunk& chunk : input.chunks) {
    if (chunk.partition != index_) continue;
    input_rows_ += chunk.rows;
    decoded_.push_back(
        {decoders_[chunk.source]->decode(chunk, input.now_us, failures_, skipped_rows_)});
  }
}

void Partition::prefix_watermarks(std::vector<std::vector<EventTime>>& running) {
  for (Decoded& decoded : decoded_) {
    EventTime& slot = running[decoded.chunk.source][decoded.chunk.slot];
    decoded.before = slot;
    slot = std::max(slot, decoded.chunk.max_watermark);
  }
}

void Partition::run_source(NodeRun& run, const BatchInput& input,
                           std::span<const EventTime> source_after) {
  const SourceTimes& times = input.times[run.source];
  for (Decoded& decoded : decoded_) {
    DecodedChunk& chunk = decoded.chunk;
    if (chunk.source != run.source || chunk.batch.rows == 0) continue;
    if (times.by_clock) {
      chunk.batch.watermarks.assign(chunk.batch.rows, times.before);
    } else if (times.has_watermark) {
      const EventTime others = times.slots[chunk.slot].others;
      for (EventTime& watermark : chunk.batch.watermarks) {
        watermark = std::max(times.before, std::min(std::max(watermark, decoded.before), others));
      }
    }
    run.rows += chunk.batch.rows;
    run.out.push_back({std::move(chunk.batch), chunk.slot});
  }
  run.watermark = source_after[run.source];
}

EventTime Partition::input_watermark(size_t index, size_t input,
                                     std::span<const std::unique_ptr<Partition>> all) const {
  const StageInput& from = plan_->nodes[index].inputs[input];
  // A producer that runs elsewhere only never sends anything to this partition.
  EventTime least = kEndOfTime;
  if (from.route == Route::kLocal) {
    return nodes_[from.node] ? nodes_[from.node]->watermark : kEndOfTime;
  }
  for (const auto& partition : all) {
    if (partition->nodes_[from.node]) {
      least = std::min(least, partition->nodes_[from.node]->watermark);
    }
  }
  return least;
}

Result<> Partition::process_input(size_t index, size_t input, int64_t now_us,
                                  std::span<const std::unique_ptr<Partition>> all) {
  NodeRun& run = *nodes_[index];
  const StageInput& from = plan_->nodes[index].inputs[input];
  // With several inputs the watermark is their minimum, also that of each row.
  EventTime others = kEndOfTime;
  for (size_t i = 0; i < run.inputs.size(); ++i) {
    if (i != input) others = std::min(others, run.inputs[i]);
  }
  NodeOutput output(run, *this);
  const auto take = [&](const std::vector<Piece>& pieces) -> Result<> {
    for (const Piece& piece : pieces) {
      output.origin = piece.origin;
      if (run.sink) {
        run.rows += piece.batch.rows;
        TRY(run.sink->write(piece));
      } else if (others != kEndOfTime && !piece.batch.watermarks.empty()) {
        Batch capped = piece.batch;
        for (EventTime& watermark : capped.watermarks) watermark = std::min(watermark, others);
        TRY(run.op->process(input, capped, now_us, output));
      } else {
        TRY(run.op->process(input, piece.batch, now_us, output));
      }
    }
    return {};
  };
  if (from.route == Route::kLocal) {
    return nodes_[from.node] ? take(nodes_[from.node]->out) : Result<>();
  }
  for (const auto& partition : all) {
    const auto& producer = partition->nodes_[from.node];
    if (!producer) continue;
    for (const NodeRun::Way& way : producer->ways) {
      if (way.consumer == index && way.input == input) TRY(take(way.targets[index_]));
    }
  }
  return {};
}

Result<> Partition::run_operator(size_t index, const BatchInput& input,
                                 std::span<const std::unique_ptr<Partition>> all) {
  NodeRun& run = *nodes_[index];
  for (size_t i = 0; i < run.inputs.size(); ++i) TRY(process_input(index, i, input.now_us, all));
  EventTime watermark = kEndOfTime;
  for (size_t i = 0; i < run.inputs.size(); ++i) {
    run.inputs[i] = input_watermark(index, i, all);
    watermark = std::min(watermark, run.inputs[i]);
  }
  // Neither does it fall when an input becomes active again.
  watermark = std::max(watermark, run.advanced);
  run.advanced = watermark;
  if (run.op) {
    NodeOutput output(run, *this);
    output.advancing = true;
    TRY_ASSIGN(const bool done, run.op->advance(watermark, input.now_us, output));
    run.more = !done;
    if (done) run.watermark = std::max(run.watermark, run.op->output_watermark(watermark));
    more_ = more_ || !done;
  } else {
    run.watermark = watermark;
  }
  return {};
}

void Partition::send(NodeRun& run) {
  for (NodeRun::Way& way : run.ways) {
    for (const Piece& piece : run.out) way.exchange.spread(piece, way.targets);
  }
}

void Partition::run_stage(size_t stage, const BatchInput& input,
                          std::span<const EventTime> source_after,
                          std::span<const std::unique_ptr<Partition>> all) {
  for (size_t i = 0; i < nodes_.size() && failure_; ++i) {
    if (!nodes_[i] || nodes_[i]->node->stage != stage) continue;
    NodeRun& run = *nodes_[i];
    if (std::holds_alternative<SourceNode>(run.node->plan->node)) {
      run_source(run, input, source_after);
    } else if (auto done = run_operator(i, input, all); !done) {
      set_failure(std::move(done).error());
    }
    send(run);
  }
}

void Partition::finish(BatchOutcome&) {
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (!nodes_[i]) continue;
    NodeRun& run = *nodes_[i];
    run.out.clear();
    for (NodeRun::Way& way : run.ways) {
      for (auto& pieces : way.targets) pieces.clear();
    }
    if (run.sink) {
      if (run.watermark == kEndOfTime) run.sink->close_all();
      sink_outputs_[run.sink_number] = run.sink->finish();
    }
    run.state->take_changes(static_cast<uint32_t>(i), changes_);
  }
  decoded_.clear();
}

void Partition::add_to(BatchOutcome& outcome) {
  outcome.more = outcome.more || more_;
  outcome.input_rows += input_rows_;
  outcome.late_rows += late_rows_;
  outcome.skipped_rows += skipped_rows_;
  for (RowFailure& failure : failures_) outcome.failures.push_back(std::move(failure));
  failures_.clear();
  outcome.changes.push_back(std::move(changes_));
  changes_.clear();
  for (size_t i = 0; i < sink_outputs_.size(); ++i) {
    SinkOutput& from = sink_outputs_[i];
    SinkOutput& to = outcome.sinks[i];
    to.rows += from.rows;
    std::ranges::move(from.bodies, std::back_inserter(to.bodies));
    std::ranges::move(from.lines, std::back_inserter(to.lines));
    std::ranges::move(from.rows_to_ask, std::back_inserter(to.rows_to_ask));
    std::ranges::move(from.objects, std::back_inserter(to.objects));
    to.wants_after = to.wants_after || from.wants_after;
    from = {};
  }
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (!nodes_[i]) continue;
    outcome.node_rows[i] += nodes_[i]->rows;
    outcome.state_bytes += nodes_[i]->state->bytes();
    outcome.state_rows += nodes_[i]->state->rows();
    const NodeRun& run = *nodes_[i];
    if (run.op) outcome.next_timer_us = std::min(outcome.next_timer_us, run.op->next_timer_us());
    if (run.sink) {
      outcome.next_timer_us = std::min(outcome.next_timer_us, run.sink->next_timer_us());
    }
  }
}

}  // namespace millstream::analytics
