#include "server/analytics_part.h"

#include <cstdlib>
#include <filesystem>

#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <simdjson.h>

#include "analytics/applications/application_service.h"
#include "analytics/applications/query.h"
#include "analytics/applications/run_report.h"
#include "analytics/applications/worker_runner.h"

namespace millstream::server {
namespace {

constexpr size_t kThreads = 2;  // between log and workers: copying records, no computing

// Beside this executable unless the configuration says otherwise.
std::string worker_executable(const ServerConfig& config) {
  if (!config.worker_executable.empty()) return config.worker_executable;
  std::error_code ignored;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", ignored);
  return (self.parent_path() / "millstream-worker").string();
}

Result<analytics::Query> parse_query(const Caller& caller, const Slice& body) {
  simdjson::ondemand::parser parser;
  const simdjson::padded_string text(body.view());
  simdjson::ondemand::document document;
  simdjson::ondemand::object members;
  analytics::Query query;
  query.account = caller.account;
  query.region = caller.region;
  std::string_view sql;
  const bool is_object = parser.iterate(text).get(document) == simdjson::SUCCESS &&
                         document.get_object().get(members) == simdjson::SUCCESS;
  if (!is_object ||
      members.find_field_unordered("sql").get_string().get(sql) != simdjson::SUCCESS) {
    return fail(ErrorCode::kInvalidArgument,
                R"(The body must be a JSON object: {{"sql": "SELECT …", "bounded": false}}.)");
  }
  query.code = sql;
  simdjson::ondemand::value bounded;
  if (members.find_field_unordered("bounded").get(bounded) == simdjson::SUCCESS &&
      bounded.get_bool().get(query.bounded) != simdjson::SUCCESS) {
    return fail(ErrorCode::kInvalidArgument, R"("bounded" must be true or false.)");
  }
  return query;
}

}  // namespace

struct AnalyticsPart::State {
  State(analytics::HostContext parts, analytics::WorkerRunnerSettings how, MetaStore& meta,
        std::string state_folder, bool is_temporary)
      : context(std::move(parts)),
        settings(std::move(how)),
        folder(std::move(state_folder)),
        folder_is_temporary(is_temporary),
        runner(analytics::WorkerRunner::make(pool.get_executor(), context, settings)),
        service({.meta = meta,
                 .runner = *runner,
                 .host = context,
                 .executor = pool.get_executor(),
                 .folder = folder}) {}
  ~State() {
    std::error_code ignored;
    if (folder_is_temporary) std::filesystem::remove_all(folder, ignored);
  }

  asio::thread_pool pool{kThreads};
  analytics::HostContext context;
  analytics::WorkerRunnerSettings settings;
  std::string folder;  // snapshots of applications' states
  bool folder_is_temporary;
  std::unique_ptr<analytics::WorkerRunner> runner;
  analytics::ApplicationService service;
};

AnalyticsPart::AnalyticsPart(std::unique_ptr<State> state) : state_(std::move(state)) {}
AnalyticsPart::~AnalyticsPart() = default;

Result<std::unique_ptr<AnalyticsPart>> AnalyticsPart::open(AnalyticsPartDependencies parts) {
  FirehosePart& firehose = parts.firehose;
  analytics::HostContext context{
      .log = parts.log,
      .catalog = parts.catalog,
      .lake = firehose.lake(),
      .s3 = firehose.s3(),
      .clock = parts.env,
      .delivery_shards = [&firehose](const std::string& account, const std::string& region,
                                     const std::string& name) {
        return firehose.own_shards(account, region, name);
      }};
  analytics::WorkerRunnerSettings settings;
  settings.executable = worker_executable(parts.config);
  settings.memory_limit_bytes = parts.config.worker_memory;
  // Worker processes write there: a real folder, also when everything else is in memory.
  std::string folder = parts.config.data_folder + "/analytics";
  if (parts.config.ephemeral) {
    folder = (std::filesystem::temp_directory_path() / "millstream-analytics-XXXXXX").string();
    if (!::mkdtemp(folder.data())) {
      return fail(ErrorCode::kIo, "can't make a temporary folder {}", folder);
    }
  }
  auto state = std::make_unique<State>(std::move(context), std::move(settings), parts.meta,
                                       std::move(folder), parts.config.ephemeral);
  TRY(state->service.start());
  return std::unique_ptr<AnalyticsPart>(new AnalyticsPart(std::move(state)));
}

awaitable<> AnalyticsPart::run_query(const Caller& caller, HttpRequest& request,
                                     ResponseStream& stream) {
  auto query = parse_query(caller, request.body);
  if (!query) {
    const std::string body = fmt::format(R"({{"message":"{}"}})", query.error().message);
    HttpResponse response{400, {{"content-type", "application/json"}}, Slice::copy_of(body)};
    (void)co_await stream.respond(std::move(response));
    co_return;
  }
  co_await analytics::run_query(state_->context, state_->settings, *std::move(query), stream);
}

Result<std::string> AnalyticsPart::application_run(const Caller& caller,
                                                   const std::string& name) const {
  wire::RequestContext context;
  context.account = caller.account;
  context.region = caller.region;
  TRY_ASSIGN(const auto application, state_->service.existing(context, name));
  return analytics::run_report(state_->service.run_status(*application));
}

void AnalyticsPart::register_operations(wire::OperationTable& table) {
  analytics::register_v1_operations(table, state_->service);
  analytics::register_v2_operations(table, state_->service);
}

awaitable<Result<>> AnalyticsPart::delete_all() { co_return co_await state_->service.remove_all(); }

void AnalyticsPart::stop() {
  asio::co_spawn(state_->pool, state_->service.stop(), asio::use_future).get();
  asio::co_spawn(state_->pool, state_->runner->shut_down(), asio::use_future).get();
  state_->pool.join();
}

}  // namespace millstream::server
