// Calls in both directions over one stream socket: the protocol between the server and its
// worker processes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/async.h"
#include "base/bytes.h"
#include "base/result.h"

namespace millstream::worker {

using Method = uint16_t;
// Methods below this are the log's (worker/remote_log.h); from here on the owner's own.
inline constexpr Method kFirstOwnMethod = 64;

// One frame: at most this. A log append of a writer (64 MiB) and its heads fit.
inline constexpr size_t kMaxFrameBytes = (size_t{64} << 20) + (size_t{1} << 20);

// Life cycle: make(), handle() for each method, then run() until the socket closes. Shared, so
//             that calls under way end (kUnavailable) when the other side goes.
// Threads:    call() from any thread, completing on the caller's executor; handlers run on the
//             channel's executor (a strand).
// Bounds:     at most `max_calls` handlers at once, and requests of 130 MiB in all: the reader
//             waits, and so does the other side. Handlers that wait for calls the other way count:
//             let them be few.
// Copies:     none on the way out (parts are gathered from where they lie); one on the way in,
//             from the socket. A request or answer of more than 32 KiB has a buffer of its own;
//             smaller ones share one of 64 KiB, so copy what is kept for long.
class Channel : public std::enable_shared_from_this<Channel> {
 public:
  using Handler = std::function<awaitable<Result<std::vector<Slice>>>(Slice request)>;

  // Takes the socket (a connected AF_UNIX stream socket).
  static std::shared_ptr<Channel> make(asio::any_io_executor executor, int socket,
                                       size_t max_calls = 1024);
  virtual ~Channel() = default;

  virtual void handle(Method method, Handler handler) = 0;
  // Sends the concatenated parts; the answer. Errors: as the handler's (code and message pass
  // through), kUnavailable (closed), kInvalidArgument (over kMaxFrameBytes), kCancelled: the
  // coroutine was cancelled; the other side may still do what was asked.
  virtual awaitable<Result<Slice>> call(Method method, std::vector<Slice> parts) = 0;
  // The same without an answer (log lines, status); dropped when closed. Waits while the socket
  // is full.
  virtual awaitable<Result<>> notify(Method method, std::vector<Slice> parts) = 0;
  // The same as call() from a thread that can't suspend, also if it is the only one of the
  // channel's executor: meanwhile it reads the socket itself. For rare, short calls.
  virtual Result<Slice> call_blocking(Method method, std::vector<Slice> parts) = 0;
  // Until closed or broken: then all calls under way end. Errors: kInvalidArgument: the other
  // side does not keep to the protocol.
  virtual awaitable<Result<>> run() = 0;
  // From any thread; what notify() and answers have queued may be lost.
  virtual void close() = 0;
  virtual bool is_closed() const = 0;
};

}  // namespace millstream::worker
