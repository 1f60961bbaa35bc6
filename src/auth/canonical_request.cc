#include "auth/canonical_request.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "base/text.h"

namespace millstream {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::string_view as_text(const Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// RFC 3986, section 6.2.2.3, with double slashes resolved too.
std::string normalized_path(std::string_view path) {
  std::vector<std::string_view> kept;
  for (std::string_view piece : split(path, '/')) {
    if (piece.empty() || piece == ".") continue;
    if (piece == "..") {
      if (!kept.empty()) kept.pop_back();
    } else {
      kept.push_back(piece);
    }
  }
  std::string result;
  for (std::string_view piece : kept) result.append("/").append(piece);
  const bool is_folder = path.ends_with('/') || path.ends_with("/.") || path.ends_with("/..");
  if (result.empty() || is_folder) result += '/';
  return result;
}

void append_path(std::string_view path, bool is_s3, std::string& out) {
  if (path.empty() || path == "/") {
    out += '/';
  } else if (is_s3) {
    const auto decoded = percent_decode(path);
    out += percent_encode(decoded ? *decoded : path, Slash::kKeep);
  } else {
    out += percent_encode(normalized_path(path), Slash::kKeep);
  }
}

// One encoding whatever way the client chose to write it.
std::string recoded(std::string_view text) {
  const auto decoded = percent_decode(text, /*plus_is_blank=*/true);
  return percent_encode(decoded ? *decoded : text);
}

void append_query(std::string_view query, std::string& out) {
  if (query.empty()) return;
  std::vector<std::pair<std::string, std::string>> parameters;
  for (std::string_view piece : split(query, '&')) {
    if (piece.empty()) continue;
    const size_t equals = std::min(piece.find('='), piece.size());
    std::string name = recoded(piece.substr(0, equals));
    if (name == "X-Amz-Signature") continue;
    parameters.emplace_back(std::move(name),
                            recoded(piece.substr(std::min(equals + 1, piece.size()))));
  }
  std::ranges::sort(parameters);
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (i > 0) out += '&';
    out.append(parameters[i].first).append("=").append(parameters[i].second);
  }
}

// Without blanks at its ends, and with one blank for each run of them.
void append_value(std::string_view value, std::string& out) {
  value = trim(value);
  for (size_t i = 0; i < value.size(); ++i) {
    if (!is_blank(value[i])) {
      out += value[i];
    } else if (!is_blank(value[i - 1])) {
      out += ' ';
    }
  }
}

void append_header(std::string_view name, std::span<const HttpHeader> headers, std::string& out) {
  for (char c : name) out += lower(c);
  out += ':';
  const std::string_view held_as = name == kAuthority ? "host" : name;
  bool is_first = true;
  for (const HttpHeader& header : headers) {
    if (!equals_ignore_case(header.name, held_as)) continue;
    if (!is_first) out += ',';
    is_first = false;
    append_value(header.value, out);
  }
  out += '\n';
}

struct CachedKey {
  std::string secret_key;
  std::string day;
  std::string region;
  std::string service;
  Sha256 key{};
};

}  // namespace

void append_canonical_request(const CanonicalInput& input, std::string& out) {
  out.append(input.method).append("\n");
  append_path(input.path, input.is_s3, out);
  out += '\n';
  append_query(input.query, out);
  out += '\n';
  std::string_view rest = input.signed_headers;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(';'), rest.size());
    append_header(rest.substr(0, end), input.headers, out);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  out += '\n';
  for (char c : input.signed_headers) out += lower(c);
  out.append("\n").append(input.payload_hash);
}

std::string signature_of(std::string_view canonical_request, const SigningScope& scope,
                         std::string_view secret_key) {
  const std::string_view day = scope.time.substr(0, 8);
  thread_local std::string text;
  text.clear();
  text.append(kSigningAlgorithm).append("\n").append(scope.time).append("\n");
  text.append(day).append("/").append(scope.region).append("/").append(scope.service);
  text.append("/").append(kScopeTerminator).append("\n");
  text.append(to_hex(sha256(canonical_request)));
  const Sha256 key = signing_key(secret_key, day, scope.region, scope.service);
  return to_hex(hmac_sha256(as_text(key), text));
}

Sha256 signing_key(std::string_view secret_key, std::string_view day, std::string_view region,
                   std::string_view service) {
  // A loop serves few keys, regions and services at a time: looking through eight entries costs
  // less than one of the four digests.
  thread_local std::array<CachedKey, 8> cache;
  thread_local size_t oldest = 0;
  for (const CachedKey& entry : cache) {
    if (entry.day == day && entry.region == region && entry.service == service &&
        entry.secret_key == secret_key) {
      return entry.key;
    }
  }
  std::string first = "AWS4";
  first += secret_key;
  const Sha256 of_day = hmac_sha256(first, day);
  const Sha256 of_region = hmac_sha256(as_text(of_day), region);
  const Sha256 of_service = hmac_sha256(as_text(of_region), service);
  const Sha256 key = hmac_sha256(as_text(of_service), kScopeTerminator);
  cache[oldest] = {std::string(secret_key), std::string(day), std::string(region),
                   std::string(service), key};
  oldest = (oldest + 1) % cache.size();
  return key;
}

}  // namespace millstream
