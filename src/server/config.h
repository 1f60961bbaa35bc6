// The server's configuration: a YAML file, the environment, flags; later ones win.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "auth/credentials.h"
#include "base/logging.h"
#include "base/result.h"
#include "http/server.h"
#include "log/local/local_log.h"
#include "streams/service.h"

namespace millstream {

// A stream that exists before the server is ready.
struct StreamDeclaration {
  std::string name;
  int32_t shards = 1;
  std::string region;  // empty: ServerConfig::region (filled in by load_config)
  std::string account{kDefaultAccount};
  int32_t retention_hours = 24;
};

// The initial values are the defaults; the table in config_settings.cc says the names, the
// environment variables, the flags and the texts of all of them.
struct ServerConfig {
  std::vector<std::string> listen{"127.0.0.1:4567"};
  std::string data_folder = "millstream-data";
  Durability durability = Durability::kSync;
  bool ephemeral = false;     // everything in memory
  bool test_mode = false;     // reset, faults, truncate (admin.h); also on when ephemeral
  bool manual_clock = false;  // stands still until POST /_millstream/clock; test mode only
  std::string region = "us-east-1";
  int32_t loops = 0;  // 0: one per core
  std::chrono::milliseconds grace_period{10'000};
  std::vector<StreamDeclaration> streams;

  bool accept_any_credentials = false;  // auth: any
  std::vector<Credentials> access_keys;
  std::string credentials_file;      // further keys, with users and policies; empty: none
  std::string key_file;              // of master keys; empty: below the data folder
  std::string tls_certificate_file;  // both or none; none: a generated certificate
  std::string tls_key_file;
  std::vector<std::string> host_names;
  std::vector<std::string> cors_origins;
  bool allow_link_local_endpoints = false;

  HttpLimits http;

  uint64_t memory_limit = uint64_t{1280} << 20;  // the sum of what follows and http.bytes_in_flight
  uint64_t tail_cache = uint64_t{256} << 20;     //   stays below it
  uint64_t write_buffer = uint64_t{128} << 20;
  uint64_t delivery_buffer = uint64_t{256} << 20;
  uint64_t journal_budget = uint64_t{1} << 30;  // on disk
  uint64_t disk_budget = 0;                     // of the log's folder; 0: none
  int32_t disk_budget_percent = 0;              // or so much of its file system
  int32_t disk_warning = 80;                    // percent
  int32_t disk_critical = 95;

  streams::ShardLimits shard_limits;  // off
  std::chrono::milliseconds state_delay{0};
  int32_t on_demand_shards = 4;
  int32_t on_demand_max_shards = 200;
  uint64_t on_demand_split_bytes = uint64_t{512} << 10;  // a second; records: one per KiB
  std::chrono::milliseconds on_demand_split_after{10'000};
  std::chrono::milliseconds on_demand_merge_after{3'600'000};

  std::string worker_executable;               // empty: millstream-worker beside this executable
  uint64_t worker_memory = uint64_t{4} << 30;  // of one worker process

  std::string tier_url;  // empty: records stay on this disk
  std::chrono::milliseconds tier_after{7'200'000};
  uint64_t tier_cache = uint64_t{1} << 30;

  std::string s3_endpoint;  // empty: the embedded lake
  std::string s3_region = "us-east-1";
  std::string s3_access_key;
  std::string s3_secret_key;

  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kHuman;
  std::chrono::milliseconds slow_request{1'000};  // such requests are logged; 0: none

  std::vector<std::string> warnings;  // for the log at start
};

struct ConfigSources {
  std::string file;  // path of the YAML file; empty: none
  // The value of an environment variable; nullptr: not set. Default: none is set.
  std::function<const char*(const std::string&)> environment;
  // The names of all environment variables, to warn of unknown ones.
  std::vector<std::string> environment_names;
  // Setting and value, in order; a setting of many values may come several times.
  std::vector<std::pair<std::string, std::string>> flags;
};

// This process's environment as a source.
void use_process_environment(ConfigSources& sources);

// A setting of many values (listen, streams, …) is replaced by the last source that has it, not
// added to. Errors: kInvalidArgument (kNotFound, kIo for the file) with file and line, variable
// or flag, what is wrong, and what would be right. Unknown keys are refused with a suggestion.
Result<ServerConfig> load_config(const ConfigSources& sources);

// The table of all settings as a Markdown page: what docs/configuration.md is made of.
std::string config_reference();

}  // namespace millstream
