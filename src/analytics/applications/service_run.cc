// Starting, stopping, going over to another version.
#include <algorithm>
#include <filesystem>

#include "analytics/applications/application_service.h"
#include "analytics/applications/definition.h"
#include "base/logging.h"
#include "wire/arn.h"
#include "wire/json_encode.h"

namespace millstream::analytics {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPart = "analytics";
// Old changes are trimmed once a snapshot has them; what is not stays.
constexpr TimeMs kChangelogRetentionMs = TimeMs{10} * 365 * 24 * 3600 * 1000;

// Whether the run goes on with the state that there is.
enum class Begin : uint8_t { kState, kFresh, kSnapshot };

std::string_view code_problem(const Application& application) {
  const auto& code = application.config().application_code_configuration_description;
  if (!application.code().empty()) return "";
  if (application.is_sql()) return "it has no code: give it ApplicationCode";
  if (code && code->code_content_description) {
    return "its code is an archive (JAR or Python), which needs a Flink cluster; on the embedded "
           "engine give it Flink SQL as TextContent";
  }
  return "it has no code: give it Flink SQL as TextContent";
}

// SQL-1_0: by the positions of the inputs, which are kept with them.
Result<Begin> begin_of_sql(const api::StartApplicationRequest& in, Application& application) {
  auto& sql = application.config().sql_application_configuration_description;
  if (!sql || !sql->input_descriptions || sql->input_descriptions->empty()) {
    return fail(ErrorCode::kInvalidConfiguration,
                "Application {} has no input: add one with AddApplicationInput.",
                application.key.name);
  }
  const auto configurations = in.run_configuration
                                  ? in.run_configuration->sql_run_configurations.value_or(
                                        std::vector<api::SqlRunConfiguration>())
                                  : std::vector<api::SqlRunConfiguration>();
  Begin begin = application.has_state() ? Begin::kState : Begin::kFresh;
  for (const auto& each : configurations) {
    auto& inputs = *sql->input_descriptions;
    const auto input = std::ranges::find_if(inputs, [&](const api::InputDescription& known) {
      return known.input_id == each.input_id;
    });
    if (input == inputs.end()) {
      return fail(ErrorCode::kInvalidArgument, "Application {} has no input with id {}.",
                  application.key.name, each.input_id);
    }
    input->input_starting_position_configuration = each.input_starting_position_configuration;
    const auto& position = each.input_starting_position_configuration.input_starting_position;
    if (position && *position != api::InputStartingPosition::kLastStoppedPoint) {
      begin = Begin::kFresh;
    }
  }
  if (begin == Begin::kFresh && !application.has_state()) {
    for (auto& input : *sql->input_descriptions) {
      auto& position = input.input_starting_position_configuration;
      if (!position) position.emplace();
      // AWS's default of an application that never ran.
      if (!position->input_starting_position) {
        position->input_starting_position = api::InputStartingPosition::kNow;
      }
    }
  }
  return begin;
}

Result<Begin> begin_of_flink(const std::optional<api::ApplicationRestoreConfiguration>& restore,
                             Application& application) {
  auto& run = application.config().run_configuration_description;
  if (!run) run.emplace();
  if (restore) run->application_restore_configuration_description = restore;
  const auto& kept = run->application_restore_configuration_description;
  if (kept &&
      kept->application_restore_type == api::ApplicationRestoreType::kRestoreFromCustomSnapshot) {
    const std::string name = kept->snapshot_name.value_or("");
    const auto& snapshots = application.snapshots;
    const auto found = std::ranges::find(snapshots, name, &api::SnapshotDetails::snapshot_name);
    if (found == snapshots.end() || found->snapshot_status != api::SnapshotStatus::kReady) {
      return fail(ErrorCode::kInvalidArgument, "Application {} has no snapshot '{}' to restore.",
                  application.key.name, name);
    }
    application.restore = name;
    return Begin::kSnapshot;
  }
  if (kept &&
      kept->application_restore_type == api::ApplicationRestoreType::kSkipRestoreFromSnapshot) {
    return Begin::kFresh;
  }
  return application.has_state() ? Begin::kState : Begin::kFresh;
}

Result<> check_runnable(const Application& application) {
  if (const auto problem = code_problem(application); !problem.empty()) {
    return fail(ErrorCode::kInvalidConfiguration, "Application {} can't start: {}.",
                application.key.name, problem);
  }
  auto checked = check_code(application, ErrorCode::kInvalidConfiguration);
  // StartApplication has no CodeValidationException.
  if (!checked)
    return std::unexpected(Error{ErrorCode::kInvalidConfiguration, checked.error().message});
  return {};
}

// A stream that is missing would end the run as soon as it began.
Result<> check_streams(HostContext& host, const Application& application) {
  const auto check = [&](const std::string& arn, std::string_view what) -> Result<> {
    TRY_ASSIGN(const wire::Arn parsed, wire::parse_arn(arn));
    bool exists = false;
    if (parsed.service == "firehose") {
      TRY_ASSIGN(const auto name, wire::parse_delivery_stream_arn(arn));
      exists = host.delivery_shards(name.account, name.region, name.name).has_value();
    } else {
      TRY_ASSIGN(const auto name, wire::parse_stream_arn(arn));
      exists = host.catalog.find({name.account, name.region, name.name}) != nullptr;
    }
    if (exists) return {};
    return fail(ErrorCode::kInvalidConfiguration,
                "Application {} can't start: its {} {} does not exist; create it first.",
                application.key.name, what, arn);
  };
  const auto& sql = application.config().sql_application_configuration_description;
  if (!sql) return {};
  for (const auto& input : sql->input_descriptions.value_or(std::vector<api::InputDescription>())) {
    if (const auto& stream = input.kinesis_streams_input_description) {
      TRY(check(stream->resource_arn, "input"));
    }
  }
  for (const auto& output :
       sql->output_descriptions.value_or(std::vector<api::OutputDescription>())) {
    if (const auto& stream = output.kinesis_streams_output_description) {
      TRY(check(stream->resource_arn, "output"));
    }
    if (const auto& delivery = output.kinesis_firehose_output_description) {
      TRY(check(delivery->resource_arn, "output"));
    }
  }
  return {};
}

std::unexpected<Error> wrong_status(const Application& application, std::string_view wanted) {
  return fail(ErrorCode::kInUse, "Application {} is {}; this needs {}.", application.key.name,
              application.status, wanted);
}

}  // namespace

std::string ApplicationService::folder_of(int64_t application) const {
  return fmt::format("{}/{}", context_.folder, application);
}

Result<ApplicationRun> ApplicationService::make_run(const Application& application) const {
  ApplicationRun run;
  run.code = application.code();
  run.is_flink = !application.is_sql();
  run.definition_json = wire::to_json(application.config());
  JobSpec& spec = run.spec;
  spec.application = application.key.name;
  spec.account = application.key.account;
  spec.region = application.key.region;
  spec.writer = static_cast<uint64_t>(application.writer);
  spec.changelog = ShardId(application.changelog);
  spec.snapshot_folder = fmt::format("{}/{}", folder_of(application.id), application.writer);
  spec.start = StartPosition::kLatest;
  const auto& flink = application.config().flink_application_configuration_description;
  if (flink && flink->parallelism_configuration_description) {
    const auto& parallelism = *flink->parallelism_configuration_description;
    // With auto scaling the lag decides.
    if (!parallelism.auto_scaling_enabled.value_or(true)) {
      spec.parallelism = static_cast<uint32_t>(std::max(parallelism.parallelism.value_or(1), 1));
    }
  }
  std::error_code error;
  fs::create_directories(spec.snapshot_folder, error);
  if (error) {
    return fail(ErrorCode::kIo, "can't make folder {}: {}", spec.snapshot_folder, error.message());
  }
  // A state that has begun goes on; the snapshot was for its beginning only.
  const auto changelog = context_.host.log.status(spec.changelog);
  const bool has_begun = changelog && changelog->last_arrival_ms != 0;
  if (!application.restore.empty() && !has_begun) {
    const std::string file = application.restore + ".snapshot";
    const fs::path from = fs::path(folder_of(application.id)) / "snapshots" / file;
    fs::copy_file(from, fs::path(spec.snapshot_folder) / file, fs::copy_options::overwrite_existing,
                  error);
    if (error) {
      return fail(ErrorCode::kNotFound, "can't copy snapshot {}: {}", from.string(),
                  error.message());
    }
    spec.restore_snapshot = application.restore;
  }
  return run;
}

awaitable<Result<>> ApplicationService::launch(ApplicationPtr application) {
  CO_TRY(co_await context_.host.log.create(ShardId(application->changelog),
                                           ShardOptions{kChangelogRetentionMs, 0}));
  CO_TRY_ASSIGN(ApplicationRun run, make_run(*application));
  co_return co_await context_.runner.start(application->key.arn(), std::move(run));
}

awaitable<Result<std::string>> ApplicationService::start_application(
    const Caller& caller, api::StartApplicationRequest in) {
  CO_TRY_ASSIGN(ApplicationPtr application, existing(caller, in.application_name));
  // Decided on a copy first: whether it needs a new state is part of the change.
  Application decided = *application;
  Begin begin = Begin::kState;
  if (decided.status != api::ApplicationStatus::kReady) co_return wrong_status(decided, "READY");
  if (decided.is_sql()) {
    CO_TRY_ASSIGN(begin, begin_of_sql(in, decided));
  } else {
    const auto restore = in.run_configuration
                             ? in.run_configuration->application_restore_configuration
                             : std::nullopt;
    CO_TRY_ASSIGN(begin, begin_of_flink(restore, decided));
  }
  CO_TRY(check_runnable(decided));
  CO_TRY(check_streams(context_.host, decided));
  std::string operation;
  Edit edit = [&, now = context_.host.clock.now_ms()](Application& changed) -> Result<> {
    if (changed.status != api::ApplicationStatus::kReady) return wrong_status(changed, "READY");
    if (changed.version() != decided.version()) {
      return fail(ErrorCode::kConcurrentModification, "Application {} was updated meanwhile.",
                  changed.key.name);
    }
    changed.detail = decided.detail;
    changed.restore = begin == Begin::kSnapshot ? decided.restore
                      : begin == Begin::kFresh  ? ""
                                                : changed.restore;
    changed.status = api::ApplicationStatus::kStarting;
    changed.wanted = true;
    operation = begin_operation(changed, "StartApplication", now);
    return {};
  };
  CO_TRY(co_await change(application->key, edit, begin != Begin::kState));
  const auto key = application->key;
  in_background(key,
                [this, key, operation, old = application,
                 replaced = begin != Begin::kState]() -> awaitable<> {
                  if (replaced) co_await drop_state(old->id, old->writer, old->changelog);
                  co_await begin_run(key, operation);
                });
  co_return operation;
}

awaitable<> ApplicationService::drop_state(int64_t application, int64_t writer, int64_t changelog) {
  if (changelog == 0) co_return;
  const auto removed = co_await context_.host.log.remove(ShardId(changelog));
  if (!removed && removed.error().code != ErrorCode::kNotFound) {
    log_warning(kPart, "the changelog {} stays: {}", changelog, removed.error().message);
  }
  std::error_code ignored;
  fs::remove_all(fmt::format("{}/{}", folder_of(application), writer), ignored);
}

awaitable<> ApplicationService::begin_run(ApplicationKey key, std::string operation) {
  const ApplicationPtr application = find(key);
  if (!application || !application->wanted) co_return;
  Result<> started = co_await launch(application);
  co_await run_ended(key, std::move(started), std::move(operation));
}

awaitable<> ApplicationService::restart_run(ApplicationKey key, std::string operation) {
  (void)co_await context_.runner.stop(key.arn(), "");
  co_await begin_run(std::move(key), std::move(operation));
}

// After a start: RUNNING, or READY with the reason in the operation.
awaitable<> ApplicationService::run_ended(ApplicationKey key, Result<> started,
                                          std::string operation) {
  // A server that stops leaves its applications as they were: they run again.
  if (!started && stopping_) co_return;
  const std::string error = started ? "" : started.error().message;
  if (!started) log_warning(kPart, "{} did not start: {}", key.arn(), error);
  co_await note(
      key,
      [error, operation, now = context_.host.clock.now_ms()](Application& changed) -> Result<> {
        end_operation(changed, operation, now, error);
        const bool still = changed.status == api::ApplicationStatus::kStarting ||
                           changed.status == api::ApplicationStatus::kUpdating;
        if (!still) return {};
        changed.status =
            error.empty() ? api::ApplicationStatus::kRunning : api::ApplicationStatus::kReady;
        if (!error.empty()) changed.wanted = false;
        return {};
      });
}

awaitable<Result<std::string>> ApplicationService::stop_application(const Caller& caller,
                                                                    std::string name, bool force) {
  CO_TRY_ASSIGN(const ApplicationPtr application, existing(caller, name));
  std::string operation;
  Edit edit = [&, now = context_.host.clock.now_ms()](Application& changed) -> Result<> {
    const bool forced = force && (changed.status == api::ApplicationStatus::kStarting ||
                                  changed.status == api::ApplicationStatus::kUpdating ||
                                  changed.status == api::ApplicationStatus::kStopping ||
                                  changed.status == api::ApplicationStatus::kAutoscaling);
    if (changed.status != api::ApplicationStatus::kRunning && !forced) {
      return wrong_status(changed, "RUNNING");
    }
    changed.status =
        force ? api::ApplicationStatus::kForceStopping : api::ApplicationStatus::kStopping;
    changed.wanted = false;
    // The inputs go on where they were, unless the next start says otherwise.
    auto& sql = changed.config().sql_application_configuration_description;
    if (sql && sql->input_descriptions) {
      for (auto& input : *sql->input_descriptions) {
        input.input_starting_position_configuration.emplace().input_starting_position =
            api::InputStartingPosition::kLastStoppedPoint;
      }
    }
    operation = begin_operation(changed, "StopApplication", now);
    return {};
  };
  CO_TRY(co_await change(application->key, edit));
  in_background(application->key,
                [this, key = application->key, operation] { return end_run(key, operation); });
  co_return operation;
}

awaitable<> ApplicationService::end_run(ApplicationKey key, std::string operation) {
  const auto stopped = co_await context_.runner.stop(key.arn(), "");
  const std::string error = stopped ? "" : stopped.error().message;
  co_await note(
      key,
      [error, operation, now = context_.host.clock.now_ms()](Application& changed) -> Result<> {
        end_operation(changed, operation, now, error);
        if (changed.status != api::ApplicationStatus::kDeleting) {
          changed.status = api::ApplicationStatus::kReady;
        }
        return {};
      });
}

// A run that ended by itself. Any thread.
void ApplicationService::run_changed(const std::string& arn, RunStatus status) {
  if (status.state != RunState::kFailed && status.state != RunState::kFinished) return;
  ApplicationKey key;
  {
    std::lock_guard lock(mutex_);
    const auto found = by_arn_.find(arn);
    if (found == by_arn_.end()) return;
    key = found->second;
  }
  if (!status.failure.empty()) log_warning(kPart, "{} has failed: {}", arn, status.failure);
  Edit edit = [](Application& changed) -> Result<> {
    if (changed.status != api::ApplicationStatus::kRunning) return {};
    changed.status = api::ApplicationStatus::kReady;
    changed.wanted = false;
    return {};
  };
  in_background(key, [this, key, edit] { return note(key, edit); });
}

awaitable<Result<ApplicationService::Changed>> ApplicationService::new_version(
    ApplicationPtr application, Expected expected, std::string operation, Edit edit) {
  Changed result;
  Edit whole = [&, now = context_.host.clock.now_ms()](Application& changed) -> Result<> {
    if (changed.status != api::ApplicationStatus::kReady &&
        changed.status != api::ApplicationStatus::kRunning) {
      return wrong_status(changed, "READY or RUNNING");
    }
    if (!expected.version && !expected.token) {
      return fail(ErrorCode::kInvalidArgument,
                  "Give either CurrentApplicationVersionId or ConditionalToken.");
    }
    if ((expected.version && *expected.version != changed.version()) ||
        (expected.token && *expected.token != conditional_token(changed))) {
      return fail(ErrorCode::kConcurrentModification,
                  "Application {} is at version {}: describe it and try again.", changed.key.name,
                  changed.version());
    }
    const int64_t before = changed.version();
    add_version(changed, now);
    TRY(edit(changed));
    // What runs must go on running.
    const bool runs = changed.status == api::ApplicationStatus::kRunning;
    if (changed.is_sql()) TRY(check_code(changed, ErrorCode::kInvalidArgument));
    if (runs) TRY(check_runnable(changed));
    result.operation_id = begin_operation(changed, operation, now);
    auto& details = changed.operations.back().details;
    details.application_version_change_details = {
        .application_version_updated_from = before,
        .application_version_updated_to = changed.version()};
    if (runs) {
      changed.status = api::ApplicationStatus::kUpdating;
    } else {
      end_operation(changed, result.operation_id, now, "");
    }
    return {};
  };
  CO_TRY_ASSIGN(result.application, co_await change(application->key, whole));
  if (result.application->status == api::ApplicationStatus::kUpdating) {
    in_background(application->key, [this, key = application->key, id = result.operation_id] {
      return restart_run(key, id);
    });
  }
  co_return result;
}

}  // namespace millstream::analytics
