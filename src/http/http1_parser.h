// Beast's parser of HTTP/1.1 messages, filling our own types. Beast is seen by this file's users
// only.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include "base/http_message.h"
#include "http/body_buffer.h"
#include "http/message.h"

namespace millstream {

namespace beast_http = boost::beast::http;

// One request. The head is put in whole (up to and with its empty line), so that all views
// point into the caller's buffer; a chunked body in any pieces.
class Http1RequestParser final : public beast_http::basic_parser<true> {
 public:
  // `head`: what will be put in first.
  Http1RequestParser(std::string_view head, HttpRequest& request, BodyBuffer& body)
      : head_(head), request_(request), body_(body) {}

  bool expects_continue() const { return expects_continue_; }
  int hosts() const { return hosts_; }
  bool has_transfer_encoding() const { return has_transfer_encoding_; }
  int version() const { return version_; }
  BodyBuffer::Outcome body_outcome() const { return body_outcome_; }

 private:
  using Verb = beast_http::verb;
  using Field = beast_http::field;
  using View = boost::beast::string_view;
  using Error = boost::beast::error_code;
  static std::string_view plain(View text) { return {text.data(), text.size()}; }

  void on_request_impl(Verb, View method, View target, int version, Error&) override {
    request_.method = plain(method);
    version_ = version;
    set_target(request_, plain(target));
  }
  void on_response_impl(int, View, int, Error&) override {}
  void on_field_impl(Field field, View name, View value, Error& error) override {
    if (head_done_) return;  // trailers: nobody asked for them
    // A folded value (obsolete, RFC 9112, 5.2) is not in the head as it is.
    if (!value.empty() && !points_into_head(value.data())) {
      error = beast_http::error::bad_value;
      return;
    }
    request_.headers.push_back({plain(name), plain(value)});
    if (field == Field::host) {
      if (++hosts_ == 1 && request_.authority.empty()) request_.authority = plain(value);
    } else if (field == Field::expect) {
      expects_continue_ = equals_ignore_case(plain(value), "100-continue");
    } else if (field == Field::transfer_encoding) {
      has_transfer_encoding_ = true;
    }
  }
  void on_header_impl(Error&) override { head_done_ = true; }
  void on_body_init_impl(boost::optional<std::uint64_t> const&, Error&) override {}
  std::size_t on_body_impl(View body, Error&) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t, View, Error&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, View body, Error& error) override {
    body_outcome_ = body_.append(plain(body));
    if (body_outcome_ == BodyBuffer::Outcome::kOk) return body.size();
    error = beast_http::error::body_limit;
    return 0;
  }
  void on_finish_impl(Error&) override {}

  bool points_into_head(const char* at) const {
    return std::greater_equal<>()(at, head_.data()) &&
           std::less<>()(at, head_.data() + head_.size());
  }

  std::string_view head_;
  HttpRequest& request_;
  BodyBuffer& body_;
  BodyBuffer::Outcome body_outcome_ = BodyBuffer::Outcome::kOk;
  int version_ = 11;
  int hosts_ = 0;
  bool head_done_ = false;
  bool expects_continue_ = false;
  bool has_transfer_encoding_ = false;
};

}  // namespace millstream
