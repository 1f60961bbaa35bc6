#include "auth/policy_document.h"

#include <algorithm>
#include <set>
#include <string>

#include <simdjson.h>

#include "base/text.h"

namespace millstream {
namespace {

namespace dom = simdjson::dom;

constexpr std::string_view kRootSuffix = ":root";
constexpr std::string_view kUserPrefix = "arn:aws:iam::";
constexpr size_t kAccountDigits = 12;
constexpr std::string_view kVersionWithVariables = "2012-10-17";

template <class... Args>
std::unexpected<Error> wrong(fmt::format_string<Args...> format, Args&&... args) {
  return fail(ErrorCode::kInvalidArgument, format, std::forward<Args>(args)...);
}

bool is_account(std::string_view text) {
  return text.size() == kAccountDigits &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

// A string, or a list of strings. `scalars`: true, false and whole numbers count as strings.
Result<std::vector<std::string>> read_strings(const dom::element& element, bool scalars = false) {
  std::vector<std::string> texts;
  const auto add = [&](const dom::element& one) {
    std::string_view text;
    bool truth = false;
    int64_t number = 0;
    if (one.get(text) == simdjson::SUCCESS) {
      texts.emplace_back(text);
    } else if (scalars && one.get(truth) == simdjson::SUCCESS) {
      texts.emplace_back(truth ? "true" : "false");
    } else if (scalars && one.get(number) == simdjson::SUCCESS) {
      texts.push_back(fmt::format("{}", number));
    } else {
      return false;
    }
    return true;
  };
  dom::array list;
  bool good = true;
  if (element.get(list) == simdjson::SUCCESS) {
    for (const dom::element one : list) good = good && add(one);
  } else {
    good = add(element);
  }
  if (!good || texts.empty()) return wrong("must be a string or a list of strings");
  return texts;
}

constexpr std::string_view kVariable = "${";

// Where they can't stand on AWS either.
Result<> check_no_variables(const std::vector<std::string>& texts) {
  for (const std::string& text : texts) {
    if (text.find(kVariable) != std::string::npos) {
      return wrong("'{}': policy variables can't stand here", text);
    }
  }
  return {};
}

// On AWS, too, variables stand behind an ARN's fifth colon only.
Result<std::vector<PolicyPattern>> read_resources(const dom::element& element, bool variables) {
  constexpr auto kColons = 5;
  TRY_ASSIGN(const auto texts, read_strings(element));
  std::vector<PolicyPattern> patterns;
  for (const std::string& text : texts) {
    const size_t variable = text.find(kVariable);
    if (!variables || variable == std::string::npos) {
      patterns.emplace_back(text);
      continue;
    }
    if (std::ranges::count(text.substr(0, variable), ':') < kColons) {
      return wrong("'{}': policy variables stand in the last part of an ARN only", text);
    }
    TRY_ASSIGN(PolicyPattern pattern, PolicyPattern::with_variables(text));
    patterns.push_back(std::move(pattern));
  }
  return patterns;
}

Result<> add_principal(PolicyPrincipals& principals, std::string_view text) {
  if (text == "*") {
    principals.anyone = true;
    return {};
  }
  if (is_account(text)) {
    principals.accounts.emplace_back(text);
    return {};
  }
  std::string_view rest = text;
  const bool is_iam = rest.starts_with(kUserPrefix) && rest.size() > kUserPrefix.size();
  if (is_iam) rest.remove_prefix(kUserPrefix.size());
  if (!is_iam || !is_account(rest.substr(0, kAccountDigits)) ||
      rest.substr(kAccountDigits).size() < 2 || rest[kAccountDigits] != ':' ||
      text.find_first_of("*?") != std::string_view::npos) {
    return wrong(
        "'{}' is no principal; write *, an account of 12 digits, or an ARN such as "
        "arn:aws:iam::111111111111:user/ann without wildcards",
        text);
  }
  if (rest.substr(kAccountDigits) == kRootSuffix) {
    principals.accounts.emplace_back(rest.substr(0, kAccountDigits));
  } else {
    principals.arns.emplace_back(text);
  }
  return {};
}

Result<> read_principals(const dom::element& element, PolicyPrincipals& principals) {
  std::string_view text;
  if (element.get(text) == simdjson::SUCCESS) {
    if (text != "*") return wrong("must be \"*\" or an object such as {{\"AWS\": \"*\"}}");
    principals.anyone = true;
    return {};
  }
  dom::object kinds;
  if (element.get(kinds) != simdjson::SUCCESS || kinds.size() == 0) {
    return wrong("must be \"*\" or an object such as {{\"AWS\": \"*\"}}");
  }
  for (const auto [kind, values] : kinds) {
    TRY_ASSIGN(const auto texts, read_strings(values));
    TRY(check_no_variables(texts));
    if (kind == "AWS") {
      for (const std::string& one : texts) TRY(add_principal(principals, one));
    } else if (kind != "Service" && kind != "Federated" && kind != "CanonicalUser") {
      return wrong("'{}' is no kind of principal", kind);
    }
    // The other kinds never call this server.
  }
  return {};
}

Result<> read_conditions(const dom::element& element, bool variables,
                         std::vector<PolicyCondition>& conditions) {
  dom::object operators;
  if (element.get(operators) != simdjson::SUCCESS) return wrong("must be an object");
  for (const auto [operation, keys_element] : operators) {
    dom::object keys;
    if (keys_element.get(keys) != simdjson::SUCCESS)
      return wrong("{} must be an object", operation);
    for (const auto [key, values] : keys) {
      auto texts = read_strings(values, true);
      if (!texts) return wrong("{} {} {}", operation, key, texts.error().message);
      TRY_ASSIGN(auto condition, make_condition(operation, key, *texts, variables));
      conditions.push_back(std::move(condition));
    }
  }
  return {};
}

Result<> check_actions(const std::vector<std::string>& actions) {
  TRY(check_no_variables(actions));
  for (const std::string& action : actions) {
    if (action != "*" && action.find(':') == std::string::npos) {
      return wrong("'{}' is no action; write it as kinesis:PutRecord", action);
    }
  }
  return {};
}

Result<> read_element(std::string_view name, const dom::element& value, bool variables,
                      PolicyStatement& statement) {
  if (name == "Sid") {
    std::string_view sid;
    if (value.get(sid) != simdjson::SUCCESS) return wrong("must be a string");
  } else if (name == "Effect") {
    std::string_view effect;
    if (value.get(effect) != simdjson::SUCCESS || (effect != "Allow" && effect != "Deny")) {
      return wrong("must be Allow or Deny");
    }
    statement.allows = effect == "Allow";
  } else if (name == "Action" || name == "NotAction") {
    TRY_ASSIGN(statement.actions.patterns, read_strings(value));
    statement.actions.is_negated = name == "NotAction";
    return check_actions(statement.actions.patterns);
  } else if (name == "Resource" || name == "NotResource") {
    TRY_ASSIGN(statement.resources.patterns, read_resources(value, variables));
    statement.resources.is_negated = name == "NotResource";
  } else if (name == "Principal" || name == "NotPrincipal") {
    PolicyPrincipals& principals = statement.principals.emplace();
    principals.is_negated = name == "NotPrincipal";
    return read_principals(value, principals);
  } else if (name == "Condition") {
    return read_conditions(value, variables, statement.conditions);
  } else {
    return wrong("is unknown");
  }
  return {};
}

Result<PolicyStatement> read_statement(const dom::element& element, PolicyKind kind,
                                       bool variables) {
  dom::object members;
  if (element.get(members) != simdjson::SUCCESS) return wrong("must be an object");
  PolicyStatement statement;
  std::set<std::string_view> seen;
  for (const auto [name, value] : members) {
    if (!seen.insert(name).second) return wrong("{} is there twice", name);
    if (auto read = read_element(name, value, variables, statement); !read) {
      return wrong("{}: {}", name, read.error().message);
    }
  }
  if (!seen.contains("Effect")) return wrong("Effect is missing");
  const auto one_of = [&seen](std::string_view plain, std::string_view negated) -> Result<> {
    if (seen.contains(plain) == seen.contains(negated)) {
      return wrong("must have {} or {}", plain, negated);
    }
    return {};
  };
  TRY(one_of("Action", "NotAction"));
  TRY(one_of("Resource", "NotResource"));
  if (kind == PolicyKind::kResource) {
    TRY(one_of("Principal", "NotPrincipal"));
    if (statement.principals->is_negated && statement.allows) {
      return wrong("NotPrincipal with Allow would allow nearly everyone; write Principal");
    }
  } else if (statement.principals) {
    return wrong("Principal is for the policies of resources, not of users");
  }
  return statement;
}

}  // namespace

Result<Policy> parse_policy(std::string_view json, PolicyKind kind) {
  if (json.size() > kMaxPolicyBytes) {
    return wrong("the policy has {} bytes, more than {}", json.size(), kMaxPolicyBytes);
  }
  dom::parser parser;
  const simdjson::padded_string text(json);
  dom::element root;
  dom::object members;
  if (parser.parse(text).get(root) != simdjson::SUCCESS || root.get(members) != simdjson::SUCCESS) {
    return wrong("the policy is no JSON object");
  }
  std::string_view document_version;
  // Without a version, a document is of the older one.
  const bool variables = root["Version"].get(document_version) == simdjson::SUCCESS &&
                         document_version == kVersionWithVariables;
  Policy policy;
  std::set<std::string_view> seen;
  for (const auto [name, value] : members) {
    if (!seen.insert(name).second) return wrong("the policy has {} twice", name);
    if (name == "Version") {
      std::string_view version;
      if (value.get(version) != simdjson::SUCCESS ||
          (version != kVersionWithVariables && version != "2008-10-17")) {
        return wrong("the policy's Version must be 2012-10-17 or 2008-10-17");
      }
    } else if (name == "Id") {
      std::string_view id;
      if (value.get(id) != simdjson::SUCCESS) return wrong("the policy's Id must be a string");
    } else if (name == "Statement") {
      std::vector<dom::element> statements;
      dom::array list;
      if (value.get(list) == simdjson::SUCCESS) {
        for (const dom::element one : list) statements.push_back(one);
      } else {
        statements.push_back(value);
      }
      for (size_t i = 0; i < statements.size(); ++i) {
        auto statement = read_statement(statements[i], kind, variables);
        if (!statement) {
          return wrong("statement {} of the policy: {}", i + 1, statement.error().message);
        }
        policy.statements.push_back(*std::move(statement));
      }
    } else {
      return wrong("the policy has an unknown element {}", name);
    }
  }
  if (policy.statements.empty()) return wrong("the policy has no Statement");
  return policy;
}

}  // namespace millstream
