#include "worker/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include "worker/environment.h"
#include "worker/line_splitter.h"

namespace millstream::worker {
namespace {

// Calls of a worker that the server works on at once: one for each shard that it waits for.
constexpr size_t kMaxWorkerCalls = 16'384;
constexpr int kSocketInWorker = 3;
// Above all numbers that the child gives to its descriptors.
constexpr int kFirstFreeDescriptor = 10;

// Closes itself.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) (void)::close(number_);
  }
  int get() const { return number_; }
  int release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

std::unexpected<Error> system_error(std::string_view what, int code = errno) {
  return fail(code == EAGAIN || code == ENOMEM || code == EMFILE || code == ENFILE
                  ? ErrorCode::kUnavailable
                  : ErrorCode::kInternal,
              "{}: {}.", what, std::strerror(code));
}

// A copy with a number that the child's set-up does not overwrite.
Result<Descriptor> moved_up(Descriptor from) {
  const int moved = ::fcntl(from.get(), F_DUPFD_CLOEXEC, kFirstFreeDescriptor);
  if (moved < 0) return system_error("A worker process can't get a descriptor");
  return Descriptor(moved);
}

// All that the child needs, made before it exists: between vfork and exec it may neither allocate
// nor lock.
struct ChildPlan {
  const char* executable = nullptr;
  std::vector<char*> arguments;
  std::vector<char*> environment;
  int socket = -1;
  int errors = -1;   // its stdout and stderr
  int nothing = -1;  // /dev/null, its stdin
  size_t memory_limit_bytes = 0;
  int nice = 0;
  pid_t parent = 0;
  int report = -1;  // takes the error number of what failed; closed by exec
};

// In the child, on the parent's memory. Async-signal-safe calls only.
[[noreturn]] void run_child(const ChildPlan& plan) {
  const auto give_up = [&plan] {
    const int error = errno;
    (void)!::write(plan.report, &error, sizeof error);
    ::_exit(127);
  };
  // Handlers of the server must not run here; ignored signals would stay ignored after exec.
  for (const int signal : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGUSR1, SIGUSR2}) {
    (void)::signal(signal, SIG_DFL);
  }
  sigset_t none;
  sigemptyset(&none);
  (void)::sigprocmask(SIG_SETMASK, &none, nullptr);
  // Ctrl-C at the server's terminal is the server's.
  (void)::setpgid(0, 0);
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) give_up();
  // The server may have died before that.
  if (::getppid() != plan.parent) give_up();
  if (::dup2(plan.nothing, 0) < 0 || ::dup2(plan.errors, 1) < 0 || ::dup2(plan.errors, 2) < 0 ||
      ::dup2(plan.socket, kSocketInWorker) < 0 ||
      ::close_range(kSocketInWorker + 1, ~0U, CLOSE_RANGE_CLOEXEC) != 0) {
    give_up();
  }
  const rlimit no_core{0, 0};
  (void)::setrlimit(RLIMIT_CORE, &no_core);
  if (plan.memory_limit_bytes > 0) {
    const rlimit memory{plan.memory_limit_bytes, plan.memory_limit_bytes};
    if (::setrlimit(RLIMIT_AS, &memory) != 0) give_up();
  }
  if (plan.nice != 0) (void)::setpriority(PRIO_PROCESS, 0, plan.nice);
  ::execve(plan.executable, plan.arguments.data(), plan.environment.data());
  give_up();
  __builtin_unreachable();
}

// The child shares the parent's memory until it runs its own program: no page tables are copied,
// however large the server is.
pid_t start_child(const ChildPlan& plan) {
  // No signal handler of the server may run in the child.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  (void)::pthread_sigmask(SIG_SETMASK, &all, &before);
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
  const pid_t pid = ::vfork();
#pragma clang diagnostic pop
  if (pid == 0) run_child(plan);
  const int error = errno;
  (void)::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return pid;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

// Beside the server's own program, if it is only a name.
std::string find_executable(const std::string& name) {
  if (name.contains('/')) return name;
  std::array<char, 4096> self{};
  const ssize_t size = ::readlink("/proc/self/exe", self.data(), self.size());
  if (size <= 0) return name;
  const std::string_view path(self.data(), static_cast<size_t>(size));
  return std::string(path.substr(0, path.rfind('/') + 1)) + name;
}

// The process as the coroutines that watch it and the object share it.
struct Watched {
  Watched(asio::any_io_executor executor, pid_t number, Descriptor process, Descriptor errors,
          std::function<void(std::string_view)> on_line)
      : strand(asio::make_strand(std::move(executor))),
        pid(number),
        pidfd(strand, process.release()),
        output(strand, errors.release()),
        lines(std::move(on_line)),
        ended(strand, asio::steady_timer::time_point::max()) {}

  // Waits for the end, at most once; later calls find it done.
  void reap() {
    std::lock_guard lock(mutex);
    if (is_reaped) return;
    siginfo_t info{};
    while (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED) != 0 && errno == EINTR) {
    }
    is_reaped = true;
    end = describe(info);
  }
  void kill() {
    std::lock_guard lock(mutex);
    // Not reaped: the number is still its own.
    if (is_reaped) return;
    was_killed = true;
    (void)::kill(pid, SIGKILL);
  }
  ProcessEnd describe(const siginfo_t& info) const {
    if (info.si_code == CLD_EXITED) {
      return {.clean = info.si_status == 0, .text = fmt::format("exited with {}", info.si_status)};
    }
    std::string_view why = "it crashed";
    if (was_killed) {
      why = "by the server";
    } else if (info.si_status == SIGKILL) {
      why = "out of memory?";
    } else if (info.si_status == SIGABRT) {
      why = "it gave up: out of memory, or see its last lines";
    }
    return {.clean = false, .text = fmt::format("killed by signal {} ({})", info.si_status, why)};
  }

  asio::strand<asio::any_io_executor> strand;
  const pid_t pid;
  asio::posix::stream_descriptor pidfd;
  asio::posix::stream_descriptor output;
  LineSplitter lines;
  asio::steady_timer ended;  // cancelled when all is over
  bool is_over = false;      // on the strand
  std::mutex mutex;
  bool is_reaped = false;
  bool was_killed = false;
  ProcessEnd end;
};

// What the process has written so far. False: it can write no more.
bool read_output(Watched& process) {
  std::array<char, 4096> bytes;
  for (;;) {
    const ssize_t count = ::read(process.output.native_handle(), bytes.data(), bytes.size());
    if (count > 0) {
      process.lines.add({bytes.data(), static_cast<size_t>(count)});
    } else if (count == 0) {
      return false;
    } else if (errno != EINTR) {
      return errno == EAGAIN;
    }
  }
}

awaitable<> watch_output(std::shared_ptr<Watched> process) {
  boost::system::error_code error;
  while (!process->is_over && !error && read_output(*process)) {
    co_await process->output.async_wait(asio::posix::stream_descriptor::wait_read,
                                        asio::redirect_error(asio::use_awaitable, error));
  }
}

// A wait may complete for nothing: Asio can take an event of a closed descriptor for one of a new
// one. To reap then would block the loop until the worker ends, which may wait for the loop.
bool has_ended(Watched& process) {
  pollfd ended{.fd = process.pidfd.native_handle(), .events = POLLIN, .revents = 0};
  return ::poll(&ended, 1, 0) > 0;
}

awaitable<> watch_end(std::shared_ptr<Watched> process) {
  boost::system::error_code error;
  boost::system::error_code ignored;
  do {
    co_await process->pidfd.async_wait(asio::posix::stream_descriptor::wait_read,
                                       asio::redirect_error(asio::use_awaitable, error));
  } while (!error && !has_ended(*process));
  process->reap();
  // Its last words, before anybody hears of its end.
  (void)read_output(*process);
  process->lines.finish();
  process->is_over = true;
  process->output.cancel(ignored);
  process->ended.cancel();
}

awaitable<ProcessEnd> wait_for_end(std::shared_ptr<Watched> process) {
  boost::system::error_code ignored;
  while (!process->is_over) {
    co_await process->ended.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  co_return process->end;
}

class LinuxProcess final : public Process {
 public:
  LinuxProcess(std::shared_ptr<Watched> watched, std::shared_ptr<Channel> channel)
      : watched_(std::move(watched)), channel_(std::move(channel)) {}
  ~LinuxProcess() override {
    channel_->close();
    watched_->kill();
    // Killed, it is gone in a moment; no zombie stays, whether or not the executor still runs.
    watched_->reap();
  }

  std::shared_ptr<Channel> channel() override { return channel_; }
  int pid() const override { return watched_->pid; }
  void kill() override { watched_->kill(); }
  awaitable<ProcessEnd> wait() override {
    co_return co_await asio::co_spawn(watched_->strand, wait_for_end(watched_),
                                      asio::use_awaitable);
  }

 private:
  std::shared_ptr<Watched> watched_;
  std::shared_ptr<Channel> channel_;
};

}  // namespace

Result<std::unique_ptr<Process>> Process::start(asio::any_io_executor executor,
                                                ProcessOptions options) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
    return system_error("A worker process can't get its socket");
  }
  Descriptor ours(pair[0]);
  TRY_ASSIGN(Descriptor theirs, moved_up(Descriptor(pair[1])));
  if (::pipe2(pair, O_CLOEXEC) != 0) return system_error("A worker process can't get its stderr");
  Descriptor read_end(pair[0]);
  TRY_ASSIGN(Descriptor write_end, moved_up(Descriptor(pair[1])));
  (void)::fcntl(read_end.get(), F_SETFL, O_NONBLOCK);
  if (::pipe2(pair, O_CLOEXEC) != 0) return system_error("A worker process can't be started");
  const Descriptor reported(pair[0]);
  TRY_ASSIGN(Descriptor report, moved_up(Descriptor(pair[1])));
  TRY_ASSIGN(Descriptor nothing, moved_up(Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC))));

  const std::string executable = find_executable(options.executable);
  std::vector<std::string> arguments = options.arguments;
  arguments.insert(arguments.begin(), executable);
  std::vector<std::string> environment = worker_environment(kSocketInWorker, options.sandbox);
  ChildPlan plan;
  plan.executable = executable.c_str();
  plan.arguments = pointers(arguments);
  plan.environment = pointers(environment);
  plan.socket = theirs.get();
  plan.errors = write_end.get();
  plan.nothing = nothing.get();
  plan.report = report.get();
  plan.memory_limit_bytes = is_sanitized() ? 0 : options.memory_limit_bytes;
  plan.nice = options.nice;
  plan.parent = ::getpid();
  const pid_t pid = start_child(plan);
  if (pid < 0) return system_error("A worker process can't be started");
  report = Descriptor();
  int failed = 0;
  if (::read(reported.get(), &failed, sizeof failed) == sizeof failed) {
    (void)::waitpid(pid, nullptr, 0);
    return fail(ErrorCode::kInternal,
                "The worker program {} can't be started: {}. It belongs beside the server's own.",
                executable, std::strerror(failed));
  }
  // Not pidfd_open(): the header of glibc 2.36 declares it for C only.
  Descriptor pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (pidfd.get() < 0) {
    const int error = errno;
    (void)::kill(pid, SIGKILL);
    (void)::waitpid(pid, nullptr, 0);
    return system_error("A worker process can't be watched", error);
  }
  auto watched = std::make_shared<Watched>(executor, pid, std::move(pidfd), std::move(read_end),
                                           std::move(options.on_line));
  asio::co_spawn(watched->strand, watch_output(watched), asio::detached);
  asio::co_spawn(watched->strand, watch_end(watched), asio::detached);
  auto channel = Channel::make(executor, ours.release(), kMaxWorkerCalls);
  return std::make_unique<LinuxProcess>(std::move(watched), std::move(channel));
}

}  // namespace millstream::worker
