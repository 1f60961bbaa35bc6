#include "server/config_settings.h"

#include <algorithm>
#include <concepts>
#include <limits>

#include "base/text.h"

namespace millstream {
namespace {

// ---- values of each kind ----

// Access is a function from a ServerConfig& to the member.
template <auto Access>
using Member = std::remove_reference_t<decltype(Access(std::declval<ServerConfig&>()))>;
template <auto Access>
const Member<Access>& member(const ServerConfig& config) {
  return Access(const_cast<ServerConfig&>(config));  // Access does not write
}

template <auto Access>
Result<> apply_text(ServerConfig& config, std::string_view text) {
  if (text.empty()) return fail(ErrorCode::kInvalidArgument, "a value is missing");
  Access(config) = text;
  return {};
}
template <auto Access>
std::string show_text(const ServerConfig& config) {
  return member<Access>(config);
}

template <auto Access>
Result<> apply_size(ServerConfig& config, std::string_view text) {
  TRY_ASSIGN(Access(config), parse_size(text));
  return {};
}
template <auto Access>
std::string show_size(const ServerConfig& config) {
  return format_size(member<Access>(config));
}

template <auto Access>
Result<> apply_duration(ServerConfig& config, std::string_view text) {
  TRY_ASSIGN(const auto duration, parse_duration(text));
  Access(config) = std::chrono::duration_cast<Member<Access>>(duration);
  return {};
}
template <auto Access>
std::string show_duration(const ServerConfig& config) {
  return format_duration(member<Access>(config));
}

template <auto Access, int64_t min, int64_t max>
Result<> apply_count(ServerConfig& config, std::string_view text) {
  TRY_ASSIGN(const int64_t count, parse_count(text, min, max));
  Access(config) = static_cast<Member<Access>>(count);
  return {};
}
template <auto Access>
std::string show_count(const ServerConfig& config) {
  return fmt::format("{}", member<Access>(config));
}

template <auto Access>
Result<> apply_switch(ServerConfig& config, std::string_view text) {
  TRY_ASSIGN(Access(config), parse_switch(text));
  return {};
}
template <auto Access>
std::string show_switch(const ServerConfig& config) {
  return member<Access>(config) ? "true" : "false";
}

template <auto Access>
Result<> apply_element(ServerConfig& config, std::string_view text) {
  if (text.empty()) return fail(ErrorCode::kInvalidArgument, "a value is missing");
  Access(config).emplace_back(text);
  return {};
}
template <auto Access>
std::string show_elements(const ServerConfig& config) {
  return fmt::format("{}", fmt::join(member<Access>(config), ","));
}
template <auto Access>
void clear_list(ServerConfig& config) {
  Access(config).clear();
}

// ---- values with a form of their own ----

Result<> apply_choice(std::string_view text, std::string_view first, std::string_view second,
                      bool& is_second) {
  if (text != first && text != second) {
    return fail(ErrorCode::kInvalidArgument, "'{}' is neither '{}' nor '{}'", text, first, second);
  }
  is_second = text == second;
  return {};
}

Result<> apply_durability(ServerConfig& config, std::string_view text) {
  bool os = false;
  TRY(apply_choice(text, "sync", "os", os));
  config.durability = os ? Durability::kOs : Durability::kSync;
  return {};
}

Result<> apply_auth(ServerConfig& config, std::string_view text) {
  return apply_choice(text, "keys", "any", config.accept_any_credentials);
}

Result<> apply_log_format(ServerConfig& config, std::string_view text) {
  bool json = false;
  TRY(apply_choice(text, "human", "json", json));
  config.log_format = json ? LogFormat::kJson : LogFormat::kHuman;
  return {};
}

Result<> apply_log_level(ServerConfig& config, std::string_view text) {
  TRY_ASSIGN(config.log_level, parse_log_level(text));
  return {};
}
std::string show_log_level(const ServerConfig& config) {
  constexpr std::string_view kNames[] = {"debug", "info", "warning", "error", "off"};
  return std::string(kNames[static_cast<size_t>(config.log_level)]);
}

Result<> apply_region(ServerConfig& config, std::string_view text) {
  const bool good =
      !text.empty() && text.size() <= 32 &&
      text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
  if (!good) return fail(ErrorCode::kInvalidArgument, "'{}' is no region, such as us-east-1", text);
  config.region = text;
  return {};
}

Result<> apply_disk_budget(ServerConfig& config, std::string_view text) {
  config.disk_budget = 0;
  config.disk_budget_percent = 0;
  if (text == "none") return {};
  if (text.ends_with('%')) {
    TRY_ASSIGN(const int64_t percent, parse_count(text.substr(0, text.size() - 1), 1, 100));
    config.disk_budget_percent = static_cast<int32_t>(percent);
    return {};
  }
  TRY_ASSIGN(config.disk_budget, parse_size(text));
  return {};
}
std::string show_disk_budget(const ServerConfig& config) {
  if (config.disk_budget_percent > 0) return fmt::format("{}%", config.disk_budget_percent);
  return config.disk_budget == 0 ? "none" : format_size(config.disk_budget);
}

Result<> apply_tier_url(ServerConfig& config, std::string_view text) {
  if (!text.starts_with("s3://") && !text.starts_with("file:///")) {
    return fail(ErrorCode::kInvalidArgument,
                "'{}' is neither s3://BUCKET/PREFIX nor file:///FOLDER", text);
  }
  config.tier_url = text;
  return {};
}

// A named part of a map in the configuration.
template <class Target>
struct Field {
  std::string_view name;
  Result<> (*apply)(Target& target, std::string_view text);
};

template <class Target, size_t N>
Result<> apply_named(Target& target, const Field<Target> (&known)[N], const Fields& fields) {
  for (const auto& [name, value] : fields) {
    const auto* field = std::ranges::find(known, std::string_view(name), &Field<Target>::name);
    if (field == std::end(known)) {
      std::vector<std::string_view> names;
      for (const auto& one : known) names.push_back(one.name);
      return fail(ErrorCode::kInvalidArgument, "{}", unknown_name("key", name, names));
    }
    if (auto applied = field->apply(target, value); !applied) {
      return fail(ErrorCode::kInvalidArgument, "{}: {}", name, applied.error().message);
    }
  }
  return {};
}

template <auto M>
Result<> field_size(streams::ShardLimits& limits, std::string_view text) {
  TRY_ASSIGN(limits.*M, parse_size(text));
  return {};
}
constexpr Field<streams::ShardLimits> kShardLimits[] = {
    {"records_per_second", field_size<&streams::ShardLimits::in_records_per_s>},
    {"bytes_per_second", field_size<&streams::ShardLimits::in_bytes_per_s>},
    {"read_bytes_per_second", field_size<&streams::ShardLimits::out_bytes_per_s>},
    {"get_calls_per_second", field_size<&streams::ShardLimits::get_calls_per_s>}};

Result<> apply_shard_limit_fields(ServerConfig& config, const Fields& fields) {
  config.shard_limits = {};
  return apply_named(config.shard_limits, kShardLimits, fields);
}
Result<> apply_shard_limits(ServerConfig& config, std::string_view text) {
  if (text == "off" || text == "false") {  // YAML 1.1 writers turn off into false
    config.shard_limits = {};
    return {};
  }
  if (text == "aws") {
    config.shard_limits = streams::ShardLimits::aws();
    return {};
  }
  const auto fields = parse_fields(text);
  if (!fields) {
    return fail(ErrorCode::kInvalidArgument,
                "'{}' is neither 'off' nor 'aws' nor figures such as "
                "records_per_second=1000,bytes_per_second=1MiB",
                text);
  }
  return apply_shard_limit_fields(config, *fields);
}
std::string show_shard_limits(const ServerConfig& config) {
  const auto& limits = config.shard_limits;
  if (limits.in_records_per_s + limits.in_bytes_per_s + limits.out_bytes_per_s +
          limits.get_calls_per_s ==
      0) {
    return "off";
  }
  return fmt::format(
      "records_per_second={},bytes_per_second={},read_bytes_per_second={},get_calls_per_second={}",
      limits.in_records_per_s, format_size(limits.in_bytes_per_s),
      format_size(limits.out_bytes_per_s), limits.get_calls_per_s);
}

Result<> check_account(std::string_view text) {
  if (text.size() == kDefaultAccount.size() && account_of_unknown_key(text) == text) return {};
  return fail(ErrorCode::kInvalidArgument, "'{}' is no account id of 12 digits", text);
}

constexpr Field<Credentials> kAccessKey[] = {
    {"access_key",
     [](Credentials& key, std::string_view text) -> Result<> {
       if (text.find_first_of("/ ,=") != std::string_view::npos) {
         return fail(ErrorCode::kInvalidArgument, "'{}' has a character that no access key has",
                     text);
       }
       key.access_key = text;
       return {};
     }},
    {"secret_key",
     [](Credentials& key, std::string_view text) -> Result<> {
       key.secret_key = text;
       return {};
     }},
    {"account",
     [](Credentials& key, std::string_view text) -> Result<> {
       TRY(check_account(text));
       key.account = text;
       return {};
     }},
    {"session_token", [](Credentials& key, std::string_view text) -> Result<> {
       key.session_token = text;
       return {};
     }}};

Result<> add_access_key_fields(ServerConfig& config, const Fields& fields) {
  Credentials key;
  TRY(apply_named(key, kAccessKey, fields));
  if (key.access_key.empty() || key.secret_key.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "an access key needs access_key and secret_key, e.g. {{access_key: AKIAEXAMPLE, "
                "secret_key: …, account: \"111122223333\"}}");
  }
  if (std::ranges::find(config.access_keys, key.access_key, &Credentials::access_key) !=
      config.access_keys.end()) {
    return fail(ErrorCode::kInvalidArgument, "access key {} is there twice", key.access_key);
  }
  config.access_keys.push_back(std::move(key));
  return {};
}
// KEY:SECRET[:ACCOUNT]
Result<> add_access_key(ServerConfig& config, std::string_view text) {
  const auto parts = split(text, ':');
  if (parts.size() < 2 || parts.size() > 3) {
    return fail(ErrorCode::kInvalidArgument, "write KEY:SECRET or KEY:SECRET:ACCOUNT");
  }
  Fields fields{{"access_key", std::string(parts[0])}, {"secret_key", std::string(parts[1])}};
  if (parts.size() == 3) fields.emplace_back("account", parts[2]);
  return add_access_key_fields(config, fields);
}

constexpr Field<StreamDeclaration> kStream[] = {
    {"name",
     [](StreamDeclaration& stream, std::string_view text) -> Result<> {
       // API model: StreamName.
       const bool good =
           !text.empty() && text.size() <= 128 && std::ranges::all_of(text, [](char c) {
             return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '_' || c == '.' || c == '-';
           });
       if (!good) {
         return fail(ErrorCode::kInvalidArgument,
                     "'{}' is no stream name (1 to 128 letters, digits, '_', '.', '-')", text);
       }
       stream.name = text;
       return {};
     }},
    {"shards",
     [](StreamDeclaration& stream, std::string_view text) -> Result<> {
       TRY_ASSIGN(const int64_t shards, parse_count(text, 1, 10'000));
       stream.shards = static_cast<int32_t>(shards);
       return {};
     }},
    {"region",
     [](StreamDeclaration& stream, std::string_view text) -> Result<> {
       ServerConfig checked;
       TRY(apply_region(checked, text));
       stream.region = text;
       return {};
     }},
    {"account",
     [](StreamDeclaration& stream, std::string_view text) -> Result<> {
       TRY(check_account(text));
       stream.account = text;
       return {};
     }},
    {"retention_hours", [](StreamDeclaration& stream, std::string_view text) -> Result<> {
       // API model: RetentionPeriodHours; AWS limit: 24 hours to 365 days.
       TRY_ASSIGN(const int64_t hours, parse_count(text, 24, 8'760));
       stream.retention_hours = static_cast<int32_t>(hours);
       return {};
     }}};

Result<> add_stream_fields(ServerConfig& config, const Fields& fields) {
  StreamDeclaration stream;
  TRY(apply_named(stream, kStream, fields));
  if (stream.name.empty()) return fail(ErrorCode::kInvalidArgument, "a stream needs a name");
  config.streams.push_back(std::move(stream));
  return {};
}
// NAME[:SHARDS[:REGION]]
Result<> add_stream(ServerConfig& config, std::string_view text) {
  const auto parts = split(text, ':');
  if (parts.size() > 3) {
    return fail(ErrorCode::kInvalidArgument, "'{}' is not of the form NAME[:SHARDS[:REGION]]",
                text);
  }
  constexpr std::string_view kNames[] = {"name", "shards", "region"};
  Fields fields;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i == 0 || !parts[i].empty()) fields.emplace_back(kNames[i], parts[i]);
  }
  return add_stream_fields(config, fields);
}
std::string show_streams(const ServerConfig& config) {
  std::vector<std::string> shown;
  for (const auto& stream : config.streams) {
    shown.push_back(fmt::format("{}:{}:{}", stream.name, stream.shards, stream.region));
  }
  return fmt::format("{}", fmt::join(shown, ","));
}

// ---- the table ----

#define MS_MEMBER(path) [](ServerConfig& c) -> auto& { return c.path; }
#define MS_TEXT(path) apply_text<MS_MEMBER(path)>, show_text<MS_MEMBER(path)>
#define MS_SIZE(path) apply_size<MS_MEMBER(path)>, show_size<MS_MEMBER(path)>
#define MS_DURATION(path) apply_duration<MS_MEMBER(path)>, show_duration<MS_MEMBER(path)>
#define MS_SWITCH(path) apply_switch<MS_MEMBER(path)>, show_switch<MS_MEMBER(path)>
#define MS_COUNT(path, min, max) apply_count<MS_MEMBER(path), min, max>, show_count<MS_MEMBER(path)>
#define MS_LIST(path) \
  apply_element<MS_MEMBER(path)>, show_elements<MS_MEMBER(path)>, clear_list<MS_MEMBER(path)>

constexpr auto kValue = SettingKind::kValue;
constexpr auto kSwitch = SettingKind::kSwitch;
constexpr auto kList = SettingKind::kList;

constexpr std::string_view kServer = "Server";
constexpr std::string_view kSecurity = "Security";
constexpr std::string_view kHttp = "HTTP limits";
constexpr std::string_view kMemory = "Memory and disk";
constexpr std::string_view kStreams = "Streams";
constexpr std::string_view kDelivery = "Delivery";
constexpr std::string_view kAnalytics = "Applications";
constexpr std::string_view kLogging = "Logging";

// clang-format off
constexpr Setting kSettings[] = {
    {kServer, "listen", "--listen", kList, "HOST:PORT",
     "Address to listen on, for HTTP and HTTPS alike; port 0 takes a free one", MS_LIST(listen)},
    {kServer, "data", "--data", kValue, "FOLDER",
     "Where everything is kept", MS_TEXT(data_folder)},
    {kServer, "durability", "--durability", kValue, "sync|os",
     "When a record is acknowledged: sync, once it is on stable storage; os, once the operating "
     "system has it (a power failure may lose the last moments)",
     apply_durability,
     [](const ServerConfig& c) { return std::string(c.durability == Durability::kOs ? "os" : "sync"); }},
    {kServer, "ephemeral", "--ephemeral", kSwitch, "",
     "Keep everything in memory and nothing after the end, for tests; implies test_mode",
     MS_SWITCH(ephemeral)},
    {kServer, "test_mode", "--test-mode", kSwitch, "",
     "Allow what tests need: resetting everything, failures on purpose, truncating streams "
     "(docs/testing.md)",
     MS_SWITCH(test_mode)},
    {kServer, "clock", "--clock", kValue, "system|manual",
     "manual: time stands still until POST /_millstream/clock moves it; test mode only",
     [](ServerConfig& c, std::string_view text) {
       return apply_choice(text, "system", "manual", c.manual_clock);
     },
     [](const ServerConfig& c) { return std::string(c.manual_clock ? "manual" : "system"); }},
    {kServer, "region", "--region", kValue, "REGION",
     "Region of the streams declared here that name none", apply_region,
     [](const ServerConfig& c) { return c.region; }},
    {kServer, "grace_period", "--grace-period", kValue, "DURATION",
     "How long a stopping server lets requests finish", MS_DURATION(grace_period)},
    {kServer, "loops", "--loops", kValue, "N",
     "Event loops, one thread each; 0: one for each core", MS_COUNT(loops, 0, 1024)},

    {kSecurity, "access_keys", "", kList, "KEY:SECRET[:ACCOUNT]",
     "Access keys, each with its account; with none, any credentials are accepted on loopback "
     "addresses. In YAML: {access_key, secret_key, account, session_token}. No flag: other users "
     "could read it",
     add_access_key,
     [](const ServerConfig&) { return std::string(); },  // never shown
     [](ServerConfig& c) { c.access_keys.clear(); }, add_access_key_fields},
    {kSecurity, "credentials_file", "--credentials-file", kValue, "FILE",
     "Further access keys, with users and policies (docs/access-control.md); read again at SIGHUP",
     MS_TEXT(credentials_file)},
    {kSecurity, "encryption.key_file", "--encryption-key-file", kValue, "FILE",
     "Master keys of encrypted streams (docs/encryption.md); without it, keys/master-keys below the "
     "data folder, made when it is first needed; read again at SIGHUP",
     MS_TEXT(key_file)},
    {kSecurity, "auth", "--auth", kValue, "keys|any",
     "any: accept any credentials, also on addresses that other machines reach",
     apply_auth,
     [](const ServerConfig& c) { return std::string(c.accept_any_credentials ? "any" : "keys"); }},
    {kSecurity, "tls.certificate_file", "--tls-certificate-file", kValue, "FILE",
     "PEM file of the server's certificate and its chain; without it, one is generated (its CA: "
     "millstream cert)",
     MS_TEXT(tls_certificate_file)},
    {kSecurity, "tls.key_file", "--tls-key-file", kValue, "FILE",
     "PEM file of the certificate's key", MS_TEXT(tls_key_file)},
    {kSecurity, "host_names", "--host-name", kList, "NAME",
     "Further names that clients call this server by: allowed as Host without access keys, and "
     "part of the generated certificate",
     MS_LIST(host_names)},
    {kSecurity, "cors_origins", "--cors-origin", kList, "ORIGIN",
     "Origins whose pages may call this server, e.g. https://app.example.com; *: every one",
     MS_LIST(cors_origins)},
    {kSecurity, "allow_link_local_endpoints", "--allow-link-local-endpoints", kSwitch, "",
     "Let deliveries go to link-local addresses, where clouds keep a machine's credentials",
     MS_SWITCH(allow_link_local_endpoints)},

    {kHttp, "http.max_body", "--http-max-body", kValue, "SIZE",
     "Largest request body", MS_SIZE(http.body_bytes)},
    {kHttp, "http.max_header", "--http-max-header", kValue, "SIZE",
     "Largest head of a request", MS_SIZE(http.header_bytes)},
    {kHttp, "http.max_connections", "--http-max-connections", kValue, "N",
     "Connections at a time; further ones are closed", MS_COUNT(http.connections, 1, 1'000'000)},
    {kHttp, "http.concurrent_streams", "--http-concurrent-streams", kValue, "N",
     "Requests at a time on one HTTP/2 connection", MS_COUNT(http.concurrent_streams, 1, 100'000)},
    {kHttp, "http.bytes_in_flight", "--http-bytes-in-flight", kValue, "SIZE",
     "Bodies of all requests and unsent answers together; over it requests get 503",
     MS_SIZE(http.bytes_in_flight)},
    {kHttp, "http.idle_timeout", "--http-idle-timeout", kValue, "DURATION",
     "How long a connection may be quiet between requests", MS_DURATION(http.idle_timeout)},
    {kHttp, "http.header_timeout", "--http-header-timeout", kValue, "DURATION",
     "How long the head of a request, or a TLS handshake, may take",
     MS_DURATION(http.header_timeout)},

    {kMemory, "memory_limit", "--memory-limit", kValue, "SIZE",
     "Upper bound of tail_cache, write_buffer, delivery_buffer and http.bytes_in_flight together",
     MS_SIZE(memory_limit)},
    {kMemory, "tail_cache", "--tail-cache", kValue, "SIZE",
     "The newest records of all shards, in memory for readers", MS_SIZE(tail_cache)},
    {kMemory, "write_buffer", "--write-buffer", kValue, "SIZE",
     "Records that were received and are not yet on stable storage", MS_SIZE(write_buffer)},
    {kMemory, "delivery_buffer", "--delivery-buffer", kValue, "SIZE",
     "Objects of all delivery streams on their way; one object has at most half of it",
     MS_SIZE(delivery_buffer)},
    {kMemory, "journal_budget", "--journal-budget", kValue, "SIZE",
     "Journal on disk; bounds the time that recovery takes", MS_SIZE(journal_budget)},
    {kMemory, "disk_budget", "--disk-budget", kValue, "SIZE|N%|none",
     "What records may take of the disk, or of its size in percent; beyond it writes get 503 until "
     "records expire. none: the disk's free space alone counts",
     apply_disk_budget, show_disk_budget},
    {kMemory, "disk_warning", "--disk-warning", kValue, "N",
     "Percent of the disk budget (without one: of the free space) at which the log warns",
     MS_COUNT(disk_warning, 1, 100)},
    {kMemory, "disk_critical", "--disk-critical", kValue, "N",
     "Percent at which the alarm is critical and what has expired is deleted at once",
     MS_COUNT(disk_critical, 1, 100)},

    {kMemory, "log.tier.url", "--log-tier-url", kValue, "URL",
     "Where old records move to: s3://BUCKET/PREFIX on the server of s3.endpoint, or "
     "file:///FOLDER; without it, all stay on this disk (docs/tiering.md)",
     apply_tier_url, [](const ServerConfig& c) { return c.tier_url; }},
    {kMemory, "log.tier.after", "--log-tier-after", kValue, "DURATION",
     "Files of records move when their newest record is so old. Small ones are merged until then",
     MS_DURATION(tier_after)},
    {kMemory, "log.tier.cache_bytes", "--log-tier-cache-bytes", kValue, "SIZE",
     "Local disk for records that were read back", MS_SIZE(tier_cache)},

    {kStreams, "streams", "--stream", kList, "NAME[:SHARDS[:REGION]]",
     "Stream to make at start, before the server is ready. In YAML also {name, shards, region, "
     "account, retention_hours}",
     add_stream, show_streams, [](ServerConfig& c) { c.streams.clear(); }, add_stream_fields},
    {kStreams, "shard_limits", "--shard-limits", kValue, "off|aws|LIMITS",
     "Throughput of a shard: off; aws (1,000 records and 1 MiB a second in, 2 MiB and 5 calls a "
     "second out, and AWS's other limits, docs/data-streams.md); or own figures, each optional: "
     "records_per_second=N,bytes_per_second=SIZE,read_bytes_per_second=SIZE,get_calls_per_second=N",
     apply_shard_limits, show_shard_limits, nullptr, apply_shard_limit_fields},
    {kStreams, "state_delay", "--state-delay", kValue, "DURATION",
     "How long streams stay in CREATING, UPDATING and DELETING", MS_DURATION(state_delay)},
    {kStreams, "on_demand_shards", "--on-demand-shards", kValue, "N",
     "Shards of a new on-demand stream, and the least that it has later",
     MS_COUNT(on_demand_shards, 1, 1'000)},
    {kStreams, "on_demand_max_shards", "--on-demand-max-shards", kValue, "N",
     "On-demand streams are not split beyond so many shards; 1: never",
     MS_COUNT(on_demand_max_shards, 1, 10'000)},
    {kStreams, "on_demand_split_bytes", "--on-demand-split-bytes", kValue, "SIZE",
     "A shard of an on-demand stream is split when more than this is written to it each second, "
     "or a record for each KiB of it. AWS's shards take twice as much as the default",
     MS_SIZE(on_demand_split_bytes)},
    {kStreams, "on_demand_split_after", "--on-demand-split-after", kValue, "DURATION",
     "For so long", MS_DURATION(on_demand_split_after)},
    {kStreams, "on_demand_merge_after", "--on-demand-merge-after", kValue, "DURATION",
     "Neighbouring shards of an on-demand stream are merged when they have taken less than half of "
     "that together for so long",
     MS_DURATION(on_demand_merge_after)},

    {kAnalytics, "analytics.worker", "--analytics-worker", kValue, "FILE",
     "The executable that runs applications; without it, millstream-worker beside millstream",
     MS_TEXT(worker_executable)},
    {kAnalytics, "analytics.worker_memory", "--analytics-worker-memory", kValue, "SIZE",
     "Largest memory of one application's worker process; an application that needs more fails",
     MS_SIZE(worker_memory)},

    {kDelivery, "s3.endpoint", "--s3-endpoint", kValue, "URL",
     "S3 server that delivery streams write to; without it, buckets are folders of the embedded "
     "lake, below the data folder",
     MS_TEXT(s3_endpoint)},
    {kDelivery, "s3.region", "--s3-region", kValue, "REGION",
     "Region that requests to the S3 server are signed for", MS_TEXT(s3_region)},
    {kDelivery, "s3.access_key", "--s3-access-key", kValue, "KEY",
     "Access key for the S3 server", MS_TEXT(s3_access_key)},
    {kDelivery, "s3.secret_key", "", kValue, "SECRET",
     "Its secret. No flag: other users could read it",
     apply_text<MS_MEMBER(s3_secret_key)>,
     [](const ServerConfig&) { return std::string(); }},  // never shown

    {kLogging, "log_level", "--log-level", kValue, "LEVEL",
     "debug, info, warning, error or off", apply_log_level, show_log_level},
    {kLogging, "log_format", "--log-format", kValue, "human|json",
     "Lines for people, or JSON objects", apply_log_format,
     [](const ServerConfig& c) { return std::string(c.log_format == LogFormat::kJson ? "json" : "human"); }},
    {kLogging, "slow_request", "--slow-request", kValue, "DURATION",
     "Requests that take so long are logged, at most ten a second; 0: none",
     MS_DURATION(slow_request)},
};
// clang-format on

}  // namespace

std::span<const Setting> all_settings() { return kSettings; }

const Setting* find_setting(std::string_view name) {
  const auto* found = std::ranges::find(kSettings, name, &Setting::name);
  return found == std::end(kSettings) ? nullptr : found;
}

std::string environment_name(const Setting& setting) {
  std::string name = "MILLSTREAM_";
  for (char c : setting.name) {
    name += c == '.' ? '_' : (c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c);
  }
  return name;
}

}  // namespace millstream
