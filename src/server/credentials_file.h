// The file of access keys with their users and policies.
//
//   credentials:
//     - access_key: AKIAEXAMPLE
//       secret_key: …
//       session_token: …          # temporary credentials only
//       account: "111111111111"
//       user: ann                 # none: the account itself
//       policies:                 # none: everything in the account is allowed
//         - Version: "2012-10-17"
//           Statement: [{Effect: Allow, Action: "kinesis:*", Resource: "*"}]
//
// JSON is YAML too. A policy may also be a text that holds its JSON.
#pragma once

#include <string>
#include <vector>

#include "auth/credentials.h"
#include "base/result.h"

namespace millstream::server {

struct CredentialsFile {
  std::vector<Credentials> keys;  // at least one: a server without keys would accept everybody
  std::vector<std::string> warnings;
};

// Warns if others than the owner can read the file.
// Errors: kNotFound, kIo, kInvalidArgument with file and line; never with a secret.
Result<CredentialsFile> read_credentials_file(const std::string& path);

// `configured` and those of the file. Error: kInvalidArgument if a key is in both.
Result<std::vector<Credentials>> all_keys(std::vector<Credentials> configured,
                                          const CredentialsFile& file);

}  // namespace millstream::server
