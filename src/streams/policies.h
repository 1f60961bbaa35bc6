// Resource policies of streams and of their consumers, as text. What they allow is decided in
// auth/.
#pragma once

#include <string>

#include "base/result.h"
#include "meta/meta_store.h"
#include "streams/catalog.h"

namespace millstream::streams {

// Fills `stream.policy` and `stream.consumer_policies`.
Result<> load_policies(Transaction& transaction, Stream& stream);
// Replaces the one that is there.
Result<> store_policy(Transaction& transaction, const std::string& resource_arn,
                      const std::string& policy);
// Fine if there is none.
Result<> delete_policy(Transaction& transaction, const std::string& resource_arn);
// The stream's and those of all its consumers.
Result<> delete_policies(Transaction& transaction, const std::string& stream_arn);

}  // namespace millstream::streams
