// Beast's parser of HTTP/1.1 responses, filling a ClientResponse.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include "http/body_buffer.h"
#include "http/client.h"

namespace millstream {

namespace beast_http = boost::beast::http;

class Http1ResponseParser final : public beast_http::basic_parser<false> {
 public:
  using Pieces = std::function<void(std::string_view)>;

  // `pieces`, if it is not empty, takes the body of a response with status 200.
  Http1ResponseParser(ClientResponse& response, BodyBuffer& body, const Pieces& pieces)
      : response_(response), body_(body), pieces_(pieces) {}

 private:
  using Verb = beast_http::verb;
  using Field = beast_http::field;
  using View = boost::beast::string_view;
  using Error = boost::beast::error_code;

  void on_request_impl(Verb, View, View, int, Error&) override {}
  void on_response_impl(int status, View, int, Error&) override { response_.status = status; }
  void on_field_impl(Field, View name, View value, Error&) override {
    if (head_done_) return;  // trailers
    std::string lower(name.data(), name.size());
    for (char& c : lower) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    }
    response_.headers.emplace_back(std::move(lower), std::string(value.data(), value.size()));
  }
  void on_header_impl(Error&) override { head_done_ = true; }
  void on_body_init_impl(boost::optional<std::uint64_t> const&, Error&) override {}
  std::size_t on_body_impl(View body, Error& error) override { return take(body, error); }
  void on_chunk_header_impl(std::uint64_t, View, Error&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, View body, Error& error) override {
    return take(body, error);
  }
  void on_finish_impl(Error&) override {}

  std::size_t take(View body, Error& error) {
    if (pieces_ && response_.status == 200) {
      pieces_({body.data(), body.size()});
      return body.size();
    }
    if (body_.append({body.data(), body.size()}) == BodyBuffer::Outcome::kOk) return body.size();
    error = beast_http::error::body_limit;
    return 0;
  }

  ClientResponse& response_;
  BodyBuffer& body_;
  const Pieces& pieces_;
  bool head_done_ = false;
};

}  // namespace millstream
