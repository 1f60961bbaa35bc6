#include "server/server.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <limits>

#include <boost/asio/use_future.hpp>

#include "auth/origin_rules.h"
#include "base/buffer_pool.h"
#include "base/logging.h"
#include "base/memory_env.h"
#include "base/metrics.h"
#include "base/real_env.h"
#include "http/loops.h"
#include "http/server.h"
#include "leases/service.h"
#include "log/local/local_log.h"
#include "meta/meta_store.h"
#include "server/admin.h"
#include "server/analytics_part.h"
#include "server/cloudwatch_metrics.h"
#include "server/credentials_file.h"
#include "server/encryption_part.h"
#include "server/faults.h"
#include "server/firehose_part.h"
#include "server/gateway.h"
#include "server/manual_env.h"
#include "server/sts.h"
#include "server/tier_part.h"
#include "server/version.h"
#include "streams/control_plane.h"
#include "streams/meta_catalog.h"
#include "streams/on_demand.h"
#include "streams/schema.h"
#include "wire/arn.h"
#include "wire/operations_table.h"

namespace millstream::server {
namespace {

namespace fs = std::filesystem;

OriginSettings origin_settings(const ServerConfig& config) {
  return {.listen = config.listen,
          .has_keys = !config.access_keys.empty() || !config.credentials_file.empty(),
          .any_credentials_allowed = config.accept_any_credentials,
          .host_names = config.host_names,
          .cors_origins = config.cors_origins};
}

streams::StreamsSettings streams_settings(const ServerConfig& config) {
  streams::StreamsSettings settings;
  settings.shard_limits = config.shard_limits;
  settings.state_delay = config.state_delay;
  settings.on_demand_shards = config.on_demand_shards;
  const auto split_bytes = static_cast<double>(std::max<uint64_t>(1, config.on_demand_split_bytes));
  settings.on_demand = {.split_bytes_per_s = split_bytes,
                        .split_records_per_s = split_bytes / 1024,
                        .split_after = config.on_demand_split_after,
                        .merge_after = config.on_demand_merge_after,
                        .most_shards = static_cast<uint32_t>(config.on_demand_max_shards)};
  return settings;
}

streams::NewStream declared_stream(const StreamDeclaration& declaration) {
  streams::NewStream stream;
  stream.key = {declaration.account, declaration.region, declaration.name};
  stream.shards = static_cast<uint32_t>(declaration.shards);
  stream.retention_hours = declaration.retention_hours;
  return stream;
}

void add_disk_metrics(MetricRegistry& metrics, const LocalLog& log) {
  const auto gauge = [&](std::string name, std::string help, double (*value)(const DiskUse&)) {
    metrics.gauge_from("millstream_disk_" + std::move(name), std::move(help), {},
                       [&log, value] { return value(log.disk_use()); });
  };
  gauge("used_bytes", "What the log takes of the disk",
        [](const DiskUse& use) { return static_cast<double>(use.used_bytes); });
  gauge("budget_bytes", "What the log may take of the disk; 0: all",
        [](const DiskUse& use) { return static_cast<double>(use.budget_bytes); });
  gauge("free_bytes", "Free on the log's file system",
        [](const DiskUse& use) { return static_cast<double>(use.free_bytes); });
  gauge("alarm", "0: none, 1: warning, 2: critical, 3: full, writes are refused",
        [](const DiskUse& use) { return static_cast<double>(use.alarm); });
  gauge("full_in_seconds", "Until the disk is full at the present rate; +Inf: it does not fill",
        [](const DiskUse& use) {
          return use.full_in ? static_cast<double>(use.full_in->count())
                             : std::numeric_limits<double>::infinity();
        });
}

// Members are in the order in which they start; stop() ends them in the right one.
class ServerImpl final : public Server {
 public:
  explicit ServerImpl(ServerConfig config)
      : config_(std::move(config)),
        credentials_(config_.access_keys, !config_.accept_any_credentials),
        streams_settings_(streams_settings(config_)),
        loops_(std::make_unique<Loops>(static_cast<size_t>(config_.loops))) {}

  ~ServerImpl() override { stop(); }

  Result<> open() {
    TRY(load_credentials());
    TRY_ASSIGN(auto origins, OriginRules::create(origin_settings(config_)));
    origins_.emplace(std::move(origins));
    TRY(open_storage());
    loops_->start();
    TRY(open_streams());
    TRY(open_firehose());
    TRY(open_analytics());
    register_operations();
    return listen();
  }

  std::vector<std::string> addresses() const override {
    std::vector<std::string> bound;
    for (size_t i = 0; i < config_.listen.size(); ++i) {
      const auto& address = config_.listen[i];
      bound.push_back(fmt::format("{}:{}", address.substr(0, address.rfind(':')), http_->port(i)));
    }
    return bound;
  }

  std::vector<std::string> warnings() const override {
    std::vector<std::string> all = config_.warnings;
    all.insert(all.end(), credential_warnings_.begin(), credential_warnings_.end());
    if (!origins_->warning().empty()) all.push_back(origins_->warning());
    for (auto& problem : problems()) all.push_back(std::move(problem));
    return all;
  }

  Result<> reload() override {
    if (auto keys = encryption_->reload(); !keys) {
      log_error("server", "the master keys stay as they were: {}", keys.error().message);
    }
    for (const auto& problem : encryption_->problems()) log_warning("server", "{}", problem);
    if (config_.credentials_file.empty()) return {};
    TRY(load_credentials());
    for (const auto& warning : credential_warnings_) log_warning("server", "{}", warning);
    log_info("server", "read {}: {} access keys", config_.credentials_file,
             credentials_.snapshot().size());
    return {};
  }

  std::string compatibility() const override { return wire::operations_markdown(table_); }

  void stop() override {
    if (stopped_) return;
    stopped_ = true;
    if (http_) http_->shutdown(config_.grace_period);
    if (analytics_) analytics_->stop();
    if (firehose_) firehose_->stop();
    if (log_ && loops_running_) {
      if (auto closed = wait_for(log_->close()); !closed) {
        log_error("server", "closing the log: {}", closed.error().message);
      }
    }
    // Coroutines that wait for the metadata store or the catalog are not resumed any more; the
    // store completes what it accepted; then their frames go with the loops.
    loops_->stop();
    loops_->join();
    cpu_pool_.join();
    http_.reset();
    meta_.reset();
    loops_.reset();
    analytics_.reset();
    firehose_.reset();
    control_.reset();
    on_demand_.reset();
    catalog_.reset();
    encryption_.reset();
    log_.reset();
  }

 private:
  // Runs a coroutine on a loop and waits for it. Not on a loop.
  template <class T>
  Result<T> wait_for(awaitable<Result<T>> work) {
    return asio::co_spawn(loops_->executor(0), std::move(work), asio::use_future).get();
  }

  // All keys or, after an error, those from before.
  Result<> load_credentials() {
    if (config_.credentials_file.empty()) return {};
    TRY_ASSIGN(CredentialsFile file, read_credentials_file(config_.credentials_file));
    TRY_ASSIGN(auto keys, all_keys(config_.access_keys, file));
    credentials_.replace(std::move(keys), !config_.accept_any_credentials);
    credential_warnings_ = std::move(file.warnings);
    return {};
  }

  Result<> open_storage() {
    if (config_.ephemeral) {
      memory_env_ = make_memory_env();
      env_ = memory_env_.get();
    } else {
      env_ = &real_env();
    }
    if (config_.manual_clock) {
      manual_env_ = std::make_unique<ManualEnv>(*env_);
      env_ = manual_env_.get();
    }
    const std::string& data = config_.data_folder;
    TRY(env_->make_folders(data));
    LocalLogOptions options{.folder = data + "/log", .durability = config_.durability};
    options.journal_bytes = config_.journal_budget;
    options.tail_cache_bytes = config_.tail_cache;
    options.pending_bytes = config_.write_buffer;
    options.disk_warning_percent = config_.disk_warning;
    options.disk_critical_percent = config_.disk_critical;
    TRY_ASSIGN(options.disk_bytes, disk_budget(data));
    if (config_.ephemeral) {
      // Memory, not disk: files as small as a big append allows, and no room for much history.
      options.journal_bytes = uint64_t{256} << 20;
      options.tail_cache_bytes = std::min<size_t>(options.tail_cache_bytes, size_t{64} << 20);
    }
    TRY_ASSIGN(options.tier, tier_options(config_, *env_));
    TRY_ASSIGN(log_, LocalLog::open(*env_, std::move(options)));
    TRY_ASSIGN(meta_, open_sqlite(config_.ephemeral ? ":memory:" : data + "/meta.db"));
    TRY(meta_->migrate(streams::stream_migrations()));
    TRY(meta_->migrate(leases::lease_migrations()));
    leases_ = std::make_unique<leases::LeaseTables>(*meta_, *env_);
    TRY_ASSIGN(streams_settings_.token_key, streams::load_token_key(*meta_));
    TRY_ASSIGN(encryption_, EncryptionPart::open(config_, *log_, *meta_, *env_, cpu_pool_));
    return {};
  }

  Result<uint64_t> disk_budget(const std::string& folder) const {
    if (config_.disk_budget_percent == 0) return config_.disk_budget;
    std::error_code error;
    const fs::space_info space = fs::space(folder, error);
    if (error) return fail(ErrorCode::kIo, "can't ask for the size of {}'s disk", folder);
    return space.capacity / 100 * static_cast<uint64_t>(config_.disk_budget_percent);
  }

  Result<> open_streams() {
    loops_running_ = true;
    catalog_ = std::make_unique<streams::MetaCatalog>(*meta_, encryption_->log(), *env_,
                                                      streams_settings_, &encryption_->keys());
    control_ = std::make_unique<streams::ControlPlane>(*catalog_, *env_, streams_settings_,
                                                       &encryption_->keys());
    TRY(wait_for(catalog_->open(loops_->executor(0))));
    on_demand_ = std::make_unique<streams::OnDemandController>(*catalog_, *env_, streams_settings_);
    on_demand_->start(loops_->executor(0));
    return wait_for(declare_streams());
  }

  awaitable<Result<>> declare_streams() {
    for (const auto& declaration : config_.streams) {
      CO_TRY(co_await control_->ensure_stream(declared_stream(declaration)));
    }
    co_return Result<>();
  }

  Result<> open_firehose() {
    TRY_ASSIGN(firehose_, FirehosePart::open({.config = config_,
                                              .env = *env_,
                                              .log = encryption_->log(),
                                              .catalog = *catalog_,
                                              .meta = *meta_,
                                              .metrics = metrics_}));
    return {};
  }

  Result<> open_analytics() {
    TRY_ASSIGN(analytics_, AnalyticsPart::open({.config = config_,
                                                .env = *env_,
                                                .log = encryption_->log(),
                                                .catalog = *catalog_,
                                                .meta = *meta_,
                                                .firehose = *firehose_}));
    return {};
  }

  void register_operations() {
    streams_context_.emplace(streams::StreamsContext{.log = encryption_->log(),
                                                     .catalog = *catalog_,
                                                     .clock = *env_,
                                                     .settings = streams_settings_,
                                                     .cpu_pool = &cpu_pool_,
                                                     .faults = &faults_,
                                                     .answers = bytes_in_flight_.get()});
    streams::register_data_operations(table_, *streams_context_);
    streams::register_control_operations(table_, *streams_context_, *control_);
    firehose_->register_operations(table_);
    leases::register_operations(table_, *leases_);
    register_sts_operations(table_, credentials_);
    register_cloudwatch_operations(table_, cloudwatch_);
    analytics_->register_operations(table_);
  }

  Result<> listen() {
    metrics_.gauge_from("millstream_buffer_bytes", "Bytes in buffers that are in use", {},
                        [] { return static_cast<double>(buffer_bytes_in_use()); });
    metrics_.gauge_from("millstream_http_connections", "Open connections", {},
                        [this] { return static_cast<double>(http_->stats().connections); });
    metrics_.gauge_from("millstream_http_bytes_in_flight", "Bytes of requests and responses", {},
                        [this] { return static_cast<double>(http_->stats().bytes_in_flight); });
    metrics_.gauge_from("millstream_log_problems", "Quarantined ranges and failures of the log", {},
                        [this] { return static_cast<double>(log_->problems().size()); });
    add_disk_metrics(metrics_, *log_);
    add_tier_metrics(metrics_, *log_);
    admin_.emplace(
        AdminParts{.credentials = credentials_,
                   .wall_clock = real_env(),
                   .query =
                       [this](const Caller& caller, HttpRequest& request, ResponseStream& stream) {
                         return analytics_->run_query(caller, request, stream);
                       },
                   .application_run =
                       [this](const Caller& caller, const std::string& name) {
                         return analytics_->application_run(caller, name);
                       },
                   .test_mode = config_.test_mode,
                   .reset = [this] { return reset(); },
                   .truncate = [this](const std::string& stream) { return truncate(stream); },
                   .faults = faults_,
                   .clock = manual_env_ ? &manual_env_->clock() : nullptr});
    GatewayParts parts{.table = table_,
                       .credentials = credentials_,
                       .origins = *origins_,
                       .wall_clock = real_env(),
                       .clock = real_env(),
                       .cpu_pool = cpu_pool_,
                       .metrics = metrics_,
                       .metrics_text =
                           [this] {
                             return metrics_.render() +
                                    streams::render_stream_metrics(catalog_->list_all());
                           },
                       .resource_policies = resource_policies_,
                       .problems = [this] { return problems(); },
                       .disk = [this] { return log_->disk_use(); },
                       .admin = *admin_,
                       .faults = faults_,
                       .slow_request = config_.slow_request};
    gateway_ = std::make_unique<Gateway>(std::move(parts));
    HttpServerOptions options{
        .listen = config_.listen, .limits = config_.http, .budget = bytes_in_flight_};
    options.overloaded = &Gateway::overloaded;
    TRY_ASSIGN(options.tls, tls_context());
    http_ = std::make_unique<HttpServer>(*loops_, std::move(options),
                                         [this](HttpRequest& request, ResponseStream& stream) {
                                           return gateway_->handle(request, stream);
                                         });
    return http_->start();
  }

  Result<TlsContext> tls_context() const {
    if (!config_.tls_certificate_file.empty()) {
      return load_tls_context(config_.tls_certificate_file, config_.tls_key_file);
    }
    if (!config_.ephemeral) {
      return generated_tls_context(config_.data_folder + "/tls", config_.host_names);
    }
    // Nothing is left on the disk: the certificate's files live for a moment only.
    std::string folder = (fs::temp_directory_path() / "millstream-XXXXXX").string();
    if (!::mkdtemp(folder.data())) {
      return fail(ErrorCode::kIo, "can't make a temporary folder {}", folder);
    }
    auto context = generated_tls_context(folder, config_.host_names);
    std::error_code ignored;
    fs::remove_all(folder, ignored);
    return context;
  }

  std::vector<std::string> problems() const {
    std::vector<std::string> texts;
    for (const auto& problem : log_->problems()) texts.push_back(problem.message);
    for (auto& problem : encryption_->problems()) texts.push_back(std::move(problem));
    return texts;
  }

  std::shared_ptr<const std::string> resource_policy(std::string_view arn) const {
    if (const auto consumer = wire::parse_consumer_arn(arn)) {
      const auto& key = consumer->stream;
      const auto stream = catalog_->find({key.account, key.region, key.name});
      if (!stream) return nullptr;
      const auto found = stream->consumer_policies.find(std::string(arn));
      return found == stream->consumer_policies.end() ? nullptr : found->second;
    }
    const auto key = wire::parse_stream_arn(arn);
    if (!key) return nullptr;
    const auto stream = catalog_->find({key->account, key->region, key->name});
    return stream ? stream->policy : nullptr;
  }

  // The present records of a stream are gone; later ones stay.
  awaitable<Result<>> truncate(std::string name_or_arn) {
    streams::StreamKey key{std::string(kDefaultAccount), config_.region, name_or_arn};
    if (name_or_arn.starts_with("arn:")) {
      CO_TRY_ASSIGN(const auto arn, wire::parse_stream_arn(name_or_arn));
      key = {arn.account, arn.region, arn.name};
    }
    const auto stream = catalog_->find(key);
    if (!stream) co_return streams::no_such_stream(key);
    for (const streams::Shard& shard : stream->shards) {
      CO_TRY_ASSIGN(const ShardStatus status, log_->status(shard.log_id));
      CO_TRY(co_await log_->trim(shard.log_id, status.tip));
    }
    co_return Result<>();
  }

  awaitable<Result<>> reset() {
    CO_TRY(co_await analytics_->delete_all());
    CO_TRY(co_await firehose_->delete_all());
    CO_TRY(co_await control_->delete_all_streams());
    CO_TRY(co_await leases_->delete_all());
    co_return co_await declare_streams();
  }

  const ServerConfig config_;
  bool stopped_ = false;
  bool loops_running_ = false;
  MetricRegistry metrics_;
  CloudWatchMetrics cloudwatch_{metrics_};
  // Of requests and answers.
  const std::shared_ptr<ByteBudget> bytes_in_flight_ =
      std::make_shared<ByteBudget>(config_.http.bytes_in_flight);
  CredentialStore credentials_;
  std::vector<std::string> credential_warnings_;
  const ResourcePolicies resource_policies_ = [this](std::string_view arn) {
    return resource_policy(arn);
  };
  std::optional<OriginRules> origins_;
  std::unique_ptr<Env> memory_env_;
  std::unique_ptr<ManualEnv> manual_env_;
  Env* env_ = nullptr;
  Faults faults_;
  asio::thread_pool cpu_pool_{std::max(1U, std::thread::hardware_concurrency())};
  streams::StreamsSettings streams_settings_;
  std::unique_ptr<LocalLog> log_;
  std::unique_ptr<EncryptionPart> encryption_;
  std::unique_ptr<streams::MetaCatalog> catalog_;
  std::unique_ptr<streams::OnDemandController> on_demand_;
  std::unique_ptr<streams::ControlPlane> control_;
  std::optional<streams::StreamsContext> streams_context_;
  std::unique_ptr<leases::LeaseTables> leases_;
  std::unique_ptr<FirehosePart> firehose_;
  std::unique_ptr<AnalyticsPart> analytics_;
  wire::OperationTable table_;
  std::optional<Admin> admin_;
  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<Loops> loops_;
  std::unique_ptr<MetaStore> meta_;
  std::unique_ptr<HttpServer> http_;
};

// Half of what memory_limit leaves beside the parts that have limits of their own; the other half
// is the process itself.
size_t idle_memory(const ServerConfig& config) {
  const uint64_t parts = config.tail_cache + config.write_buffer + config.delivery_buffer +
                         config.http.bytes_in_flight;
  return std::min(size_t{64} << 20, static_cast<size_t>(config.memory_limit - parts) / 2);
}

}  // namespace

Result<std::unique_ptr<Server>> Server::start(ServerConfig config) {
  auto server = std::make_unique<ServerImpl>(std::move(config));
  TRY(server->open());
  return server;
}

int run_server(const ServerConfig& config) {
  // Signals come to sigwait() below, whichever threads there are.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  start_logging(config.log_format, config.log_level);
  limit_idle_memory(idle_memory(config));
  auto server = Server::start(config);
  if (!server) {
    fmt::print(stderr, "millstream: {}\n", server.error().message);
    return 1;
  }
  for (const auto& warning : (*server)->warnings()) log_warning("server", "{}", warning);
  fmt::print("millstream {} ready at http://{} ({}{})\n", MS_VERSION,
             fmt::join((*server)->addresses(), ", http://"),
             config.ephemeral ? "everything in memory" : "data in ",
             config.ephemeral ? "" : config.data_folder);
  std::fflush(stdout);
  int signal = 0;
  while (sigwait(&signals, &signal) == 0 && signal == SIGHUP) {
    if (auto reloaded = (*server)->reload(); !reloaded) {
      log_error("server", "the access keys stay as they were: {}", reloaded.error().message);
    }
  }
  log_info("server", "stopping: finishing what was accepted");
  (*server)->stop();
  return 0;
}

std::string compatibility_table() {
  // What is in the table of a real server, so that the page can't claim more than runs.
  ServerConfig config;
  config.ephemeral = true;
  config.listen = {"127.0.0.1:0"};
  auto server = Server::start(config);
  if (!server) return server.error().message;
  return (*server)->compatibility();
}

}  // namespace millstream::server
