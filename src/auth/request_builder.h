// Requests for the tests of this folder: keeps the text that an HttpRequest points to.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/http_message.h"

namespace millstream {

class RequestBuilder {
 public:
  RequestBuilder(std::string_view method, std::string_view target, std::string_view body = {}) {
    request_.method = keep(method);
    set_target(target);
    set_body(body);
  }
  RequestBuilder& header(std::string_view name, std::string_view value) {
    request_.headers.push_back({keep(name), keep(value)});
    if (equals_ignore_case(name, "host")) request_.authority = request_.headers.back().value;
    return *this;
  }
  RequestBuilder& headers(const std::vector<std::pair<std::string, std::string>>& list) {
    for (const auto& [name, value] : list) header(name, value);
    return *this;
  }
  void replace(std::string_view name, std::string_view value) {
    remove(name);
    header(name, value);
  }
  void remove(std::string_view name) {
    std::erase_if(request_.headers,
                  [name](const HttpHeader& h) { return equals_ignore_case(h.name, name); });
  }
  void set_method(std::string_view method) { request_.method = keep(method); }
  void set_body(std::string_view body) { request_.body = Slice::copy_of(body); }
  void set_target(std::string_view target) {
    request_.target = keep(target);
    const size_t mark = request_.target.find('?');
    request_.path = request_.target.substr(0, mark);
    request_.query =
        mark == std::string_view::npos ? std::string_view() : request_.target.substr(mark + 1);
  }
  const HttpRequest& get() const { return request_; }

 private:
  std::string_view keep(std::string_view text) { return texts_.emplace_back(text); }
  std::deque<std::string> texts_;
  HttpRequest request_;
};

}  // namespace millstream
