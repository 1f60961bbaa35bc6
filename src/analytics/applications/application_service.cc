// The store in memory, one change after the other, and what needs no run.
#include "analytics/applications/application_service.h"

#include <algorithm>
#include <filesystem>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/steady_timer.hpp>

#include "analytics/applications/application_store.h"
#include "base/hash.h"
#include "base/logging.h"
#include "base/random.h"
#include "streams/schema.h"
#include "wire/arn.h"

namespace millstream::analytics {
namespace {

constexpr std::string_view kPart = "analytics";
constexpr std::chrono::milliseconds kPoll{2};

awaitable<> pause(std::chrono::milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(asio::use_awaitable);
}

}  // namespace

std::string begin_operation(Application& application, std::string_view name, TimeMs now) {
  ApplicationOperation& operation = application.operations.emplace_back();
  std::string id = uuid_v4();
  std::erase(id, '-');
  operation.id = id.substr(0, 12);
  operation.details.operation = name;
  operation.details.start_time = wire::Timestamp{now};
  operation.details.end_time = wire::Timestamp{now};
  operation.details.operation_status = api::OperationStatus::kInProgress;
  if (application.operations.size() > kKeptOperations) {
    application.operations.erase(application.operations.begin());
  }
  return application.operations.back().id;
}

void end_operation(Application& application, const std::string& id, TimeMs now,
                   const std::string& error) {
  const auto found = std::ranges::find(application.operations, id, &ApplicationOperation::id);
  if (found == application.operations.end()) return;
  found->details.end_time = wire::Timestamp{now};
  found->details.operation_status =
      error.empty() ? api::OperationStatus::kSuccessful : api::OperationStatus::kFailed;
  if (!error.empty()) {
    found->details.operation_failure_details.emplace().error_info.emplace().error_string = error;
  }
}

void add_version(Application& application, TimeMs now) {
  api::ApplicationDetail& detail = application.detail;
  detail.application_version_updated_from = detail.application_version_id;
  detail.application_version_rolled_back_from.reset();
  detail.application_version_rolled_back_to.reset();
  ++detail.application_version_id;
  detail.last_update_timestamp = wire::Timestamp{now};
  detail.application_version_create_timestamp = wire::Timestamp{now};
}

std::string conditional_token(const Application& application) {
  const std::string text = fmt::format("{} {}", application.id, application.version());
  std::string token;
  for (const unsigned char byte : md5(text)) token += fmt::format("{:02x}", byte);
  return token;
}

ApplicationService::ApplicationService(ApplicationsContext context)
    : context_(std::move(context)) {}

Result<> ApplicationService::start() {
  TRY(context_.meta.migrate(application_migrations()));
  std::vector<Application> all;
  TRY(context_.meta.read_now([&](Transaction& transaction) -> Result<> {
    TRY_ASSIGN(all, load_applications(transaction));
    return {};
  }));
  context_.runner.on_change(
      [this](const std::string& arn, RunStatus status) { run_changed(arn, std::move(status)); });
  for (Application& loaded : all) {
    const ApplicationKey key = loaded.key;
    const bool wanted = loaded.wanted;
    const bool deleting = loaded.status == api::ApplicationStatus::kDeleting;
    // What was under way is begun again, or is over.
    loaded.status = wanted ? api::ApplicationStatus::kStarting : api::ApplicationStatus::kReady;
    if (deleting) loaded.status = api::ApplicationStatus::kDeleting;
    {
      std::lock_guard lock(mutex_);
      by_arn_[key.arn()] = key;
      entries_[key].application = std::make_shared<const Application>(std::move(loaded));
    }
    if (deleting) {
      in_background(key, [this, key] { return finish_removal(key); });
    } else if (wanted) {
      in_background(key, [this, key] { return begin_run(key, ""); });
    }
  }
  return {};
}

awaitable<> ApplicationService::stop() {
  stopping_ = true;
  context_.runner.on_change(nullptr);
  while (background_ > 0) co_await pause(kPoll);
}

ApplicationService::ApplicationPtr ApplicationService::find(const ApplicationKey& key) const {
  std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : found->second.application;
}

Result<ApplicationService::ApplicationPtr> ApplicationService::existing(
    const Caller& caller, const std::string& name) const {
  if (auto found = find({caller.account, caller.region, name})) return found;
  return fail(ErrorCode::kNotFound, "Failed to find application {} for account {}.", name,
              caller.account);
}

Result<ApplicationService::ApplicationPtr> ApplicationService::by_arn(
    const Caller& caller, const std::string& arn) const {
  TRY_ASSIGN(const wire::Arn parsed, wire::parse_arn(arn));
  constexpr std::string_view kResource = "application/";
  if (parsed.service != "kinesisanalytics" || !parsed.resource.starts_with(kResource)) {
    return fail(ErrorCode::kInvalidArgument, "{} is no ARN of an application.", arn);
  }
  if (parsed.account != caller.account) {
    return fail(ErrorCode::kNotFound, "Failed to find {}.", arn);
  }
  if (auto found =
          find({parsed.account, parsed.region, parsed.resource.substr(kResource.size())})) {
    return found;
  }
  return fail(ErrorCode::kNotFound, "Failed to find {}.", arn);
}

std::vector<ApplicationService::ApplicationPtr> ApplicationService::list(
    const Caller& caller) const {
  std::vector<ApplicationPtr> all;
  std::lock_guard lock(mutex_);
  for (const auto& [key, entry] : entries_) {
    if (key.account == caller.account && key.region == caller.region) {
      all.push_back(entry.application);
    }
  }
  return all;
}

std::optional<RunStatus> ApplicationService::run_status(const Application& application) const {
  return context_.runner.status(application.key.arn());
}

api::ApplicationDetail ApplicationService::described(const Application& application) const {
  api::ApplicationDetail detail = application.detail;
  detail.application_status = application.status;
  detail.conditional_token = conditional_token(application);
  auto& config = detail.application_configuration_description;
  if (config && config->flink_application_configuration_description) {
    auto& parallelism =
        config->flink_application_configuration_description->parallelism_configuration_description;
    const auto status = run_status(application);
    if (parallelism && status && status->state == RunState::kRunning) {
      parallelism->current_parallelism = static_cast<int32_t>(status->job.parallelism);
    }
  }
  return detail;
}

awaitable<Result<ApplicationService::ApplicationPtr>> ApplicationService::change(ApplicationKey key,
                                                                                 Edit edit,
                                                                                 bool new_state) {
  Application copy;
  for (;;) {
    {
      std::lock_guard lock(mutex_);
      const auto found = entries_.find(key);
      if (found == entries_.end()) {
        co_return fail(ErrorCode::kNotFound, "Failed to find application {} for account {}.",
                       key.name, key.account);
      }
      if (!found->second.busy) {
        found->second.busy = true;
        copy = *found->second.application;
        break;
      }
    }
    co_await pause(kPoll);
  }
  Result<> stored = edit(copy);
  if (stored) {
    auto save = [this, &copy, new_state](Transaction& transaction) -> Result<> {
      if (new_state) {
        TRY_ASSIGN(copy.writer, context_.meta.next_number(transaction, kLogWriterSequence));
        TRY_ASSIGN(copy.changelog,
                   context_.meta.next_number(transaction, streams::kLogShardSequence));
      }
      return save_application(transaction, copy);
    };
    stored = co_await context_.meta.write(save);
  }
  std::lock_guard lock(mutex_);
  Entry& entry = entries_[key];
  entry.busy = false;
  if (!stored) co_return std::unexpected(std::move(stored).error());
  entry.application = std::make_shared<const Application>(std::move(copy));
  co_return entry.application;
}

awaitable<> ApplicationService::note(ApplicationKey key, Edit edit) {
  const auto noted = co_await change(key, std::move(edit));
  if (!noted && noted.error().code != ErrorCode::kNotFound) {
    log_warning(kPart, "{}: {}", key.arn(), noted.error().message);
  }
}

void ApplicationService::in_background(ApplicationKey key, std::function<awaitable<>()> work) {
  ++background_;
  asio::co_spawn(context_.executor, run_transition(std::move(key), std::move(work)),
                 [this](std::exception_ptr) { --background_; });
}

awaitable<> ApplicationService::run_transition(ApplicationKey key,
                                               std::function<awaitable<>()> work) {
  while (!stopping_) {
    bool mine = false;
    {
      std::lock_guard lock(mutex_);
      const auto found = entries_.find(key);
      if (found == entries_.end()) co_return;
      mine = !std::exchange(found->second.in_transition, true);
    }
    if (mine) break;
    co_await pause(kPoll);
  }
  // What was decided is stored: the next start of the server goes on with it.
  if (stopping_) co_return;
  co_await work();
  std::lock_guard lock(mutex_);
  if (const auto found = entries_.find(key); found != entries_.end()) {
    found->second.in_transition = false;
  }
}

awaitable<Result<ApplicationService::ApplicationPtr>> ApplicationService::create(
    const Caller& caller, api::CreateApplicationRequest in) {
  ApplicationKey key{caller.account, caller.region, in.application_name};
  if (find(key)) {
    co_return fail(ErrorCode::kInUse, "Application already exists: {}", in.application_name);
  }
  CO_TRY_ASSIGN(Application made, new_application(in, key, context_.host.clock.now_ms()));
  if (made.is_sql()) CO_TRY(check_code(made, ErrorCode::kInvalidArgument));
  auto insert = [this, &made](Transaction& transaction) -> Result<> {
    TRY_ASSIGN(
        const auto count,
        transaction.query("SELECT COUNT(*) FROM application WHERE account = ? AND region = ?",
                          {made.key.account, made.key.region}));
    if (count[0].integer(0) >= context_.applications_per_region) {
      return fail(ErrorCode::kLimitExceeded,
                  "There are {} applications in this region already: delete one first.",
                  context_.applications_per_region);
    }
    TRY_ASSIGN(made.id, context_.meta.next_number(transaction, kApplicationSequence));
    return insert_application(transaction, made);
  };
  const Result<> inserted = co_await context_.meta.write(insert);
  if (!inserted && inserted.error().code == ErrorCode::kInUse) {
    co_return fail(ErrorCode::kInUse, "Application already exists: {}", key.name);
  }
  if (!inserted) co_return std::unexpected(inserted.error());
  auto application = std::make_shared<const Application>(std::move(made));
  std::lock_guard lock(mutex_);
  by_arn_[key.arn()] = key;
  entries_[key].application = application;
  co_return application;
}

awaitable<Result<>> ApplicationService::change_tags(ApplicationPtr application, Edit edit) {
  CO_TRY(co_await change(application->key, std::move(edit)));
  co_return Result<>();
}

awaitable<Result<>> ApplicationService::set_maintenance(ApplicationPtr application,
                                                        std::string start_time) {
  const int hour = std::stoi(start_time.substr(0, 2));  // HH:MM, by the model's pattern
  const std::string end = fmt::format("{:02}:{}", (hour + 8) % 24, start_time.substr(3));
  Edit edit = [start_time, end](Application& changed) -> Result<> {
    changed.detail.application_maintenance_configuration_description = {
        .application_maintenance_window_start_time = start_time,
        .application_maintenance_window_end_time = end};
    return {};
  };
  CO_TRY(co_await change(application->key, std::move(edit)));
  co_return Result<>();
}

awaitable<Result<api::ApplicationDetail>> ApplicationService::at_version(ApplicationPtr application,
                                                                         int64_t version) {
  std::optional<api::ApplicationDetail> found;
  auto load = [&found, id = application->id, version](Transaction& transaction) -> Result<> {
    TRY_ASSIGN(found, load_version(transaction, id, version));
    return {};
  };
  CO_TRY(co_await context_.meta.read(load));
  if (!found) {
    co_return fail(ErrorCode::kNotFound, "Application {} has no version {}.", application->key.name,
                   version);
  }
  found->application_status =
      version == application->version() ? application->status : api::ApplicationStatus::kReady;
  co_return *std::move(found);
}

awaitable<Result<std::vector<int64_t>>> ApplicationService::versions(ApplicationPtr application) {
  std::vector<int64_t> all;
  auto load = [&all, id = application->id](Transaction& transaction) -> Result<> {
    TRY_ASSIGN(all, load_versions(transaction, id));
    return {};
  };
  CO_TRY(co_await context_.meta.read(load));
  co_return all;
}

awaitable<Result<>> ApplicationService::remove(const Caller& caller, std::string name,
                                               wire::Timestamp created) {
  CO_TRY_ASSIGN(const ApplicationPtr application, existing(caller, name));
  // Clients send whole seconds.
  if (created.ms / 1000 != application->detail.create_timestamp->ms / 1000) {
    co_return fail(ErrorCode::kInvalidArgument,
                   "The CreateTimestamp of application {} is not the one given: describe it.",
                   name);
  }
  Edit edit = [](Application& changed) -> Result<> {
    if (changed.status == api::ApplicationStatus::kDeleting) {
      return fail(ErrorCode::kInUse, "Application {} is being deleted already.", changed.key.name);
    }
    changed.status = api::ApplicationStatus::kDeleting;
    changed.wanted = false;
    return {};
  };
  CO_TRY(co_await change(application->key, std::move(edit)));
  in_background(application->key, [this, key = application->key] { return finish_removal(key); });
  co_return Result<>();
}

awaitable<> ApplicationService::finish_removal(ApplicationKey key) {
  const ApplicationPtr application = find(key);
  if (!application) co_return;
  (void)co_await context_.runner.stop(key.arn(), "");
  co_await drop_state(application->id, application->writer, application->changelog);
  std::error_code ignored;
  std::filesystem::remove_all(folder_of(application->id), ignored);
  auto erase = [id = application->id](Transaction& transaction) {
    return delete_application(transaction, id);
  };
  const Result<> erased = co_await context_.meta.write(erase);
  if (!erased) {
    log_warning(kPart, "{}: its deletion will be finished at the next start: {}", key.arn(),
                erased.error().message);
    co_return;
  }
  std::lock_guard lock(mutex_);
  by_arn_.erase(key.arn());
  entries_.erase(key);
}

awaitable<Result<>> ApplicationService::remove_all() {
  std::vector<ApplicationPtr> all;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [key, entry] : entries_) all.push_back(entry.application);
  }
  for (const ApplicationPtr& application : all) {
    Caller caller;
    caller.account = application->key.account;
    caller.region = application->key.region;
    (void)co_await remove(caller, application->key.name, *application->detail.create_timestamp);
  }
  while (background_ > 0) co_await pause(kPoll);
  co_return Result<>();
}

}  // namespace millstream::analytics
