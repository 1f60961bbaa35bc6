// `millstream cert`: the CA that clients trust to reach a server with a generated certificate.
#pragma once

#include "server/config.h"

namespace millstream::cli {

// Prints the CA's PEM text of config.data_folder on standard output. The exit code.
int run_cert(const ServerConfig& config);

}  // namespace millstream::cli
