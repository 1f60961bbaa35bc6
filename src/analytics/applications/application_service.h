// The KinesisAnalytics API: applications, their versions, runs and snapshots. V1's applications
// are those of V2 with runtime SQL-1_0; v1_operations.cc speaks V1 with this service.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "analytics/applications/application.h"
#include "analytics/applications/runner.h"
#include "analytics/applications/server_host.h"
#include "base/async.h"
#include "meta/meta_store.h"
#include "wire/operation.h"

namespace millstream::analytics {

// All members outlive the service.
struct ApplicationsContext {
  MetaStore& meta;
  ApplicationRunner& runner;
  HostContext& host;
  asio::any_io_executor executor;        // of starts and stops under way
  std::string folder;                    // for states' snapshots: a real folder, made when needed
  int64_t applications_per_region = 50;  // AWS: default quota
};

// Life cycle: start() once the catalog is open; stop() before the runner is shut down, while the
//             executor's threads run.
// Threads:    operations from any loop; they complete there.
// Durability: what an operation has answered is in the MetaStore; a running application runs
//             again after a restart of the server, from its last durable batch.
class ApplicationService {
 public:
  using Caller = wire::RequestContext;
  using ApplicationPtr = std::shared_ptr<const Application>;

  explicit ApplicationService(ApplicationsContext context);

  Result<> start();  // blocking
  awaitable<> stop();
  // Deletes all applications, for the reset of a server in test mode.
  awaitable<Result<>> remove_all();

  // What the operations below are made of.
  Result<ApplicationPtr> existing(const Caller& caller, const std::string& name) const;
  Result<ApplicationPtr> by_arn(const Caller& caller, const std::string& arn) const;
  std::vector<ApplicationPtr> list(const Caller& caller) const;  // by name
  std::optional<RunStatus> run_status(const Application& application) const;
  HostContext& host() { return context_.host; }
  // Its description, with the status of now.
  api::ApplicationDetail described(const Application& application) const;

  using Edit = std::function<Result<>(Application&)>;
  // Adds a version. `edit` changes a copy; a running application goes over to the new version
  // with the state that it has. `operation`: for ListApplicationOperations.
  // Errors: kConcurrentModification (version or token), kInUse (its status), those of `edit`.
  struct Expected {
    std::optional<int64_t> version;
    std::optional<std::string> token;
  };
  struct Changed {
    ApplicationPtr application;
    std::string operation_id;
  };
  awaitable<Result<Changed>> new_version(ApplicationPtr application, Expected expected,
                                         std::string operation, Edit edit);

  awaitable<Result<ApplicationPtr>> create(const Caller& caller, api::CreateApplicationRequest in);
  awaitable<Result<>> remove(const Caller& caller, std::string name, wire::Timestamp created);
  awaitable<Result<std::string>> start_application(const Caller& caller,
                                                   api::StartApplicationRequest in);
  awaitable<Result<std::string>> stop_application(const Caller& caller, std::string name,
                                                  bool force);
  awaitable<Result<Changed>> update(const Caller& caller, api::UpdateApplicationRequest in);
  awaitable<Result<Changed>> rollback(const Caller& caller, api::RollbackApplicationRequest in);
  awaitable<Result<>> change_tags(ApplicationPtr application, Edit edit);
  awaitable<Result<>> set_maintenance(ApplicationPtr application, std::string start_time);
  awaitable<Result<>> create_snapshot(const Caller& caller, std::string application,
                                      std::string name);
  awaitable<Result<>> delete_snapshot(const Caller& caller,
                                      api::DeleteApplicationSnapshotRequest in);
  awaitable<Result<api::ApplicationDetail>> at_version(ApplicationPtr application, int64_t version);
  awaitable<Result<std::vector<int64_t>>> versions(ApplicationPtr application);

 private:
  struct Entry {
    ApplicationPtr application;
    bool busy = false;           // a change is being stored
    bool in_transition = false;  // its run is being started, stopped …
  };

  ApplicationPtr find(const ApplicationKey& key) const;
  // Stores what `edit` makes of it, one change after the other. `new_state`: a writer and a
  // changelog of its own from now on.
  awaitable<Result<ApplicationPtr>> change(ApplicationKey key, Edit edit, bool new_state = false);
  // As change(), for what has happened: failures are logged.
  awaitable<> note(ApplicationKey key, Edit edit);
  // Runs `work` on the executor, one transition of an application after the other.
  void in_background(ApplicationKey key, std::function<awaitable<>()> work);
  awaitable<> run_transition(ApplicationKey key, std::function<awaitable<>()> work);

  awaitable<> begin_run(ApplicationKey key, std::string operation);
  awaitable<> restart_run(ApplicationKey key, std::string operation);
  awaitable<> end_run(ApplicationKey key, std::string operation);
  awaitable<> finish_removal(ApplicationKey key);
  awaitable<Result<>> launch(ApplicationPtr application);
  Result<ApplicationRun> make_run(const Application& application) const;
  awaitable<> run_ended(ApplicationKey key, Result<> started, std::string operation);
  void run_changed(const std::string& arn, RunStatus status);
  awaitable<> drop_state(int64_t application, int64_t writer, int64_t changelog);
  std::string folder_of(int64_t application) const;

  ApplicationsContext context_;
  mutable std::mutex mutex_;
  std::map<ApplicationKey, Entry> entries_;
  std::map<std::string, ApplicationKey> by_arn_;
  std::atomic<bool> stopping_ = false;
  std::atomic<size_t> background_ = 0;
};

// Shared by the service's files.
std::string begin_operation(Application& application, std::string_view name, TimeMs now);
// Sets its end; `error`: empty if it succeeded.
void end_operation(Application& application, const std::string& id, TimeMs now,
                   const std::string& error);
void add_version(Application& application, TimeMs now);
std::string conditional_token(const Application& application);

// DiscoverInputSchema and all others; V1 and V2.
void register_v2_operations(wire::OperationTable& table, ApplicationService& service);
void register_v1_operations(wire::OperationTable& table, ApplicationService& service);

}  // namespace millstream::analytics
