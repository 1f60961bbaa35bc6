#include "analytics/applications/application.h"

#include <fmt/format.h>

#include "analytics/applications/definition.h"
#include "analytics/applications/tables.h"
#include "analytics/sql/parser.h"
#include "wire/json_encode.h"

namespace millstream::analytics {
namespace {

constexpr size_t kMaxTags = 50;  // AWS limit: tags of one resource

bool is_flink_runtime(std::string_view runtime) {
  return runtime.starts_with("FLINK-") || runtime.starts_with("ZEPPELIN-");
}

}  // namespace

std::string ApplicationKey::arn() const {
  return fmt::format("arn:aws:kinesisanalytics:{}:{}:application/{}", region, account, name);
}

api::ApplicationConfigurationDescription& Application::config() {
  if (!detail.application_configuration_description) {
    detail.application_configuration_description.emplace();
  }
  return *detail.application_configuration_description;
}

const api::ApplicationConfigurationDescription& Application::config() const {
  static const api::ApplicationConfigurationDescription kNone;
  const auto& description = detail.application_configuration_description;
  return description ? *description : kNone;
}

std::string Application::code() const {
  const auto& code = config().application_code_configuration_description;
  if (!code || !code->code_content_description) return "";
  return code->code_content_description->text_content.value_or("");
}

Result<Application> new_application(const api::CreateApplicationRequest& request,
                                    ApplicationKey key, TimeMs now_ms) {
  if (request.runtime_environment != api::RuntimeEnvironment::kSql1_0 &&
      !is_flink_runtime(request.runtime_environment)) {
    return fail(ErrorCode::kInvalidArgument, "Runtime environment {} is unknown.",
                request.runtime_environment);
  }
  Application made;
  made.key = std::move(key);
  api::ApplicationDetail& detail = made.detail;
  detail.application_arn = made.key.arn();
  detail.application_name = made.key.name;
  detail.application_description = request.application_description;
  detail.runtime_environment = request.runtime_environment;
  detail.service_execution_role = request.service_execution_role;
  detail.application_version_id = 1;
  const wire::Timestamp now{now_ms / 1000 * 1000};
  detail.create_timestamp = now;
  detail.last_update_timestamp = now;
  detail.application_version_create_timestamp = now;
  const bool is_zeppelin = request.runtime_environment.starts_with("ZEPPELIN-");
  detail.application_mode = request.application_mode.value_or(
      is_zeppelin ? api::ApplicationMode::kInteractive : api::ApplicationMode::kStreaming);
  TRY_ASSIGN(auto config,
             describe(request.application_configuration.value_or(api::ApplicationConfiguration()),
                      made.is_sql(), 1));
  detail.application_configuration_description = std::move(config);
  if (request.cloud_watch_logging_options) {
    auto& options = detail.cloud_watch_logging_option_descriptions.emplace();
    for (const auto& option : *request.cloud_watch_logging_options) {
      options.push_back(describe(option, fmt::format("1.{}", options.size() + 1)));
    }
  }
  detail.application_maintenance_configuration_description = {
      .application_maintenance_window_start_time = "06:00",
      .application_maintenance_window_end_time = "14:00"};
  for (const auto& tag : request.tags.value_or(std::vector<api::Tag>())) {
    if (tag.key.starts_with("aws:")) {
      return fail(ErrorCode::kInvalidArgument,
                  "Tag key {} starts with aws:, which is reserved for AWS; choose another key.",
                  tag.key);
    }
    made.tags[tag.key] = tag.value.value_or("");
  }
  if (made.tags.size() > kMaxTags) {
    return fail(ErrorCode::kTooManyTags, "An application has at most {} tags.", kMaxTags);
  }
  return made;
}

Result<> check_code(const Application& application, ErrorCode configuration) {
  const std::string code = application.code();
  if (code.empty()) return {};
  ApplicationRun run;
  run.is_flink = !application.is_sql();
  run.definition_json = wire::to_json(application.config());
  auto settings = planner_settings(run);
  const auto& inputs = application.config().sql_application_configuration_description;
  const bool has_inputs =
      inputs && inputs->input_descriptions && !inputs->input_descriptions->empty();
  // What can't run yet can be defined and stored all the same, as the code before its inputs.
  const bool is_start = configuration == ErrorCode::kInvalidConfiguration;
  const bool is_stored = !settings && settings.error().message.contains("not yet supported");
  if (!is_start && application.is_sql() && (is_stored || !has_inputs)) {
    auto parsed = sql::parse_script(code, sql::Dialect::kKinesis);
    if (parsed) return {};
    return std::unexpected(Error{ErrorCode::kCodeValidation, parsed.error().message});
  }
  if (!settings) return std::unexpected(Error{configuration, settings.error().message});
  auto planned = plan_script(code, *settings);
  if (!planned) return std::unexpected(Error{ErrorCode::kCodeValidation, planned.error().message});
  return {};
}

}  // namespace millstream::analytics
