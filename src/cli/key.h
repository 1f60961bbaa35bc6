// `millstream key`: the master keys that encrypted streams use.
#pragma once

#include <string>
#include <vector>

#include "server/config.h"

namespace millstream::cli {

enum class KeyCommand : uint8_t { kList, kCreate, kRotate, kDisable, kEnable };

struct KeyOptions {
  KeyCommand command = KeyCommand::kList;
  std::string key;                   // id or alias; not of list and create
  std::vector<std::string> aliases;  // create
  std::string account;               // create; empty: a key for every account
};

// Works on the key file of that configuration; a running server takes it over at SIGHUP. Prints no
// secret. The exit code.
int run_key(const KeyOptions& options, const ServerConfig& config);

}  // namespace millstream::cli
