#include <charconv>

#include "http/client.h"

namespace millstream {

Result<Url> parse_url(std::string_view text) {
  auto malformed = [&](std::string_view why) {
    return fail(ErrorCode::kInvalidArgument,
                "\"{}\" is no URL ({}): write http://HOST[:PORT][/PATH] or https://…", text, why);
  };
  Url url;
  const size_t colon = text.find("://");
  if (colon == std::string_view::npos) return malformed("it has no scheme");
  url.scheme = text.substr(0, colon);
  if (url.scheme != "http" && url.scheme != "https") return malformed("unknown scheme");
  std::string_view rest = text.substr(colon + 3);
  const size_t slash = rest.find_first_of("/?#");
  std::string_view authority = rest.substr(0, slash);
  url.target = slash == std::string_view::npos ? "" : rest.substr(slash, rest.find('#') - slash);
  if (url.target.empty() || url.target.front() != '/') url.target.insert(0, "/");
  if (authority.find('@') != std::string_view::npos) return malformed("it holds a user name");
  size_t host_end = authority.find(':');
  if (authority.starts_with('[')) {
    const size_t bracket = authority.find(']');
    if (bracket == std::string_view::npos) return malformed("'[' without ']'");
    url.host = authority.substr(1, bracket - 1);
    host_end = bracket + 1;
  } else {
    url.host = authority.substr(0, host_end);
  }
  if (url.host.empty()) return malformed("it has no host");
  for (char c : text) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f') return malformed("white space in it");
  }
  url.port = url.scheme == "https" ? 443 : 80;
  if (host_end < authority.size()) {
    std::string_view port = authority.substr(host_end);
    auto [end, bad] = std::from_chars(port.data() + 1, port.data() + port.size(), url.port);
    if (!port.starts_with(':') || bad != std::errc() || end != port.data() + port.size() ||
        url.port == 0) {
      return malformed("the port is no number from 1 to 65535");
    }
  }
  return url;
}

bool is_link_local_or_metadata(const asio::ip::address& address) {
  if (address.is_v6()) {
    const asio::ip::address_v6 v6 = address.to_v6();
    if (v6.is_v4_mapped()) {
      return is_link_local_or_metadata(asio::ip::make_address_v4(asio::ip::v4_mapped, v6));
    }
    // The instance metadata service of EC2 over IPv6.
    static const auto kMetadata = asio::ip::make_address_v6("fd00:ec2::254");
    const auto bytes = v6.to_bytes();
    const auto metadata = kMetadata.to_bytes();
    return (bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80) || bytes == metadata;
  }
  const auto bytes = address.to_v4().to_bytes();
  return bytes[0] == 169 && bytes[1] == 254;
}

}  // namespace millstream
