#include "http/message.h"

#include <array>

namespace millstream {

void set_target(HttpRequest& request, std::string_view target) {
  request.target = target;
  if (!target.empty() && target.front() != '/') {
    size_t scheme = target.find("://");
    if (scheme != std::string_view::npos) {
      std::string_view rest = target.substr(scheme + 3);
      size_t slash = rest.find_first_of("/?");
      request.authority = rest.substr(0, slash);
      target = slash == std::string_view::npos ? "/" : rest.substr(slash);
      request.target = target;
    }
  }
  size_t question = target.find('?');
  request.path = target.substr(0, question);
  request.query =
      question == std::string_view::npos ? std::string_view() : target.substr(question + 1);
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Status";
  }
}

HttpResponse plain_response(int status, std::string text) {
  HttpResponse response;
  response.status = status;
  response.headers.emplace_back("content-type", "text/plain; charset=utf-8");
  text += '\n';
  response.body = Slice::copy_of(text);
  return response;
}

bool is_connection_header(std::string_view name) {
  static constexpr std::array<std::string_view, 6> kNames = {
      "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "date"};
  for (std::string_view own : kNames) {
    if (name.size() == own.size() && equals_ignore_case(name, own)) return true;
  }
  return false;
}

bool is_sendable_header(std::string_view name, std::string_view value) {
  static constexpr std::string_view kBad("\r\n\0", 3);
  return !name.empty() && name.find_first_of(kBad) == std::string_view::npos &&
         name.find_first_of(" :") == std::string_view::npos &&
         value.find_first_of(kBad) == std::string_view::npos;
}

}  // namespace millstream
