#include "server/config.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "server/config_settings.h"
#include "server/config_values.h"

namespace millstream {
namespace {

using Variables = std::map<std::string, std::string>;
using Flags = std::vector<std::pair<std::string, std::string>>;

class ConfigTest : public testing::Test {
 protected:
  ConfigTest()
      : file_(std::filesystem::temp_directory_path() /
              fmt::format("millstream-config-{}.yaml", getpid())) {}
  ~ConfigTest() override { std::filesystem::remove(file_); }

  Result<ServerConfig> load(std::string_view yaml, const Variables& variables = {},
                            const Flags& flags = {}) {
    std::ofstream(file_) << yaml;
    ConfigSources sources{
        .file = file_, .environment = {}, .environment_names = {}, .flags = flags};
    sources.environment = [&variables](const std::string& name) -> const char* {
      const auto found = variables.find(name);
      return found == variables.end() ? nullptr : found->second.c_str();
    };
    for (const auto& [name, value] : variables) sources.environment_names.push_back(name);
    return load_config(sources);
  }
  // The error's message without the path of the file.
  std::string error_of(std::string_view yaml, const Variables& variables = {},
                       const Flags& flags = {}) {
    const auto loaded = load(yaml, variables, flags);
    if (loaded) return "loaded";
    std::string message = loaded.error().message;
    if (message.starts_with(file_.string())) message.erase(0, file_.string().size());
    return message;
  }

  std::filesystem::path file_;
};

TEST_F(ConfigTest, NothingGivenMeansTheDefaults) {
  const auto config = load_config({});
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->listen, std::vector<std::string>{"127.0.0.1:4567"});
  EXPECT_EQ(config->durability, Durability::kSync);
  EXPECT_EQ(config->region, "us-east-1");
  EXPECT_FALSE(config->ephemeral);
  EXPECT_EQ(config->shard_limits.in_records_per_s, 0U);
  EXPECT_TRUE(config->warnings.empty());
  EXPECT_TRUE(load("").has_value());
}

TEST_F(ConfigTest, TheEnvironmentWinsOverTheFileAndFlagsOverBoth) {
  constexpr std::string_view kYaml = "region: eu-west-1\nhttp:\n  max_connections: 1\n";
  EXPECT_EQ(load(kYaml)->region, "eu-west-1");
  const Variables variables{{"MILLSTREAM_REGION", "eu-west-2"},
                            {"MILLSTREAM_HTTP_MAX_CONNECTIONS", "2"}};
  EXPECT_EQ(load(kYaml, variables)->region, "eu-west-2");
  EXPECT_EQ(load(kYaml, variables)->http.connections, 2U);
  const Flags flags{{"region", "eu-west-3"}};
  EXPECT_EQ(load(kYaml, variables, flags)->region, "eu-west-3");
  EXPECT_EQ(load(kYaml, variables, flags)->http.connections, 2U);
}

TEST_F(ConfigTest, TheDiskBudgetIsASizeOrAShareOfTheDisk) {
  EXPECT_EQ(load("disk_budget: 200GiB\n")->disk_budget, uint64_t{200} << 30);
  EXPECT_EQ(load("disk_budget: 70%\n")->disk_budget_percent, 70);
  const auto none = load("disk_budget: 70%\n", {}, {{"disk_budget", "none"}});
  EXPECT_EQ(none->disk_budget, 0U);
  EXPECT_EQ(none->disk_budget_percent, 0);
  EXPECT_NE(error_of("disk_budget: 101%\n").find("100"), std::string::npos);
  EXPECT_NE(error_of("disk_budget: 10MiB\n").find("below 512MiB"), std::string::npos);
  EXPECT_NE(error_of("disk_budget: 50%\nephemeral: true\n").find("give a size"), std::string::npos);
  EXPECT_NE(error_of("disk_warning: 96\n").find("not below disk_critical"), std::string::npos);
}

TEST_F(ConfigTest, AListIsReplacedByTheLastSourceThatHasIt) {
  const auto config =
      load("listen: [a:1, b:2]\nstreams: [x]\n", {{"MILLSTREAM_LISTEN", "c:3, d:4"}},
           {{"listen", "e:5"}, {"listen", "f:6"}});
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->listen, (std::vector<std::string>{"e:5", "f:6"}));
  ASSERT_EQ(config->streams.size(), 1U);
  EXPECT_EQ(config->streams[0].name, "x");
}

TEST_F(ConfigTest, EverySettingTakesItsOwnDefaultFromEverySource) {
  const ServerConfig defaults;
  for (const Setting& setting : all_settings()) {
    const std::string shown = setting.show(defaults);
    if (shown.empty()) continue;
    const auto by_flag = load("", {}, {{std::string(setting.name), shown}});
    ASSERT_TRUE(by_flag.has_value()) << setting.name << ": " << by_flag.error().message;
    EXPECT_EQ(setting.show(*by_flag), shown);
    const auto by_variable = load("", {{environment_name(setting), shown}});
    ASSERT_TRUE(by_variable.has_value()) << setting.name << ": " << by_variable.error().message;
    EXPECT_EQ(setting.show(*by_variable), shown);
    std::string yaml(setting.name);
    if (const size_t dot = yaml.find('.'); dot != std::string::npos) yaml.replace(dot, 1, ":\n  ");
    const auto by_file = load(fmt::format("{}: {}\n", yaml, shown));
    ASSERT_TRUE(by_file.has_value()) << setting.name << ": " << by_file.error().message;
    EXPECT_EQ(setting.show(*by_file), shown);
  }
}

TEST_F(ConfigTest, AWholeFileIsRead) {
  const auto config = load(R"(
listen:
  - 127.0.0.1:4567
  - "[::1]:4567"
data: /var/lib/millstream
durability: os
grace_period: 3s
access_keys:
  - {access_key: AKIAONE, secret_key: one, account: "111122223333"}
  - access_key: AKIATWO
    secret_key: two
    session_token: token
tls: {certificate_file: a.pem, key_file: a.key}
host_names: [kinesis.test]
http:
  max_body: 16MiB
  idle_timeout: 2m
tail_cache: 64MiB
shard_limits: {records_per_second: 10, bytes_per_second: 1KiB}
streams:
  - clicks:4
  - {name: orders, shards: 2, region: eu-west-1, account: "111122223333", retention_hours: 48}
log_level: debug
log_format: json
)");
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->listen.size(), 2U);
  EXPECT_EQ(config->data_folder, "/var/lib/millstream");
  EXPECT_EQ(config->durability, Durability::kOs);
  EXPECT_EQ(config->grace_period, std::chrono::seconds(3));
  ASSERT_EQ(config->access_keys.size(), 2U);
  EXPECT_EQ(config->access_keys[0].account, "111122223333");
  EXPECT_EQ(config->access_keys[1].account, "000000000000");
  EXPECT_EQ(config->access_keys[1].session_token, "token");
  EXPECT_EQ(config->tls_key_file, "a.key");
  EXPECT_EQ(config->http.body_bytes, 16U << 20);
  EXPECT_EQ(config->http.idle_timeout, std::chrono::minutes(2));
  EXPECT_EQ(config->tail_cache, 64U << 20);
  EXPECT_EQ(config->shard_limits.in_records_per_s, 10U);
  EXPECT_EQ(config->shard_limits.in_bytes_per_s, 1024U);
  EXPECT_EQ(config->shard_limits.out_bytes_per_s, 0U);
  ASSERT_EQ(config->streams.size(), 2U);
  EXPECT_EQ(config->streams[0].shards, 4);
  EXPECT_EQ(config->streams[0].region, "us-east-1");
  EXPECT_EQ(config->streams[1].region, "eu-west-1");
  EXPECT_EQ(config->streams[1].account, "111122223333");
  EXPECT_EQ(config->streams[1].retention_hours, 48);
  EXPECT_EQ(config->log_format, LogFormat::kJson);
}

TEST_F(ConfigTest, UnknownKeysAreRefusedWithLineAndSuggestion) {
  EXPECT_EQ(error_of("region: us-east-1\ndurabilty: sync\n"),
            ":2: unknown key 'durabilty'; did you mean 'durability'?");
  EXPECT_EQ(error_of("http:\n  max_bdy: 1MiB\n"),
            ":2: unknown key 'http.max_bdy'; did you mean 'http.max_body'?");
  EXPECT_EQ(error_of("streams:\n  - name: a\n    shard: 2\n"),
            ":2: streams: unknown key 'shard'; did you mean 'shards'?");
  EXPECT_TRUE(error_of("zzzzzzzzzz: 1\n").starts_with(":1: unknown key 'zzzzzzzzzz'; known are: "));
}

TEST_F(ConfigTest, WrongValuesAreRefusedWhereTheyStand) {
  EXPECT_EQ(error_of("\ndurability: fsync\n"),
            ":2: durability: 'fsync' is neither 'sync' nor 'os'");
  EXPECT_EQ(error_of("", {{"MILLSTREAM_TAIL_CACHE", "64Mb2"}}),
            "MILLSTREAM_TAIL_CACHE: '64Mb2' is no size; write a whole number with a unit, such as "
            "64MiB or 1GiB");
  EXPECT_EQ(error_of("", {}, {{"grace_period", "10"}}),
            "--grace-period: '10' is no duration; write a whole number with a unit, such as "
            "250ms, 30s, 5m or 2h");
  EXPECT_EQ(error_of("", {}, {{"region", "a"}, {"region", "b"}}), "--region is there twice");
  EXPECT_EQ(error_of("region: a\nregion: b\n"), ":2: 'region' is there twice");
  EXPECT_EQ(error_of("region: [a, b]\n"), ":1: region must be a single value");
  EXPECT_EQ(error_of("listen: {a: b}\n"), ":1: listen must be a list of values");
  EXPECT_EQ(error_of("- a\n"), ":1: the file must hold settings, one a line: 'name: value'");
  EXPECT_TRUE(error_of("a: [\n").starts_with(":")) << error_of("a: [\n");
  EXPECT_EQ(error_of("loops: -1\n"), ":1: loops: '-1' is no whole number from 0 to 1024");
  EXPECT_EQ(error_of("access_keys: [{access_key: a}]\n"),
            ":1: access_keys: an access key needs access_key and secret_key, e.g. {access_key: "
            "AKIAEXAMPLE, secret_key: …, account: \"111122223333\"}");
  EXPECT_EQ(error_of("access_keys:\n  - {access_key: a, secret_key: b, account: 12}\n"),
            ":2: access_keys: account: '12' is no account id of 12 digits");
}

TEST_F(ConfigTest, SecretsAreNeverInAnError) {
  for (const char* yaml :
       {"access_keys: [{access_key: a, secret_key: hush, account: 1}]\n",
        "access_keys: [{access_key: a, secret_key: hush, x: 1}]\n", "access_keys: ['a/b:hush']\n",
        "access_keys: ['a:hush:1']\n", "access_keys: ['a:hush:1:2']\n"}) {
    const std::string error = error_of(yaml);
    EXPECT_NE(error, "loaded");
    EXPECT_FALSE(error.contains("hush")) << error;
  }
}

TEST_F(ConfigTest, StreamsHaveAShortForm) {
  const auto config = load("", {{"MILLSTREAM_STREAMS", "a:4,b::eu-west-1,c"}});
  ASSERT_TRUE(config.has_value()) << config.error().message;
  ASSERT_EQ(config->streams.size(), 3U);
  EXPECT_EQ(config->streams[0].shards, 4);
  EXPECT_EQ(config->streams[1].shards, 1);
  EXPECT_EQ(config->streams[1].region, "eu-west-1");
  EXPECT_EQ(config->streams[2].region, "us-east-1");
  EXPECT_EQ(error_of("", {}, {{"streams", "a:0"}}),
            "--stream: shards: '0' is no whole number from 1 to 10000");
  EXPECT_EQ(error_of("", {}, {{"streams", "a b"}}),
            "--stream: name: 'a b' is no stream name (1 to 128 letters, digits, '_', '.', '-')");
  EXPECT_EQ(error_of("", {}, {{"streams", "a"}, {"streams", "a:2:us-east-1"}}),
            "streams: a is there twice in us-east-1");
}

TEST_F(ConfigTest, ShardLimitsAreOffAwsOrOwnFigures) {
  const auto aws = load("shard_limits: aws\n");
  EXPECT_EQ(aws->shard_limits.in_records_per_s, 1'000U);
  EXPECT_EQ(aws->shard_limits.out_bytes_per_s, 2U << 20);
  const auto own = load("shard_limits: aws\n", {}, {{"shard_limits", "get_calls_per_second=7"}});
  EXPECT_EQ(own->shard_limits.get_calls_per_s, 7U);
  EXPECT_EQ(own->shard_limits.in_records_per_s, 0U);
  EXPECT_EQ(load("shard_limits: off\n")->shard_limits.get_calls_per_s, 0U);
  EXPECT_EQ(error_of("shard_limits: {get_calls: 7}\n"),
            ":1: shard_limits: unknown key 'get_calls'; known are: records_per_second, "
            "bytes_per_second, read_bytes_per_second, get_calls_per_second");
}

TEST_F(ConfigTest, SettingsThatDoNotFitTogetherAreRefused) {
  EXPECT_TRUE(error_of("tls: {key_file: a}\n").contains("need each other"));
  EXPECT_EQ(error_of("memory_limit: 256MiB\n"),
            "tail_cache (256MiB), write_buffer (128MiB), delivery_buffer (256MiB) and "
            "http.bytes_in_flight (512MiB) make 1152MiB, more than memory_limit (256MiB); raise it "
            "or lower one of them");
  EXPECT_EQ(error_of("listen: []\n"),
            "listen: no address to listen on; the default is 127.0.0.1:4567");
  EXPECT_TRUE(load("ephemeral: true\n")->test_mode);
}

TEST_F(ConfigTest, MistypedVariablesAreWarnedOf) {
  const auto config = load(
      "", {{"MILLSTREAM_STREAM", "a"}, {"MILLSTREAM_BINARY", "x"}, {"MILLSTREAM_REGION", "r"}});
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->warnings,
            std::vector<std::string>{"the environment variable MILLSTREAM_STREAM means nothing to "
                                     "millstream; did you mean MILLSTREAM_STREAMS?"});
}

TEST_F(ConfigTest, AMissingFileIsAnError) {
  const auto loaded = load_config(
      {.file = "/nowhere/m.yaml", .environment = {}, .environment_names = {}, .flags = {}});
  ASSERT_FALSE(loaded.has_value());
  EXPECT_EQ(loaded.error().message, "the configuration file /nowhere/m.yaml can't be read");
}

TEST(ConfigValues, SizesAndDurationsHaveUnits) {
  EXPECT_EQ(parse_size("64MiB"), 64U << 20);
  EXPECT_EQ(parse_size("64 mib"), 64U << 20);
  EXPECT_EQ(parse_size("5KB"), 5'000U);
  EXPECT_EQ(parse_size("17"), 17U);
  for (const char* bad :
       {"", "MiB", "1.5GiB", "-1", "64M2", "99999999999999999999", "9999999TiB"}) {
    EXPECT_FALSE(parse_size(bad).has_value()) << bad;
  }
  EXPECT_EQ(format_size(uint64_t{3} << 30), "3GiB");
  EXPECT_EQ(format_size(1'000), "1000");
  EXPECT_EQ(parse_duration("250ms"), std::chrono::milliseconds(250));
  EXPECT_EQ(parse_duration("5m"), std::chrono::minutes(5));
  EXPECT_EQ(parse_duration("0"), std::chrono::milliseconds(0));
  for (const char* bad : {"", "5", "5 minutes", "-5s", "1.5s"}) {
    EXPECT_FALSE(parse_duration(bad).has_value()) << bad;
  }
  EXPECT_EQ(format_duration(std::chrono::seconds(90)), "90s");
  EXPECT_EQ(format_duration(std::chrono::milliseconds(0)), "0");
}

TEST(ConfigReference, NamesEverySetting) {
  const std::string page = config_reference();
  for (const Setting& setting : all_settings()) {
    EXPECT_TRUE(
        page.contains(fmt::format("| `{}` | `{}` |", setting.name, environment_name(setting))));
  }
}

}  // namespace
}  // namespace millstream
