#include "streams/policies.h"

namespace millstream::streams {
namespace {

// Before the ARN of a stream's consumer: "…:stream/NAME/consumer/".
std::string consumer_prefix(const std::string& stream_arn) { return stream_arn + "/consumer/"; }

// Which rows are the stream's and its consumers'; the parameters are those of arn_parameters().
constexpr std::string_view kOfStream = "resource_arn = ? OR substr(resource_arn, 1, ?) = ?";

std::vector<SqlValue> arn_parameters(const std::string& stream_arn) {
  std::string prefix = consumer_prefix(stream_arn);
  const auto size = static_cast<int64_t>(prefix.size());
  return {stream_arn, size, std::move(prefix)};
}

}  // namespace

Result<> load_policies(Transaction& transaction, Stream& stream) {
  const std::string arn = stream.key.arn();
  TRY_ASSIGN(auto rows, transaction.query(
                            fmt::format("SELECT resource_arn, policy FROM stream_policies WHERE {}",
                                        kOfStream),
                            arn_parameters(arn)));
  for (const SqlRow& row : rows) {
    auto policy = std::make_shared<const std::string>(row.text(1));
    if (row.text(0) == arn) {
      stream.policy = std::move(policy);
    } else {
      stream.consumer_policies.emplace(row.text(0), std::move(policy));
    }
  }
  return {};
}

Result<> store_policy(Transaction& transaction, const std::string& resource_arn,
                      const std::string& policy) {
  TRY(
      transaction.execute("INSERT INTO stream_policies (resource_arn, policy) VALUES (?, ?)"
                          " ON CONFLICT (resource_arn) DO UPDATE SET policy = excluded.policy",
                          {resource_arn, policy}));
  return {};
}

Result<> delete_policy(Transaction& transaction, const std::string& resource_arn) {
  TRY(transaction.execute("DELETE FROM stream_policies WHERE resource_arn = ?", {resource_arn}));
  return {};
}

Result<> delete_policies(Transaction& transaction, const std::string& stream_arn) {
  TRY(transaction.execute(fmt::format("DELETE FROM stream_policies WHERE {}", kOfStream),
                          arn_parameters(stream_arn)));
  return {};
}

}  // namespace millstream::streams
