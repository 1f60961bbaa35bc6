#include "worker/channel.h"

#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <unordered_map>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include "worker/frame.h"

namespace millstream::worker {
namespace {

// Requests that handlers work on, in all; one of the largest always fits.
constexpr size_t kMaxRequestBytes = 2 * kMaxFrameBytes;
// Bytes read before the other coroutines of the executor get their turn.
constexpr size_t kReadTurn = size_t{4} << 20;
constexpr int kSocketBufferBytes = 4 << 20;
constexpr int kBlockingPollMs = 1;

// What one coroutine (or a thread that polls) waits for, and another thread completes.
class Waiter {
 public:
  Result<Slice> answer;  // of a call; set before complete()

  bool is_done() const { return state_ == State::kDone; }
  void complete() {
    if (state_.exchange(State::kDone) == State::kSuspended) wake();
  }
  // The coroutine is suspended from now on; `resume` runs on `executor`.
  void suspend(asio::any_io_executor executor, std::move_only_function<void()> resume) {
    executor_ = std::move(executor);
    resume_ = std::move(resume);
    State expected = State::kRunning;
    if (!state_.compare_exchange_strong(expected, State::kSuspended)) wake();
  }

 private:
  enum class State : uint8_t { kRunning, kSuspended, kDone };
  void wake() { asio::post(executor_, std::move(resume_)); }

  std::atomic<State> state_ = State::kRunning;
  asio::any_io_executor executor_;  // tracked as outstanding work
  std::move_only_function<void()> resume_;
};

// `on_cancel`: what a cancellation of the coroutine does, on its executor; empty: nothing.
awaitable<> wait_for(std::shared_ptr<Waiter> waiter, std::function<void()> on_cancel = {}) {
  if (waiter->is_done()) co_return;
  co_await asio::async_initiate<const asio::use_awaitable_t<>&, void()>(
      [](auto handler, const std::shared_ptr<Waiter>& target, std::function<void()> cancel) {
        auto slot = asio::get_associated_cancellation_slot(handler);
        if (cancel && slot.is_connected()) {
          slot.assign([c = std::move(cancel)](asio::cancellation_type) { c(); });
        }
        auto executor = asio::prefer(asio::get_associated_executor(handler),
                                     asio::execution::outstanding_work.tracked);
        target->suspend(std::move(executor),
                        [h = std::move(handler)]() mutable { std::move(h)(); });
      },
      asio::use_awaitable, std::move(waiter), std::move(on_cancel));
}

std::unexpected<Error> closed() {
  return fail(ErrorCode::kUnavailable, "The connection to the other process is closed.");
}

void complete(const std::vector<std::shared_ptr<void>>& waiters) {
  for (const auto& waiter : waiters) static_cast<Waiter*>(waiter.get())->complete();
}

void grow_buffers(int socket) {
  // Without the privilege for the first the limit of the second is net.core.wmem_max.
  for (const auto& [forced, plain] :
       {std::pair{SO_SNDBUFFORCE, SO_SNDBUF}, std::pair{SO_RCVBUFFORCE, SO_RCVBUF}}) {
    if (::setsockopt(socket, SOL_SOCKET, forced, &kSocketBufferBytes, sizeof(int)) != 0) {
      (void)::setsockopt(socket, SOL_SOCKET, plain, &kSocketBufferBytes, sizeof(int));
    }
  }
}

struct Request {
  FrameHead head;
  Slice body;
};

class SocketChannel final : public Channel {
 public:
  SocketChannel(asio::any_io_executor executor, int socket, size_t max_calls)
      : strand_(asio::make_strand(std::move(executor))),
        socket_(strand_, asio::local::stream_protocol(), socket),
        descriptor_(socket),
        max_calls_(max_calls),
        room_(strand_),
        reader_(socket),
        queue_(socket) {
    grow_buffers(socket);
  }
  ~SocketChannel() override { give_up(); }

  void handle(Method method, Handler handler) override { handlers_[method] = std::move(handler); }
  awaitable<Result<Slice>> call(Method method, std::vector<Slice> parts) override;
  Result<Slice> call_blocking(Method method, std::vector<Slice> parts) override;
  awaitable<Result<>> notify(Method method, std::vector<Slice> parts) override;
  awaitable<Result<>> run() override;
  void close() override {
    is_closed_ = true;
    // The reader sees the end, and run() cleans up; if nobody reads, here.
    (void)::shutdown(descriptor_, SHUT_RDWR);
    give_up();
  }
  bool is_closed() const override { return is_closed_; }

 private:
  enum class Pumped : uint8_t { kMore, kEmpty, kFull, kEnd, kBroken };

  std::shared_ptr<SocketChannel> self() {
    return std::static_pointer_cast<SocketChannel>(shared_from_this());
  }
  Result<OutgoingFrame> make_frame(FrameKind kind, Method method, uint64_t call,
                                   std::vector<Slice> parts) const;
  // Whether it went out (or never will).
  bool send(OutgoingFrame frame);
  awaitable<> send_and_wait(OutgoingFrame frame);
  bool write_queue(std::unique_lock<std::mutex>& lock);
  void wait_for_room();
  Pumped pump(bool ignore_limits);
  static awaitable<Result<>> read_all(std::shared_ptr<SocketChannel> self);
  void take_answer(const FrameHead& head, Slice body);
  static awaitable<> answer(std::shared_ptr<SocketChannel> self, Request request);
  uint64_t register_call(const std::shared_ptr<Waiter>& waiter);
  // Ends a call for its caller; the answer is thrown away when it comes.
  void abandon(uint64_t call);
  bool has_room() const { return active_ < max_calls_ && active_bytes_ < kMaxRequestBytes; }
  // Ends all calls and writers.
  void give_up();

  asio::strand<asio::any_io_executor> strand_;
  asio::local::stream_protocol::socket socket_;
  const int descriptor_;
  const size_t max_calls_;
  std::unordered_map<Method, Handler> handlers_;
  std::atomic<bool> is_closed_ = false;

  // Handlers under way.
  std::atomic<size_t> active_ = 0;
  std::atomic<size_t> active_bytes_ = 0;
  asio::steady_timer room_;  // cancelled when a handler has ended

  std::mutex read_mutex_;
  FrameReader reader_;

  std::mutex write_mutex_;
  FrameQueue queue_;
  bool is_waiting_for_room_ = false;  // the socket is full

  std::mutex calls_mutex_;
  uint64_t last_call_ = 0;
  std::unordered_map<uint64_t, std::shared_ptr<Waiter>> calls_;
};

Result<OutgoingFrame> SocketChannel::make_frame(FrameKind kind, Method method, uint64_t call,
                                                std::vector<Slice> parts) const {
  size_t size = 0;
  for (const Slice& part : parts) size += part.size();
  if (size > kMaxFrameBytes) {
    return fail(ErrorCode::kInvalidArgument,
                "A message of {} bytes to another process is too large; the most are {}.", size,
                kMaxFrameBytes);
  }
  OutgoingFrame frame;
  frame.size = size + FrameHead::kSize;
  frame.parts = std::move(parts);
  FrameHead{.size = static_cast<uint32_t>(size), .method = method, .kind = kind, .call = call}
      .store(frame.head.data());
  return frame;
}

// Called with the lock, which it gives back. Whether all went out.
bool SocketChannel::write_queue(std::unique_lock<std::mutex>& lock) {
  std::vector<std::shared_ptr<void>> told;
  if (!queue_.write(told)) {
    is_closed_ = true;
    queue_.drop(told);
    (void)::shutdown(descriptor_, SHUT_RDWR);  // wakes the reader
  }
  bool wait = false;
  if (!queue_.empty() && !is_waiting_for_room_) wait = is_waiting_for_room_ = true;
  const bool is_empty = queue_.empty();
  lock.unlock();
  complete(told);
  if (wait) asio::dispatch(strand_, [channel = self()] { channel->wait_for_room(); });
  return is_empty;
}

void SocketChannel::wait_for_room() {
  socket_.async_wait(asio::socket_base::wait_write,
                     [channel = self()](const boost::system::error_code& error) {
                       std::unique_lock lock(channel->write_mutex_);
                       channel->is_waiting_for_room_ = false;
                       if (error) return;
                       (void)channel->write_queue(lock);
                     });
}

bool SocketChannel::send(OutgoingFrame frame) {
  std::unique_lock lock(write_mutex_);
  if (is_closed_) return true;
  queue_.add(std::move(frame));
  // Somebody waits for the socket already: it is full.
  if (is_waiting_for_room_) return false;
  return write_queue(lock);
}

awaitable<> SocketChannel::send_and_wait(OutgoingFrame frame) {
  auto waiter = std::make_shared<Waiter>();
  frame.waiter = waiter;
  if (!send(std::move(frame))) co_await wait_for(std::move(waiter));
}

uint64_t SocketChannel::register_call(const std::shared_ptr<Waiter>& waiter) {
  std::lock_guard lock(calls_mutex_);
  calls_[++last_call_] = waiter;
  return last_call_;
}

void SocketChannel::abandon(uint64_t call) {
  std::shared_ptr<Waiter> waiter;
  {
    std::lock_guard lock(calls_mutex_);
    const auto found = calls_.find(call);
    if (found == calls_.end()) return;  // its answer is being taken
    waiter = std::move(found->second);
    calls_.erase(found);
  }
  waiter->answer = fail(ErrorCode::kCancelled, "The call was cancelled.");
  waiter->complete();
}

awaitable<Result<Slice>> SocketChannel::call(Method method, std::vector<Slice> parts) {
  const auto channel = self();
  auto waiter = std::make_shared<Waiter>();
  CO_TRY_ASSIGN(OutgoingFrame frame, make_frame(FrameKind::kRequest, method, 0, std::move(parts)));
  const uint64_t id = register_call(waiter);
  store_le(frame.head.data() + 8, id);
  (void)send(std::move(frame));
  // Closed before the call was registered: nobody else will end it.
  if (is_closed_) give_up();
  co_await wait_for(waiter, [channel, id] { channel->abandon(id); });
  co_return std::move(waiter->answer);
}

Result<Slice> SocketChannel::call_blocking(Method method, std::vector<Slice> parts) {
  auto waiter = std::make_shared<Waiter>();
  TRY_ASSIGN(OutgoingFrame frame, make_frame(FrameKind::kRequest, method, 0, std::move(parts)));
  store_le(frame.head.data() + 8, register_call(waiter));
  (void)send(std::move(frame));
  while (!waiter->is_done()) {
    if (is_closed_) give_up();
    const Pumped pumped = pump(true);
    if (pumped == Pumped::kEnd || pumped == Pumped::kBroken) {
      close();
    } else if (!waiter->is_done() && pumped == Pumped::kEmpty) {
      // Short, since another thread may read the answer, and the queue may want to be written.
      pollfd ready{.fd = descriptor_, .events = POLLIN, .revents = 0};
      (void)::poll(&ready, 1, kBlockingPollMs);
      std::unique_lock lock(write_mutex_);
      if (!queue_.empty()) (void)write_queue(lock);
    }
  }
  return std::move(waiter->answer);
}

awaitable<Result<>> SocketChannel::notify(Method method, std::vector<Slice> parts) {
  const auto channel = self();
  CO_TRY_ASSIGN(OutgoingFrame frame,
                make_frame(FrameKind::kNotification, method, 0, std::move(parts)));
  co_await send_and_wait(std::move(frame));
  co_return Result<>();
}

void SocketChannel::take_answer(const FrameHead& head, Slice body) {
  std::shared_ptr<Waiter> waiter;
  {
    std::lock_guard lock(calls_mutex_);
    const auto found = calls_.find(head.call);
    if (found == calls_.end()) return;
    waiter = std::move(found->second);
    calls_.erase(found);
  }
  if (head.kind == FrameKind::kError) {
    waiter->answer = std::unexpected(decode_error(body.view()));
  } else {
    waiter->answer = std::move(body);
  }
  waiter->complete();
}

awaitable<> SocketChannel::answer(std::shared_ptr<SocketChannel> self, Request request) {
  const FrameHead head = request.head;
  const auto found = self->handlers_.find(head.method);
  Result<std::vector<Slice>> result =
      fail(ErrorCode::kUnknownOperation, "The other process has no method {}.", head.method);
  if (found != self->handlers_.end()) {
    try {
      result = co_await found->second(std::move(request.body));
    } catch (const std::exception& error) {
      result = fail(ErrorCode::kInternal, "A call of another process failed: {}.", error.what());
    }
  }
  if (head.kind == FrameKind::kRequest) {
    const FrameKind kind = result ? FrameKind::kAnswer : FrameKind::kError;
    std::vector<Slice> parts;
    if (result) {
      parts = *std::move(result);
    } else {
      parts.push_back(encode_error(result.error()));
    }
    auto frame = self->make_frame(kind, head.method, head.call, std::move(parts));
    if (!frame) {
      frame = self->make_frame(FrameKind::kError, head.method, head.call,
                               {encode_error(frame.error())});
    }
    co_await self->send_and_wait(*std::move(frame));
  }
  // On the strand, as the reader that may wait for this.
  --self->active_;
  self->active_bytes_ -= head.size;
  self->room_.cancel();
}

// Takes what the socket has, and starts the handlers.
SocketChannel::Pumped SocketChannel::pump(bool ignore_limits) {
  std::vector<Request> requests;
  size_t taken = 0;
  Pumped end = Pumped::kMore;
  {
    std::lock_guard lock(read_mutex_);
    while (end == Pumped::kMore && taken < kReadTurn) {
      if (!ignore_limits && !has_room()) {
        end = Pumped::kFull;
        break;
      }
      Request frame;
      switch (reader_.next(frame.head, frame.body)) {
        case FrameReader::State::kFrame:
          break;
        case FrameReader::State::kEmpty:
          end = Pumped::kEmpty;
          continue;
        case FrameReader::State::kEnd:
          end = Pumped::kEnd;
          continue;
        case FrameReader::State::kBroken:
          end = Pumped::kBroken;
          continue;
      }
      taken += FrameHead::kSize + frame.head.size;
      if (frame.head.kind == FrameKind::kAnswer || frame.head.kind == FrameKind::kError) {
        take_answer(frame.head, std::move(frame.body));
        continue;
      }
      ++active_;
      active_bytes_ += frame.head.size;
      requests.push_back(std::move(frame));
    }
  }
  // Without the lock: a handler may start at once, and read itself.
  for (Request& request : requests) {
    asio::co_spawn(strand_, answer(self(), std::move(request)), asio::detached);
  }
  return end;
}

awaitable<Result<>> SocketChannel::run() {
  co_return co_await asio::co_spawn(strand_, read_all(self()), asio::use_awaitable);
}

awaitable<Result<>> SocketChannel::read_all(std::shared_ptr<SocketChannel> self) {
  boost::system::error_code ignored;
  Pumped pumped = Pumped::kMore;
  while (pumped != Pumped::kEnd && pumped != Pumped::kBroken) {
    pumped = self->pump(false);
    if (pumped == Pumped::kMore) {
      co_await asio::post(asio::use_awaitable);
    } else if (pumped == Pumped::kEmpty) {
      co_await self->socket_.async_wait(asio::socket_base::wait_read,
                                        asio::redirect_error(asio::use_awaitable, ignored));
    } else if (pumped == Pumped::kFull && !self->has_room()) {
      self->room_.expires_at(asio::steady_timer::time_point::max());
      co_await self->room_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
  }
  self->close();
  if (pumped == Pumped::kBroken) {
    co_return fail(ErrorCode::kInvalidArgument,
                   "The other process sent what is no message; the connection is closed.");
  }
  co_return Result<>();
}

void SocketChannel::give_up() {
  std::vector<std::shared_ptr<void>> told;
  std::unordered_map<uint64_t, std::shared_ptr<Waiter>> calls;
  {
    std::lock_guard lock(write_mutex_);
    is_closed_ = true;
    queue_.drop(told);
  }
  {
    std::lock_guard lock(calls_mutex_);
    calls.swap(calls_);
  }
  complete(told);
  for (const auto& [number, waiter] : calls) {
    waiter->answer = closed();
    waiter->complete();
  }
}

}  // namespace

std::shared_ptr<Channel> Channel::make(asio::any_io_executor executor, int socket,
                                       size_t max_calls) {
  return std::make_shared<SocketChannel>(std::move(executor), socket, max_calls);
}

}  // namespace millstream::worker
