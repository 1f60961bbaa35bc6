#include "wire/query_decode.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/base64.h"
#include "base/text.h"
#include "wire/json_decode.h"
#include "wire/service.h"

namespace millstream::wire {
namespace {

constexpr std::string_view kAction = "Action=";
constexpr std::string_view kVersion = "Version=";

class Decoder {
 public:
  Decoder(const QueryForm& form, Absences& absences) : form_(form), absences_(absences) {}

  // `prefix` is empty, or ends with a dot.
  Result<> structure(const StructType& type, const std::string& prefix, void* object) {
    for (const Member& member : type.members) {
      const std::string name = prefix + std::string(member.name);
      if (!is_there(name)) {
        if (member.required && member.optional == nullptr) absences_.add_member(object, member);
        continue;
      }
      TRY(value(*member.type, name, emplace(member, object)));
    }
    return {};
  }

 private:
  // The parameter itself, or some below it.
  bool is_there(const std::string& name) const {
    if (form_.contains(name)) return true;
    const std::string below = name + '.';
    const auto found = form_.lower_bound(below);
    return found != form_.end() && found->first.starts_with(below);
  }

  Result<> value(const Type& type, const std::string& name, void* at) {
    if (type.kind == Kind::kStructure) return structure(*type.structure, name + '.', at);
    if (type.kind == Kind::kList) return list(type, name, at);
    const auto found = form_.find(name);
    if (type.kind == Kind::kMap || found == form_.end()) return refuse(name);
    return scalar(type.kind, name, found->second, at);
  }

  Result<> list(const Type& type, const std::string& name, void* at) {
    // Empty lists are sent as "NAME=".
    for (size_t i = 1;; ++i) {
      std::string element = fmt::format("{}.member.{}", name, i);
      if (!is_there(element)) element = fmt::format("{}.{}", name, i);
      if (!is_there(element)) return {};
      // The list may move its elements: absences inside it are noted by address.
      if (i == 1) type.list->reserve(at, count(name));
      TRY(value(*type.element, element, type.list->append(at)));
    }
  }

  size_t count(const std::string& name) const {
    size_t elements = 0;
    while (is_there(fmt::format("{}.member.{}", name, elements + 1)) ||
           is_there(fmt::format("{}.{}", name, elements + 1))) {
      ++elements;
    }
    return elements;
  }

  static std::unexpected<Error> refuse(const std::string& name) {
    return fail(ErrorCode::kSerialization, "The value of {} is not of its type.", name);
  }

  template <class Number>
  static Result<> number(const std::string& name, const std::string& text, void* at) {
    Number parsed{};
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, parsed);
    if (error != std::errc() || stop != end) return refuse(name);
    *static_cast<Number*>(at) = parsed;
    return {};
  }

  static Result<> scalar(Kind kind, const std::string& name, const std::string& text, void* at) {
    switch (kind) {
      case Kind::kString:
        *static_cast<std::string*>(at) = text;
        return {};
      case Kind::kBlob: {
        TRY_ASSIGN(*static_cast<std::string*>(at), decode_json_blob(text));
        return {};
      }
      case Kind::kInteger:
        return number<int32_t>(name, text, at);
      case Kind::kLong:
        return number<int64_t>(name, text, at);
      case Kind::kFloat:
        return number<float>(name, text, at);
      case Kind::kDouble:
        return number<double>(name, text, at);
      case Kind::kBoolean:
        if (text != "true" && text != "false") return refuse(name);
        *static_cast<bool*>(at) = text == "true";
        return {};
      case Kind::kTimestamp: {
        const auto time = parse_time(text);
        if (!time) return refuse(name);
        static_cast<Timestamp*>(at)->ms = *time;
        return {};
      }
      default:
        return refuse(name);
    }
  }

  const QueryForm& form_;
  Absences& absences_;
};

}  // namespace

Result<QueryForm> parse_query_form(std::string_view body) {
  QueryForm form;
  while (!body.empty()) {
    const std::string_view pair = body.substr(0, body.find('&'));
    body.remove_prefix(std::min(body.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const size_t equals = std::min(pair.find('='), pair.size());
    auto name = percent_decode(pair.substr(0, equals), true);
    auto value = percent_decode(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!name || !value) {
      return fail(ErrorCode::kSerialization, "The body is no form: a % has no two digits.");
    }
    if (form.size() >= kMaxQueryParameters) {
      return fail(ErrorCode::kSerialization, "The form has more than {} parameters.",
                  kMaxQueryParameters);
    }
    if (!form.try_emplace(*std::move(name), *std::move(value)).second) {
      return fail(ErrorCode::kSerialization, "The form has a parameter twice.");
    }
  }
  return form;
}

const Operation* find_query_operation(std::string_view body) {
  std::string_view action;
  std::string_view version;
  while (!body.empty() && (action.empty() || version.empty())) {
    const std::string_view pair = body.substr(0, body.find('&'));
    body.remove_prefix(std::min(body.size(), pair.size() + 1));
    if (pair.starts_with(kAction)) action = pair.substr(kAction.size());
    if (pair.starts_with(kVersion)) version = pair.substr(kVersion.size());
  }
  for (const Service* service : all_services()) {
    if (service->api_version != version ||
        std::ranges::find(service->protocols, Protocol::kQuery) == service->protocols.end()) {
      continue;
    }
    for (const Operation* operation : service->operations) {
      if (operation->name == action) return operation;
    }
  }
  return nullptr;
}

Result<> decode_query(const StructType& type, const QueryForm& form, void* object,
                      Absences& absences) {
  return Decoder(form, absences).structure(type, "", object);
}

}  // namespace millstream::wire
