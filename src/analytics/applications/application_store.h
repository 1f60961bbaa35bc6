// The tables of the applications. SQL that SQLite and PostgreSQL both understand.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "analytics/applications/application.h"
#include "meta/meta_store.h"

namespace millstream::analytics {

inline constexpr std::string_view kApplicationSequence = "application";
// Of writers of the log that append exactly once; one for all modules.
inline constexpr std::string_view kLogWriterSequence = "log_writer";

std::span<const Migration> application_migrations();

Result<std::vector<Application>> load_applications(Transaction& transaction);
// kInUse if the name is taken.
Result<> insert_application(Transaction& transaction, const Application& application);
// All of it; its version is kept in the history.
Result<> save_application(Transaction& transaction, const Application& application);
// With its history.
Result<> delete_application(Transaction& transaction, int64_t application);

// As it was at that version. nullopt: there was none.
Result<std::optional<api::ApplicationDetail>> load_version(Transaction& transaction,
                                                           int64_t application, int64_t version);
// Newest first.
Result<std::vector<int64_t>> load_versions(Transaction& transaction, int64_t application);

}  // namespace millstream::analytics
