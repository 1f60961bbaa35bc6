// STS: who am I.
#pragma once

#include "auth/credentials.h"
#include "wire/operation.h"

namespace millstream::server {

// GetCallerIdentity. `credentials` outlives the table.
void register_sts_operations(wire::OperationTable& table, const CredentialStore& credentials);

}  // namespace millstream::server
