#include "worker/process.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "worker/environment.h"
#include "worker/test_child.h"
#include "worker/test_support.h"

namespace millstream::worker {
namespace {

using testing::Contains;
using testing::HasSubstr;

constexpr Method kEcho = kFirstOwnMethod;
constexpr Method kForever = kFirstOwnMethod + 1;

awaitable<Result<std::vector<Slice>>> echo(Slice request) {
  co_return std::vector<Slice>{std::move(request)};
}

awaitable<Result<std::vector<Slice>>> forever(Slice) {
  co_await pause_for(std::chrono::hours(1));
  co_return std::vector<Slice>();
}

// Serves calls until the server closes.
int serve(int socket) {
  asio::io_context loop(1);
  const auto channel = Channel::make(loop.get_executor(), socket);
  channel->handle(kEcho, echo);
  channel->handle(kForever, forever);
  asio::co_spawn(loop, channel->run(),
                 [&loop](std::exception_ptr, const Result<>&) { loop.stop(); });
  loop.run();
  return 0;
}

const char* outcome(bool works) { return works ? "works" : errno == EPERM ? "refused" : "fails"; }

// Tries what a worker may and may not do, and says how it went.
int try_forbidden(int socket) {
  if (const auto limited = enter_sandbox(); !limited) {
    std::fprintf(stderr, "%s\n", limited.error().message.c_str());
    return 9;
  }
  std::fprintf(stderr, "socket %s\n", outcome(::socket(AF_INET, SOCK_STREAM, 0) >= 0));
  const pid_t child = static_cast<pid_t>(::syscall(SYS_fork));
  if (child == 0) ::_exit(0);
  std::fprintf(stderr, "fork %s\n", outcome(child >= 0));
  char name[] = "/bin/true";
  char* arguments[] = {name, nullptr};
  std::fprintf(stderr, "exec %s\n", outcome(::execv(name, arguments) == 0));
  std::fprintf(stderr, "kill %s\n", outcome(::kill(::getppid(), 0) == 0));
  std::thread([] { std::fprintf(stderr, "thread works\n"); }).join();
  std::fprintf(stderr, "file %s\n", outcome(::open("/proc/self/status", O_RDONLY) >= 0));
  return serve(socket);
}

// Descriptors that are open, standard ones and the socket left out.
int open_descriptors() {
  int count = 0;
  for (int i = 4; i < 1024; ++i) {
    if (::fcntl(i, F_GETFD) >= 0) {
      std::fprintf(stderr, "descriptor %d is open\n", i);
      ++count;
    }
  }
  return count;
}

struct Started {
  Loop loop{2};
  std::mutex mutex;
  std::vector<std::string> lines;
  std::unique_ptr<Process> process;
  std::future<Result<>> channel_end;

  explicit Started(const char* word, size_t memory = 0, int nice = 0) {
    ProcessOptions options;
    options.executable = "/proc/self/exe";
    options.arguments = {"as-child", word};
    options.memory_limit_bytes = memory;
    options.nice = nice;
    options.on_line = [this](std::string_view line) {
      std::lock_guard lock(mutex);
      lines.emplace_back(line);
    };
    auto started = Process::start(loop.executor(), std::move(options));
    EXPECT_TRUE(started.has_value()) << started.error().message;
    process = *std::move(started);
    channel_end = asio::co_spawn(loop.executor(), process->channel()->run(), asio::use_future);
  }
  ~Started() {
    const auto channel = process->channel();
    process.reset();
    channel_end.get();
  }
  ProcessEnd wait() { return get(loop.executor(), process->wait()); }
  std::vector<std::string> seen() {
    std::lock_guard lock(mutex);
    return lines;
  }
};

TEST(Process, AnswersCallsAndEndsWhenItsChannelCloses) {
  Started worker("serve");
  const auto channel = worker.process->channel();
  EXPECT_EQ(get(worker.loop.executor(), channel->call(kEcho, one("hello")))->view(), "hello");
  channel->close();
  const ProcessEnd end = worker.wait();
  EXPECT_TRUE(end.clean) << end.text;
  EXPECT_EQ(end.text, "exited with 0");
}

TEST(Process, EndsCallsUnderWayWhenItIsKilled) {
  Started worker("serve");
  auto call = asio::co_spawn(worker.loop.executor(), worker.process->channel()->call(kForever, {}),
                             asio::use_future);
  EXPECT_TRUE(get(worker.loop.executor(), worker.process->channel()->call(kEcho, {})).has_value());
  worker.process->kill();
  EXPECT_EQ(call.get().error().code, ErrorCode::kUnavailable);
  const ProcessEnd end = worker.wait();
  EXPECT_FALSE(end.clean);
  EXPECT_EQ(end.text, "killed by signal 9 (by the server)");
  EXPECT_EQ(worker.wait().text, end.text);
}

TEST(Process, TellsHowItEndedAndItsLastWords) {
  Started three("exit-3");
  EXPECT_EQ(three.wait().text, "exited with 3");
  EXPECT_THAT(three.seen(), Contains("last words without a line end"));
  Started killed("serve");
  EXPECT_TRUE(get(killed.loop.executor(), killed.process->channel()->call(kEcho, {})).has_value());
  ASSERT_EQ(::kill(killed.process->pid(), SIGKILL), 0);
  EXPECT_EQ(killed.wait().text, "killed by signal 9 (out of memory?)");
}

TEST(Process, DiesWithItsObjectAndLeavesNoZombie) {
  pid_t pid = 0;
  {
    Started worker("serve");
    pid = worker.process->pid();
    EXPECT_TRUE(
        get(worker.loop.executor(), worker.process->channel()->call(kEcho, {})).has_value());
  }
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

TEST(Process, InheritsItsSocketOnlyAndNoSecrets) {
  ::setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
  const int leak = ::open("/dev/null", O_RDONLY);  // not close-on-exec
  Started worker("look-around");
  const ProcessEnd end = worker.wait();
  EXPECT_EQ(end.text, "exited with 0") << testing::PrintToString(worker.seen());
  (void)::close(leak);
  ::unsetenv("AWS_SECRET_ACCESS_KEY");
}

TEST(Process, RunsAtItsPriority) {
  Started worker("priority", 0, 7);
  EXPECT_EQ(worker.wait().text, "exited with 7");
}

TEST(Process, NamesTheProgramThatIsMissing) {
  Loop loop;
  ProcessOptions options;
  options.executable = "/no/such/worker";
  const auto started = Process::start(loop.executor(), std::move(options));
  ASSERT_FALSE(started.has_value());
  EXPECT_THAT(started.error().message, HasSubstr("/no/such/worker"));
}

TEST(Process, CannotAllocateBeyondItsLimit) {
  if (is_sanitized()) GTEST_SKIP() << "sanitizers reserve more than any limit";
  Started worker("allocate", size_t{256} << 20);
  EXPECT_THAT(worker.wait().text, HasSubstr("signal 6"));
}

TEST(Process, KeepsToItsSandbox) {
  if (is_sanitized()) GTEST_SKIP() << "not with sanitizers";
  Started worker("sandbox");
  EXPECT_EQ(get(worker.loop.executor(), worker.process->channel()->call(kEcho, one("x")))->view(),
            "x");
  worker.process->channel()->close();
  EXPECT_EQ(worker.wait().text, "exited with 0");
  EXPECT_THAT(worker.seen(), testing::ElementsAre("socket refused", "fork refused", "exec refused",
                                                  "kill refused", "thread works", "file works"));
}

TEST(Process, ManyStartAndStopAtOnce) {
  std::vector<std::unique_ptr<Started>> workers;
  for (int i = 0; i < 8; ++i) workers.push_back(std::make_unique<Started>("serve"));
  for (auto& worker : workers) {
    EXPECT_EQ(
        get(worker->loop.executor(), worker->process->channel()->call(kEcho, one("x")))->view(),
        "x");
  }
}

TEST(InheritedSocket, SaysWhoStartsWorkers) {
  ::unsetenv(kSocketVariable);
  EXPECT_THAT(inherited_socket().error().message, HasSubstr("started by the Millstream server"));
}

}  // namespace

int run_child_process(const char* what) {
  const std::string_view word(what);
  const auto socket = inherited_socket();
  if (!socket) return 90;
  if (word == "serve") return serve(*socket);
  if (word == "sandbox") return try_forbidden(*socket);
  if (word == "priority") return ::nice(0);
  if (word == "exit-3") {
    std::fputs("last words without a line end", stderr);
    return 3;
  }
  if (word == "look-around") {
    return open_descriptors() + (std::getenv("AWS_SECRET_ACCESS_KEY") != nullptr ? 50 : 0);
  }
  if (word == "allocate") {
    std::vector<std::unique_ptr<char[]>> blocks;
    for (int i = 0; i < 64; ++i) {
      blocks.push_back(std::make_unique<char[]>(size_t{16} << 20));
    }
    return 0;
  }
  return 91;
}

}  // namespace millstream::worker
