// The operations of KinesisAnalytics_20180523.
#include <algorithm>

#include "analytics/applications/application_parts.h"
#include "analytics/applications/application_service.h"
#include "analytics/applications/definition.h"
#include "analytics/applications/discover.h"
#include "analytics/applications/tag_operations.h"
#include "base/text.h"

namespace millstream::analytics {
namespace {

using Caller = ApplicationService::Caller;
using Changed = ApplicationService::Changed;
using Expected = ApplicationService::Expected;

constexpr int32_t kDefaultLimit = 50;  // AWS: of lists

// The part of `all` that a request asks for. The token is the name or number after which the
// list goes on.
template <class T, class Key>
std::vector<T> page(const std::vector<T>& all, std::optional<int32_t> limit,
                    const std::optional<std::string>& token, Key key,
                    std::optional<std::string>& next) {
  auto from = all.begin();
  if (token) {
    const auto last = std::ranges::find_if(all, [&](const T& each) { return key(each) == *token; });
    from = last == all.end() ? all.end() : last + 1;
  }
  const auto left = static_cast<size_t>(all.end() - from);
  const auto count = std::min(left, static_cast<size_t>(limit.value_or(kDefaultLimit)));
  std::vector<T> some(from, from + static_cast<std::ptrdiff_t>(count));
  if (count < left) next = key(some.back());
  return some;
}

template <class Out>
Out answer_of(const Changed& changed) {
  Out out;
  out.application_arn = changed.application->key.arn();
  out.application_version_id = changed.application->version();
  return out;
}

const api::SqlApplicationConfigurationDescription& sql_of(const Changed& changed) {
  return *changed.application->config().sql_application_configuration_description;
}

void register_life(wire::OperationTable& table, ApplicationService& service) {
  table.handle<api::CreateApplication>(
      [&service](
          const Caller& caller,
          api::CreateApplicationRequest in) -> awaitable<Result<api::CreateApplicationResponse>> {
        CO_TRY_ASSIGN(const auto made, co_await service.create(caller, std::move(in)));
        co_return api::CreateApplicationResponse{service.described(*made)};
      });
  table.handle<api::DescribeApplication>(
      [&service](const Caller& caller, api::DescribeApplicationRequest in)
          -> awaitable<Result<api::DescribeApplicationResponse>> {
        CO_TRY_ASSIGN(const auto found, service.existing(caller, in.application_name));
        co_return api::DescribeApplicationResponse{service.described(*found)};
      });
  table.handle<api::ListApplications>(
      [&service](
          const Caller& caller,
          api::ListApplicationsRequest in) -> awaitable<Result<api::ListApplicationsResponse>> {
        std::vector<api::ApplicationSummary> all;
        for (const auto& each : service.list(caller)) {
          all.push_back({.application_name = each->key.name,
                         .application_arn = each->key.arn(),
                         .application_status = each->status,
                         .application_version_id = each->version(),
                         .runtime_environment = each->detail.runtime_environment,
                         .application_mode = each->detail.application_mode});
        }
        api::ListApplicationsResponse out;
        out.application_summaries = page(
            all, in.limit, in.next_token, [](const auto& one) { return one.application_name; },
            out.next_token);
        co_return out;
      });
  table.handle<api::DeleteApplication>(
      [&service](
          const Caller& caller,
          api::DeleteApplicationRequest in) -> awaitable<Result<api::DeleteApplicationResponse>> {
        CO_TRY(co_await service.remove(caller, in.application_name, in.create_timestamp));
        co_return api::DeleteApplicationResponse();
      });
  table.handle<api::StartApplication>(
      [&service](
          const Caller& caller,
          api::StartApplicationRequest in) -> awaitable<Result<api::StartApplicationResponse>> {
        CO_TRY_ASSIGN(const std::string id, co_await service.start_application(caller, in));
        co_return api::StartApplicationResponse{id};
      });
  table.handle<api::StopApplication>([&service](const Caller& caller,
                                                api::StopApplicationRequest in)
                                         -> awaitable<Result<api::StopApplicationResponse>> {
    CO_TRY_ASSIGN(const std::string id, co_await service.stop_application(
                                            caller, in.application_name, in.force.value_or(false)));
    co_return api::StopApplicationResponse{id};
  });
  table.handle<api::UpdateApplication>(
      [&service](
          const Caller& caller,
          api::UpdateApplicationRequest in) -> awaitable<Result<api::UpdateApplicationResponse>> {
        CO_TRY_ASSIGN(const Changed changed, co_await service.update(caller, std::move(in)));
        co_return api::UpdateApplicationResponse{service.described(*changed.application),
                                                 changed.operation_id};
      });
  table.handle<api::RollbackApplication>(
      [&service](const Caller& caller, api::RollbackApplicationRequest in)
          -> awaitable<Result<api::RollbackApplicationResponse>> {
        CO_TRY_ASSIGN(const Changed changed, co_await service.rollback(caller, std::move(in)));
        co_return api::RollbackApplicationResponse{service.described(*changed.application),
                                                   changed.operation_id};
      });
}

void register_sql_parts(wire::OperationTable& table, ApplicationService& service) {
  table.handle<api::AddApplicationInput>(
      [&service](const Caller& caller, api::AddApplicationInputRequest in)
          -> awaitable<Result<api::AddApplicationInputResponse>> {
        CO_TRY_ASSIGN(const auto found, service.existing(caller, in.application_name));
        CO_TRY_ASSIGN(
            const Changed changed,
            co_await service.new_version(
                found, Expected{in.current_application_version_id, {}}, "AddApplicationInput",
                [&in](Application& to) { return add_input(to, in.input); }));
        auto out = answer_of<api::AddApplicationInputResponse>(changed);
        out.input_descriptions = sql_of(changed).input_descriptions;
        co_return out;
      });
  table.handle<api::AddApplicationOutput>(
      [&service](const Caller& caller, api::AddApplicationOutputRequest in)
          -> awaitable<Result<api::AddApplicationOutputResponse>> {
        CO_TRY_ASSIGN(const auto found, service.existing(caller, in.application_name));
        CO_TRY_ASSIGN(
            const Changed changed,
            co_await service.new_version(
                found, Expected{in.current_application_version_id, {}}, "AddApplicationOutput",
                [&in](Application& to) { return add_output(to, in.output); }));
        auto out = answer_of<api::AddApplicationOutputResponse>(changed);
        out.output_descriptions = sql_of(changed).output_descriptions;
        co_return out;
      });
  table.handle<api::DeleteApplicationOutput>(
      [&service](const Caller& caller, api::DeleteApplicationOutputRequest in)
          -> awaitable<Result<api::DeleteApplicationOutputResponse>> {
        CO_TRY_ASSIGN(const auto found, service.existing(caller, in.application_name));
        CO_TRY_ASSIGN(
            const Changed changed,
            co_await service.new_version(
                found, Expected{in.current_application_version_id, {}}, "DeleteApplicationOutput",
                [&in](Application& to) { return delete_output(to, in.output_id); }));
        co_return answer_of<api::DeleteApplicationOutputResponse>(changed);
      });
  table.handle<api::AddApplicationReferenceDataSource>(
      [&service](const Caller& caller, api::AddApplicationReferenceDataSourceRequest in)
          -> awaitable<Result<api::AddApplicationReferenceDataSourceResponse>> {
        CO_TRY_ASSIGN(const auto found, service.existing(caller, in.application_name));
        CO_TRY_ASSIGN(const Changed changed,
                      co_await service.new_version(
                          found, Expected{in.current_application_version_id, {}},
                          "AddApplicationReferenceDataSource", [&in](Application& to) {
                            return add_reference(to, in.reference_data_source);
                          }));
        auto out = answer_of<api::AddApplicationReferenceDataSourceResponse>(changed);
        out.reference_data_source_descriptions = sql_of(changed).reference_data_source_descriptions;
        co_return out;
      });
  table.handle<api::DeleteApplicationReferenceDataSource>(
      [&service](const Caller& caller, api::DeleteApplicationReferenceDataSourceRequest in)
          -> awaitable<Result<api::DeleteApplicationReferenceDataSourceResponse>> {
        CO_TRY_ASSIGN(const auto found, service.existing(caller, in.application_name));
        CO_TRY_ASSIGN(const Changed changed,
                      co_await service.new_version(
                          found, Expected{in.current_application_version_id, {}},
                          "DeleteApplicationReferenceDataSource", [&in](Application& to) {
                            return delete_reference(to, in.reference_id);
                          }));
        co_return answer_of<api::DeleteApplicationReferenceDataSourceResponse>(changed);
      });
  table.handle<api::AddApplicationInputProcessingConfiguration>(
      [&service](const Caller& caller, api::AddApplicationInputProcessingConfigurationRequest in)
          -> awaitable<Result<api::AddApplicationInputProcessingConfigurationResponse>> {
        CO_TRY_ASSIGN(const auto found, service.existing(caller, in.application_name));
        CO_TRY_ASSIGN(const Changed changed,
                      co_await service.new_version(
                          found, Expected{in.current_application_version_id, {}},
                          "AddApplicationInputProcessingConfiguration", [&in](Application& to) {
                            return set_processing(to, in.input_id,
                                                  in.input_processing_configuration);
                          }));
        auto out = answer_of<api::AddApplicationInputProcessingConfigurationResponse>(changed);
        out.input_id = in.input_id;
        out.input_processing_configuration_description =
            describe(in.input_processing_configuration);
        co_return out;
      });
  table.handle<api::DeleteApplicationInputProcessingConfiguration>(
      [&service](const Caller& caller, api::DeleteApplicationInputProcessingConfigurationRequest in)
          -> awaitable<Result<api::DeleteApplicationInputProcessingConfigurationResponse>> {
        CO_TRY_ASSIGN(const auto found, service.existing(caller, in.application_name));
        CO_TRY_ASSIGN(const Changed changed,
                      co_await service.new_version(
                          found, Expected{in.current_application_version_id, {}},
                          "DeleteApplicationInputProcessingConfiguration",
                          [&in](Application& to) { return set_processing(to, in.input_id, {}); }));
        co_return answer_of<api::DeleteApplicationInputProcessingConfigurationResponse>(changed);
      });
}

void register_other_parts(wire::OperationTable& table, ApplicationService& service) {
  table.handle<api::AddApplicationCloudWatchLoggingOption>(
      [&service](const Caller& caller, api::AddApplicationCloudWatchLoggingOptionRequest in)
          -> awaitable<Result<api::AddApplicationCloudWatchLoggingOptionResponse>> {
        CO_TRY_ASSIGN(const auto found, service.existing(caller, in.application_name));
        CO_TRY_ASSIGN(const Changed changed,
                      co_await service.new_version(
                          found, Expected{in.current_application_version_id, in.conditional_token},
                          "AddApplicationCloudWatchLoggingOption", [&in](Application& to) {
                            return add_logging(to, in.cloud_watch_logging_option);
                          }));
        auto out = answer_of<api::AddApplicationCloudWatchLoggingOptionResponse>(changed);
        out.operation_id = changed.operation_id;
        out.cloud_watch_logging_option_descriptions =
            changed.application->detail.cloud_watch_logging_option_descriptions;
        co_return out;
      });
  table.handle<api::DeleteApplicationCloudWatchLoggingOption>(
      [&service](const Caller& caller, api::DeleteApplicationCloudWatchLoggingOptionRequest in)
          -> awaitable<Result<api::DeleteApplicationCloudWatchLoggingOptionResponse>> {
        CO_TRY_ASSIGN(const auto found, service.existing(caller, in.application_name));
        CO_TRY_ASSIGN(const Changed changed,
                      co_await service.new_version(
                          found, Expected{in.current_application_version_id, in.conditional_token},
                          "DeleteApplicationCloudWatchLoggingOption", [&in](Application& to) {
                            return delete_logging(to, in.cloud_watch_logging_option_id);
                          }));
        auto out = answer_of<api::DeleteApplicationCloudWatchLoggingOptionResponse>(changed);
        out.operation_id = changed.operation_id;
        out.cloud_watch_logging_option_descriptions =
            changed.application->detail.cloud_watch_logging_option_descriptions;
        co_return out;
      });
  table.handle<api::AddApplicationVpcConfiguration>(
      [&service](const Caller& caller, api::AddApplicationVpcConfigurationRequest in)
          -> awaitable<Result<api::AddApplicationVpcConfigurationResponse>> {
        CO_TRY_ASSIGN(const auto found, service.existing(caller, in.application_name));
        CO_TRY_ASSIGN(const Changed changed,
                      co_await service.new_version(
                          found, Expected{in.current_application_version_id, in.conditional_token},
                          "AddApplicationVpcConfiguration",
                          [&in](Application& to) { return add_vpc(to, in.vpc_configuration); }));
        auto out = answer_of<api::AddApplicationVpcConfigurationResponse>(changed);
        out.operation_id = changed.operation_id;
        out.vpc_configuration_description =
            changed.application->config().vpc_configuration_descriptions->back();
        co_return out;
      });
  table.handle<api::DeleteApplicationVpcConfiguration>(
      [&service](const Caller& caller, api::DeleteApplicationVpcConfigurationRequest in)
          -> awaitable<Result<api::DeleteApplicationVpcConfigurationResponse>> {
        CO_TRY_ASSIGN(const auto found, service.existing(caller, in.application_name));
        CO_TRY_ASSIGN(const Changed changed,
                      co_await service.new_version(
                          found, Expected{in.current_application_version_id, in.conditional_token},
                          "DeleteApplicationVpcConfiguration", [&in](Application& to) {
                            return delete_vpc(to, in.vpc_configuration_id);
                          }));
        auto out = answer_of<api::DeleteApplicationVpcConfigurationResponse>(changed);
        out.operation_id = changed.operation_id;
        co_return out;
      });
  table.handle<api::UpdateApplicationMaintenanceConfiguration>(
      [&service](const Caller& caller, api::UpdateApplicationMaintenanceConfigurationRequest in)
          -> awaitable<Result<api::UpdateApplicationMaintenanceConfigurationResponse>> {
        CO_TRY_ASSIGN(const auto found, service.existing(caller, in.application_name));
        CO_TRY(co_await service.set_maintenance(
            found, in.application_maintenance_configuration_update
                       .application_maintenance_window_start_time_update));
        CO_TRY_ASSIGN(const auto now, service.existing(caller, in.application_name));
        api::UpdateApplicationMaintenanceConfigurationResponse out;
        out.application_arn = now->key.arn();
        out.application_maintenance_configuration_description =
            now->detail.application_maintenance_configuration_description;
        co_return out;
      });
}

void register_history(wire::OperationTable& table, ApplicationService& service) {
  table.handle<api::DescribeApplicationVersion>(
      [&service](const Caller& caller, api::DescribeApplicationVersionRequest in)
          -> awaitable<Result<api::DescribeApplicationVersionResponse>> {
        CO_TRY_ASSIGN(const auto found, service.existing(caller, in.application_name));
        CO_TRY_ASSIGN(auto detail, co_await service.at_version(found, in.application_version_id));
        co_return api::DescribeApplicationVersionResponse{std::move(detail)};
      });
  table.handle<api::ListApplicationVersions>(
      [&service](const Caller& caller, api::ListApplicationVersionsRequest in)
          -> awaitable<Result<api::ListApplicationVersionsResponse>> {
        CO_TRY_ASSIGN(const auto found, service.existing(caller, in.application_name));
        CO_TRY_ASSIGN(const auto numbers, co_await service.versions(found));
        std::vector<api::ApplicationVersionSummary> all;
        for (const int64_t number : numbers) {
          all.push_back({.application_version_id = number,
                         .application_status = number == found->version()
                                                   ? found->status
                                                   : std::string(api::ApplicationStatus::kReady)});
        }
        api::ListApplicationVersionsResponse out;
        out.application_version_summaries = page(
            all, in.limit, in.next_token,
            [](const auto& one) { return std::to_string(one.application_version_id); },
            out.next_token);
        co_return out;
      });
  table.handle<api::DescribeApplicationOperation>(
      [&service](const Caller& caller, api::DescribeApplicationOperationRequest in)
          -> awaitable<Result<api::DescribeApplicationOperationResponse>> {
        CO_TRY_ASSIGN(const auto found, service.existing(caller, in.application_name));
        const auto operation =
            std::ranges::find(found->operations, in.operation_id, &ApplicationOperation::id);
        if (operation == found->operations.end()) {
          co_return fail(ErrorCode::kNotFound, "Application {} has no operation {}.",
                         in.application_name, in.operation_id);
        }
        co_return api::DescribeApplicationOperationResponse{operation->details};
      });
  table.handle<api::ListApplicationOperations>(
      [&service](const Caller& caller, api::ListApplicationOperationsRequest in)
          -> awaitable<Result<api::ListApplicationOperationsResponse>> {
        CO_TRY_ASSIGN(const auto found, service.existing(caller, in.application_name));
        std::vector<api::ApplicationOperationInfo> all;
        for (auto each = found->operations.rbegin(); each != found->operations.rend(); ++each) {
          const auto& details = each->details;
          if (in.operation && *in.operation != details.operation) continue;
          if (in.operation_status && *in.operation_status != details.operation_status) continue;
          all.push_back({.operation = details.operation,
                         .operation_id = each->id,
                         .start_time = details.start_time,
                         .end_time = details.end_time,
                         .operation_status = details.operation_status});
        }
        api::ListApplicationOperationsResponse out;
        out.application_operation_info_list = page(
            all, in.limit, in.next_token, [](const auto& one) { return *one.operation_id; },
            out.next_token);
        co_return out;
      });
}

void register_snapshots(wire::OperationTable& table, ApplicationService& service) {
  table.handle<api::CreateApplicationSnapshot>(
      [&service](const Caller& caller, api::CreateApplicationSnapshotRequest in)
          -> awaitable<Result<api::CreateApplicationSnapshotResponse>> {
        CO_TRY(co_await service.create_snapshot(caller, in.application_name, in.snapshot_name));
        co_return api::CreateApplicationSnapshotResponse();
      });
  table.handle<api::DeleteApplicationSnapshot>(
      [&service](const Caller& caller, api::DeleteApplicationSnapshotRequest in)
          -> awaitable<Result<api::DeleteApplicationSnapshotResponse>> {
        CO_TRY(co_await service.delete_snapshot(caller, std::move(in)));
        co_return api::DeleteApplicationSnapshotResponse();
      });
  table.handle<api::DescribeApplicationSnapshot>(
      [&service](const Caller& caller, api::DescribeApplicationSnapshotRequest in)
          -> awaitable<Result<api::DescribeApplicationSnapshotResponse>> {
        CO_TRY_ASSIGN(const auto found, service.existing(caller, in.application_name));
        const auto snapshot = std::ranges::find(found->snapshots, in.snapshot_name,
                                                &api::SnapshotDetails::snapshot_name);
        if (snapshot == found->snapshots.end()) {
          co_return fail(ErrorCode::kNotFound, "Application {} has no snapshot '{}'.",
                         in.application_name, in.snapshot_name);
        }
        co_return api::DescribeApplicationSnapshotResponse{*snapshot};
      });
  table.handle<api::ListApplicationSnapshots>(
      [&service](const Caller& caller, api::ListApplicationSnapshotsRequest in)
          -> awaitable<Result<api::ListApplicationSnapshotsResponse>> {
        CO_TRY_ASSIGN(const auto found, service.existing(caller, in.application_name));
        auto all = found->snapshots;
        std::ranges::reverse(all);
        api::ListApplicationSnapshotsResponse out;
        out.snapshot_summaries = page(
            all, in.limit, in.next_token, [](const auto& one) { return one.snapshot_name; },
            out.next_token);
        co_return out;
      });
}

void register_others(wire::OperationTable& table, ApplicationService& service) {
  table.handle<api::TagResource>(
      [&service](const Caller& caller,
                 api::TagResourceRequest in) -> awaitable<Result<api::TagResourceResponse>> {
        CO_TRY_ASSIGN(const auto found, service.by_arn(caller, in.resource_arn));
        CO_TRY(co_await service.change_tags(found, add_tags(std::move(in.tags))));
        co_return api::TagResourceResponse();
      });
  table.handle<api::UntagResource>(
      [&service](const Caller& caller,
                 api::UntagResourceRequest in) -> awaitable<Result<api::UntagResourceResponse>> {
        CO_TRY_ASSIGN(const auto found, service.by_arn(caller, in.resource_arn));
        CO_TRY(co_await service.change_tags(found, remove_tags(std::move(in.tag_keys))));
        co_return api::UntagResourceResponse();
      });
  table.handle<api::ListTagsForResource>(
      [&service](const Caller& caller, api::ListTagsForResourceRequest in)
          -> awaitable<Result<api::ListTagsForResourceResponse>> {
        CO_TRY_ASSIGN(const auto found, service.by_arn(caller, in.resource_arn));
        co_return api::ListTagsForResourceResponse{list_tags<api::Tag>(*found)};
      });
  table.handle<api::CreateApplicationPresignedUrl>(
      [&service](const Caller& caller, api::CreateApplicationPresignedUrlRequest in)
          -> awaitable<Result<api::CreateApplicationPresignedUrlResponse>> {
        CO_TRY(service.existing(caller, in.application_name));
        co_return fail(ErrorCode::kUnsupportedOperation,
                       "{} needs a Flink cluster: the embedded engine has no dashboard of Flink's "
                       "and no Zeppelin.",
                       in.url_type);
      });
  table.handle<api::DiscoverInputSchema>(
      [&service](const Caller& caller, api::DiscoverInputSchemaRequest in)
          -> awaitable<Result<api::DiscoverInputSchemaResponse>> {
        co_return co_await discover_input_schema(service.host(), caller, std::move(in));
      });
}

}  // namespace

void register_v2_operations(wire::OperationTable& table, ApplicationService& service) {
  register_life(table, service);
  register_sql_parts(table, service);
  register_other_parts(table, service);
  register_history(table, service);
  register_snapshots(table, service);
  register_others(table, service);
}

}  // namespace millstream::analytics
