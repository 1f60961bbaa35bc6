#include "analytics/applications/worker_main.h"

#include <csignal>
#include <optional>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include "analytics/applications/remote_host.h"
#include "analytics/applications/result_lines.h"
#include "analytics/applications/tables.h"
#include "analytics/applications/worker_protocol.h"
#include "base/logging.h"
#include "base/real_env.h"
#include "worker/process.h"

namespace millstream::analytics {
namespace {

using Parts = std::vector<Slice>;
using worker::Channel;

constexpr auto kStatusEvery = std::chrono::milliseconds(500);

Parts one(Slice slice) {
  Parts parts;
  parts.push_back(std::move(slice));
  return parts;
}

// Everything of the process. All coroutines run on one io_context with one thread; batches are
// computed on the pool.
class Worker {
 public:
  explicit Worker(int socket)
      : channel_(Channel::make(loop_.get_executor(), socket)),
        host_(make_remote_host(loop_.get_executor(), channel_, real_env())) {
    channel_->handle(kRun, [this](Slice request) { return start(std::move(request)); });
    channel_->handle(kStop, [this](Slice request) { return stop(std::move(request)); });
    channel_->handle(kTakeSnapshot,
                     [this](Slice request) { return take_snapshot(std::move(request)); });
  }

  void run() {
    asio::co_spawn(loop_, serve(), asio::detached);
    loop_.run();
    pool_.join();
  }

 private:
  // Until the server closes the channel or dies; then the process ends, whatever it was doing:
  // what is not durable is computed again by the next one.
  awaitable<> serve() {
    (void)co_await channel_->run();
    loop_.stop();
  }

  awaitable<Result<Parts>> start(Slice request) {
    CO_TRY_ASSIGN(ApplicationRun run, decode_run(request.view()));
    CO_TRY_ASSIGN(const PlannerSettings settings, planner_settings(run));
    CO_TRY_ASSIGN(PlannedScript planned, plan_script(run.code, settings));
    for (const std::string& warning : planned.warnings) host_->log_line("warning", warning);
    if (run.collect) {
      for (const StatementResult& result : planned.results) {
        if (result.text.empty()) continue;
        CO_TRY(co_await channel_->call(kResult, one(Slice::copy_of(text_line(result.text)))));
      }
      if (planned.plan.sinks.empty()) {
        asio::co_spawn(loop_, report_end(Result<>()), asio::detached);
        co_return Parts();
      }
    }
    if (planned.plan.sinks.empty()) {
      co_return fail(ErrorCode::kInvalidArgument,
                     "The application's code writes nowhere: it has no INSERT (and no pump) into "
                     "an output.");
    }
    CO_TRY_ASSIGN(job_, Job::create(run.spec, std::move(planned.plan), *host_, pool_));
    asio::co_spawn(loop_, run_job(), asio::detached);
    asio::co_spawn(loop_, report_status(), asio::detached);
    co_return Parts();
  }

  awaitable<> run_job() {
    Result<> end = co_await job_->run();
    ended_ = true;
    // The last figures come before the end.
    (void)co_await channel_->notify(kStatus, one(encode(job_->status())));
    co_await report_end(std::move(end));
  }

  awaitable<> report_end(Result<> end) {
    (void)co_await channel_->call(kEnded, one(encode(end)));
    channel_->close();
  }

  awaitable<> report_status() {
    asio::steady_timer timer(loop_);
    std::string last;
    while (!ended_) {
      const Slice status = encode(job_->status());
      // An idle job says nothing new.
      if (status.view() != last) {
        last = status.view();
        (void)co_await channel_->notify(kStatus, one(status));
      }
      timer.expires_after(kStatusEvery);
      boost::system::error_code ignored;
      co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
  }

  awaitable<Result<Parts>> stop(Slice request) {
    if (job_) job_->stop(std::string(request.view()));
    co_return Parts();
  }

  awaitable<Result<Parts>> take_snapshot(Slice request) {
    if (!job_) co_return fail(ErrorCode::kInvalidArgument, "No job runs.");
    CO_TRY(co_await job_->take_snapshot(std::string(request.view())));
    co_return Parts();
  }

  asio::io_context loop_{1};
  asio::thread_pool pool_{std::max(1U, std::thread::hardware_concurrency())};
  std::shared_ptr<Channel> channel_;
  std::unique_ptr<JobHost> host_;
  std::unique_ptr<Job> job_;
  bool ended_ = false;
};

}  // namespace

int run_worker() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGINT, SIG_IGN);  // Ctrl-C at the server's terminal: the server decides
  start_logging(LogFormat::kHuman, LogLevel::kWarning);
  auto socket = worker::inherited_socket();
  if (!socket) {
    log_error("worker", "{}", socket.error().message);
    return 2;
  }
  if (auto limited = worker::enter_sandbox(); !limited) {
    log_error("worker", "{}", limited.error().message);
    return 2;
  }
  Worker(*socket).run();
  return 0;
}

}  // namespace millstream::analytics
