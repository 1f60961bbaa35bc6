#include "cli/command_line.h"

#include <cstdlib>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace millstream::cli {
namespace {

class CommandLineTest : public testing::Test {
 protected:
  CommandLineTest() {
    for (const char* name : {"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_KINESIS", "AWS_REGION",
                             "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}) {
      unsetenv(name);
    }
  }

  int run(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "millstream");
    const Commands commands{
        .serve =
            [this](const ServerConfig& config) {
              config_ = config;
              return 10;
            },
        .put =
            [this](const PutOptions& options, const PartitionKeyRule&,
                   const std::vector<std::string>& files, const Connection& connection) {
              put_ = options;
              files_ = files;
              connection_ = connection;
              return 11;
            },
        .tail =
            [this](const TailOptions& options, const Connection& connection) {
              tail_ = options;
              connection_ = connection;
              return 12;
            },
        .sql =
            [this](const SqlOptions& options, const Connection& connection) {
              sql_ = options;
              connection_ = connection;
              return 15;
            },
        .app =
            [this](const AppOptions& options, const Connection& connection) {
              app_ = options;
              connection_ = connection;
              return 16;
            },
        .bench =
            [this](const BenchOptions& options) {
              bench_ = options;
              return 13;
            },
        .cert =
            [this](const ServerConfig& config) {
              config_ = config;
              return 14;
            },
        .key =
            [this](const KeyOptions& options, const ServerConfig& config) {
              key_ = options;
              config_ = config;
              return 15;
            },
        .operations_table = [] { return std::string("table\n"); },
        .functions_table = [] { return std::string("functions\n"); }};
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int code =
        run_command_line(static_cast<int>(arguments.size()), arguments.data(), commands);
    out_ = testing::internal::GetCapturedStdout();
    error_ = testing::internal::GetCapturedStderr();
    return code;
  }

  ServerConfig config_;
  PutOptions put_;
  TailOptions tail_;
  SqlOptions sql_;
  AppOptions app_;
  BenchOptions bench_;
  KeyOptions key_;
  Connection connection_;
  std::vector<std::string> files_;
  std::string out_;
  std::string error_;
};

TEST_F(CommandLineTest, ServeTakesEverySettingAsAFlag) {
  EXPECT_EQ(run({"serve", "--data", "/d", "--listen", "127.0.0.1:1", "--listen", "[::1]:2",
                 "--ephemeral", "--stream", "clicks:4", "--stream", "b", "--http-max-body=1MiB",
                 "--shard-limits", "aws"}),
            10);
  EXPECT_EQ(config_.data_folder, "/d");
  EXPECT_EQ(config_.listen, (std::vector<std::string>{"127.0.0.1:1", "[::1]:2"}));
  EXPECT_TRUE(config_.ephemeral);
  ASSERT_EQ(config_.streams.size(), 2U);
  EXPECT_EQ(config_.streams[0].shards, 4);
  EXPECT_EQ(config_.http.body_bytes, 1U << 20);
  EXPECT_EQ(config_.shard_limits.in_records_per_s, 1'000U);
}

TEST_F(CommandLineTest, HelpNamesCommandsFlagsAndExamples) {
  EXPECT_EQ(run({"--help"}), 0);
  for (const char* command : {"serve", "put", "tail", "sql", "bench", "cert", "key", "version"}) {
    EXPECT_TRUE(out_.contains(command)) << command;
  }
  EXPECT_EQ(run({"serve", "--help"}), 0);
  EXPECT_TRUE(out_.contains("--http-max-body SIZE")) << out_;
  EXPECT_TRUE(out_.contains("127.0.0.1:4567"));
  EXPECT_TRUE(out_.contains("Examples:"));
}

TEST_F(CommandLineTest, MistypedFlagsAndCommandsGetASuggestion) {
  EXPECT_EQ(run({"serve", "--durabilty", "os"}), 2);
  EXPECT_TRUE(error_.contains("'--durabilty' is unknown; did you mean '--durability'?")) << error_;
  EXPECT_EQ(run({"srve"}), 2);
  EXPECT_TRUE(error_.contains("'srve' is unknown; did you mean 'serve'?")) << error_;
  EXPECT_EQ(run({}), 2);
  EXPECT_EQ(run({"put"}), 2);
  EXPECT_TRUE(error_.contains("STREAM")) << error_;
  EXPECT_EQ(run({"serve", "--durability", "fsync"}), 1);
  EXPECT_EQ(error_, "millstream serve: --durability: 'fsync' is neither 'sync' nor 'os'\n");
}

TEST_F(CommandLineTest, PutTakesAStreamAndFiles) {
  EXPECT_EQ(run({"put", "clicks", "a", "b", "--partition-key", "user", "--rate", "1000/s",
                 "--batch", "7", "--endpoint", "http://h:1", "--region", "eu-west-1"}),
            11);
  EXPECT_EQ(put_.stream, "clicks");
  EXPECT_EQ(files_, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(put_.rate_per_second, 1'000U);
  EXPECT_EQ(put_.batch, 7);
  EXPECT_EQ(connection_.url.host, "h");
  EXPECT_EQ(connection_.region, "eu-west-1");
  EXPECT_EQ(run({"put", "clicks", "--rate", "fast"}), 2);
  EXPECT_EQ(run({"put", "clicks", "--batch", "501"}), 2);
  EXPECT_EQ(run({"put", "clicks", "--endpoint", "ftp://x"}), 2);
}

TEST_F(CommandLineTest, TailTakesAStart) {
  EXPECT_EQ(run({"tail", "clicks", "--from", "trim_horizon", "--max", "5", "--ndjson"}), 12);
  EXPECT_EQ(tail_.stream, "clicks");
  EXPECT_EQ(tail_.from.kind, TailStart::Kind::kTrimHorizon);
  EXPECT_EQ(tail_.max_records, 5U);
  EXPECT_TRUE(tail_.follow);
  EXPECT_TRUE(tail_.ndjson);
  EXPECT_EQ(run({"tail", "clicks", "--no-follow"}), 12);
  EXPECT_FALSE(tail_.follow);
  EXPECT_EQ(run({"tail", "clicks", "--from", "soon"}), 2);
}

TEST_F(CommandLineTest, SqlTakesAScriptOrStatementsAndAForm) {
  EXPECT_EQ(run({"sql"}), 15);
  EXPECT_EQ(sql_.output, SqlOutput::kAuto);
  EXPECT_FALSE(sql_.bounded);
  EXPECT_EQ(run({"sql", "-f", "a.sql", "--output", "json", "--bounded"}), 15);
  EXPECT_EQ(sql_.file, "a.sql");
  EXPECT_EQ(sql_.output, SqlOutput::kJson);
  EXPECT_TRUE(sql_.bounded);
  EXPECT_EQ(run({"sql", "-f", "a.sql", "-e", "SHOW TABLES"}), 2);
  EXPECT_EQ(run({"sql", "--output", "xml"}), 2);
  EXPECT_TRUE(error_.contains("not 'xml'")) << error_;
}

TEST_F(CommandLineTest, AppTakesSubcommands) {
  EXPECT_EQ(run({"app", "create", "a", "-f", "a.sql", "--input", "s", "--input", "t", "--output",
                 "X=y", "--start", "--from", "trim_horizon"}),
            16);
  EXPECT_EQ(app_.command, AppCommand::kCreate);
  EXPECT_EQ(app_.name, "a");
  EXPECT_EQ(app_.inputs, (std::vector<std::string>{"s", "t"}));
  EXPECT_EQ(app_.outputs, std::vector<std::string>{"X=y"});
  EXPECT_TRUE(app_.start);
  EXPECT_EQ(run({"app", "stop", "a", "--force"}), 16);
  EXPECT_EQ(app_.command, AppCommand::kStop);
  EXPECT_EQ(run({"app", "list"}), 16);
  EXPECT_EQ(run({"app", "describe"}), 2);
  EXPECT_EQ(run({"app", "create", "a", "-f", "a.sql", "--output", "X"}), 2);
  EXPECT_TRUE(error_.contains("IN_APPLICATION_STREAM=STREAM")) << error_;
  EXPECT_EQ(run({"app", "start", "a", "--from", "yesterday"}), 2);
  EXPECT_EQ(run({"app"}), 2);
}

TEST_F(CommandLineTest, BenchTakesScenariosAndTimes) {
  const std::string name(bench_scenarios()[0].name);
  EXPECT_EQ(
      run({"bench", "--endpoint", "http://127.0.0.1:9", "--scenario", name.c_str(), "--duration",
           "3s", "--access-key", "k", "--secret-key", "s", "--server-pid", "17"}),
      13);
  EXPECT_EQ(bench_.endpoint.port, 9);
  EXPECT_EQ(bench_.scenarios, std::vector<std::string>{name});
  EXPECT_EQ(bench_.duration, std::chrono::seconds(3));
  EXPECT_EQ(bench_.access_key, "k");
  EXPECT_EQ(bench_.server_pid, 17);
  EXPECT_EQ(run({"bench", "--scenario", "put_recrd_100"}), 2);
  EXPECT_TRUE(error_.contains("did you mean")) << error_;
}

TEST_F(CommandLineTest, BenchTakesTlsAndAProtocol) {
  ASSERT_EQ(run({"bench"}), 13);
  EXPECT_FALSE(bench_.endpoint.tls);
  EXPECT_EQ(bench_.protocol, BenchProtocol::kJson);
  EXPECT_EQ(bench_.connections, 0);
  ASSERT_EQ(run({"bench", "--tls", "--protocol", "cbor", "--connections", "7"}), 13);
  ASSERT_TRUE(bench_.endpoint.tls);
  EXPECT_EQ(SSL_CTX_get_verify_mode(bench_.endpoint.tls.get()), SSL_VERIFY_PEER);
  EXPECT_EQ(bench_.protocol, BenchProtocol::kCbor);
  EXPECT_EQ(bench_.connections, 7);
  ASSERT_EQ(run({"bench", "--endpoint", "https://localhost:9", "--insecure"}), 13);
  ASSERT_TRUE(bench_.endpoint.tls);
  EXPECT_EQ(SSL_CTX_get_verify_mode(bench_.endpoint.tls.get()), SSL_VERIFY_NONE);
  EXPECT_EQ(run({"bench", "--protocol", "xml"}), 2);
  EXPECT_EQ(run({"bench", "--tls", "--ca-file", "/no/such/ca.pem"}), 2);
  EXPECT_TRUE(error_.contains("/no/such/ca.pem")) << error_;
}

TEST_F(CommandLineTest, VersionAndItsTables) {
  EXPECT_EQ(run({"version"}), 0);
  EXPECT_TRUE(out_.starts_with("millstream 0.")) << out_;
  EXPECT_EQ(run({"version", "--operations"}), 0);
  EXPECT_EQ(out_, "table\n");
  EXPECT_EQ(run({"version", "--functions"}), 0);
  EXPECT_EQ(out_, "functions\n");
  EXPECT_EQ(run({"version", "--settings"}), 0);
  EXPECT_TRUE(out_.starts_with("# Configuration"));
  EXPECT_EQ(run({"cert", "--data", "/x"}), 14);
  EXPECT_EQ(config_.data_folder, "/x");
}

TEST_F(CommandLineTest, KeyCommandsWorkOnTheKeyFile) {
  EXPECT_EQ(run({"key", "rotate", "alias/orders", "--encryption-key-file", "/k"}), 15);
  EXPECT_EQ(key_.command, KeyCommand::kRotate);
  EXPECT_EQ(key_.key, "alias/orders");
  EXPECT_EQ(config_.key_file, "/k");
  EXPECT_EQ(run({"key", "create", "--alias", "alias/a", "--alias", "alias/b", "--data", "/x"}), 15);
  EXPECT_EQ(key_.command, KeyCommand::kCreate);
  EXPECT_EQ(key_.aliases, (std::vector<std::string>{"alias/a", "alias/b"}));
  EXPECT_EQ(config_.data_folder, "/x");
  EXPECT_EQ(run({"key", "list"}), 15);
  EXPECT_EQ(key_.command, KeyCommand::kList);
  EXPECT_EQ(run({"key"}), 2);
  EXPECT_EQ(run({"key", "rotate"}), 2);
}

}  // namespace
}  // namespace millstream::cli
