#include "analytics/engine/running_job.h"

#include <algorithm>
#include <thread>

#include <boost/asio/strand.hpp>
#include <boost/asio/use_future.hpp>

#include "analytics/engine/reference_reader.h"
#include "analytics/plan/options.h"

namespace millstream::analytics {
namespace {

using namespace std::chrono_literals;

constexpr size_t kSnapshotStep = size_t{4} << 20;
// Changes that nobody can see (clock ticks of idle windows) may wait so long for an append.
constexpr std::chrono::milliseconds kCarry = 1s;
constexpr size_t kMaxErrorBytes = size_t{1} << 20;  // of one batch's rows for the error stream
constexpr uint64_t kMaxLoggedFailures = 100;
// Parallelism by lag: all cores once the job has been behind by so much, for so long.
constexpr int64_t kLagMs = 1000;
constexpr std::chrono::seconds kBehindFor{2};

std::string option(const Plan& plan, const std::string& key) {
  const auto found = plan.options.find(key);
  return found == plan.options.end() ? std::string() : found->second;
}

}  // namespace

RunningJob::RunningJob(JobSpec spec, Plan plan, std::shared_ptr<const StagePlan> stages,
                       JobHost& host, asio::thread_pool& pool)
    : spec_(std::move(spec)),
      plan_(std::move(plan)),
      stages_(std::move(stages)),
      node_names_(state_names(*stages_)),
      host_(host),
      pool_(pool) {
  for (size_t i = 0; i < stages_->nodes.size(); ++i) {
    const PlanNode& node = *stages_->nodes[i].plan;
    if (const auto* source = std::get_if<SourceNode>(&node.node)) {
      source_nodes_.push_back(i);
      has_clock_source_ = has_clock_source_ || SourceDecoder::is_by_clock(*source->table);
    }
    if (std::holds_alternative<SinkNode>(node.node)) sink_nodes_.push_back(i);
  }
}

RunningJob::~RunningJob() = default;

uint32_t RunningJob::cores() const {
  return std::clamp(std::thread::hardware_concurrency(), 1u, kMaxPartitions);
}

Result<> RunningJob::check() {
  // Builds every operator once: what can't run is refused before the job starts.
  JobState state(stages_, 1);
  for (size_t i = 0; i < stages_->nodes.size(); ++i) {
    const PlanNode& node = *stages_->nodes[i].plan;
    if (const auto* source = std::get_if<SourceNode>(&node.node)) {
      TRY(SourceDecoder::make(*source, plan_.dialect, "UTC"));
    } else if (!std::holds_alternative<SinkNode>(node.node)) {
      OperatorContext context;
      context.dialect = plan_.dialect;
      NodeState scratch;
      context.state = &scratch;
      TRY(make_operator(node, context));
    }
  }
  return {};
}

awaitable<Result<>> RunningJob::run() {
  const asio::any_io_executor caller = co_await asio::this_coro::executor;
  strand_ = asio::make_strand(caller);
  co_return co_await asio::co_spawn(*strand_, run_on_strand(), asio::use_awaitable);
}

void RunningJob::wake() { wakeup_->set(); }

awaitable<Result<>> RunningJob::run_on_strand() {
  wakeup_ = std::make_unique<Wakeup>(*strand_);
  {
    std::lock_guard lock(mutex_);
    wake_from_outside_ = [this] { asio::post(*strand_, [this] { wake(); }); };
  }
  Result<> result = co_await start();
  if (result) result = co_await loop();
  if (committer_) {
    committer_->cancel_mending();
    if (result) result = co_await committer_->drain();
    co_await committer_->settle();
  }
  for (const auto& source : sources_) source->stop();
  for (const auto& source : sources_) co_await source->stopped();
  snapshot_.reset();
  {
    std::lock_guard lock(mutex_);
    wake_from_outside_ = nullptr;
  }
  co_await finish_requests(result);
  // Those that were posted before run on the strand, while this still exists.
  co_await asio::post(*strand_, asio::use_awaitable);
  executor_.reset();
  co_return result;
}

awaitable<> RunningJob::finish_requests(Result<> result) {
  Requests left = take_requests();
  for (SnapshotRequest& request : left.snapshots) {
    request.done(result ? Result<>(fail(ErrorCode::kCancelled, "the application has stopped"))
                        : result);
  }
  co_return;
}

awaitable<Result<>> RunningJob::start() {
  CO_TRY(co_await open_sinks());
  std::vector<Sink*> sinks;
  for (const auto& sink : sinks_) sinks.push_back(sink.get());
  committer_ = std::make_unique<Committer>(spec_, host_, sinks, *strand_, [this] { wake(); });
  auto zone = option(plan_, "table.local-time-zone");
  if (zone.empty()) zone = "UTC";
  CO_TRY(
      co_await read_reference_tables(stages_, plan_.dialect, std::move(zone), host_, references_));
  CO_TRY(co_await recover_state());
  co_return Result<>();
}

awaitable<Result<>> RunningJob::open_sinks() {
  for (const size_t node : sink_nodes_) {
    SinkContext context{host_, spec_, plan_.dialect, "UTC", stages_->nodes[node].spread_by};
    if (auto zone = option(plan_, "table.local-time-zone"); !zone.empty()) {
      context.time_zone = zone;
    }
    CO_TRY_ASSIGN(auto sink, make_sink(*stages_->nodes[node].plan, std::move(context)));
    CO_TRY(co_await sink->open());
    sinks_.push_back(std::move(sink));
  }
  co_return Result<>();
}

awaitable<Result<>> RunningJob::recover_state() {
  CO_TRY_ASSIGN(const uint64_t last_number, co_await committer_->open());
  Recovered recovered;
  bool resets = false;
  if (!spec_.restore_snapshot.empty() && spec_.writer != 0) {
    auto load = [this] {
      return recover_from_snapshot(spec_, host_, stages_, spec_.restore_snapshot);
    };
    CO_TRY_ASSIGN(recovered, co_await run_on(pool_, load));
    resets = true;
  } else if (spec_.writer != 0 && !spec_.fresh) {
    CO_TRY_ASSIGN(recovered, co_await recover(spec_, host_, stages_, last_number, pool_));
  } else {
    resets = last_number != 0;
  }
  figures_ = recovered.head.figures;
  last_now_us_ = recovered.head.now_us;
  state_ = recovered.state ? std::move(recovered.state)
                           : std::make_unique<JobState>(stages_, uint32_t{1});
  const uint32_t wanted = wanted_partitions();
  // An operator that is in the middle of its output goes on in the partitions it began in.
  if (state_->partitions() != wanted && !recovered.head.more) {
    CO_TRY_ASSIGN(state_, state_->rescale(wanted));
  }
  CO_TRY(co_await open_sources(recovered.head));
  CO_TRY(make_executor());
  behind_since_ = host_.clock().monotonic();
  {
    std::lock_guard lock(mutex_);
    status_.dropped_state = recovered.dropped;
    status_.snapshot = recovered.snapshot;
    status_.parallelism = state_->partitions();
    status_.input_rows = figures_.input_rows;
    status_.output_rows = figures_.output_rows;
    status_.late_rows = figures_.late_rows;
    status_.error_rows = figures_.error_rows;
    status_.skipped_rows = figures_.skipped_rows;
    status_.batches = figures_.batches;
  }
  for (const std::string& dropped : recovered.dropped) {
    host_.log_line("WARN",
                   fmt::format("state of {} can't be used any more and is left out", dropped));
  }
  if (spec_.writer == 0) co_return Result<>();
  // Where this run begins is durable before it does anything.
  Commit first;
  first.head = make_head(true);
  first.head.nodes = node_names_;
  first.head.reset = resets;
  if (resets) first.head.base = spec_.restore_snapshot;
  first.changes.resize(state_->partitions());
  CO_TRY(co_await committer_->submit(std::move(first)));
  CO_TRY(co_await committer_->drain());
  // So that a snapshot which its owner may delete is not needed for long.
  if (!spec_.restore_snapshot.empty()) snapshot_base_bytes_ = 0;
  co_return Result<>();
}

awaitable<Result<>> RunningJob::open_sources(const BatchHead& head) {
  std::map<std::string, int> used;
  for (const size_t node : source_nodes_) {
    const auto& source_node = std::get<SourceNode>(stages_->nodes[node].plan->node);
    std::string name = source_node.table->name;
    if (const int again = used[name]++; again > 0) name += fmt::format("#{}", again);
    CO_TRY_ASSIGN(auto source,
                  make_source(source_node, name, spec_, host_, *strand_, [this] { wake(); }));
    if (source_node.table->connector == Connector::kInternal) {
      errors_ = static_cast<ErrorSource*>(source.get());
      errors_->add(head.errors);
    }
    if (const auto idle = parse_duration_ms(option(plan_, "table.exec.source.idle-timeout"));
        idle && *idle > 0 && !source->may_idle()) {
      source->set_idle_timeout(std::chrono::milliseconds(*idle));
    }
    std::vector<SlotPosition> positions;
    for (const SlotPosition& position : head.positions) {
      if (position.source == name) positions.push_back(position);
    }
    for (const auto& [source_name, watermark] : head.watermarks) {
      if (source_name == name) source->set_combined(watermark);
    }
    sources_.push_back(std::move(source));
    CO_TRY(co_await sources_.back()->open(positions));
  }
  co_return Result<>();
}

Result<> RunningJob::make_executor() {
  PartitionSettings settings;
  settings.dialect = plan_.dialect;
  if (auto zone = option(plan_, "table.local-time-zone"); !zone.empty()) settings.time_zone = zone;
  settings.state_ttl_ms = parse_duration_ms(option(plan_, "table.exec.state.ttl")).value_or(0);
  settings.source_nodes = source_nodes_;
  settings.sink_nodes = sink_nodes_;
  for (const auto& sink : sinks_) settings.sinks.push_back(sink.get());
  settings.references = &references_;
  TRY_ASSIGN(executor_, Executor::create(stages_, settings, *state_, pool_));
  TRY(executor_->open());
  carried_.assign(state_->partitions(), {});
  resumes_ = true;
  return {};
}

uint32_t RunningJob::wanted_partitions() {
  if (spec_.parallelism > 0) return std::min(spec_.parallelism, kMaxPartitions);
  const auto by_option = option(plan_, "parallelism.default");
  if (!by_option.empty()) {
    return std::clamp<uint32_t>(static_cast<uint32_t>(std::atoi(by_option.c_str())), 1,
                                kMaxPartitions);
  }
  return 1;
}

awaitable<Result<>> RunningJob::loop() {
  for (;;) {
    CO_TRY(committer_->failure());
    CO_TRY_ASSIGN(const bool goes_on, co_await housekeeping());
    if (!goes_on) co_return Result<>();
    for (const auto& source : sources_) CO_TRY(source->failure());
    std::optional<BatchInput> input = next_batch();
    if (input) {
      CO_TRY(co_await run_batch(*std::move(input)));
      continue;
    }
    if (all_finished()) {
      CO_TRY(co_await commit_nothing());
      co_return Result<>();
    }
    if (errors_ != nullptr && std::ranges::all_of(sources_, [this](const auto& source) {
          return source.get() == errors_ || source->finished();
        })) {
      errors_->close();
      continue;
    }
    if (host_.clock().monotonic() - last_commit_ >= kCarry) CO_TRY(co_await flush_carried());
    if (committer_->is_idle()) note_progress();
    co_await wakeup_->wait(time_to_wait());
  }
}

RunningJob::Requests RunningJob::take_requests() {
  std::lock_guard lock(mutex_);
  Requests taken = std::exchange(requests_, {});
  return taken;
}

awaitable<Result<bool>> RunningJob::housekeeping() {
  if (committer_->needs_mending()) CO_TRY(co_await committer_->mend());
  Requests asked = take_requests();
  if (asked.parallelism && !more_ && !resumes_ && *asked.parallelism != state_->partitions()) {
    CO_TRY(co_await rescale(*asked.parallelism));
  } else if (asked.parallelism && *asked.parallelism != state_->partitions()) {
    std::lock_guard lock(mutex_);
    if (!requests_.parallelism) requests_.parallelism = asked.parallelism;
  }
  for (SnapshotRequest& request : asked.snapshots) {
    const Result<> taken = co_await snapshot_now(request.name);
    request.done(taken);
    if (!committer_->failure()) CO_TRY(committer_->failure());
  }
  if (asked.stop) {
    CO_TRY(co_await flush_carried());
    if (!asked.stop_snapshot.empty()) CO_TRY(co_await snapshot_now(asked.stop_snapshot));
    co_return false;
  }
  CO_TRY(co_await step_snapshot());
  co_return true;
}

awaitable<Result<>> RunningJob::rescale(uint32_t partitions) {
  CO_TRY(co_await flush_carried());
  executor_.reset();
  auto move = [this, partitions] { return state_->rescale(partitions); };
  CO_TRY_ASSIGN(state_, co_await run_on(pool_, move));
  CO_TRY(make_executor());
  std::lock_guard lock(mutex_);
  status_.parallelism = partitions;
  co_return Result<>();
}

awaitable<Result<>> RunningJob::run_batch(BatchInput input) {
  const std::chrono::nanoseconds begin = host_.clock().monotonic();
  const bool idle = input.chunks.empty() && !input.resumes;
  const bool was_resumed = resumes_;
  resumes_ = false;
  CO_TRY_ASSIGN(BatchOutcome outcome, co_await executor_->run(std::move(input)));
  last_batch_ = begin;
  more_ = outcome.more;
  next_timer_us_ = outcome.next_timer_us;
  apply_times(outcome);
  figures_.input_rows += outcome.input_rows;
  figures_.output_rows += outcome.output_rows;
  figures_.late_rows += outcome.late_rows;
  figures_.skipped_rows += outcome.skipped_rows;
  state_rows_ = outcome.state_rows;
  state_bytes_ = outcome.state_bytes;
  CO_TRY(handle_failures(std::move(outcome.failures)));
  if (state_bytes_ > spec_.memory_limit_bytes) {
    co_return fail(ErrorCode::kInvalidArgument,
                   "the state of application {} has grown to {} MB, beyond its limit of {} MB; "
                   "raise it (the server's --analytics-worker-memory), or let state expire "
                   "(windows, table.exec.state.ttl)",
                   spec_.application, state_bytes_ >> 20, spec_.memory_limit_bytes >> 20);
  }
  co_return co_await commit(std::move(outcome), idle || was_resumed);
}

void RunningJob::apply_times(const BatchOutcome& outcome) {
  for (size_t i = 0; i < sources_.size(); ++i) {
    sources_[i]->set_combined(outcome.source_after[i]);
    auto& slots = sources_[i]->slots();
    for (size_t slot = 0; slot < outcome.slot_after[i].size(); ++slot) {
      if (slots[slot].watermark >= outcome.slot_after[i][slot]) continue;
      slots[slot].watermark = outcome.slot_after[i][slot];
      slots[slot].changed = true;
    }
  }
}

Result<> RunningJob::handle_failures(std::vector<RowFailure> failures) {
  if (failures.empty()) return {};
  if (plan_.dialect == sql::Dialect::kFlink) {
    return fail(ErrorCode::kInvalidArgument,
                "{}; the row was: {}. Correct the data, or let the query pass over it (TRY_CAST, "
                "'ignore-parse-errors')",
                failures.front().message, failures.front().data);
  }
  figures_.error_rows += failures.size();
  for (const RowFailure& failure : failures) {
    if (++logged_failures_ > kMaxLoggedFailures) break;
    host_.log_line("WARN", fmt::format("row left out: {}", failure.message));
  }
  if (errors_ == nullptr || errors_->finished()) return {};
  size_t bytes = 0;
  for (RowFailure& failure : failures) {
    if (bytes > kMaxErrorBytes) failure.data.clear();
    bytes += failure.data.size() + failure.message.size();
    if (failure.rowtime == kNoWatermark) failure.rowtime = last_now_us_ / 1000 * 1000;
  }
  errors_->add(std::move(failures));
  return {};
}

BatchHead RunningJob::make_head(bool all_positions) {
  BatchHead head;
  head.now_us = last_now_us_;
  head.more = more_;
  head.partitions = state_->partitions();
  head.figures = figures_;
  for (const auto& source : sources_) {
    std::ranges::move(source->positions(all_positions), std::back_inserter(head.positions));
    head.watermarks.emplace_back(source->name(), source->combined());
  }
  if (errors_ != nullptr) head.errors = errors_->waiting();
  return head;
}

awaitable<Result<>> RunningJob::flush_carried() {
  if (std::ranges::all_of(carried_, [](const auto& changes) { return changes.empty(); })) {
    co_return Result<>();
  }
  co_return co_await commit_nothing();
}

awaitable<Result<>> RunningJob::commit_nothing() {
  BatchOutcome nothing;
  nothing.changes.resize(carried_.size());
  nothing.sinks.resize(sinks_.size());
  nothing.state_bytes = state_bytes_;
  nothing.state_rows = state_rows_;
  co_return co_await commit(std::move(nothing), false);
}

awaitable<Result<>> RunningJob::commit(BatchOutcome outcome, bool idle) {
  for (size_t i = 0; i < outcome.changes.size(); ++i) carried_[i] += outcome.changes[i];
  // Nobody can see yet what a tick of the clock changed: it may wait for the next rows.
  const std::chrono::nanoseconds now = host_.clock().monotonic();
  const bool has_effects =
      std::ranges::any_of(outcome.sinks, [](const SinkOutput& sink) { return sink.wants_after; });
  if (idle && outcome.output_rows == 0 && !outcome.more && !has_effects) co_return Result<>();
  ++figures_.batches;
  Commit made;
  made.head = make_head(false);
  made.changes = std::exchange(carried_, std::vector<std::string>(carried_.size()));
  for (SinkOutput& sink : outcome.sinks) {
    std::ranges::move(sink.bodies, std::back_inserter(made.bodies));
    sink.bodies.clear();
  }
  made.sinks = std::move(outcome.sinks);
  outcome.changes.clear();
  auto figures = std::make_shared<const BatchOutcome>(std::move(outcome));
  made.durable = [this, totals = figures_, figures] { note_durable(totals, *figures); };
  last_commit_ = now;
  co_return co_await committer_->submit(std::move(made));
}

int64_t RunningJob::millis_behind() const {
  int64_t behind = 0;
  for (const auto& source : sources_) {
    const int64_t of = source->millis_behind(host_.clock().now_ms());
    behind = of < 0 || behind < 0 ? -1 : std::max(behind, of);
  }
  return behind;
}

void RunningJob::note_progress() {
  EventTime watermark = kEndOfTime;
  for (const auto& source : sources_) watermark = std::min(watermark, source->combined());
  const int64_t behind = millis_behind();
  // Without an order from outside, all cores once one is not enough.
  const std::chrono::nanoseconds now = host_.clock().monotonic();
  if (behind < kLagMs) behind_since_ = now;
  std::lock_guard lock(mutex_);
  status_.watermark = watermark;
  status_.millis_behind_latest = behind;
  if (spec_.parallelism == 0 && !requests_.parallelism && state_->partitions() < cores() &&
      option(plan_, "parallelism.default").empty() && now - behind_since_ > kBehindFor) {
    requests_.parallelism = cores();
  }
}

void RunningJob::note_durable(const JobFigures& figures, const BatchOutcome& outcome) {
  note_progress();
  std::lock_guard lock(mutex_);
  status_.input_rows = figures.input_rows;
  status_.output_rows = figures.output_rows;
  status_.late_rows = figures.late_rows;
  status_.error_rows = figures.error_rows;
  status_.skipped_rows = figures.skipped_rows;
  status_.batches = figures.batches;
  status_.state_bytes = outcome.state_bytes;
  status_.state_rows = outcome.state_rows;
  for (size_t i = 0; i < outcome.node_rows.size(); ++i) {
    status_.rows_by_node[node_names_[i]] += outcome.node_rows[i];
  }
}

awaitable<Result<>> RunningJob::snapshot_now(const std::string& name) {
  if (spec_.writer == 0) {
    co_return fail(ErrorCode::kInvalidArgument, "a query without stored state has no snapshots");
  }
  CO_TRY(co_await flush_carried());
  CO_TRY(co_await committer_->drain());
  BatchHead head = make_head(true);
  head.nodes = node_names_;
  head.number = committer_->last_number();
  auto write = [this, &head, &name]() -> Result<> {
    TRY_ASSIGN(auto writer,
               SnapshotWriter::begin(host_.env(), spec_.snapshot_folder, name, head,
                                     committer_->changelog_end(), *state_, node_names_.size()));
    TRY(writer->step(*state_, SIZE_MAX / 2));
    return writer->finish();
  };
  CO_TRY(co_await run_on(pool_, write));
  std::lock_guard lock(mutex_);
  status_.snapshot = name;
  co_return Result<>();
}

// The snapshot that the job takes by itself, a piece between two batches.
awaitable<Result<>> RunningJob::step_snapshot() {
  if (spec_.writer == 0) co_return Result<>();
  if (!snapshot_) {
    const uint64_t since = committer_->appended_changelog_bytes() - snapshot_base_bytes_;
    if (since < std::max(spec_.snapshot_after_bytes, state_bytes_)) co_return Result<>();
    CO_TRY(co_await flush_carried());
    CO_TRY(co_await committer_->drain());
    snapshot_base_bytes_ = committer_->appended_changelog_bytes();
    BatchHead head = make_head(true);
    head.nodes = node_names_;
    head.number = committer_->last_number();
    auto begin = [this, &head] {
      return SnapshotWriter::begin(host_.env(), spec_.snapshot_folder,
                                   automatic_snapshot_name(figures_.batches), head,
                                   committer_->changelog_end(), *state_, node_names_.size());
    };
    CO_TRY_ASSIGN(snapshot_, co_await run_on(pool_, begin));
  }
  auto step = [this] { return snapshot_->step(*state_, kSnapshotStep); };
  CO_TRY_ASSIGN(const bool whole, co_await run_on(pool_, step));
  if (!whole) co_return Result<>();
  // What its groups hold must be durable before it counts.
  CO_TRY(co_await flush_carried());
  CO_TRY(co_await committer_->drain());
  auto finish = [this]() -> Result<> {
    TRY(snapshot_->finish());
    return remove_old_snapshots(host_.env(), spec_.snapshot_folder, snapshot_->name());
  };
  CO_TRY(co_await run_on(pool_, finish));
  CO_TRY(co_await host_.log().trim(spec_.changelog, snapshot_->changelog_next()));
  {
    std::lock_guard lock(mutex_);
    status_.snapshot = snapshot_->name();
  }
  snapshot_.reset();
  co_return Result<>();
}

void RunningJob::stop(std::string snapshot) {
  std::lock_guard lock(mutex_);
  requests_.stop = true;
  requests_.stop_snapshot = std::move(snapshot);
  if (wake_from_outside_) wake_from_outside_();
}

awaitable<Result<>> RunningJob::take_snapshot(std::string name) {
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(Result<>)>(
      [this](auto handler, std::string wanted) {
        auto executor = asio::prefer(asio::get_associated_executor(handler),
                                     asio::execution::outstanding_work.tracked);
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        SnapshotRequest request{std::move(wanted), [shared, executor](Result<> result) {
                                  asio::post(executor, [shared, result]() mutable {
                                    std::move (*shared)(std::move(result));
                                  });
                                }};
        std::lock_guard lock(mutex_);
        if (!wake_from_outside_) {
          request.done(fail(ErrorCode::kInvalidArgument, "the application does not run"));
          return;
        }
        requests_.snapshots.push_back(std::move(request));
        wake_from_outside_();
      },
      asio::use_awaitable, std::move(name));
}

void RunningJob::set_parallelism(uint32_t parallelism) {
  std::lock_guard lock(mutex_);
  requests_.parallelism = std::clamp(parallelism, 1u, kMaxPartitions);
  if (wake_from_outside_) wake_from_outside_();
}

JobStatus RunningJob::status() const {
  std::lock_guard lock(mutex_);
  return status_;
}

Result<std::unique_ptr<Job>> Job::create(JobSpec spec, Plan plan, JobHost& host,
                                         asio::thread_pool& pool) {
  TRY_ASSIGN(StagePlan stages, make_stage_plan(plan));
  auto made = std::make_unique<RunningJob>(std::move(spec), std::move(plan),
                                           std::make_shared<const StagePlan>(std::move(stages)),
                                           host, pool);
  TRY(made->check());
  return made;
}

}  // namespace millstream::analytics
