#include "cli/sql_client.h"

#include <csignal>
#include <optional>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <simdjson.h>

#include "base/real_env.h"
#include "wire/json_encode.h"

namespace millstream::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kTick = 200ms;
// A continuous query runs until it is stopped.
constexpr auto kForEver = std::chrono::hours(24 * 365);

using Json = simdjson::dom::element;

std::string text_of(const Json& value) {
  std::string_view text;
  return value.get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}

Result<SqlEvent> event_of(const simdjson::dom::object& line) {
  Json member;
  if (line["row"].get(member) == simdjson::SUCCESS) {
    SqlRow row;
    row.op = text_of(line["op"].value_unsafe());
    for (const Json cell : simdjson::dom::array(member))
      row.cells.push_back(simdjson::to_string(cell));
    return row;
  }
  if (line["columns"].get(member) == simdjson::SUCCESS) {
    SqlColumns columns;
    for (const Json column : simdjson::dom::array(member)) {
      columns.columns.push_back(
          {text_of(column["name"].value_unsafe()), text_of(column["type"].value_unsafe())});
    }
    return columns;
  }
  if (line["text"].get(member) == simdjson::SUCCESS) return SqlText{text_of(member)};
  if (line["log"].get(member) == simdjson::SUCCESS) return SqlLog{text_of(member)};
  if (line["error"]["message"].get(member) == simdjson::SUCCESS) return SqlEnd{text_of(member)};
  if (line["end"].get(member) == simdjson::SUCCESS) return SqlEnd{};
  return fail(ErrorCode::kRemote, "the server's answer is not of this version of millstream");
}

ClientRequest request_of(const Connection& connection, const SqlRequest& query) {
  ClientRequest request;
  request.method = "POST";
  request.target = "/_millstream/sql";
  std::string body = R"({"sql":)";
  wire::append_json_string(body, query.sql);
  body += query.bounded ? R"(,"bounded":true})" : R"(,"bounded":false})";
  request.headers = {{"content-type", "application/json"}};
  sign_request(connection, request, body, "kinesisanalytics", real_env().now_ms());
  request.body.push_back(Slice::copy_of(body));
  return request;
}

// Pieces of the body, cut into lines.
class LineReader {
 public:
  LineReader(const SqlSink& sink, std::optional<Error>& broken) : sink_(sink), broken_(broken) {}

  void take(std::string_view piece) {
    rest_ += piece;
    size_t begin = 0;
    for (size_t end = 0; (end = rest_.find('\n', begin)) != std::string::npos; begin = end + 1) {
      if (end == begin) continue;  // a sign of life
      auto event = parse_sql_line(std::string_view(rest_).substr(begin, end - begin));
      if (event) {
        sink_(*event);
      } else {
        broken_ = std::move(event).error();
      }
    }
    rest_.erase(0, begin);
  }

 private:
  const SqlSink& sink_;
  std::optional<Error>& broken_;
  std::string rest_;
};

}  // namespace

Result<SqlEvent> parse_sql_line(std::string_view line) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(line.data(), line.size()).get(object) != simdjson::SUCCESS) {
    return fail(ErrorCode::kRemote, "the server's answer is no JSON: {}", line.substr(0, 200));
  }
  return event_of(object);
}

Result<> run_query(const Connection& connection, const SqlRequest& query, const SqlSink& sink,
                   const std::function<void()>& tick) {
  HttpClientOptions options;
  options.extra_ca_file = connection.ca_file;
  options.allow_link_local = true;  // the user names the endpoint
  TRY_ASSIGN(auto client, HttpClient::create(std::move(options)));
  asio::io_context loop(1);
  std::optional<Error> broken;
  LineReader lines(sink, broken);
  ClientRequest request = request_of(connection, query);
  request.on_body = [&lines](std::string_view piece) { lines.take(piece); };

  bool interrupted = false;
  bool done = false;  // a tick that was due already can't be cancelled any more
  std::optional<Result<ClientResponse>> answer;
  asio::cancellation_signal cancel;
  asio::signal_set interrupts(loop, SIGINT);
  asio::steady_timer ticks(loop);
  std::function<void()> next_tick = [&] {
    ticks.expires_after(kTick);
    ticks.async_wait([&](boost::system::error_code error) {
      if (error || done) return;
      if (tick) tick();
      next_tick();
    });
  };
  next_tick();
  interrupts.async_wait([&](boost::system::error_code error, int) {
    if (error) return;
    interrupted = true;
    cancel.emit(asio::cancellation_type::terminal);
  });
  asio::co_spawn(loop, client->call(std::move(request), kForEver),
                 asio::bind_cancellation_slot(cancel.slot(), [&](const std::exception_ptr& error,
                                                                 Result<ClientResponse> response) {
                   if (!error) answer = std::move(response);
                   done = true;
                   ticks.cancel();
                   interrupts.cancel();
                 }));
  loop.run();
  client.reset();
  if (interrupted) return {};
  if (broken) return std::unexpected(*std::move(broken));
  if (!answer) return fail(ErrorCode::kUnavailable, "the connection was lost");
  if (!*answer) {
    return fail(answer->error().code,
                "{} does not answer: {}. Is it the right --endpoint, and is "
                "the server running?",
                connection.endpoint, answer->error().message);
  }
  const ClientResponse& response = **answer;
  if (response.status != 200) {
    return std::unexpected(api_error(response.status, response.body.view()));
  }
  return {};
}

}  // namespace millstream::cli
