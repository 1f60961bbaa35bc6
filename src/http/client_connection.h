// One connection of the HTTP client.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>

#include "http/budget_share.h"
#include "http/client.h"
#include "http/signal.h"

namespace millstream {

// What the connections of one client share. Threads: any; constant.
struct ClientShared {
  HttpClientOptions options;
  asio::ssl::context tls{asio::ssl::context::tls_client};
  ByteBudget unlimited{SIZE_MAX};  // responses have their own limit
};

// Life cycle: of one call at a time; the client keeps it in between.
// Threads:    the caller's executor.
class ClientConnection : public std::enable_shared_from_this<ClientConnection> {
 public:
  using Clock = std::chrono::steady_clock;

  ClientConnection(ClientShared& shared, asio::any_io_executor executor);

  // Resolves, connects, and shakes hands. Errors: kForbidden, kTimeout, kUnavailable.
  awaitable<Result<>> open(const ClientRequest& request, Clock::time_point deadline);
  // Sends the request and receives the response.
  awaitable<Result<ClientResponse>> exchange(const ClientRequest& request,
                                             Clock::time_point deadline);

  bool is_alive();  // an idle one: not closed by the server, nothing unexpected
  bool received_any() const { return received_any_; }
  bool reusable() const { return reusable_; }
  Clock::time_point idle_since;  // the client's

 private:
  using Socket = asio::ip::tcp::socket;
  using Endpoints = std::vector<asio::ip::tcp::endpoint>;

  awaitable<Result<Endpoints>> resolve(const ClientRequest& request);
  awaitable<Result<>> connect(const ClientRequest& request, const Endpoints& endpoints);
  awaitable<Result<>> shake_hands(const ClientRequest& request);
  awaitable<boost::system::error_code> send(const ClientRequest& request);
  awaitable<Result<ClientResponse>> receive(const ClientRequest& request);
  awaitable<size_t> read_some(boost::system::error_code& error);
  // Gives up what is under way at `deadline`.
  void arm(Clock::time_point deadline);
  struct Deadline {
    Deadline(ClientConnection& of, Clock::time_point deadline);
    ~Deadline();
    Deadline(const Deadline&) = delete;
    Deadline& operator=(const Deadline&) = delete;
    ClientConnection& connection;
  };
  std::unexpected<Error> failed(ErrorCode code, const ClientRequest& request, std::string_view what,
                                std::string_view reason);

  ClientShared& shared_;
  asio::any_io_executor executor_;
  Socket socket_;
  std::optional<asio::ssl::stream<Socket&>> tls_;
  asio::steady_timer timer_;
  std::shared_ptr<BasicSignal<asio::any_io_executor>> resolved_;
  std::string head_;
  std::vector<char> in_;
  bool timed_out_ = false;
  bool received_any_ = false;
  bool reusable_ = false;
};

}  // namespace millstream
