#include "wire/query_encode.h"

#include <algorithm>

#include "base/base64.h"
#include "base/text.h"
#include "wire/errors.h"
#include "wire/json_encode.h"

namespace millstream::wire {
namespace {

// https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
struct QueryError {
  ErrorCode code;
  std::string_view name;
  int status;
};
constexpr QueryError kCommon[] = {
    {ErrorCode::kAccessDenied, "AccessDenied", 403},
    {ErrorCode::kForbidden, "AccessDenied", 403},
    {ErrorCode::kExpiredToken, "ExpiredToken", 403},
    {ErrorCode::kIncompleteSignature, "IncompleteSignature", 400},
    {ErrorCode::kInvalidSignature, "SignatureDoesNotMatch", 403},
    {ErrorCode::kMissingAuthenticationToken, "MissingAuthenticationToken", 403},
    {ErrorCode::kUnrecognizedClient, "InvalidClientTokenId", 403},
    {ErrorCode::kUnknownOperation, "InvalidAction", 400},
    {ErrorCode::kSerialization, "MalformedInput", 400},
    {ErrorCode::kValidation, "ValidationError", 400},
    {ErrorCode::kThrottled, "Throttling", 400},
};

void append_value(std::string& out, const Type& type, const void* at);

void append_structure(std::string& out, const StructType& type, const void* object) {
  for (const Member& member : type.members) {
    const void* at = get(member, object);
    if (at == nullptr) continue;
    out += fmt::format("<{}>", member.name);
    append_value(out, *member.type, at);
    out += fmt::format("</{}>", member.name);
  }
}

void append_map(std::string& out, const Type& type, const void* at) {
  struct Writer {
    std::string& out;
    const Type& element;
  } writer{out, *type.element};
  type.map->for_each(
      at,
      [](void* context, const std::string& key, const void* value) {
        auto& to = *static_cast<Writer*>(context);
        to.out += fmt::format("<entry><key>{}</key><value>", escape_xml(key));
        append_value(to.out, to.element, value);
        to.out += "</value></entry>";
      },
      &writer);
}

void append_list(std::string& out, const Type& type, const void* at) {
  const size_t count = type.list->size(at);
  for (size_t i = 0; i < count; ++i) {
    out += "<member>";
    append_value(out, *type.element, type.list->at(at, i));
    out += "</member>";
  }
}

void append_value(std::string& out, const Type& type, const void* at) {
  switch (type.kind) {
    case Kind::kString:
      out += escape_xml(*static_cast<const std::string*>(at));
      return;
    case Kind::kBlob:
      out += base64_encode(*static_cast<const std::string*>(at));
      return;
    case Kind::kInteger:
      out += fmt::format("{}", *static_cast<const int32_t*>(at));
      return;
    case Kind::kLong:
      out += fmt::format("{}", *static_cast<const int64_t*>(at));
      return;
    case Kind::kFloat:
      out += fmt::format("{}", *static_cast<const float*>(at));
      return;
    case Kind::kDouble:
      out += fmt::format("{}", *static_cast<const double*>(at));
      return;
    case Kind::kBoolean:
      out += *static_cast<const bool*>(at) ? "true" : "false";
      return;
    case Kind::kTimestamp:
      out += format_time(static_cast<const Timestamp*>(at)->ms);
      return;
    case Kind::kList:
      return append_list(out, type, at);
    case Kind::kMap:
      return append_map(out, type, at);
    case Kind::kStructure:
      return append_structure(out, *type.structure, at);
  }
}

HttpResponse xml_response(int status, std::string_view body) {
  HttpResponse response;
  response.status = status;
  response.headers.emplace_back("content-type", content_type(Protocol::kQuery));
  response.body = Slice::copy_of(body);
  return response;
}

QueryError query_error(const Service* service, ErrorCode code) {
  const auto* common = std::ranges::find(kCommon, code, &QueryError::code);
  const AwsError named = aws_error(service ? service->name : "", code);
  if (const ErrorType* own = service ? service->find_error(named.name) : nullptr;
      own != nullptr && common == std::end(kCommon)) {
    return {code, own->code, own->status};
  }
  return common != std::end(kCommon) ? *common : QueryError{code, named.name, named.status};
}

}  // namespace

std::string escape_xml(std::string_view text) {
  std::string out;
  for (const char c : utf8_repaired(text)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '&') {
      out += "&amp;";
    } else if (c == '"') {
      out += "&quot;";
    } else if (c == '\r') {
      out += "&#13;";
    } else if (byte >= 0x20 || c == '\n' || c == '\t') {
      out += c;
    }
  }
  return out;
}

std::string encode_query_result(const Operation& operation, const void* output) {
  if (operation.output == nullptr) return {};
  std::string result = fmt::format("<{}Result>", operation.name);
  append_structure(result, *operation.output, output);
  return result + fmt::format("</{}Result>", operation.name);
}

HttpResponse query_answer(const Operation& operation, std::string_view result,
                          std::string_view request_id) {
  const Service* service = find_service(operation.service);
  MS_ASSERT(service != nullptr);
  return xml_response(
      200, fmt::format("<{0}Response xmlns=\"{1}\">{2}<ResponseMetadata><RequestId>{3}</RequestId>"
                       "</ResponseMetadata></{0}Response>\n",
                       operation.name, service->xml_namespace, result, request_id));
}

HttpResponse encode_query_error(const Service* service, const Error& error,
                                std::string_view request_id) {
  const QueryError named = query_error(service, error.code);
  const std::string name_space =
      service ? fmt::format(" xmlns=\"{}\"", service->xml_namespace) : std::string();
  return xml_response(
      named.status,
      fmt::format("<ErrorResponse{}><Error><Type>{}</Type><Code>{}</Code><Message>{}</Message>"
                  "</Error><RequestId>{}</RequestId></ErrorResponse>\n",
                  name_space, named.status < 500 ? "Sender" : "Receiver", named.name,
                  escape_xml(error.message), request_id));
}

}  // namespace millstream::wire
