#include "analytics/applications/worker_runner.h"

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include "analytics/applications/host_service.h"
#include "analytics/applications/worker_protocol.h"
#include "base/logging.h"
#include "worker/process.h"

namespace millstream::analytics {
namespace {

constexpr size_t kLogLines = 200;  // kept of each application
constexpr int kStarts = 5;         // of a run, before its worker has run once
// A worker that was asked to stop and does not is killed: its state is safe all the same.
constexpr std::chrono::seconds kStopGrace{15};
constexpr std::chrono::minutes kSnapshotGrace{10};

std::vector<Slice> one(Slice slice) {
  std::vector<Slice> parts;
  parts.push_back(std::move(slice));
  return parts;
}

// Whether starting again can help: the machine's trouble passes, the user's code stays.
bool is_passing(const Error& error) {
  switch (error.code) {
    case ErrorCode::kUnavailable:
    case ErrorCode::kIo:
    case ErrorCode::kThrottled:
    case ErrorCode::kNoSpace:
    case ErrorCode::kTimeout:
    case ErrorCode::kRemote:
    case ErrorCode::kCancelled:
    case ErrorCode::kOutOfSequence:
    case ErrorCode::kSealed:
      return true;
    default:
      return false;
  }
}

// One application that was started. Its coroutines run on one strand; what others read stands
// under a lock.
class Run : public std::enable_shared_from_this<Run> {
 public:
  using Told = std::function<void(RunStatus)>;

  Run(asio::any_io_executor executor, HostContext& context, const WorkerRunnerSettings& settings,
      ApplicationRun run, Told told)
      : strand_(asio::make_strand(std::move(executor))),
        context_(context),
        settings_(settings),
        run_(std::move(run)),
        told_(std::move(told)),
        ended_signal_(strand_, asio::steady_timer::time_point::max()) {}

  // On the strand. Completes when the job runs or its first start has failed.
  awaitable<Result<>> start() {
    Result<> started = co_await start_worker();
    // That a worker died while it started says nothing of the code, unless all of them do.
    auto pause = settings_.first_pause;
    for (int starts = 1; !started && is_passing(started.error()) && starts < kStarts; ++starts) {
      add_line("error",
               fmt::format("{}; starting again in {} ms", started.error().message, pause.count()));
      pause_.emplace(strand_, pause);
      boost::system::error_code ignored;
      co_await pause_->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
      if (stopping_) break;
      forget_snapshot_if_begun();
      started = co_await start_worker();
      pause *= 2;
    }
    if (!started) {
      set_state(RunState::kFailed, started.error().message);
      co_return started;
    }
    set_state(RunState::kRunning);
    co_return started;
  }

  // On the strand.
  awaitable<Result<>> stop(std::string snapshot) {
    stopping_ = true;
    if (alive_) {
      grace_.emplace(strand_, snapshot.empty() ? kStopGrace : kSnapshotGrace);
      asio::co_spawn(strand_, kill_late(shared_from_this()), asio::detached);
    }
    if (process_) {
      auto asked = co_await process_->channel()->call(kStop, one(Slice::copy_of(snapshot)));
      // A worker that can't be asked is gone already, or will not go: its state is safe.
      if (!asked && process_) process_->kill();
    }
    pause_.reset();
    while (alive_) co_await wait_for_end();
    set_state(RunState::kStopped);
    co_return Result<>();
  }

  awaitable<Result<>> take_snapshot(std::string name) {
    if (!process_) co_return fail(ErrorCode::kUnavailable, "The application's worker is down.");
    CO_TRY(co_await process_->channel()->call(kTakeSnapshot, one(Slice::copy_of(name))));
    co_return Result<>();
  }

  RunStatus status() const {
    std::lock_guard lock(mutex_);
    RunStatus status = status_;
    status.log.assign(log_.begin(), log_.end());
    return status;
  }

  auto executor() const { return strand_; }

 private:
  awaitable<Result<>> start_worker() {
    auto self = shared_from_this();
    worker::ProcessOptions options;
    options.executable = settings_.executable;
    options.memory_limit_bytes = settings_.memory_limit_bytes;
    run_.spec.memory_limit_bytes = settings_.state_limit_bytes();
    options.sandbox = settings_.sandbox;
    options.on_line = [weak = weak_from_this()](std::string_view line) {
      if (const auto run = weak.lock()) run->add_line("worker", line);
    };
    CO_TRY_ASSIGN(process_, worker::Process::start(strand_, std::move(options)));
    auto host = std::make_shared<ServerHost>(
        context_, run_.spec.account, run_.spec.region,
        HostOutputs{.log_line =
                        [weak = weak_from_this()](std::string_view level, std::string_view text) {
                          if (const auto run = weak.lock()) run->add_line(level, text);
                        },
                    .results = {}});
    if (run_.spec.writer != 0) host->allow(run_.spec.changelog);
    const auto channel = process_->channel();
    serve_host(*channel, host, run_.spec.writer);
    channel->handle(kStatus, [weak = weak_from_this()](Slice body) {
      return take_status(weak.lock(), std::move(body));
    });
    channel->handle(kEnded, [weak = weak_from_this()](Slice body) {
      return take_end(weak.lock(), std::move(body));
    });
    end_.reset();
    is_starting_ = true;
    alive_ = true;
    asio::co_spawn(strand_, watch(self), asio::detached);
    auto started = co_await channel->call(kRun, one(encode(run_)));
    if (started) {
      is_starting_ = false;
      // A stop that came meanwhile found no job.
      if (stopping_) (void)co_await channel->call(kStop, one(Slice()));
      co_return Result<>();
    }
    if (process_) process_->kill();
    while (alive_) co_await wait_for_end();
    co_return std::unexpected(std::move(started).error());
  }

  // Serves the worker's calls until it is gone, then decides what comes next.
  static awaitable<> watch(std::shared_ptr<Run> run) {
    (void)co_await run->process_->channel()->run();
    const worker::ProcessEnd end = co_await run->process_->wait();
    run->process_.reset();
    if (run->end_ && *run->end_) {
      run->finish(RunState::kFinished, "");
    } else if (run->end_ && !is_passing(run->end_->error())) {
      run->finish(RunState::kFailed, run->end_->error().message);
    } else if (run->stopping_ || run->is_starting_) {
      run->finish(RunState::kStopped, "");
    } else {
      const std::string why =
          run->end_ ? run->end_->error().message : fmt::format("the worker process {}", end.text);
      co_await run->start_again(why);
    }
  }

  awaitable<> start_again(std::string why) {
    auto pause = settings_.first_pause;
    while (!stopping_) {
      add_line("error", fmt::format("{}; starting again in {} ms from the last durable batch", why,
                                    pause.count()));
      {
        std::lock_guard lock(mutex_);
        ++status_.restarts;
        status_.failure = why;
      }
      pause_.emplace(strand_, pause);
      boost::system::error_code ignored;
      co_await pause_->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
      if (stopping_) break;
      forget_snapshot_if_begun();
      Result<> started = co_await start_worker();
      if (started) {
        set_state(RunState::kRunning);
        co_return;
      }
      if (!is_passing(started.error())) {
        finish(RunState::kFailed, started.error().message);
        co_return;
      }
      why = started.error().message;
      pause = std::min(pause * 2, settings_.last_pause);
    }
    finish(RunState::kStopped, "");
  }

  // The snapshot is for a state's beginning only: one that has begun goes on.
  void forget_snapshot_if_begun() {
    const auto changelog = context_.log.status(run_.spec.changelog);
    if (changelog && changelog->last_arrival_ms != 0) run_.spec.restore_snapshot.clear();
  }

  static awaitable<Result<std::vector<Slice>>> take_status(std::shared_ptr<Run> run, Slice body) {
    if (!run) co_return std::vector<Slice>();
    CO_TRY_ASSIGN(JobStatus status, decode_status(body.view()));
    std::lock_guard lock(run->mutex_);
    run->status_.job = std::move(status);
    co_return std::vector<Slice>();
  }

  static awaitable<Result<std::vector<Slice>>> take_end(std::shared_ptr<Run> run, Slice body) {
    if (run) run->end_ = decode_end(body.view());
    co_return std::vector<Slice>();
  }

  void finish(RunState state, std::string failure) {
    alive_ = false;
    if (!failure.empty()) add_line("error", failure);
    const bool is_told_by_others = stopping_ || is_starting_;
    if (!is_told_by_others || state == RunState::kFailed) set_state(state, std::move(failure));
    if (grace_) grace_->cancel();
    ended_signal_.cancel();
  }

  static awaitable<> kill_late(std::shared_ptr<Run> run) {
    boost::system::error_code cancelled;
    co_await run->grace_->async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    if (cancelled || !run->alive_ || !run->process_) co_return;
    run->add_line("error", "the worker does not stop: it is killed");
    run->process_->kill();
  }

  awaitable<> wait_for_end() {
    boost::system::error_code ignored;
    co_await ended_signal_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }

  void set_state(RunState state, std::string failure = {}) {
    {
      std::lock_guard lock(mutex_);
      if (status_.state == state && status_.failure == failure) return;
      status_.state = state;
      status_.failure = std::move(failure);
    }
    if (told_) told_(status());
  }

  void add_line(std::string_view level, std::string_view text) {
    const std::string line = fmt::format("{}: {}", level, escape_control(text));
    log_info("analytics", "{}: {}", run_.spec.application, line);
    std::lock_guard lock(mutex_);
    log_.push_back(line);
    if (log_.size() > kLogLines) log_.pop_front();
  }

  const asio::strand<asio::any_io_executor> strand_;
  HostContext& context_;
  const WorkerRunnerSettings& settings_;
  ApplicationRun run_;
  const Told told_;
  std::unique_ptr<worker::Process> process_;
  std::optional<Result<>> end_;  // what the job said when it ended
  bool stopping_ = false;
  bool is_starting_ = false;  // who starts it decides what comes next if it ends
  bool alive_ = false;
  asio::steady_timer ended_signal_;
  std::optional<asio::steady_timer> pause_;
  std::optional<asio::steady_timer> grace_;
  mutable std::mutex mutex_;
  RunStatus status_;
  std::deque<std::string> log_;
};

class WorkerRunnerImpl final : public WorkerRunner {
 public:
  WorkerRunnerImpl(asio::any_io_executor executor, HostContext& context,
                   WorkerRunnerSettings settings)
      : executor_(std::move(executor)), context_(context), settings_(std::move(settings)) {}

  awaitable<Result<>> start(std::string id, ApplicationRun run) override {
    auto told = [this, id](RunStatus status) {
      std::function<void(std::string, RunStatus)> on_change;
      {
        std::lock_guard lock(mutex_);
        on_change = on_change_;
      }
      if (on_change) on_change(id, std::move(status));
    };
    std::shared_ptr<Run> made;
    {
      std::lock_guard lock(mutex_);
      if (shut_down_) co_return fail(ErrorCode::kUnavailable, "The server is stopping.");
      auto& place = runs_[id];
      if (place) {
        const RunState state = place->status().state;
        if (state == RunState::kStarting || state == RunState::kRunning) {
          co_return fail(ErrorCode::kInUse, "The application runs already.");
        }
      }
      made = std::make_shared<Run>(executor_, context_, settings_, std::move(run), std::move(told));
      place = made;
    }
    co_return co_await on_strand(made, [](Run& r) { return r.start(); });
  }

  awaitable<Result<>> stop(std::string id, std::string snapshot) override {
    const auto run = find(id);
    if (!run) co_return Result<>();
    co_return co_await on_strand(run, [snapshot](Run& r) { return r.stop(snapshot); });
  }

  awaitable<Result<>> take_snapshot(std::string id, std::string name) override {
    const auto run = find(id);
    if (!run) co_return fail(ErrorCode::kInvalidArgument, "The application does not run.");
    co_return co_await on_strand(run, [name](Run& r) { return r.take_snapshot(name); });
  }

  std::optional<RunStatus> status(const std::string& id) const override {
    const auto run = find(id);
    if (!run) return std::nullopt;
    return run->status();
  }

  void on_change(std::function<void(std::string, RunStatus)> told) override {
    std::lock_guard lock(mutex_);
    on_change_ = std::move(told);
  }

  awaitable<> shut_down() override {
    std::vector<std::shared_ptr<Run>> runs;
    {
      std::lock_guard lock(mutex_);
      shut_down_ = true;
      on_change_ = nullptr;
      for (const auto& [id, run] : runs_) runs.push_back(run);
    }
    for (const auto& run : runs) {
      (void)co_await on_strand(run, [](Run& r) { return r.stop({}); });
    }
  }

 private:
  template <class Start>
  static awaitable<Result<>> on_strand(std::shared_ptr<Run> run, Start start) {
    // The frame keeps `run` and `start` while the work runs on the strand.
    co_return co_await asio::co_spawn(run->executor(), start(*run), asio::use_awaitable);
  }

  std::shared_ptr<Run> find(const std::string& id) const {
    std::lock_guard lock(mutex_);
    const auto found = runs_.find(id);
    return found == runs_.end() ? nullptr : found->second;
  }

  const asio::any_io_executor executor_;
  HostContext& context_;
  const WorkerRunnerSettings settings_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Run>> runs_;
  std::function<void(std::string, RunStatus)> on_change_;
  bool shut_down_ = false;
};

}  // namespace

std::unique_ptr<WorkerRunner> WorkerRunner::make(asio::any_io_executor executor,
                                                 HostContext& context,
                                                 WorkerRunnerSettings settings) {
  return std::make_unique<WorkerRunnerImpl>(std::move(executor), context, std::move(settings));
}

}  // namespace millstream::analytics
