#include "cli/cert.h"

#include <cstdio>

#include <fmt/format.h>

#include "base/real_env.h"
#include "http/tls.h"

namespace millstream::cli {
namespace {

Result<std::string> ca_pem(const ServerConfig& config) {
  if (!config.tls_certificate_file.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "this server has a certificate of its own ({}); clients need the CA that issued it",
                config.tls_certificate_file);
  }
  TRY_ASSIGN(const bool exists, real_env().exists(config.data_folder));
  if (!exists) {
    return fail(ErrorCode::kNotFound,
                "there is no data folder {}; name the server's with --data, or start the server "
                "once",
                config.data_folder);
  }
  return generated_ca_pem(config.data_folder + "/tls");
}

}  // namespace

int run_cert(const ServerConfig& config) {
  const auto pem = ca_pem(config);
  if (!pem) {
    fmt::print(stderr, "millstream cert: {}\n", pem.error().message);
    return 1;
  }
  fmt::print("{}", *pem);
  return 0;
}

}  // namespace millstream::cli
