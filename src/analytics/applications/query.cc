#include "analytics/applications/query.h"

#include <deque>
#include <optional>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>

#include "analytics/applications/host_service.h"
#include "analytics/applications/result_lines.h"
#include "analytics/applications/worker_protocol.h"
#include "worker/process.h"

namespace millstream::analytics {
namespace {

constexpr auto kSignOfLife = std::chrono::seconds(1);
constexpr size_t kQueuedBytes = size_t{4} << 20;  // towards a client; then the job waits

std::vector<Slice> one(Slice slice) {
  std::vector<Slice> parts;
  parts.push_back(std::move(slice));
  return parts;
}

// Lines on their way to the client. On one executor, without locks.
class Lines {
 public:
  explicit Lines(const asio::any_io_executor& executor) : readable_(executor), room_(executor) {}

  awaitable<Result<>> push(Slice lines) {
    while (bytes_ > kQueuedBytes && !closed_) {
      room_.expires_at(asio::steady_timer::time_point::max());
      co_await wait(room_);
    }
    if (closed_) co_return fail(ErrorCode::kCancelled, "The client has gone.");
    bytes_ += lines.size();
    queue_.push_back(std::move(lines));
    readable_.cancel();
    co_return Result<>();
  }

  // The next ones; nothing after `timeout` or once the query has ended.
  awaitable<std::optional<Slice>> pop(std::chrono::milliseconds timeout) {
    if (queue_.empty() && !end_) {
      readable_.expires_after(timeout);
      co_await wait(readable_);
    }
    if (queue_.empty()) co_return std::nullopt;
    Slice lines = std::move(queue_.front());
    queue_.pop_front();
    bytes_ -= lines.size();
    room_.cancel();
    co_return lines;
  }

  // How the query ended; the first word counts.
  void end(Result<> how) {
    if (!end_) end_ = std::move(how);
    readable_.cancel();
  }
  const std::optional<Result<>>& how() const { return end_; }

  void close() {
    closed_ = true;
    room_.cancel();
  }

 private:
  static awaitable<> wait(asio::steady_timer& timer) {
    boost::system::error_code ignored;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }

  asio::steady_timer readable_;
  asio::steady_timer room_;
  std::deque<Slice> queue_;
  size_t bytes_ = 0;
  bool closed_ = false;
  std::optional<Result<>> end_;
};

// The worker of one query and what its coroutines share.
struct Session {
  explicit Session(const asio::any_io_executor& executor) : lines(executor) {}
  Lines lines;
  std::unique_ptr<worker::Process> process;
  std::string last_words;  // of the process, on stderr
};

awaitable<> serve(std::shared_ptr<Session> session) {
  (void)co_await session->process->channel()->run();
  const worker::ProcessEnd end = co_await session->process->wait();
  session->lines.end(fail(ErrorCode::kUnavailable, "The query's worker process {}. {}", end.text,
                          session->last_words));
}

awaitable<> begin(std::shared_ptr<Session> session, Slice run) {
  auto begun = co_await session->process->channel()->call(kRun, one(std::move(run)));
  if (!begun) session->lines.end(std::unexpected(std::move(begun).error()));
}

Result<std::shared_ptr<Session>> start(const asio::any_io_executor& executor, HostContext& context,
                                       const WorkerRunnerSettings& settings, const Query& query) {
  auto session = std::make_shared<Session>(executor);
  const std::weak_ptr<Session> weak = session;
  worker::ProcessOptions options;
  options.executable = settings.executable;
  options.memory_limit_bytes = settings.memory_limit_bytes;
  options.sandbox = settings.sandbox;
  options.on_line = [weak](std::string_view line) {
    if (const auto alive = weak.lock()) alive->last_words = line;
  };
  TRY_ASSIGN(session->process, worker::Process::start(executor, std::move(options)));

  const auto results = [weak](Slice lines) -> awaitable<Result<>> {
    const auto alive = weak.lock();
    if (!alive) co_return fail(ErrorCode::kCancelled, "The client has gone.");
    co_return co_await alive->lines.push(std::move(lines));
  };
  auto host = std::make_shared<ServerHost>(context, query.account, query.region,
                                           HostOutputs{.log_line = {}, .results = results});
  const auto channel = session->process->channel();
  serve_host(*channel, std::move(host), 0);
  channel->handle(kLogLine, [results](Slice body) -> awaitable<Result<std::vector<Slice>>> {
    CO_TRY(co_await results(Slice::copy_of(log_line(body.view()))));
    co_return std::vector<Slice>();
  });
  channel->handle(kStatus, [](Slice) -> awaitable<Result<std::vector<Slice>>> {
    co_return std::vector<Slice>();
  });
  channel->handle(kEnded, [weak](Slice body) -> awaitable<Result<std::vector<Slice>>> {
    if (const auto alive = weak.lock()) alive->lines.end(decode_end(body.view()));
    co_return std::vector<Slice>();
  });
  return session;
}

// Until the query has ended or the client is gone.
awaitable<> forward(Session& session, ResponseStream& stream) {
  while (true) {
    std::optional<Slice> lines = co_await session.lines.pop(kSignOfLife);
    if (!lines && session.lines.how()) break;
    Slice next = lines ? *std::move(lines) : Slice::of_static("\n");
    Result<> written = co_await stream.write(std::move(next));
    if (!written) co_return;
  }
  const Result<>& end = *session.lines.how();
  const std::string last = end ? "{\"end\":true}\n" : error_line(end.error().message);
  Result<> written = co_await stream.write(Slice::copy_of(last));
  if (written) (void)co_await stream.finish();
}

}  // namespace

awaitable<> run_query(HostContext& context, const WorkerRunnerSettings& settings, Query query,
                      ResponseStream& stream) {
  HttpResponse head{200, {{"content-type", "application/x-ndjson"}}, Slice()};
  Result<> begun = co_await stream.start(std::move(head));
  if (!begun) co_return;
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  auto session = start(executor, context, settings, query);
  if (!session) {
    begun = co_await stream.write(Slice::copy_of(error_line(session.error().message)));
    if (begun) (void)co_await stream.finish();
    co_return;
  }
  ApplicationRun run;
  run.spec.application = "query";
  run.spec.account = query.account;
  run.spec.region = query.region;
  run.spec.bounded = query.bounded;
  run.spec.memory_limit_bytes = settings.state_limit_bytes();
  run.code = std::move(query.code);
  run.is_flink = true;
  run.collect = true;
  asio::co_spawn(executor, serve(*session), asio::detached);
  asio::co_spawn(executor, begin(*session, encode(run)), asio::detached);
  co_await forward(**session, stream);
  (*session)->lines.close();
  (*session)->process->kill();
}

}  // namespace millstream::analytics
