#include "cli/app.h"

#include <chrono>
#include <cstdio>
#include <optional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>
#include <simdjson.h>

#include "base/real_env.h"
#include "base/text.h"
#include "cli/progress.h"
#include "cli/run_coroutine.h"
#include "wire/generated/kinesis.h"
#include "wire/generated/kinesisanalyticsv2.h"

namespace millstream::cli {
namespace {

namespace api = wire::kinesisanalyticsv2;
namespace streams = wire::kinesis;
using namespace std::chrono_literals;

constexpr auto kPoll = 100ms;
constexpr auto kPatience = 60s;
constexpr std::string_view kRole = "arn:aws:iam::000000000000:role/millstream";
constexpr std::string_view kInputPrefix = "SOURCE_SQL_STREAM";

class AppClient {
 public:
  AppClient(ApiClient client, const AppOptions& options)
      : client_(std::move(client)), options_(options) {}

  awaitable<Result<>> run() {
    switch (options_.command) {
      case AppCommand::kCreate:
        co_return co_await create();
      case AppCommand::kStart:
        co_return co_await start();
      case AppCommand::kStop:
        co_return co_await stop();
      case AppCommand::kDescribe:
        co_return co_await describe();
      case AppCommand::kLogs:
        co_return co_await logs();
      case AppCommand::kDelete:
        co_return co_await remove();
      case AppCommand::kList:
        break;
    }
    co_return co_await list();
  }

 private:
  awaitable<Result<std::string>> arn_of(std::string stream) {
    streams::DescribeStreamSummaryInput in;
    in.stream_name = std::move(stream);
    CO_TRY_ASSIGN(const auto out,
                  co_await client_.call<streams::DescribeStreamSummary>(std::move(in)));
    co_return out.stream_description_summary.stream_arn;
  }

  awaitable<Result<api::Input>> input_of(std::string stream, std::string prefix) {
    CO_TRY_ASSIGN(std::string arn, co_await arn_of(stream));
    api::DiscoverInputSchemaRequest in;
    in.resource_arn = arn;
    in.service_execution_role = kRole;
    in.input_starting_position_configuration.emplace();
    in.input_starting_position_configuration->input_starting_position = "TRIM_HORIZON";
    CO_TRY_ASSIGN(auto found, co_await client_.call<api::DiscoverInputSchema>(std::move(in)));
    if (!found.input_schema) {
      co_return fail(ErrorCode::kInvalidArgument, "no schema was found in stream {}", stream);
    }
    api::Input input;
    input.name_prefix = std::move(prefix);
    input.kinesis_streams_input.emplace();
    input.kinesis_streams_input->resource_arn = std::move(arn);
    input.input_schema = *std::move(found.input_schema);
    co_return input;
  }

  awaitable<Result<>> create() {
    CO_TRY_ASSIGN(std::string code, real_env().read_file(options_.sql_file));
    api::CreateApplicationRequest in;
    in.application_name = options_.name;
    in.service_execution_role = kRole;
    in.runtime_environment = options_.inputs.empty() ? "FLINK-1_20" : "SQL-1_0";
    api::ApplicationConfiguration& configuration = in.application_configuration.emplace();
    auto& stored = configuration.application_code_configuration.emplace();
    stored.code_content_type = "PLAINTEXT";
    stored.code_content.emplace().text_content = std::move(code);
    if (!options_.inputs.empty()) {
      auto& sql = configuration.sql_application_configuration.emplace();
      sql.inputs.emplace();
      for (const std::string& stream : options_.inputs) {
        const size_t number = sql.inputs->size();
        std::string prefix(kInputPrefix);
        if (number > 0) prefix += fmt::format("_{}", number + 1);
        CO_TRY_ASSIGN(api::Input input, co_await input_of(stream, std::move(prefix)));
        sql.inputs->push_back(std::move(input));
      }
      for (const std::string& text : options_.outputs) {
        CO_TRY_ASSIGN(const auto names, parse_output(text));
        api::Output output;
        output.name = names.first;
        CO_TRY_ASSIGN(std::string arn, co_await arn_of(names.second));
        output.kinesis_streams_output.emplace().resource_arn = std::move(arn);
        output.destination_schema.record_format_type = "JSON";
        if (!sql.outputs) sql.outputs.emplace();
        sql.outputs->push_back(std::move(output));
      }
    }
    CO_TRY_ASSIGN(const auto made, co_await client_.call<api::CreateApplication>(std::move(in)));
    fmt::print("created {} ({})\n", options_.name, made.application_detail.runtime_environment);
    if (options_.start) co_return co_await start();
    co_return Result<>();
  }

  awaitable<Result<api::ApplicationDetail>> detail() {
    api::DescribeApplicationRequest in;
    in.application_name = options_.name;
    CO_TRY_ASSIGN(auto out, co_await client_.call<api::DescribeApplication>(std::move(in)));
    co_return std::move(out.application_detail);
  }

  // Until it is no longer in one of the states that pass.
  awaitable<Result<std::string>> settled() {
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor);
    const auto begun = std::chrono::steady_clock::now();
    while (true) {
      CO_TRY_ASSIGN(const auto now, co_await detail());
      if (!now.application_status.ends_with("ING") || now.application_status == "RUNNING") {
        co_return now.application_status;
      }
      if (std::chrono::steady_clock::now() - begun > kPatience) co_return now.application_status;
      timer.expires_after(kPoll);
      boost::system::error_code ignored;
      co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
  }

  awaitable<Result<>> start() {
    api::StartApplicationRequest in;
    in.application_name = options_.name;
    if (!options_.from.empty()) {
      CO_TRY_ASSIGN(const std::string from, parse_start(options_.from));
      CO_TRY_ASSIGN(const auto now, co_await detail());
      in.run_configuration.emplace();
      const auto& configuration = now.application_configuration_description;
      if (!configuration || !configuration->sql_application_configuration_description) {
        co_return fail(ErrorCode::kInvalidArgument,
                       "--from is for code of the Kinesis dialect; Flink SQL says in its tables "
                       "where they are read from: 'scan.stream.initpos' = 'TRIM_HORIZON'");
      }
      auto& inputs = in.run_configuration->sql_run_configurations.emplace();
      const auto& sql = *configuration->sql_application_configuration_description;
      if (sql.input_descriptions) {
        for (const api::InputDescription& input : *sql.input_descriptions) {
          api::SqlRunConfiguration one;
          one.input_id = input.input_id.value_or("");
          one.input_starting_position_configuration.input_starting_position = from;
          inputs.push_back(std::move(one));
        }
      }
    }
    CO_TRY(co_await client_.call<api::StartApplication>(std::move(in)));
    CO_TRY_ASSIGN(const std::string status, co_await settled());
    if (status != "RUNNING") {
      CO_TRY_ASSIGN(const Slice page, co_await run_page());
      co_return fail(ErrorCode::kRemote, "{} is {}: {}", options_.name, status,
                     text_of(page, "Failure"));
    }
    fmt::print("{} is RUNNING\n", options_.name);
    co_return Result<>();
  }

  awaitable<Result<>> stop() {
    api::StopApplicationRequest in;
    in.application_name = options_.name;
    in.force = options_.force;
    CO_TRY(co_await client_.call<api::StopApplication>(std::move(in)));
    CO_TRY_ASSIGN(const std::string status, co_await settled());
    fmt::print("{} is {}\n", options_.name, status);
    co_return Result<>();
  }

  awaitable<Result<>> remove() {
    CO_TRY_ASSIGN(const auto now, co_await detail());
    api::DeleteApplicationRequest in;
    in.application_name = options_.name;
    if (now.create_timestamp) in.create_timestamp = *now.create_timestamp;
    CO_TRY(co_await client_.call<api::DeleteApplication>(std::move(in)));
    fmt::print("deleted {}\n", options_.name);
    co_return Result<>();
  }

  awaitable<Result<>> list() {
    api::ListApplicationsRequest in;
    while (true) {
      CO_TRY_ASSIGN(const auto out, co_await client_.call<api::ListApplications>(in));
      for (const api::ApplicationSummary& each : out.application_summaries) {
        fmt::print("{:<32} {:<10} version {:<4} {}\n", each.application_name,
                   each.application_status, each.application_version_id, each.runtime_environment);
      }
      if (!out.next_token) co_return Result<>();
      in.next_token = out.next_token;
    }
  }

  // --- How it runs.

  awaitable<Result<Slice>> run_page() {
    co_return co_await client_.get("/_millstream/applications/" + options_.name);
  }

  static std::string text_of(const Slice& page, std::string_view member) {
    simdjson::dom::parser parser;
    std::string_view text;
    const simdjson::padded_string padded(page.view());
    simdjson::dom::element document;
    if (parser.parse(padded).get(document) != simdjson::SUCCESS) return "";
    return document[member].get(text) == simdjson::SUCCESS ? std::string(text) : "";
  }

  awaitable<Result<>> describe() {
    CO_TRY_ASSIGN(const auto now, co_await detail());
    CO_TRY_ASSIGN(const Slice page, co_await run_page());
    if (options_.json) {
      fmt::print(R"({{"ApplicationDetail":{},"Run":{}}})", wire::to_json(now), page.view());
      fmt::print("\n");
      co_return Result<>();
    }
    fmt::print("{}  {}  version {}  {}\n{}\n", now.application_name, now.application_status,
               now.application_version_id, now.runtime_environment, now.application_arn);
    print_figures(page);
    co_return Result<>();
  }

  static void print_figures(const Slice& page) {
    struct Figure {
      std::string_view member;
      std::string_view text;
    };
    constexpr Figure kFigures[] = {{"MillisBehindLatest", "milliseconds behind the latest record"},
                                   {"InputRows", "rows read"},
                                   {"OutputRows", "rows written"},
                                   {"LateRows", "rows that came too late"},
                                   {"ErrorRows", "rows to the error stream"},
                                   {"SkippedRows", "records that could not be read"},
                                   {"StateRows", "rows of state"},
                                   {"StateBytes", "bytes of state"},
                                   {"Parallelism", "partitions"},
                                   {"Restarts", "restarts"}};
    simdjson::dom::parser parser;
    const simdjson::padded_string padded(page.view());
    simdjson::dom::element document;
    if (parser.parse(padded).get(document) != simdjson::SUCCESS) return;
    for (const Figure& figure : kFigures) {
      uint64_t value = 0;
      if (document[figure.member].get(value) != simdjson::SUCCESS) continue;
      fmt::print("  {:>14} {}\n", with_thousands(value), figure.text);
    }
    std::string_view failure;
    if (document["Failure"].get(failure) == simdjson::SUCCESS) fmt::print("failed: {}\n", failure);
  }

  awaitable<Result<>> logs() {
    CO_TRY_ASSIGN(const Slice page, co_await run_page());
    simdjson::dom::parser parser;
    const simdjson::padded_string padded(page.view());
    simdjson::dom::element document;
    simdjson::dom::array lines;
    if (parser.parse(padded).get(document) != simdjson::SUCCESS ||
        document["Log"].get(lines) != simdjson::SUCCESS) {
      co_return fail(ErrorCode::kRemote,
                     "the server's answer is not of this version of millstream");
    }
    for (const simdjson::dom::element line : lines) {
      std::string_view text;
      if (line.get(text) == simdjson::SUCCESS) fmt::print("{}\n", text);
    }
    if (const std::string failure = text_of(page, "Failure"); !failure.empty()) {
      fmt::print("failed: {}\n", failure);
    }
    co_return Result<>();
  }

  ApiClient client_;
  const AppOptions& options_;
};

}  // namespace

Result<std::pair<std::string, std::string>> parse_output(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0 || equals + 1 == text.size()) {
    return fail(ErrorCode::kInvalidArgument,
                "--output takes IN_APPLICATION_STREAM=STREAM, not '{}'", text);
  }
  return std::pair(std::string(text.substr(0, equals)), std::string(text.substr(equals + 1)));
}

Result<std::string> parse_start(std::string_view text) {
  const std::string name = to_lower(text);
  if (name == "now") return std::string("NOW");
  if (name == "trim_horizon") return std::string("TRIM_HORIZON");
  if (name == "last") return std::string("LAST_STOPPED_POINT");
  return fail(ErrorCode::kInvalidArgument, "--from is now, trim_horizon or last, not '{}'", text);
}

int run_app(const AppOptions& options, const Connection& connection) {
  const auto run = [](Connection to, const AppOptions& asked) -> awaitable<Result<>> {
    CO_TRY_ASSIGN(ApiClient client, ApiClient::create(std::move(to), real_env()));
    co_return co_await AppClient(std::move(client), asked).run();
  };
  const Result<> done = run_coroutine(run(connection, options));
  if (done) return 0;
  fmt::print(stderr, "millstream app: {}\n", done.error().message);
  return 1;
}

}  // namespace millstream::cli
