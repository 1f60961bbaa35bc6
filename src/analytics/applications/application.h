// An application as it is kept: its definition in the words of the V2 model, and where its state
// is.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/env.h"
#include "base/result.h"
#include "wire/generated/kinesisanalyticsv2.h"

namespace millstream::analytics {

namespace api = wire::kinesisanalyticsv2;

struct ApplicationKey {
  std::string account;
  std::string region;
  std::string name;
  friend auto operator<=>(const ApplicationKey&, const ApplicationKey&) = default;
  std::string arn() const;  // arn:aws:kinesisanalytics:<region>:<account>:application/<name>
};

struct ApplicationOperation {
  std::string id;
  api::ApplicationOperationInfoDetails details;
};

inline constexpr size_t kKeptOperations = 100;  // of an application; older ones are forgotten

// Constant once published: a change makes a new one.
struct Application {
  int64_t id = 0;
  ApplicationKey key;
  // Of the current version, without its status. CreateTimestamp has whole seconds: clients send
  // it back so.
  api::ApplicationDetail detail;
  std::string status{api::ApplicationStatus::kReady};
  bool wanted = false;  // it runs, and runs again after a restart of the server
  // The state: its writer and changelog shard; 0: none yet. Starting afresh takes new ones.
  int64_t writer = 0;
  int64_t changelog = 0;
  std::string restore;  // the snapshot that the state begins with
  std::map<std::string, std::string> tags;
  std::vector<api::SnapshotDetails> snapshots;   // oldest first
  std::vector<ApplicationOperation> operations;  // oldest first

  bool is_sql() const { return detail.runtime_environment == api::RuntimeEnvironment::kSql1_0; }
  int64_t version() const { return detail.application_version_id; }
  api::ApplicationConfigurationDescription& config();
  const api::ApplicationConfigurationDescription& config() const;
  std::string code() const;  // text; empty: none
  bool has_state() const { return changelog != 0; }
};

// What a request asks for, checked. Errors: kInvalidArgument, kUnsupportedOperation.
Result<Application> new_application(const api::CreateApplicationRequest& request,
                                    ApplicationKey key, TimeMs now_ms);

// Parses and plans the code with its inputs and outputs. Errors: kCodeValidation with line and
// column, or `configuration` for what its definition can't be run with.
Result<> check_code(const Application& application, ErrorCode configuration);

}  // namespace millstream::analytics
