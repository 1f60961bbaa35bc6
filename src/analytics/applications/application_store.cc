#include "analytics/applications/application_store.h"

#include <array>

#include "wire/json_decode.h"
#include "wire/json_encode.h"

namespace millstream::analytics {
namespace {

constexpr std::array kMigrations{Migration{"analytics", 1, R"(
CREATE TABLE application (
  id INTEGER PRIMARY KEY,
  account TEXT NOT NULL,
  region TEXT NOT NULL,
  name TEXT NOT NULL,
  status TEXT NOT NULL,
  wanted INTEGER NOT NULL,
  writer INTEGER NOT NULL,
  changelog INTEGER NOT NULL,
  restore TEXT NOT NULL,
  detail TEXT NOT NULL,
  tags TEXT NOT NULL,
  snapshots TEXT NOT NULL,
  UNIQUE (account, region, name)
);
CREATE TABLE application_version (
  application INTEGER NOT NULL REFERENCES application (id),
  version INTEGER NOT NULL,
  detail TEXT NOT NULL,
  PRIMARY KEY (application, version)
);
CREATE TABLE application_operation (
  application INTEGER NOT NULL REFERENCES application (id),
  id TEXT NOT NULL,
  place INTEGER NOT NULL,
  details TEXT NOT NULL,
  PRIMARY KEY (application, id)
))"}};

std::string tags_json(const Application& application) {
  api::ListTagsForResourceResponse tags;
  auto& all = tags.tags.emplace();
  for (const auto& [key, value] : application.tags) all.push_back({.key = key, .value = value});
  return wire::to_json(tags);
}

std::string snapshots_json(const Application& application) {
  api::ListApplicationSnapshotsResponse snapshots;
  snapshots.snapshot_summaries = application.snapshots;
  return wire::to_json(snapshots);
}

Result<> save_parts(Transaction& transaction, const Application& application) {
  TRY(transaction.execute(
      "INSERT INTO application_version (application, version, detail) VALUES (?, ?, ?) "
      "ON CONFLICT (application, version) DO UPDATE SET detail = excluded.detail",
      {application.id, application.version(), wire::to_json(application.detail)}));
  TRY(transaction.execute("DELETE FROM application_operation WHERE application = ?",
                          {application.id}));
  int64_t place = 0;
  for (const ApplicationOperation& operation : application.operations) {
    TRY(transaction.execute(
        "INSERT INTO application_operation (application, id, place, details) VALUES (?, ?, ?, ?)",
        {application.id, operation.id, place++, wire::to_json(operation.details)}));
  }
  return {};
}

Result<> load_operations(Transaction& transaction, Application& application) {
  TRY_ASSIGN(const auto rows, transaction.query("SELECT id, details FROM application_operation "
                                                "WHERE application = ? ORDER BY place",
                                                {application.id}));
  for (const SqlRow& row : rows) {
    ApplicationOperation operation;
    operation.id = row.text(0);
    TRY_ASSIGN(operation.details,
               wire::from_json<api::ApplicationOperationInfoDetails>(row.text(1)));
    application.operations.push_back(std::move(operation));
  }
  return {};
}

}  // namespace

std::span<const Migration> application_migrations() { return kMigrations; }

Result<std::vector<Application>> load_applications(Transaction& transaction) {
  TRY_ASSIGN(const auto rows,
             transaction.query("SELECT id, account, region, name, status, wanted, writer, "
                               "changelog, restore, detail, tags, snapshots FROM application "
                               "ORDER BY id"));
  std::vector<Application> all;
  for (const SqlRow& row : rows) {
    Application application;
    application.id = row.integer(0);
    application.key = {row.text(1), row.text(2), row.text(3)};
    application.status = row.text(4);
    application.wanted = row.integer(5) != 0;
    application.writer = row.integer(6);
    application.changelog = row.integer(7);
    application.restore = row.text(8);
    TRY_ASSIGN(application.detail, wire::from_json<api::ApplicationDetail>(row.text(9)));
    TRY_ASSIGN(const auto tags, wire::from_json<api::ListTagsForResourceResponse>(row.text(10)));
    for (const auto& tag : tags.tags.value_or(std::vector<api::Tag>())) {
      application.tags[tag.key] = tag.value.value_or("");
    }
    TRY_ASSIGN(auto snapshots,
               wire::from_json<api::ListApplicationSnapshotsResponse>(row.text(11)));
    application.snapshots =
        std::move(snapshots.snapshot_summaries).value_or(std::vector<api::SnapshotDetails>());
    TRY(load_operations(transaction, application));
    all.push_back(std::move(application));
  }
  return all;
}

Result<> insert_application(Transaction& transaction, const Application& application) {
  TRY(transaction.execute(
      "INSERT INTO application (id, account, region, name, status, wanted, writer, changelog, "
      "restore, detail, tags, snapshots) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {application.id, application.key.account, application.key.region, application.key.name,
       application.status, int64_t{application.wanted}, application.writer, application.changelog,
       application.restore, wire::to_json(application.detail), tags_json(application),
       snapshots_json(application)}));
  return save_parts(transaction, application);
}

Result<> save_application(Transaction& transaction, const Application& application) {
  TRY(transaction.execute(
      "UPDATE application SET status = ?, wanted = ?, writer = ?, changelog = ?, restore = ?, "
      "detail = ?, tags = ?, snapshots = ? WHERE id = ?",
      {application.status, int64_t{application.wanted}, application.writer, application.changelog,
       application.restore, wire::to_json(application.detail), tags_json(application),
       snapshots_json(application), application.id}));
  return save_parts(transaction, application);
}

Result<> delete_application(Transaction& transaction, int64_t application) {
  constexpr std::array kStatements{"DELETE FROM application_operation WHERE application = ?",
                                   "DELETE FROM application_version WHERE application = ?",
                                   "DELETE FROM application WHERE id = ?"};
  for (const char* statement : kStatements) TRY(transaction.execute(statement, {application}));
  return {};
}

Result<std::optional<api::ApplicationDetail>> load_version(Transaction& transaction,
                                                           int64_t application, int64_t version) {
  TRY_ASSIGN(const auto rows, transaction.query("SELECT detail FROM application_version "
                                                "WHERE application = ? AND version = ?",
                                                {application, version}));
  if (rows.empty()) return std::nullopt;
  TRY_ASSIGN(auto detail, wire::from_json<api::ApplicationDetail>(rows[0].text(0)));
  return std::optional(std::move(detail));
}

Result<std::vector<int64_t>> load_versions(Transaction& transaction, int64_t application) {
  TRY_ASSIGN(const auto rows, transaction.query("SELECT version FROM application_version "
                                                "WHERE application = ? ORDER BY version DESC",
                                                {application}));
  std::vector<int64_t> versions;
  for (const SqlRow& row : rows) versions.push_back(row.integer(0));
  return versions;
}

}  // namespace millstream::analytics
