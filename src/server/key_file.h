// The file of master keys, with which data keys of encrypted streams are wrapped.
//
//   # A comment. Blanks at the start of a line mean nothing.
//   key 5d1bb8a5-7a4e-4f43-9d4e-0d6c1f1f0a7e
//     alias alias/orders                       # any number of them
//     account 111111111111                     # for its streams only; none: for all
//     disabled                                 # neither wraps nor unwraps
//     version 1 2026-11-25T14:00:00Z BASE64    # of 32 bytes; the newest wraps, all unwrap
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "server/config.h"
#include "streams/master_keys.h"

namespace millstream::server {

// The setting, else a file below the data folder.
std::string key_file_path(const ServerConfig& config);

// Wipes what it read from its own memory.
// Errors: kNotFound, kIo, kInvalidArgument with file and line, or if others than the owner can
// read or write the file; never with a secret.
Result<std::vector<streams::MasterKey>> read_key_file(const std::string& path);

enum class KeyFileWrite : uint8_t {
  kCreate,   // kInUse if it exists
  kReplace,  // after a crash it has its old or its new content
};
// Mode 0600, on stable storage when it returns; the folder is made with mode 0700.
Result<> write_key_file(const std::string& path, std::span<const streams::MasterKey> keys,
                        KeyFileWrite mode);

}  // namespace millstream::server
