#include "server/credentials_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <set>
#include <sstream>
#include <system_error>

#include <yaml-cpp/yaml.h>

#include "auth/policy_document.h"
#include "server/config_values.h"

namespace millstream::server {
namespace {

constexpr off_t kMaxFileBytes = off_t{4} << 20;
constexpr int kMaxDepth = 16;          // of a policy
constexpr size_t kMaxUserLength = 64;  // AWS limit: IAM's user names
constexpr std::string_view kUserCharacters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@-";

std::string quoted(std::string_view text) {
  std::string json = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') json += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      json += fmt::format("\\u{:04x}", c);
    } else {
      json += c;
    }
  }
  return json + '"';
}

class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path) {}

  Result<std::vector<Credentials>> read(const YAML::Node& root) {
    const YAML::Node list = root.IsMap() ? root["credentials"] : root;
    if (root.IsMap()) {
      for (const auto& item : root) {
        if (item.first.Scalar() != "credentials") {
          return error(item.first, "the file must hold 'credentials:' and a list of keys");
        }
      }
    }
    if (!list || !list.IsSequence() || list.size() == 0) {
      return error(root, "the file must hold 'credentials:' and a list of one key or more");
    }
    std::vector<Credentials> keys;
    std::set<std::string> seen;
    for (const YAML::Node& node : list) {
      TRY_ASSIGN(Credentials key, read_key(node));
      if (!seen.insert(key.access_key).second) {
        return error(node, fmt::format("the access key {} is there twice", key.access_key));
      }
      keys.push_back(std::move(key));
    }
    return keys;
  }

 private:
  std::unexpected<Error> error(const YAML::Node& node, std::string_view message) const {
    return fail(ErrorCode::kInvalidArgument, "{}:{}: {}", path_, node.Mark().line + 1, message);
  }

  Result<Credentials> read_key(const YAML::Node& node) {
    if (!node.IsMap()) return error(node, "each key must be a map with access_key and secret_key");
    Credentials key;
    auto identity = std::make_shared<Identity>();
    std::set<std::string> seen;
    for (const auto& item : node) {
      const std::string name = item.first.IsScalar() ? item.first.Scalar() : "";
      if (!seen.insert(name).second) {
        return error(item.first, fmt::format("{} is there twice", name));
      }
      TRY(read_part(item.first, name, item.second, key, *identity));
    }
    if (key.access_key.empty() || key.secret_key.empty()) {
      return error(node, "a key needs access_key and secret_key");
    }
    if (identity->policies && identity->user.empty()) {
      return error(node, "a key with policies needs a user: accounts themselves have none");
    }
    identity->account = key.account;
    key.identity = std::move(identity);
    return key;
  }

  Result<> read_part(const YAML::Node& at, const std::string& name, const YAML::Node& value,
                     Credentials& key, Identity& identity) {
    constexpr std::string_view kKnown[] = {"access_key", "secret_key", "session_token",
                                           "account",    "user",       "policies"};
    if (std::ranges::find(kKnown, name) == std::end(kKnown)) {
      return error(at, unknown_name("key", name, {std::begin(kKnown), std::end(kKnown)}));
    }
    if (name == "policies") return read_policies(at, value, identity);
    if (!value.IsScalar() || value.Scalar().empty()) {
      return error(at, fmt::format("{} must be a text", name));
    }
    const std::string& text = value.Scalar();
    if (name == "access_key") {
      if (text.find_first_of("/ ,=") != std::string::npos) {
        return error(at, "access_key has a character that no access key has");
      }
      key.access_key = text;
    } else if (name == "secret_key") {
      key.secret_key = text;
    } else if (name == "session_token") {
      key.session_token = text;
    } else if (name == "account") {
      if (text.size() != kDefaultAccount.size() || account_of_unknown_key(text) != text) {
        return error(at, fmt::format("'{}' is no account id of 12 digits", text));
      }
      key.account = text;
    } else {
      if (text.size() > kMaxUserLength ||
          text.find_first_not_of(kUserCharacters) != std::string::npos) {
        return error(at, fmt::format("'{}' is no name of a user: up to 64 letters, digits and "
                                     "any of _+=,.@-",
                                     text));
      }
      identity.user = text;
    }
    return {};
  }

  Result<> read_policies(const YAML::Node& at, const YAML::Node& list, Identity& identity) {
    // An empty list is a user who may do nothing; a forgotten one must not become that of
    // everything.
    if (!list.IsSequence()) return error(at, "policies must be a list of policy documents");
    identity.policies.emplace();
    for (const YAML::Node& node : list) {
      std::string json;
      if (node.IsScalar()) {
        json = node.Scalar();
      } else {
        TRY(append_json(node, json, 0));
      }
      auto policy = parse_policy(json, PolicyKind::kIdentity);
      if (!policy) return error(node, policy.error().message);
      identity.policies->push_back(*std::move(policy));
    }
    return {};
  }

  // Policies hold texts only, so that every scalar is one. Bounded in depth and size: aliases of
  // YAML can make a short file endless.
  Result<> append_json(const YAML::Node& node, std::string& json, int depth) {
    if (depth > kMaxDepth || json.size() > kMaxPolicyBytes) {
      return error(node, "the policy is too deep or too long");
    }
    const char* separator = "";
    if (node.IsMap()) {
      json += '{';
      for (const auto& item : node) {
        if (!item.first.IsScalar()) return error(item.first, "a policy's key must be a word");
        json += separator + quoted(item.first.Scalar()) + ':';
        TRY(append_json(item.second, json, depth + 1));
        separator = ",";
      }
      json += '}';
    } else if (node.IsSequence()) {
      json += '[';
      for (const YAML::Node& element : node) {
        json += separator;
        TRY(append_json(element, json, depth + 1));
        separator = ",";
      }
      json += ']';
    } else if (node.IsScalar()) {
      json += quoted(node.Scalar());
    } else {
      return error(node, "a policy's values must not be empty");
    }
    return {};
  }

  const std::string& path_;
};

}  // namespace

Result<CredentialsFile> read_credentials_file(const std::string& path) {
  CredentialsFile file;
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    return fail(errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
                "the credentials file {} can't be read: {}", path,
                std::generic_category().message(errno));
  }
  if (!S_ISREG(status.st_mode) || status.st_size > kMaxFileBytes) {
    return fail(ErrorCode::kInvalidArgument,
                "the credentials file {} is no ordinary file of at most {}", path,
                format_size(static_cast<uint64_t>(kMaxFileBytes)));
  }
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    file.warnings.push_back(fmt::format(
        "other users can read the secrets in {}; forbid it with: chmod 600 {}", path, path));
  }
  std::ifstream stream(path);
  std::ostringstream text;
  text << stream.rdbuf();
  if (!stream) return fail(ErrorCode::kIo, "the credentials file {} can't be read", path);
  try {
    TRY_ASSIGN(file.keys, Reader(path).read(YAML::Load(text.str())));
  } catch (const YAML::Exception& exception) {
    return fail(ErrorCode::kInvalidArgument, "{}:{}: the file is no YAML or JSON", path,
                exception.mark.line + 1);
  }
  return file;
}

Result<std::vector<Credentials>> all_keys(std::vector<Credentials> configured,
                                          const CredentialsFile& file) {
  std::vector<Credentials> keys = std::move(configured);
  for (const Credentials& key : file.keys) {
    if (std::ranges::find(keys, key.access_key, &Credentials::access_key) != keys.end()) {
      return fail(ErrorCode::kInvalidArgument,
                  "the access key {} is both in access_keys and in the credentials file",
                  key.access_key);
    }
    keys.push_back(key);
  }
  return keys;
}

}  // namespace millstream::server
