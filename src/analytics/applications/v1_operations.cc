// The operations of KinesisAnalytics_20150814. Its structures are those of V2 with a role beside
// each resource; one is read as the other through their JSON, in which members have equal names.
// Roles mean nothing here: an application keeps the first, and shows it everywhere.
#include "analytics/applications/application_parts.h"
#include "analytics/applications/application_service.h"
#include "analytics/applications/discover.h"
#include "analytics/applications/tag_operations.h"
#include "wire/generated/kinesisanalytics.h"
#include "wire/json_decode.h"
#include "wire/json_encode.h"

namespace millstream::analytics {
namespace {

namespace v1 = wire::kinesisanalytics;
using Caller = ApplicationService::Caller;
using Expected = ApplicationService::Expected;

constexpr int32_t kDefaultLimit = 50;  // AWS: ListApplications

template <class To, class From>
Result<To> as(const From& from) {
  return wire::from_json<To>(wire::to_json(from));
}

// Puts the application's role where V1 has one and V2 none.
template <class T>
void set_role(std::optional<T>& part, const std::optional<std::string>& role) {
  if (part && !part->role_arn) part->role_arn = role;
}

Result<v1::ApplicationDetail> describe(const ApplicationService& service,
                                       const Application& application) {
  const api::ApplicationDetail detail = service.described(application);
  v1::ApplicationDetail out;
  out.application_name = detail.application_name;
  out.application_description = detail.application_description;
  out.application_arn = detail.application_arn;
  out.application_status = detail.application_status;
  out.create_timestamp = detail.create_timestamp;
  out.last_update_timestamp = detail.last_update_timestamp;
  out.application_version_id = detail.application_version_id;
  out.application_code = application.code();
  const auto& role = detail.service_execution_role;
  if (const auto& sql = application.config().sql_application_configuration_description) {
    // The members of both have equal names.
    TRY_ASSIGN(auto parts, as<v1::ApplicationDetail>(*sql));
    out.input_descriptions = std::move(parts.input_descriptions);
    out.output_descriptions = std::move(parts.output_descriptions);
    out.reference_data_source_descriptions = std::move(parts.reference_data_source_descriptions);
  }
  if (out.input_descriptions) {
    for (auto& input : *out.input_descriptions) {
      set_role(input.kinesis_streams_input_description, role);
      set_role(input.kinesis_firehose_input_description, role);
    }
  }
  if (out.output_descriptions) {
    for (auto& output : *out.output_descriptions) {
      set_role(output.kinesis_streams_output_description, role);
      set_role(output.kinesis_firehose_output_description, role);
      set_role(output.lambda_output_description, role);
    }
  }
  if (out.reference_data_source_descriptions) {
    for (auto& source : *out.reference_data_source_descriptions) {
      source.s3_reference_data_source_description.reference_role_arn = role.value_or("");
    }
  }
  if (detail.cloud_watch_logging_option_descriptions) {
    auto& options = out.cloud_watch_logging_option_descriptions.emplace();
    for (const auto& option : *detail.cloud_watch_logging_option_descriptions) {
      options.push_back({.cloud_watch_logging_option_id = option.cloud_watch_logging_option_id,
                         .log_stream_arn = option.log_stream_arn,
                         .role_arn = role.value_or("")});
    }
  }
  return out;
}

std::string first_role(const v1::CreateApplicationRequest& in) {
  for (const auto& input : in.inputs.value_or(std::vector<v1::Input>())) {
    if (input.kinesis_streams_input) return input.kinesis_streams_input->role_arn;
    if (input.kinesis_firehose_input) return input.kinesis_firehose_input->role_arn;
  }
  for (const auto& output : in.outputs.value_or(std::vector<v1::Output>())) {
    if (output.kinesis_streams_output) return output.kinesis_streams_output->role_arn;
    if (output.kinesis_firehose_output) return output.kinesis_firehose_output->role_arn;
  }
  return "";
}

Result<api::CreateApplicationRequest> as_v2(const v1::CreateApplicationRequest& in) {
  api::CreateApplicationRequest out;
  out.application_name = in.application_name;
  out.application_description = in.application_description;
  out.runtime_environment = api::RuntimeEnvironment::kSql1_0;
  out.service_execution_role = first_role(in);
  auto& config = out.application_configuration.emplace();
  // Inputs and Outputs have the same names in both.
  TRY_ASSIGN(config.sql_application_configuration, as<api::SqlApplicationConfiguration>(in));
  if (in.application_code) {
    auto& code = config.application_code_configuration.emplace();
    code.code_content_type = api::CodeContentType::kPlaintext;
    code.code_content.emplace().text_content = in.application_code;
  }
  if (in.cloud_watch_logging_options) {
    auto& options = out.cloud_watch_logging_options.emplace();
    for (const auto& option : *in.cloud_watch_logging_options) {
      options.push_back({option.log_stream_arn});
    }
  }
  if (in.tags) {
    auto& tags = out.tags.emplace();
    for (const auto& tag : *in.tags) tags.push_back({.key = tag.key, .value = tag.value});
  }
  return out;
}

Result<api::UpdateApplicationRequest> as_v2(const v1::UpdateApplicationRequest& in) {
  api::UpdateApplicationRequest out;
  out.application_name = in.application_name;
  out.current_application_version_id = in.current_application_version_id;
  auto& config = out.application_configuration_update.emplace();
  const v1::ApplicationUpdate& update = in.application_update;
  TRY_ASSIGN(config.sql_application_configuration_update,
             as<api::SqlApplicationConfigurationUpdate>(update));
  if (update.application_code_update) {
    config.application_code_configuration_update.emplace()
        .code_content_update.emplace()
        .text_content_update = update.application_code_update;
  }
  if (update.cloud_watch_logging_option_updates) {
    auto& options = out.cloud_watch_logging_option_updates.emplace();
    for (const auto& each : *update.cloud_watch_logging_option_updates) {
      options.push_back({.cloud_watch_logging_option_id = each.cloud_watch_logging_option_id,
                         .log_stream_arn_update = each.log_stream_arn_update});
    }
  }
  return out;
}

// V1 knows SQL applications only.
Result<ApplicationService::ApplicationPtr> existing_sql(ApplicationService& service,
                                                        const Caller& caller,
                                                        const std::string& name) {
  TRY_ASSIGN(auto found, service.existing(caller, name));
  if (found->is_sql()) return found;
  return fail(ErrorCode::kUnsupportedOperation,
              "Application {} has runtime {}: use the V2 API (kinesisanalyticsv2).", name,
              found->detail.runtime_environment);
}

// An operation that makes a new version of an application and answers nothing.
template <class Op, class Change>
void handle_change(wire::OperationTable& table, ApplicationService& service, Change change) {
  table.handle<Op>([&service, change](
                       const Caller& caller,
                       typename Op::Input in) -> awaitable<Result<typename Op::Output>> {
    CO_TRY_ASSIGN(const auto found, existing_sql(service, caller, in.application_name));
    CO_TRY(co_await service.new_version(
        found, Expected{in.current_application_version_id, {}}, std::string(Op::descriptor().name),
        [&in, &change](Application& to) { return change(to, in); }));
    co_return typename Op::Output();
  });
}

void register_parts(wire::OperationTable& table, ApplicationService& service) {
  handle_change<v1::AddApplicationInput>(
      table, service, [](Application& to, const v1::AddApplicationInputRequest& in) -> Result<> {
        TRY_ASSIGN(const auto input, as<api::Input>(in.input));
        return add_input(to, input);
      });
  handle_change<v1::AddApplicationOutput>(
      table, service, [](Application& to, const v1::AddApplicationOutputRequest& in) -> Result<> {
        TRY_ASSIGN(const auto output, as<api::Output>(in.output));
        return add_output(to, output);
      });
  handle_change<v1::DeleteApplicationOutput>(
      table, service, [](Application& to, const v1::DeleteApplicationOutputRequest& in) {
        return delete_output(to, in.output_id);
      });
  handle_change<v1::AddApplicationReferenceDataSource>(
      table, service,
      [](Application& to, const v1::AddApplicationReferenceDataSourceRequest& in) -> Result<> {
        TRY_ASSIGN(const auto source, as<api::ReferenceDataSource>(in.reference_data_source));
        return add_reference(to, source);
      });
  handle_change<v1::DeleteApplicationReferenceDataSource>(
      table, service,
      [](Application& to, const v1::DeleteApplicationReferenceDataSourceRequest& in) {
        return delete_reference(to, in.reference_id);
      });
  handle_change<v1::AddApplicationInputProcessingConfiguration>(
      table, service,
      [](Application& to,
         const v1::AddApplicationInputProcessingConfigurationRequest& in) -> Result<> {
        TRY_ASSIGN(const auto processing,
                   as<api::InputProcessingConfiguration>(in.input_processing_configuration));
        return set_processing(to, in.input_id, processing);
      });
  handle_change<v1::DeleteApplicationInputProcessingConfiguration>(
      table, service,
      [](Application& to, const v1::DeleteApplicationInputProcessingConfigurationRequest& in) {
        return set_processing(to, in.input_id, {});
      });
  handle_change<v1::AddApplicationCloudWatchLoggingOption>(
      table, service,
      [](Application& to, const v1::AddApplicationCloudWatchLoggingOptionRequest& in) {
        return add_logging(to, {in.cloud_watch_logging_option.log_stream_arn});
      });
  handle_change<v1::DeleteApplicationCloudWatchLoggingOption>(
      table, service,
      [](Application& to, const v1::DeleteApplicationCloudWatchLoggingOptionRequest& in) {
        return delete_logging(to, in.cloud_watch_logging_option_id);
      });
}

void register_life(wire::OperationTable& table, ApplicationService& service) {
  table.handle<v1::CreateApplication>(
      [&service](
          const Caller& caller,
          v1::CreateApplicationRequest in) -> awaitable<Result<v1::CreateApplicationResponse>> {
        CO_TRY_ASSIGN(auto request, as_v2(in));
        CO_TRY_ASSIGN(const auto made, co_await service.create(caller, std::move(request)));
        co_return v1::CreateApplicationResponse{{.application_name = made->key.name,
                                                 .application_arn = made->key.arn(),
                                                 .application_status = made->status}};
      });
  table.handle<v1::DescribeApplication>(
      [&service](
          const Caller& caller,
          v1::DescribeApplicationRequest in) -> awaitable<Result<v1::DescribeApplicationResponse>> {
        CO_TRY_ASSIGN(const auto found, existing_sql(service, caller, in.application_name));
        CO_TRY_ASSIGN(auto detail, describe(service, *found));
        co_return v1::DescribeApplicationResponse{std::move(detail)};
      });
  table.handle<v1::ListApplications>(
      [&service](
          const Caller& caller,
          v1::ListApplicationsRequest in) -> awaitable<Result<v1::ListApplicationsResponse>> {
        v1::ListApplicationsResponse out;
        const auto limit = static_cast<size_t>(in.limit.value_or(kDefaultLimit));
        for (const auto& each : service.list(caller)) {
          if (!each->is_sql()) continue;
          if (each->key.name <= in.exclusive_start_application_name.value_or("")) continue;
          if (out.application_summaries.size() == limit) {
            out.has_more_applications = true;
            break;
          }
          out.application_summaries.push_back({.application_name = each->key.name,
                                               .application_arn = each->key.arn(),
                                               .application_status = each->status});
        }
        co_return out;
      });
  table.handle<v1::DeleteApplication>(
      [&service](
          const Caller& caller,
          v1::DeleteApplicationRequest in) -> awaitable<Result<v1::DeleteApplicationResponse>> {
        CO_TRY(existing_sql(service, caller, in.application_name));
        CO_TRY(co_await service.remove(caller, in.application_name, in.create_timestamp));
        co_return v1::DeleteApplicationResponse();
      });
  table.handle<v1::StartApplication>(
      [&service](
          const Caller& caller,
          v1::StartApplicationRequest in) -> awaitable<Result<v1::StartApplicationResponse>> {
        CO_TRY(existing_sql(service, caller, in.application_name));
        api::StartApplicationRequest request;
        request.application_name = in.application_name;
        auto& all = request.run_configuration.emplace().sql_run_configurations.emplace();
        for (const auto& each : in.input_configurations) {
          auto& made = all.emplace_back();
          made.input_id = each.id;
          made.input_starting_position_configuration.input_starting_position =
              each.input_starting_position_configuration.input_starting_position;
        }
        CO_TRY(co_await service.start_application(caller, std::move(request)));
        co_return v1::StartApplicationResponse();
      });
  table.handle<v1::StopApplication>(
      [&service](const Caller& caller,
                 v1::StopApplicationRequest in) -> awaitable<Result<v1::StopApplicationResponse>> {
        CO_TRY(existing_sql(service, caller, in.application_name));
        CO_TRY(co_await service.stop_application(caller, in.application_name, false));
        co_return v1::StopApplicationResponse();
      });
  table.handle<v1::UpdateApplication>(
      [&service](
          const Caller& caller,
          v1::UpdateApplicationRequest in) -> awaitable<Result<v1::UpdateApplicationResponse>> {
        CO_TRY(existing_sql(service, caller, in.application_name));
        CO_TRY_ASSIGN(auto request, as_v2(in));
        CO_TRY(co_await service.update(caller, std::move(request)));
        co_return v1::UpdateApplicationResponse();
      });
}

void register_others(wire::OperationTable& table, ApplicationService& service) {
  table.handle<v1::TagResource>(
      [&service](const Caller& caller,
                 v1::TagResourceRequest in) -> awaitable<Result<v1::TagResourceResponse>> {
        CO_TRY_ASSIGN(const auto found, service.by_arn(caller, in.resource_arn));
        CO_TRY(co_await service.change_tags(found, add_tags(std::move(in.tags))));
        co_return v1::TagResourceResponse();
      });
  table.handle<v1::UntagResource>(
      [&service](const Caller& caller,
                 v1::UntagResourceRequest in) -> awaitable<Result<v1::UntagResourceResponse>> {
        CO_TRY_ASSIGN(const auto found, service.by_arn(caller, in.resource_arn));
        CO_TRY(co_await service.change_tags(found, remove_tags(std::move(in.tag_keys))));
        co_return v1::UntagResourceResponse();
      });
  table.handle<v1::ListTagsForResource>(
      [&service](
          const Caller& caller,
          v1::ListTagsForResourceRequest in) -> awaitable<Result<v1::ListTagsForResourceResponse>> {
        CO_TRY_ASSIGN(const auto found, service.by_arn(caller, in.resource_arn));
        co_return v1::ListTagsForResourceResponse{list_tags<v1::Tag>(*found)};
      });
  table.handle<v1::DiscoverInputSchema>(
      [&service](
          const Caller& caller,
          v1::DiscoverInputSchemaRequest in) -> awaitable<Result<v1::DiscoverInputSchemaResponse>> {
        CO_TRY_ASSIGN(auto request, as<api::DiscoverInputSchemaRequest>(in));
        CO_TRY_ASSIGN(const auto found,
                      co_await discover_input_schema(service.host(), caller, std::move(request)));
        co_return as<v1::DiscoverInputSchemaResponse>(found);
      });
}

}  // namespace

void register_v1_operations(wire::OperationTable& table, ApplicationService& service) {
  register_life(table, service);
  register_parts(table, service);
  register_others(table, service);
}

}  // namespace millstream::analytics
