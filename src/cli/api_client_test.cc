#include "cli/api_client.h"

#include <map>
#include <string>

#include <gtest/gtest.h>

namespace millstream::cli {
namespace {

Result<Connection> connect(const ConnectionFlags& flags,
                           const std::map<std::string, std::string>& variables = {}) {
  return connection_from(flags, [&variables](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

TEST(Connection, WithoutAnythingItIsTheLocalServer) {
  const auto connection = connect({});
  ASSERT_TRUE(connection.has_value()) << connection.error().message;
  EXPECT_EQ(connection->url.host, "127.0.0.1");
  EXPECT_EQ(connection->url.port, 4567);
  EXPECT_EQ(connection->region, "us-east-1");
  EXPECT_EQ(connection->credentials.access_key, "test");
  EXPECT_EQ(connection->credentials.secret_key, "test");
}

TEST(Connection, TheVariablesOfAwsToolsCountAndFlagsWin) {
  const std::map<std::string, std::string> variables{
      {"AWS_ENDPOINT_URL", "http://a:1"},  {"AWS_ENDPOINT_URL_KINESIS", "https://b:2"},
      {"AWS_DEFAULT_REGION", "eu-west-1"}, {"AWS_ACCESS_KEY_ID", "key"},
      {"AWS_SECRET_ACCESS_KEY", "secret"}, {"AWS_SESSION_TOKEN", "token"}};
  const auto from_variables = connect({}, variables);
  ASSERT_TRUE(from_variables.has_value()) << from_variables.error().message;
  EXPECT_EQ(from_variables->url.scheme, "https");
  EXPECT_EQ(from_variables->url.host, "b");
  EXPECT_EQ(from_variables->region, "eu-west-1");
  EXPECT_EQ(from_variables->credentials.session_token, "token");
  ConnectionFlags flags{.endpoint = "c:3", .region = "r-1", .access_key = "k", .secret_key = "s"};
  const auto from_flags = connect(flags, variables);
  ASSERT_TRUE(from_flags.has_value()) << from_flags.error().message;
  EXPECT_EQ(from_flags->url.host, "c");
  EXPECT_EQ(from_flags->url.port, 3);
  EXPECT_EQ(from_flags->region, "r-1");
  EXPECT_EQ(from_flags->credentials.access_key, "k");
  EXPECT_EQ(from_flags->credentials.session_token, std::nullopt);
}

TEST(Connection, HalfAKeyIsRefused) {
  EXPECT_FALSE(connect({.endpoint = {}, .region = {}, .access_key = "k"}).has_value());
  EXPECT_FALSE(connect({}, {{"AWS_SECRET_ACCESS_KEY", "secret"}}).has_value());
}

TEST(ApiError, NamesTypeAndMessageAndSaysWhetherToTryAgain) {
  EXPECT_EQ(api_error(400, R"({"__type":"ResourceNotFoundException","message":"Stream x"})"),
            (Error{ErrorCode::kNotFound, "ResourceNotFoundException: Stream x"}));
  EXPECT_EQ(api_error(400, R"({"__type":"a.b#ProvisionedThroughputExceededException"})"),
            (Error{ErrorCode::kThroughputExceeded, "ProvisionedThroughputExceededException"}));
  EXPECT_EQ(api_error(500, R"({"__type":"InternalFailure","Message":"m"})"),
            (Error{ErrorCode::kThrottled, "InternalFailure: m"}));
  EXPECT_EQ(api_error(502, "<html>"), (Error{ErrorCode::kThrottled, "HTTP 502: <html>"}));
  EXPECT_EQ(api_error(400, R"({"__type":"ValidationException","message":"v"})").code,
            ErrorCode::kRemote);
}

}  // namespace
}  // namespace millstream::cli
