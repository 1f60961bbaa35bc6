#include "cli/command_line.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>
#include <openssl/crypto.h>

#include "base/real_env.h"
#include "base/text.h"
#include "server/config_settings.h"
#include "server/config_values.h"
#include "server/version.h"

namespace millstream::cli {
namespace {

constexpr int kUsage = 2;

constexpr const char* kServeExamples = R"(Examples:
  millstream serve                                  on 127.0.0.1:4567, data in ./millstream-data
  millstream serve --data /var/lib/millstream --stream clicks:4
  millstream serve --ephemeral --listen 127.0.0.1:0 for tests: any free port, nothing kept
  millstream serve --config /etc/millstream.yaml

Each flag is also a key of the YAML file and an environment variable: --http-max-body is
http.max_body and MILLSTREAM_HTTP_MAX_BODY. Flags win over variables, variables over the file.
All of them as a table: millstream version --settings)";

constexpr const char* kPutExamples = R"(Examples:
  millstream put clicks < clicks.ndjson
  millstream put clicks --partition-key user day1.ndjson day2.ndjson
  tail -f access.log | millstream put logs --batch 50
  seq 100000 | millstream put numbers --rate 1000/s

Each line is a record; empty lines are skipped. Lines arrive in their order. Exit code 0: every
record is stored; 1: the message says which are not.)";

constexpr const char* kTailExamples = R"(Examples:
  millstream tail clicks
  millstream tail clicks --from trim_horizon --no-follow --ndjson | jq .data
  millstream tail clicks --from 10m --max 100)";

constexpr const char* kSqlExamples = R"(Examples:
  millstream sql                                    a shell: \h helps
  millstream sql -f app.sql
  millstream sql --bounded --output json -f report.sql > report.ndjson
  millstream sql -e "SHOW FUNCTIONS"

Flink SQL. A query runs until Ctrl-C; --bounded: over the records that are stored now, then it
ends. Nothing is kept of it; what shall run on is an application: millstream app --help)";

constexpr const char* kAppExamples = R"(Examples:
  millstream app create counts -f counts.sql --start       Flink SQL: its tables say what it reads
  millstream app create alerts -f alerts.sql --input clicks --output ALERTS=alerts
  millstream app start alerts --from trim_horizon
  millstream app describe alerts
  millstream app logs alerts
  millstream app stop alerts

With --input the code is SQL of Kinesis Analytics: the stream is SOURCE_SQL_STREAM_001 in it, its
columns are found from the records that are there.)";

constexpr const char* kBenchExamples = R"(Examples:
  millstream bench
  millstream bench --scenario put_record_100 --duration 30s --json results.ndjson
  millstream bench --tls --insecure --scenario put_records_100x1k
  millstream bench --protocol cbor --server-pid $(pidof millstream)

Each line: what was stored, latencies of its calls (of records from put to get or push in
latency_50k and push_…), CPU as a share of one core.)";

constexpr const char* kCertExamples = R"(Examples:
  millstream cert --data /var/lib/millstream > ca.pem
  AWS_CA_BUNDLE=ca.pem aws --endpoint-url https://localhost:4567 kinesis list-streams)";

constexpr const char* kKeyExamples = R"(Examples:
  millstream key create --alias alias/orders
  millstream key rotate alias/aws/kinesis
  millstream key list --data /var/lib/millstream

A running server takes the file over at SIGHUP. Keep a copy of it apart from the data: without
it encrypted records can't be read. docs/encryption.md)";

// Where flags leave their texts; the commands make sense of them after parsing.
struct Texts {
  std::string config_file;
  std::vector<std::pair<std::string, std::string>> settings;
  ConnectionFlags connection;
  std::string stream;
  std::vector<std::string> files;
  std::string partition_key = "random";
  std::string rate;
  std::string from = "latest";
  std::string output = "auto";
  std::string protocol = "json";
  bool tls = false;
  bool insecure = false;
  std::string warm_up = "2s";
  std::string duration = "10s";
};

int complain(std::string_view command, const Error& error, int code) {
  fmt::print(stderr, "millstream {}: {}\n", command, error.message);
  return code;
}

void add_setting(CLI::App& app, const Setting& setting, Texts& texts) {
  if (setting.flag.empty()) return;
  static const ServerConfig defaults;
  const std::string flag(setting.flag);
  const std::string help(setting.help);
  CLI::Option* option = nullptr;
  if (setting.kind == SettingKind::kSwitch) {
    option = app.add_flag_function(
        flag,
        [&texts, &setting](int64_t count) {
          texts.settings.emplace_back(setting.name, count > 0 ? "true" : "false");
        },
        help);
  } else {
    option = app.add_option_function<std::vector<std::string>>(
        flag,
        [&texts, &setting](const std::vector<std::string>& values) {
          for (const std::string& value : values) texts.settings.emplace_back(setting.name, value);
        },
        help);
    option->allow_extra_args(false)->take_all();
    option->type_name(std::string(setting.argument));
    if (const std::string shown = setting.show(defaults); !shown.empty()) {
      option->default_str(shown);
    }
  }
  option->group(std::string(setting.section));
}

void add_connection(CLI::App& app, ConnectionFlags& flags) {
  app.add_option("--endpoint", flags.endpoint,
                 "Server to talk to; else AWS_ENDPOINT_URL_KINESIS, AWS_ENDPOINT_URL, else " +
                     std::string(kDefaultEndpoint))
      ->type_name("URL");
  app.add_option("--region", flags.region, "Else AWS_REGION, AWS_DEFAULT_REGION, else us-east-1")
      ->type_name("REGION");
  app.add_option("--access-key", flags.access_key, "Else AWS_ACCESS_KEY_ID, else test")
      ->type_name("KEY");
  app.add_option("--secret-key", flags.secret_key,
                 "Else AWS_SECRET_ACCESS_KEY (better: flags are visible to other users)")
      ->type_name("SECRET");
  app.add_option("--ca-file", flags.ca_file,
                 "PEM of the CA that signed the server's certificate; else AWS_CA_BUNDLE")
      ->type_name("FILE");
}

Result<Connection> connection_of(const Texts& texts) {
  return connection_from(texts.connection, [](const char* name) { return std::getenv(name); });
}

Result<ServerConfig> config_of(const Texts& texts) {
  ConfigSources sources;
  use_process_environment(sources);
  sources.file = texts.config_file;
  if (const char* file = std::getenv("MILLSTREAM_CONFIG"); sources.file.empty() && file) {
    sources.file = file;
  }
  sources.flags = texts.settings;
  return load_config(sources);
}

// ---- the commands, after parsing ----

int serve(const Texts& texts, const Commands& commands) {
  const auto config = config_of(texts);
  if (!config) return complain("serve", config.error(), 1);
  return commands.serve(*config);
}

int put(const Texts& texts, PutOptions options, const Commands& commands) {
  options.stream = texts.stream;
  const auto keys = PartitionKeyRule::parse(texts.partition_key);
  if (!keys) return complain("put", keys.error(), kUsage);
  if (!texts.rate.empty()) {
    const auto rate = parse_rate(texts.rate);
    if (!rate) return complain("put", rate.error(), kUsage);
    options.rate_per_second = *rate;
  }
  const auto connection = connection_of(texts);
  if (!connection) return complain("put", connection.error(), kUsage);
  return commands.put(options, *keys, texts.files, *connection);
}

int tail(const Texts& texts, TailOptions options, const Commands& commands) {
  options.stream = texts.stream;
  const auto from = parse_tail_start(texts.from, real_env().now_ms());
  if (!from) return complain("tail", from.error(), kUsage);
  options.from = *from;
  const auto connection = connection_of(texts);
  if (!connection) return complain("tail", connection.error(), kUsage);
  return commands.tail(options, *connection);
}

int sql(const Texts& texts, SqlOptions options, const Commands& commands) {
  if (!options.file.empty() && !options.statement.empty()) {
    return complain("sql", {ErrorCode::kInvalidArgument, "--file and --execute exclude each other"},
                    kUsage);
  }
  const auto output = parse_sql_output(texts.output);
  if (!output) return complain("sql", output.error(), kUsage);
  options.output = *output;
  const auto connection = connection_of(texts);
  if (!connection) return complain("sql", connection.error(), kUsage);
  return commands.sql(options, *connection);
}

int app(const Texts& texts, const AppOptions& options, const Commands& commands) {
  for (const std::string& output : options.outputs) {
    if (const auto parsed = parse_output(output); !parsed) {
      return complain("app", parsed.error(), kUsage);
    }
  }
  if (!options.from.empty()) {
    if (const auto parsed = parse_start(options.from); !parsed) {
      return complain("app", parsed.error(), kUsage);
    }
  }
  const auto connection = connection_of(texts);
  if (!connection) return complain("app", connection.error(), kUsage);
  return commands.app(options, *connection);
}

// The sub-commands of `millstream app`.
void add_app(CLI::App& parent, Texts& texts, AppOptions& options) {
  parent.require_subcommand(1);
  parent.footer(kAppExamples);
  struct Sub {
    AppCommand command;
    const char* name;
    const char* help;
  };
  constexpr Sub kSubs[] = {
      {AppCommand::kCreate, "create", "Create an application from a file of SQL"},
      {AppCommand::kStart, "start", "Start it; waits until it runs"},
      {AppCommand::kStop, "stop", "Stop it; its state is kept"},
      {AppCommand::kDescribe, "describe", "Show its status and figures"},
      {AppCommand::kLogs, "logs", "Show its last lines: warnings, print tables, failures"},
      {AppCommand::kList, "list", "List the applications"},
      {AppCommand::kDelete, "delete", "Delete it with its state"}};
  for (const Sub& sub : kSubs) {
    CLI::App* one = parent.add_subcommand(sub.name, sub.help);
    one->callback([&options, command = sub.command] { options.command = command; });
    if (sub.command != AppCommand::kList) {
      one->add_option("NAME", options.name, "Name of the application")->required();
    }
    if (sub.command == AppCommand::kCreate) {
      one->add_option("-f,--file", options.sql_file, "The SQL")->type_name("FILE")->required();
      one->add_option("--input", options.inputs, "Stream that it reads, repeatable")
          ->type_name("STREAM")
          ->allow_extra_args(false);
      one->add_option("--output", options.outputs, "Where a stream of it goes to, repeatable")
          ->type_name("IN_APPLICATION_STREAM=STREAM")
          ->allow_extra_args(false);
      one->add_flag("--start", options.start, "And start it");
    }
    if (sub.command == AppCommand::kCreate || sub.command == AppCommand::kStart) {
      one->add_option("--from", options.from, "now, trim_horizon or last (where it stopped)")
          ->type_name("WHERE");
    }
    if (sub.command == AppCommand::kStop) {
      one->add_flag("--force", options.force, "Without waiting for what is under way");
    }
    if (sub.command == AppCommand::kDescribe) {
      one->add_flag("--json", options.json, "All of it as JSON");
    }
    add_connection(*one, texts.connection);
  }
}

int bench(const Texts& texts, BenchOptions options, const Commands& commands) {
  const auto connection = connection_of(texts);
  const auto warm_up = parse_duration(texts.warm_up);
  const auto duration = parse_duration(texts.duration);
  if (!connection) return complain("bench", connection.error(), kUsage);
  if (!warm_up) return complain("bench", warm_up.error(), kUsage);
  if (!duration) return complain("bench", duration.error(), kUsage);
  for (const std::string& name : options.scenarios) {
    const auto known = bench_scenarios();
    if (std::ranges::count(known, std::string_view(name), &BenchScenario::name) > 0) continue;
    std::vector<std::string_view> names;
    for (const BenchScenario& scenario : known) names.push_back(scenario.name);
    return complain("bench", {ErrorCode::kInvalidArgument, unknown_name("scenario", name, names)},
                    kUsage);
  }
  options.endpoint = {connection->url.host, connection->url.port, nullptr};
  if (texts.tls || connection->url.scheme == "https") {
    auto tls = client_tls(connection->ca_file, texts.insecure);
    if (!tls) return complain("bench", tls.error(), kUsage);
    options.endpoint.tls = *std::move(tls);
  }
  options.protocol = texts.protocol == "cbor" ? BenchProtocol::kCbor : BenchProtocol::kJson;
  options.region = connection->region;
  options.access_key = connection->credentials.access_key;
  options.secret_key = connection->credentials.secret_key;
  options.warm_up = std::chrono::duration_cast<std::chrono::seconds>(*warm_up);
  options.duration = std::chrono::duration_cast<std::chrono::seconds>(*duration);
  return commands.bench(options);
}

int cert(const Texts& texts, const Commands& commands) {
  const auto config = config_of(texts);
  if (!config) return complain("cert", config.error(), 1);
  return commands.cert(*config);
}

int key(const Texts& texts, const KeyOptions& options, const Commands& commands) {
  const auto config = config_of(texts);
  if (!config) return complain("key", config.error(), 1);
  return commands.key(options, *config);
}

// The sub-commands of `millstream key`.
void add_key(CLI::App& parent, Texts& texts, KeyOptions& options) {
  parent.require_subcommand(1);
  parent.footer(kKeyExamples);
  struct Sub {
    KeyCommand command;
    const char* name;
    const char* help;
  };
  constexpr Sub kSubs[] = {
      {KeyCommand::kList, "list", "List the keys, without their secrets"},
      {KeyCommand::kCreate, "create", "Create a key; prints its id"},
      {KeyCommand::kRotate, "rotate", "Give a key a new version, which wraps from now on"},
      {KeyCommand::kDisable, "disable", "Streams of this key can neither be read nor written"},
      {KeyCommand::kEnable, "enable", "They can again"}};
  for (const Sub& sub : kSubs) {
    CLI::App* one = parent.add_subcommand(sub.name, sub.help);
    one->callback([&options, command = sub.command] { options.command = command; });
    if (sub.command == KeyCommand::kCreate) {
      one->add_option("--alias", options.aliases, "Name of the key, repeatable")
          ->type_name("alias/NAME")
          ->allow_extra_args(false);
      one->add_option("--account", options.account, "For streams of this account only")
          ->type_name("ACCOUNT");
    } else if (sub.command != KeyCommand::kList) {
      one->add_option("KEY", options.key, "Id or alias of the key")->required();
    }
    one->add_option("--config", texts.config_file, "YAML file; else MILLSTREAM_CONFIG")
        ->type_name("FILE");
    add_setting(*one, *find_setting("data"), texts);
    add_setting(*one, *find_setting("encryption.key_file"), texts);
  }
}

int version(bool settings, bool operations, bool functions, const Commands& commands) {
  if (settings) {
    fmt::print("{}", config_reference());
  } else if (operations) {
    fmt::print("{}", commands.operations_table());
  } else if (functions) {
    fmt::print("{}", commands.functions_table());
  } else {
    fmt::print("millstream {} (clang {}.{}, {})\n", MS_VERSION, __clang_major__, __clang_minor__,
               OpenSSL_version(OPENSSL_VERSION));
  }
  return 0;
}

// ---- what was not understood ----

// CLI11 says what it did not expect; this adds what may have been meant.
std::string suggestion(const CLI::App& app, int argc, const char* const* argv) {
  const CLI::App* command = &app;
  for (const CLI::App* parsed : app.get_subcommands()) command = parsed;
  std::vector<std::string> known;
  for (const CLI::Option* option : command->get_options()) {
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  }
  if (command == &app) {
    for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
      known.push_back(sub->get_name());
    }
  }
  const std::vector<std::string_view> candidates(known.begin(), known.end());
  for (int i = 1; i < argc; ++i) {
    std::string_view word = argv[i];
    word = word.substr(0, word.find('='));
    const bool may_be_wrong = word.starts_with("--") || (command == &app && i == 1);
    if (!may_be_wrong || std::ranges::count(candidates, word) > 0) continue;
    if (const auto near = nearest_word(word, candidates)) {
      return fmt::format("'{}' is unknown; did you mean '{}'?\n", word, *near);
    }
  }
  return "";
}

int refuse(const CLI::App& app, const CLI::ParseError& error, int argc, const char* const* argv) {
  const CLI::App* command = &app;
  for (const CLI::App* parsed : app.get_subcommands()) command = parsed;
  if (error.get_exit_code() == 0) {  // --help
    // With the names in front of it, so that "Usage:" is what one types.
    const auto* parent = command->get_parent();
    fmt::print("{}", command->help(parent ? parent->get_name() : std::string()));
    return 0;
  }
  const std::string name =
      command == &app ? std::string("millstream") : "millstream " + command->get_name();
  fmt::print(stderr, "{}: {}\n{}Try: {} --help\n", name, error.what(), suggestion(app, argc, argv),
             name);
  return kUsage;
}

}  // namespace

Result<uint64_t> parse_rate(std::string_view text) {
  std::string_view number = text;
  if (number.ends_with("/s")) number.remove_suffix(2);
  const auto rate = parse_integer<uint64_t>(number);
  if (!rate || *rate == 0 || *rate > 1'000'000'000) {
    return fail(ErrorCode::kInvalidArgument,
                "--rate takes records a second, such as 1000 or 1000/s, not '{}'", text);
  }
  return *rate;
}

int run_command_line(int argc, const char* const* argv, const Commands& commands) {
  CLI::App app("Millstream: the Amazon Kinesis family on your own machines.", "millstream");
  app.require_subcommand(1);
  app.footer(
      "Begin with: millstream serve. Then, in another terminal:\n"
      "  aws --endpoint-url http://127.0.0.1:4567 kinesis list-streams\n"
      "Help on a command: millstream COMMAND --help");
  Texts texts;

  CLI::App* serve_app = app.add_subcommand("serve", "Run the server");
  serve_app->footer(kServeExamples);
  serve_app->add_option("--config", texts.config_file, "YAML file; else MILLSTREAM_CONFIG")
      ->type_name("FILE");
  for (const Setting& setting : all_settings()) add_setting(*serve_app, setting, texts);

  PutOptions put_options;
  CLI::App* put_app = app.add_subcommand("put", "Put lines of text or NDJSON into a stream");
  put_app->footer(kPutExamples);
  put_app->add_option("STREAM", texts.stream, "Name of the stream")->required();
  put_app->add_option("FILES", texts.files, "Files to read; none or -: standard input");
  put_app
      ->add_option("--partition-key", texts.partition_key,
                   "random; constant or constant:KEY; or a field of the JSON object in each "
                   "line")
      ->type_name("FIELD")
      ->default_str("random");
  put_app->add_option("--rate", texts.rate, "Records a second at most")->type_name("N/s");
  put_app->add_option("--batch", put_options.batch, "Records a call")
      ->type_name("N")
      ->check(CLI::Range(1, 500))
      ->default_str("500");
  add_connection(*put_app, texts.connection);

  TailOptions tail_options;
  bool no_follow = false;
  CLI::App* tail_app = app.add_subcommand("tail", "Show a stream's records as they arrive");
  tail_app->footer(kTailExamples);
  tail_app->add_option("STREAM", texts.stream, "Name of the stream")->required();
  tail_app
      ->add_option("--from", texts.from,
                   "latest, trim_horizon, a time (2026-11-24T10:00:00Z), or a time ago (5m)")
      ->type_name("WHERE")
      ->default_str("latest");
  tail_app->add_option("--max", tail_options.max_records, "End after N records")->type_name("N");
  tail_app->add_flag("--no-follow", no_follow, "End at the newest record");
  tail_app->add_flag("--ndjson", tail_options.ndjson, "A JSON object a line");
  add_connection(*tail_app, texts.connection);

  SqlOptions sql_options;
  CLI::App* sql_app = app.add_subcommand("sql", "Query streams with SQL: a shell, or a script");
  sql_app->footer(kSqlExamples);
  sql_app->add_option("-f,--file", sql_options.file, "Script to run")->type_name("FILE");
  sql_app->add_option("-e,--execute", sql_options.statement, "Statements to run")->type_name("SQL");
  sql_app
      ->add_option("--output", texts.output,
                   "table, changelog (kind of change, then the cells, with tabs between) or json "
                   "(an object a row); auto: a live table on a terminal, else the changelog")
      ->type_name("FORM")
      ->default_str("auto");
  sql_app->add_flag("--bounded", sql_options.bounded, "Over what is stored now, then end");
  add_connection(*sql_app, texts.connection);

  AppOptions app_options;
  CLI::App* app_app =
      app.add_subcommand("app", "SQL applications that run on: create, start, stop, describe …");
  add_app(*app_app, texts, app_options);

  BenchOptions bench_options;
  CLI::App* bench_app = app.add_subcommand("bench", "Measure a running server");
  std::string scenarios = "Scenario, repeatable; all of them by default:";
  for (const BenchScenario& scenario : bench_scenarios()) {
    scenarios += fmt::format(" {} ({});", scenario.name, scenario.description);
  }
  bench_app->footer(kBenchExamples);
  bench_app->add_option("--scenario", bench_options.scenarios, scenarios)
      ->type_name("NAME")
      ->allow_extra_args(false);
  bench_app->add_option("--duration", texts.duration, "Of each scenario")
      ->type_name("DURATION")
      ->default_str("10s");
  bench_app->add_option("--warm-up", texts.warm_up, "Before measuring")
      ->type_name("DURATION")
      ->default_str("2s");
  bench_app->add_option("--shards", bench_options.shards, "Of the streams made")
      ->type_name("N")
      ->check(CLI::Range(1, 10'000))
      ->default_str("8");
  bench_app
      ->add_option("--connections", bench_options.connections,
                   "Of a put; else as the scenario says")
      ->type_name("N")
      ->check(CLI::Range(1, 10'000));
  bench_app->add_option("--protocol", texts.protocol, "Of the puts: json or cbor")
      ->type_name("NAME")
      ->check(CLI::IsMember({"json", "cbor"}))
      ->default_str("json");
  bench_app->add_flag("--tls", texts.tls, "Speak TLS, as with an endpoint of https://");
  bench_app->add_flag("--insecure", texts.insecure, "Do not verify the server's certificate");
  bench_app->add_option("--threads", bench_options.threads, "Of the generator")
      ->type_name("N")
      ->check(CLI::Range(1, 256))
      ->default_str("1");
  bench_app->add_option("--json", bench_options.json_file, "Append results, one object a line")
      ->type_name("FILE");
  bench_app->add_option("--server-name", bench_options.server_name, "Name in the output")
      ->type_name("NAME")
      ->default_str("millstream");
  bench_app
      ->add_option("--server-pid", bench_options.server_pid,
                   "Process whose CPU time and memory to show")
      ->type_name("PID");
  add_connection(*bench_app, texts.connection);

  CLI::App* cert_app =
      app.add_subcommand("cert", "Print the CA of the generated certificate, for clients to trust");
  cert_app->footer(kCertExamples);
  cert_app->add_option("--config", texts.config_file, "YAML file; else MILLSTREAM_CONFIG")
      ->type_name("FILE");
  add_setting(*cert_app, *find_setting("data"), texts);

  KeyOptions key_options;
  CLI::App* key_app = app.add_subcommand("key", "Master keys of encrypted streams: list, create …");
  add_key(*key_app, texts, key_options);

  bool show_settings = false;
  bool show_operations = false;
  bool show_functions = false;
  CLI::App* version_app = app.add_subcommand("version", "Print the version");
  version_app->add_flag("--settings", show_settings, "Print the table of all settings (Markdown)");
  version_app->add_flag("--operations", show_operations,
                        "Print the table of API operations (Markdown)");
  version_app->add_flag("--functions", show_functions,
                        "Print the tables of SQL functions (Markdown)");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return refuse(app, error, argc, argv);
  }
  if (serve_app->parsed()) return serve(texts, commands);
  if (put_app->parsed()) return put(texts, put_options, commands);
  if (tail_app->parsed()) {
    tail_options.follow = !no_follow;
    return tail(texts, tail_options, commands);
  }
  if (sql_app->parsed()) return sql(texts, sql_options, commands);
  if (app_app->parsed()) return millstream::cli::app(texts, app_options, commands);
  if (bench_app->parsed()) return bench(texts, bench_options, commands);
  if (cert_app->parsed()) return cert(texts, commands);
  if (key_app->parsed()) return key(texts, key_options, commands);
  return version(show_settings, show_operations, show_functions, commands);
}

}  // namespace millstream::cli
