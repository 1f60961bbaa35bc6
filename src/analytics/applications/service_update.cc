// New versions: UpdateApplication, RollbackApplication; and snapshots.
#include <algorithm>
#include <filesystem>

#include "analytics/applications/application_service.h"
#include "analytics/applications/application_store.h"
#include "analytics/applications/definition.h"

namespace millstream::analytics {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxSnapshots = 1000;  // AWS quota of an application

Result<> apply_request(const api::UpdateApplicationRequest& in, Application& changed) {
  if (in.application_configuration_update) {
    TRY(apply(*in.application_configuration_update, changed.is_sql(), changed.config()));
  }
  if (in.service_execution_role_update) {
    changed.detail.service_execution_role = *in.service_execution_role_update;
  }
  if (in.runtime_environment_update) {
    const bool becomes_sql = *in.runtime_environment_update == api::RuntimeEnvironment::kSql1_0;
    if (becomes_sql != changed.is_sql()) {
      return fail(ErrorCode::kInvalidArgument,
                  "An application can't change between the SQL and the Flink runtimes.");
    }
    changed.detail.runtime_environment = *in.runtime_environment_update;
  }
  if (in.run_configuration_update) {
    if (changed.is_sql()) {
      return fail(ErrorCode::kInvalidArgument,
                  "RunConfigurationUpdate belongs to the Flink runtimes.");
    }
    auto& run = changed.config().run_configuration_description;
    if (!run) run.emplace();
    if (in.run_configuration_update->flink_run_configuration) {
      run->flink_run_configuration_description =
          in.run_configuration_update->flink_run_configuration;
    }
    if (in.run_configuration_update->application_restore_configuration) {
      run->application_restore_configuration_description =
          in.run_configuration_update->application_restore_configuration;
    }
  }
  for (const auto& each : in.cloud_watch_logging_option_updates.value_or(
           std::vector<api::CloudWatchLoggingOptionUpdate>())) {
    auto& options = changed.detail.cloud_watch_logging_option_descriptions;
    if (!options) options.emplace();
    const auto found = std::ranges::find_if(*options, [&](const auto& option) {
      return option.cloud_watch_logging_option_id == each.cloud_watch_logging_option_id;
    });
    if (found == options->end()) {
      return fail(ErrorCode::kInvalidArgument, "The application has no logging option '{}'.",
                  each.cloud_watch_logging_option_id);
    }
    if (each.log_stream_arn_update) found->log_stream_arn = *each.log_stream_arn_update;
  }
  return {};
}

}  // namespace

awaitable<Result<ApplicationService::Changed>> ApplicationService::update(
    const Caller& caller, api::UpdateApplicationRequest in) {
  CO_TRY_ASSIGN(const ApplicationPtr application, existing(caller, in.application_name));
  Edit edit = [&in](Application& changed) { return apply_request(in, changed); };
  co_return co_await new_version(application,
                                 Expected{in.current_application_version_id, in.conditional_token},
                                 "UpdateApplication", std::move(edit));
}

awaitable<Result<ApplicationService::Changed>> ApplicationService::rollback(
    const Caller& caller, api::RollbackApplicationRequest in) {
  CO_TRY_ASSIGN(const ApplicationPtr application, existing(caller, in.application_name));
  if (application->is_sql()) {
    co_return fail(ErrorCode::kUnsupportedOperation,
                   "RollbackApplication is for Flink runtimes: update application {} instead.",
                   in.application_name);
  }
  const auto previous = application->detail.application_version_updated_from;
  if (!previous) {
    co_return fail(ErrorCode::kInvalidRequest, "Application {} has no version to roll back to.",
                   in.application_name);
  }
  CO_TRY_ASSIGN(const api::ApplicationDetail old, co_await at_version(application, *previous));
  Edit edit = [&old, previous, from = application->version()](Application& changed) -> Result<> {
    changed.detail.application_configuration_description =
        old.application_configuration_description;
    changed.detail.service_execution_role = old.service_execution_role;
    changed.detail.runtime_environment = old.runtime_environment;
    changed.detail.cloud_watch_logging_option_descriptions =
        old.cloud_watch_logging_option_descriptions;
    changed.detail.application_version_rolled_back_from = from;
    changed.detail.application_version_rolled_back_to = previous;
    return {};
  };
  co_return co_await new_version(application, Expected{in.current_application_version_id, {}},
                                 "RollbackApplication", std::move(edit));
}

awaitable<Result<>> ApplicationService::create_snapshot(const Caller& caller,
                                                        std::string application_name,
                                                        std::string name) {
  CO_TRY_ASSIGN(const ApplicationPtr application, existing(caller, application_name));
  if (application->is_sql()) {
    co_return fail(ErrorCode::kUnsupportedOperation,
                   "Application {} has runtime SQL-1_0: only applications of Flink runtimes have "
                   "snapshots of their own.",
                   application_name);
  }
  const auto& configuration = application->config().application_snapshot_configuration_description;
  if (!configuration || !configuration->snapshots_enabled) {
    co_return fail(ErrorCode::kInvalidConfiguration,
                   "Snapshots of application {} are disabled: enable them with "
                   "ApplicationSnapshotConfigurationUpdate.",
                   application_name);
  }
  std::string operation;
  Edit edit = [&, now = context_.host.clock.now_ms()](Application& changed) -> Result<> {
    if (changed.status != api::ApplicationStatus::kRunning) {
      return fail(ErrorCode::kInvalidRequest, "Application {} is {}; a snapshot needs RUNNING.",
                  changed.key.name, changed.status);
    }
    auto& all = changed.snapshots;
    if (std::ranges::find(all, name, &api::SnapshotDetails::snapshot_name) != all.end()) {
      return fail(ErrorCode::kInUse, "Application {} has a snapshot '{}' already.",
                  changed.key.name, name);
    }
    if (all.size() >= kMaxSnapshots) {
      return fail(ErrorCode::kLimitExceeded, "Application {} has {} snapshots: delete some first.",
                  changed.key.name, kMaxSnapshots);
    }
    api::SnapshotDetails& snapshot = all.emplace_back();
    snapshot.snapshot_name = name;
    snapshot.snapshot_status = api::SnapshotStatus::kCreating;
    snapshot.application_version_id = changed.version();
    snapshot.snapshot_creation_timestamp = wire::Timestamp{now / 1000 * 1000};
    snapshot.runtime_environment = changed.detail.runtime_environment;
    operation = begin_operation(changed, "CreateApplicationSnapshot", now);
    return {};
  };
  CO_TRY(co_await change(application->key, edit));
  const ApplicationKey key = application->key;
  in_background(key, [this, key, name, operation]() -> awaitable<> {
    const ApplicationPtr current = find(key);
    if (!current) co_return;
    Result<> taken = co_await context_.runner.take_snapshot(key.arn(), name);
    if (taken) {
      // Out of the state's folder, which goes when the application starts afresh.
      const fs::path folder = folder_of(current->id);
      const std::string file = name + ".snapshot";
      std::error_code error;
      fs::create_directories(folder / "snapshots", error);
      if (!error) {
        fs::rename(folder / std::to_string(current->writer) / file, folder / "snapshots" / file,
                   error);
      }
      if (error) taken = fail(ErrorCode::kIo, "can't keep the snapshot: {}", error.message());
    }
    const std::string error = taken ? "" : taken.error().message;
    co_await note(key,
                  [name, operation, error,
                   now = context_.host.clock.now_ms()](Application& changed) -> Result<> {
                    end_operation(changed, operation, now, error);
                    const auto found = std::ranges::find(changed.snapshots, name,
                                                         &api::SnapshotDetails::snapshot_name);
                    if (found == changed.snapshots.end()) return {};
                    found->snapshot_status =
                        error.empty() ? api::SnapshotStatus::kReady : api::SnapshotStatus::kFailed;
                    return {};
                  });
  });
  co_return Result<>();
}

awaitable<Result<>> ApplicationService::delete_snapshot(const Caller& caller,
                                                        api::DeleteApplicationSnapshotRequest in) {
  CO_TRY_ASSIGN(const ApplicationPtr application, existing(caller, in.application_name));
  Edit edit = [&in](Application& changed) -> Result<> {
    const auto found = std::ranges::find(changed.snapshots, in.snapshot_name,
                                         &api::SnapshotDetails::snapshot_name);
    if (found == changed.snapshots.end()) {
      return fail(ErrorCode::kNotFound, "Application {} has no snapshot '{}'.", changed.key.name,
                  in.snapshot_name);
    }
    if (found->snapshot_creation_timestamp->ms / 1000 != in.snapshot_creation_timestamp.ms / 1000) {
      return fail(ErrorCode::kInvalidArgument,
                  "The SnapshotCreationTimestamp of '{}' is not the one given: describe it.",
                  in.snapshot_name);
    }
    if (found->snapshot_status == api::SnapshotStatus::kCreating) {
      return fail(ErrorCode::kInUse, "Snapshot '{}' is being created.", in.snapshot_name);
    }
    // An application that is to begin with it has not begun yet.
    if (changed.restore == in.snapshot_name &&
        changed.status == api::ApplicationStatus::kStarting) {
      return fail(ErrorCode::kInUse, "Application {} is starting from snapshot '{}'.",
                  changed.key.name, in.snapshot_name);
    }
    changed.snapshots.erase(found);
    return {};
  };
  CO_TRY(co_await change(application->key, std::move(edit)));
  std::error_code ignored;
  fs::remove(fs::path(folder_of(application->id)) / "snapshots" / (in.snapshot_name + ".snapshot"),
             ignored);
  co_return Result<>();
}

}  // namespace millstream::analytics
