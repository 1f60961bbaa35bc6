#include "auth/authorization.h"

#include <utility>

#include "base/text.h"

namespace millstream {
namespace {

// The raw value of a query parameter (names are never encoded by clients); nothing if missing.
std::optional<std::string_view> query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view piece = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (!piece.starts_with(name)) continue;
    if (piece.size() == name.size()) return std::string_view();
    if (piece[name.size()] == '=') return piece.substr(name.size() + 1);
  }
  return std::nullopt;
}

Result<> read_header_form(const HttpRequest& request, std::string_view header, Authorization& out) {
  const size_t algorithm_end = std::min(header.find_first_of(" ,"), header.size());
  out.algorithm = header.substr(0, algorithm_end);
  std::string_view rest = header.substr(algorithm_end);
  while (!rest.empty()) {
    const size_t end = std::min(rest.find_first_of(" ,\t"), rest.size());
    const std::string_view piece = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const size_t equals = piece.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = piece.substr(0, equals);
    const std::string_view value = piece.substr(equals + 1);
    if (name == "Credential") out.credential = value;
    if (name == "SignedHeaders") out.signed_headers = value;
    if (name == "Signature") out.signature = value;
  }
  out.time = request.header("x-amz-date");
  if (out.time.empty()) out.time = request.header("date");
  out.session_token = request.header("x-amz-security-token");
  out.content_hash = request.header("x-amz-content-sha256");

  std::string missing;
  const std::pair<std::string_view, std::string_view> required[] = {
      {"Credential", out.credential},
      {"Signature", out.signature},
      {"SignedHeaders", out.signed_headers}};
  for (const auto& [name, value] : required) {
    if (value.empty())
      missing += fmt::format("Authorization header requires '{}' parameter. ", name);
  }
  if (out.time.empty()) {
    missing +=
        "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ";
  }
  if (missing.empty()) return {};
  return fail(ErrorCode::kIncompleteSignature, "{}Authorization={}", missing, header);
}

Result<> read_query_form(const HttpRequest& request, Authorization& out) {
  struct Parameter {
    std::string_view name;
    std::string_view Authorization::* member;
    bool required;
  };
  static constexpr Parameter kParameters[] = {
      {"X-Amz-Algorithm", &Authorization::algorithm, true},
      {"X-Amz-Credential", &Authorization::credential, true},
      {"X-Amz-Signature", &Authorization::signature, true},
      {"X-Amz-SignedHeaders", &Authorization::signed_headers, true},
      {"X-Amz-Date", &Authorization::time, true},
      {"X-Amz-Security-Token", &Authorization::session_token, false},
      {"X-Amz-Expires", &Authorization::expires, false},
      {"X-Amz-Content-Sha256", &Authorization::content_hash, false}};
  static_assert(std::size(kParameters) == std::tuple_size_v<decltype(out.decoded)>);
  out.presigned = true;
  std::string missing;
  for (size_t i = 0; i < std::size(kParameters); ++i) {
    const auto raw = query_value(request.query, kParameters[i].name);
    if (raw) out.decoded[i] = percent_decode(*raw, /*plus_is_blank=*/true).value_or("");
    out.*kParameters[i].member = out.decoded[i];
    if (kParameters[i].required && out.decoded[i].empty()) {
      missing +=
          fmt::format("AWS query-string parameters must include '{}'. ", kParameters[i].name);
    }
  }
  if (out.content_hash.empty()) out.content_hash = request.header("x-amz-content-sha256");
  if (missing.empty()) return {};
  return fail(ErrorCode::kIncompleteSignature, "{}Re-examine the query-string parameters.",
              missing);
}

}  // namespace

Result<> read_authorization(const HttpRequest& request, Authorization& out) {
  const std::string_view header = request.header("authorization");
  const bool in_query = query_value(request.query, "X-Amz-Algorithm").has_value();
  if (!header.empty() && in_query) {
    return fail(ErrorCode::kInvalidSignature,
                "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP "
                "header.");
  }
  if (!header.empty()) return read_header_form(request, header, out);
  if (in_query) return read_query_form(request, out);
  return fail(ErrorCode::kMissingAuthenticationToken, "Missing Authentication Token");
}

Result<> split_credential(Authorization& authorization) {
  std::string_view text = authorization.credential;
  while (text.ends_with('/')) text.remove_suffix(1);
  const auto parts = split(text, '/');
  if (parts.size() != 5) {
    return fail(ErrorCode::kIncompleteSignature,
                "Credential must have exactly 5 slash-delimited elements, e.g. "
                "keyid/date/region/service/term, got '{}'",
                authorization.credential);
  }
  authorization.access_key = parts[0];
  authorization.day = parts[1];
  authorization.region = parts[2];
  authorization.service = parts[3];
  authorization.terminator = parts[4];
  return {};
}

bool is_signed(const Authorization& authorization, std::string_view name) {
  std::string_view rest = authorization.signed_headers;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(';'), rest.size());
    if (equals_ignore_case(rest.substr(0, end), name)) return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

}  // namespace millstream
