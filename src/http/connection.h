// One client's connection: finds out what it speaks, and keeps its deadlines.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>

#include "http/budget_share.h"
#include "http/pace.h"
#include "http/server.h"
#include "http/transport.h"

namespace millstream {

// Received bytes that are not used yet, contiguous. Views stay valid until room() is called.
class InputBuffer {
 public:
  std::string_view view() const { return {bytes_.get() + begin_, end_ - begin_}; }
  size_t size() const { return end_ - begin_; }
  void consume(size_t bytes);
  // At least `bytes` (and kSmallest) of room behind the view.
  asio::mutable_buffer room(size_t bytes = 1);
  void commit(size_t bytes) { end_ += bytes; }
  // Frees what a large request left behind, when nothing is buffered.
  void shrink();

 private:
  static constexpr size_t kSmallest = 8 * 1024;
  static constexpr size_t kKept = 64 * 1024;
  std::unique_ptr<char[]> bytes_;  // not initialised: what is read is written first
  size_t capacity_ = 0;
  size_t begin_ = 0;
  size_t end_ = 0;
};

// A connection as its loop sees it.
class LoopMember : public boost::intrusive::list_base_hook<
                       boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  virtual ~LoopMember() = default;
  virtual void tick() = 0;   // each second: keep the time limits
  virtual void drain() = 0;  // the server stops: finish what was accepted, then close
  virtual void cut() = 0;    // close at once
};

// What the connections of one loop share. Threads: the loop.
struct ServerLoop {
  ServerLoop(Loops& all, size_t i);
  void update_clock();  // once a second

  Loops& loops;
  size_t index;
  Loops::Executor executor;
  asio::steady_timer timer;
  uint32_t now_s = 0;  // seconds since the start, by the walk
  std::string date;    // of the "date" header
  boost::intrusive::list<LoopMember, boost::intrusive::constant_time_size<false>> connections;
};

// What all connections of a server share. Threads: any.
struct ServerShared {
  explicit ServerShared(HttpServerOptions all, HttpHandler handle)
      : options(std::move(all)),
        handler(std::move(handle)),
        shared_budget(options.budget
                          ? options.budget
                          : std::make_shared<ByteBudget>(options.limits.bytes_in_flight)),
        budget(*shared_budget) {}

  HttpResponse overloaded(const HttpRequest& request);

  const HttpServerOptions options;
  const HttpHandler handler;
  const std::shared_ptr<ByteBudget> shared_budget;
  ByteBudget& budget;
  std::atomic<bool> draining = false;
  std::atomic<uint64_t> accepted = 0;
  std::atomic<uint64_t> refused = 0;
  std::atomic<uint64_t> requests = 0;
  std::atomic<uint64_t> requests_overloaded = 0;

  std::mutex mutex;
  std::condition_variable all_closed;
  std::atomic<uint64_t> open = 0;  // connections; falls under the mutex
};

// HTTP/1.1 or HTTP/2 on a connection.
class Protocol {
 public:
  virtual ~Protocol() = default;
  virtual void tick() = 0;
  virtual void drain() = 0;
};

// Life cycle: owned by its own coroutine and by those of its handlers.
// Threads:    its loop.
class Connection final : public LoopMember {
 public:
  // What the connection waits for; decides which time limit holds.
  enum class Phase : uint8_t { kIdle, kHead, kBody, kHandler, kWrite, kClosing };

  Connection(std::shared_ptr<ServerShared> shared, ServerLoop& loop, TcpSocket socket);
  ~Connection() override;

  // Serves to the end. `self` keeps the connection alive.
  static awaitable<> run(std::shared_ptr<Connection> self);

  void tick() override;
  void drain() override;
  void cut() override { transport.close(); }

  // Enters a phase, whose time starts now.
  void enter(Phase phase) {
    phase_ = phase;
    pace_.restart(loop.now_s);
  }
  // Bytes of a body or a response went their way.
  void moved(size_t bytes) { pace_.add(bytes, loop.now_s); }
  Phase phase() const { return phase_; }
  bool draining() const { return shared->draining.load(std::memory_order_relaxed); }
  const HttpLimits& limits() const { return shared->options.limits; }

  // Reads into `in`. False: the client is gone.
  awaitable<bool> read_more(size_t room = 1);
  // Ends an orderly connection: sends the end, takes what the client still sends (closing with
  // unread input would make the kernel reset the connection, and the last answer be lost).
  awaitable<> finish();

  const std::shared_ptr<ServerShared> shared;
  ServerLoop& loop;
  Transport transport;
  asio::ip::address peer;
  InputBuffer in;

 private:
  awaitable<bool> begin_tls();
  awaitable<bool> speaks_http2(bool& is_http2);

  Phase phase_ = Phase::kHead;
  Pace pace_;
  Protocol* protocol_ = nullptr;
};

}  // namespace millstream
