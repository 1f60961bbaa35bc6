#include "cli/key.h"

#include <algorithm>
#include <cstdio>

#include "base/real_env.h"
#include "base/text.h"
#include "server/key_file.h"

namespace millstream::cli {
namespace {

using server::KeyFileWrite;
using streams::MasterKey;

void print_keys(const std::vector<MasterKey>& keys) {
  for (const MasterKey& key : keys) {
    const streams::MasterKeyVersion& newest = key.versions.back();
    fmt::print("{}  version {} of {}  {}{}{}\n", key.id, newest.number,
               format_time(newest.created_ms), fmt::join(key.aliases, " "),
               key.account.empty() ? "" : "  account " + key.account,
               key.enabled ? "" : "  disabled");
  }
}

Result<MasterKey*> find(std::vector<MasterKey>& keys, const std::string& name) {
  const MasterKey* found = streams::find_key(keys, name);
  if (found == nullptr) {
    return fail(ErrorCode::kNotFound, "there is no key {}; millstream key list shows them", name);
  }
  return &keys[static_cast<size_t>(found - keys.data())];
}

Result<> create(const KeyOptions& options, std::vector<MasterKey>& keys) {
  for (const std::string& alias : options.aliases) {
    const bool good = alias.starts_with("alias/") && alias.size() > 6 &&
                      std::ranges::none_of(alias, [](char c) { return c <= ' ' || c > '~'; });
    if (!good) {
      return fail(ErrorCode::kInvalidArgument, "'{}' is no alias, such as alias/orders", alias);
    }
    if (streams::find_key(keys, alias) != nullptr) {
      return fail(ErrorCode::kInUse, "{} is the alias of another key", alias);
    }
  }
  const bool is_account =
      options.account.empty() || account_of_unknown_key(options.account) == options.account;
  if (!is_account) {
    return fail(ErrorCode::kInvalidArgument, "'{}' is no account id of 12 digits", options.account);
  }
  keys.push_back(streams::new_master_key(options.aliases, real_env().now_ms()));
  keys.back().account = options.account;
  fmt::print("{}\n", keys.back().id);
  return {};
}

Result<> change(const KeyOptions& options, std::vector<MasterKey>& keys) {
  if (options.command == KeyCommand::kCreate) return create(options, keys);
  TRY_ASSIGN(MasterKey * key, find(keys, options.key));
  if (options.command == KeyCommand::kRotate) {
    streams::rotate(*key, real_env().now_ms());
    fmt::print("{} version {}\n", key->id, key->versions.back().number);
  } else {
    key->enabled = options.command == KeyCommand::kEnable;
  }
  return {};
}

Result<> run(const KeyOptions& options, const ServerConfig& config) {
  const std::string path = server::key_file_path(config);
  auto keys = server::read_key_file(path);
  const bool is_new =
      !keys && keys.error().code == ErrorCode::kNotFound && options.command == KeyCommand::kCreate;
  if (!keys && !is_new) return std::unexpected(keys.error());
  std::vector<MasterKey> all = is_new ? std::vector<MasterKey>() : *std::move(keys);
  if (options.command == KeyCommand::kList) {
    print_keys(all);
    return {};
  }
  TRY(change(options, all));
  return server::write_key_file(path, all, is_new ? KeyFileWrite::kCreate : KeyFileWrite::kReplace);
}

}  // namespace

int run_key(const KeyOptions& options, const ServerConfig& config) {
  const auto done = run(options, config);
  if (done) return 0;
  fmt::print(stderr, "millstream key: {}\n", done.error().message);
  return 1;
}

}  // namespace millstream::cli
