// Operations on tables: create, describe, change, delete, list, tags, backups, time to live.
#include <algorithm>
#include <numeric>

#include "base/random.h"
#include "leases/service.h"

namespace millstream::leases {
namespace {

constexpr size_t kMaxTags = 50;            // AWS limit of a resource
constexpr int32_t kMaxListedTables = 100;  // AWS: ListTables

int64_t random_version() { return static_cast<int64_t>(random_u64() >> 1); }

std::unexpected<Error> no_table(const std::string& name) {
  return fail(ErrorCode::kNotFound, "Requested resource not found: Table: {} not found", name);
}

Result<> add_tags(std::vector<api::Tag>& tags, const std::vector<api::Tag>& more) {
  for (const api::Tag& tag : more) {
    const auto known = std::ranges::find(tags, tag.key, &api::Tag::key);
    if (known == tags.end()) {
      tags.push_back(tag);
    } else {
      known->value = tag.value;
    }
  }
  if (tags.size() > kMaxTags) {
    return fail(ErrorCode::kValidation,
                "One or more parameter values were invalid: Too many tags: {}, at most {}",
                tags.size(), kMaxTags);
  }
  return {};
}

Result<> count_items(Transaction& transaction, int64_t id, api::TableDescription& description) {
  TRY_ASSIGN(const TableSize size, size_of_table(transaction, id));
  description.item_count = size.items;
  description.table_size_bytes = size.bytes;
  const auto count = [&](auto& indexes) -> Result<> {
    if (!indexes) return {};
    for (auto& index : *indexes) {
      TRY_ASSIGN(const int64_t items, count_index(transaction, id, *index.index_name));
      index.item_count = items;
      index.index_size_bytes = size.items == 0 ? 0 : size.bytes / size.items * items;
    }
    return {};
  };
  TRY(count(description.local_secondary_indexes));
  return count(description.global_secondary_indexes);
}

// Entries of indexes that came with a change, and of those that went.
Result<> follow_indexes(Transaction& transaction, const Table& before, const Table& after) {
  for (const Index& index : before.indexes) {
    if (after.index(index.name) == nullptr) {
      TRY(clear_index(transaction, before.id, index.name));
    }
  }
  for (const Index& index : after.indexes) {
    if (before.index(index.name) == nullptr) TRY(fill_index(transaction, after, index));
  }
  return {};
}

api::ContinuousBackupsDescription describe_backups_of(const Table& table, TimeMs now) {
  api::ContinuousBackupsDescription out;
  out.continuous_backups_status = api::ContinuousBackupsStatus::kEnabled;
  auto& recovery = out.point_in_time_recovery_description.emplace();
  recovery.point_in_time_recovery_status = table.point_in_time_recovery
                                               ? api::PointInTimeRecoveryStatus::kEnabled
                                               : api::PointInTimeRecoveryStatus::kDisabled;
  if (table.point_in_time_recovery) {
    recovery.earliest_restorable_date_time = table.description.creation_date_time;
    recovery.latest_restorable_date_time = wire::Timestamp{now};
  }
  return out;
}

}  // namespace

LeaseTables::Answer<api::CreateTable> LeaseTables::create_table(const Caller& caller,
                                                                api::CreateTableInput in) {
  CO_TRY_ASSIGN(const TableKey key, table_key(caller.account, caller.region, in.table_name));
  Table table;
  table.version = random_version();
  CO_TRY_ASSIGN(table.description, describe_new(in, key, clock_.now_ms()));
  table.time_to_live.time_to_live_status = api::TimeToLiveStatus::kDisabled;
  CO_TRY(understand(table));
  if (in.tags) CO_TRY(add_tags(table.tags, *in.tags));
  CO_TRY(co_await meta_.write([&](Transaction& transaction) -> Result<> {
    TRY_ASSIGN(const auto known, find_table(transaction, key));
    if (known) return fail(ErrorCode::kInUse, "Table already exists: {}", key.name);
    TRY_ASSIGN(table.id, meta_.next_number(transaction, kTableSequence));
    return insert_table(transaction, key, table);
  }));
  api::CreateTableOutput out;
  out.table_description = table.description;
  out.table_description->item_count = 0;
  out.table_description->table_size_bytes = 0;
  co_return out;
}

LeaseTables::Answer<api::DescribeTable> LeaseTables::describe_table(const Caller& caller,
                                                                    api::DescribeTableInput in) {
  CO_TRY_ASSIGN(const TableKey key, table_key(caller.account, caller.region, in.table_name));
  api::DescribeTableOutput out;
  CO_TRY(co_await meta_.read([&](Transaction& transaction) -> Result<> {
    const auto found = this->table(transaction, key);
    if (!found && found.error().code == ErrorCode::kNotFound) return no_table(key.name);
    TRY(found);
    out.table = (*found)->description;
    return count_items(transaction, (*found)->id, *out.table);
  }));
  co_return out;
}

awaitable<Result<Table>> LeaseTables::change_table(TableKey key,
                                                   std::function<Result<>(Table&)> change) {
  Table changed;
  CO_TRY(co_await meta_.write([&](Transaction& transaction) -> Result<> {
    const auto found = this->table(transaction, key);
    if (!found && found.error().code == ErrorCode::kNotFound) return no_table(key.name);
    TRY(found);
    changed = **found;
    TRY(change(changed));
    TRY(understand(changed));
    changed.version = random_version();
    TRY(leases::update_table(transaction, changed));
    return follow_indexes(transaction, **found, changed);
  }));
  co_return changed;
}

awaitable<Result<Table>> LeaseTables::read_table(TableKey key) {
  TablePtr read;
  CO_TRY(co_await meta_.read([&](Transaction& transaction) -> Result<> {
    const auto found = this->table(transaction, key);
    if (!found && found.error().code == ErrorCode::kNotFound) return no_table(key.name);
    TRY(found);
    read = *found;
    return {};
  }));
  co_return *read;
}

LeaseTables::Answer<api::UpdateTable> LeaseTables::update_table(const Caller& caller,
                                                                api::UpdateTableInput in) {
  CO_TRY_ASSIGN(const TableKey key, table_key(caller.account, caller.region, in.table_name));
  const TimeMs now = clock_.now_ms();
  auto changed =
      co_await change_table(key, [&](Table& table) { return change(table.description, in, now); });
  CO_TRY(changed);
  api::UpdateTableOutput out;
  out.table_description = std::move(changed->description);
  const int64_t id = changed->id;
  CO_TRY(co_await meta_.read([&](Transaction& transaction) {
    return count_items(transaction, id, *out.table_description);
  }));
  co_return out;
}

LeaseTables::Answer<api::DeleteTable> LeaseTables::delete_table(const Caller& caller,
                                                                api::DeleteTableInput in) {
  CO_TRY_ASSIGN(const TableKey key, table_key(caller.account, caller.region, in.table_name));
  api::DeleteTableOutput out;
  CO_TRY(co_await meta_.write([&](Transaction& transaction) -> Result<> {
    const auto found = this->table(transaction, key);
    if (!found && found.error().code == ErrorCode::kNotFound) return no_table(key.name);
    TRY(found);
    out.table_description = (*found)->description;
    if (out.table_description->deletion_protection_enabled.value_or(false)) {
      return fail(ErrorCode::kValidation,
                  "Resource cannot be deleted as it is currently protected against deletion. "
                  "Disable deletion protection first.");
    }
    return leases::delete_table(transaction, (*found)->id);
  }));
  out.table_description->table_status = api::TableStatus::kDeleting;
  co_return out;
}

LeaseTables::Answer<api::ListTables> LeaseTables::list_tables(const Caller& caller,
                                                              api::ListTablesInput in) {
  const int64_t limit = in.limit.value_or(kMaxListedTables);
  const TableKey after{caller.account, caller.region, in.exclusive_start_table_name.value_or("")};
  std::vector<std::string> names;
  CO_TRY(co_await meta_.read([&](Transaction& transaction) -> Result<> {
    TRY_ASSIGN(names, leases::list_tables(transaction, after, limit + 1));
    return {};
  }));
  api::ListTablesOutput out;
  if (std::cmp_greater(names.size(), limit)) {
    names.pop_back();
    out.last_evaluated_table_name = names.back();
  }
  out.table_names = std::move(names);
  co_return out;
}

LeaseTables::Answer<api::TagResource> LeaseTables::tag(const Caller& caller,
                                                       api::TagResourceInput in) {
  CO_TRY_ASSIGN(const TableKey key, table_key(caller.account, caller.region, in.resource_arn));
  auto changed =
      co_await change_table(key, [&](Table& table) { return add_tags(table.tags, in.tags); });
  CO_TRY(changed);
  co_return Result<>();
}

LeaseTables::Answer<api::UntagResource> LeaseTables::untag(const Caller& caller,
                                                           api::UntagResourceInput in) {
  CO_TRY_ASSIGN(const TableKey key, table_key(caller.account, caller.region, in.resource_arn));
  auto changed = co_await change_table(key, [&](Table& table) -> Result<> {
    std::erase_if(table.tags, [&](const api::Tag& tag) {
      return std::ranges::find(in.tag_keys, tag.key) != in.tag_keys.end();
    });
    return {};
  });
  CO_TRY(changed);
  co_return Result<>();
}

LeaseTables::Answer<api::ListTagsOfResource> LeaseTables::list_tags(
    const Caller& caller, api::ListTagsOfResourceInput in) {
  CO_TRY_ASSIGN(const TableKey key, table_key(caller.account, caller.region, in.resource_arn));
  CO_TRY_ASSIGN(const Table table, co_await read_table(key));
  api::ListTagsOfResourceOutput out;
  out.tags = table.tags;
  co_return out;
}

LeaseTables::Answer<api::UpdateContinuousBackups> LeaseTables::update_backups(
    const Caller& caller, api::UpdateContinuousBackupsInput in) {
  CO_TRY_ASSIGN(const TableKey key, table_key(caller.account, caller.region, in.table_name));
  const bool enabled = in.point_in_time_recovery_specification.point_in_time_recovery_enabled;
  auto changed = co_await change_table(key, [enabled](Table& table) -> Result<> {
    table.point_in_time_recovery = enabled;
    return {};
  });
  if (!changed && changed.error().code == ErrorCode::kNotFound) {
    co_return fail(ErrorCode::kTableNotFound, "Table not found: {}", key.name);
  }
  CO_TRY(changed);
  api::UpdateContinuousBackupsOutput out;
  out.continuous_backups_description = describe_backups_of(*changed, clock_.now_ms());
  co_return out;
}

LeaseTables::Answer<api::DescribeContinuousBackups> LeaseTables::describe_backups(
    const Caller& caller, api::DescribeContinuousBackupsInput in) {
  CO_TRY_ASSIGN(const TableKey key, table_key(caller.account, caller.region, in.table_name));
  auto table = co_await read_table(key);
  if (!table && table.error().code == ErrorCode::kNotFound) {
    co_return fail(ErrorCode::kTableNotFound, "Table not found: {}", key.name);
  }
  CO_TRY(table);
  api::DescribeContinuousBackupsOutput out;
  out.continuous_backups_description = describe_backups_of(*table, clock_.now_ms());
  co_return out;
}

LeaseTables::Answer<api::UpdateTimeToLive> LeaseTables::update_ttl(const Caller& caller,
                                                                   api::UpdateTimeToLiveInput in) {
  CO_TRY_ASSIGN(const TableKey key, table_key(caller.account, caller.region, in.table_name));
  const api::TimeToLiveSpecification& wanted = in.time_to_live_specification;
  auto changed = co_await change_table(key, [&](Table& table) -> Result<> {
    const bool enabled = table.time_to_live.time_to_live_status == api::TimeToLiveStatus::kEnabled;
    if (enabled == wanted.enabled) {
      return fail(ErrorCode::kValidation, "TimeToLive is already {}",
                  enabled ? "enabled" : "disabled");
    }
    table.time_to_live = {};
    table.time_to_live.time_to_live_status =
        wanted.enabled ? api::TimeToLiveStatus::kEnabled : api::TimeToLiveStatus::kDisabled;
    if (wanted.enabled) table.time_to_live.attribute_name = wanted.attribute_name;
    return {};
  });
  CO_TRY(changed);
  api::UpdateTimeToLiveOutput out;
  out.time_to_live_specification = wanted;
  co_return out;
}

LeaseTables::Answer<api::DescribeTimeToLive> LeaseTables::describe_ttl(
    const Caller& caller, api::DescribeTimeToLiveInput in) {
  CO_TRY_ASSIGN(const TableKey key, table_key(caller.account, caller.region, in.table_name));
  CO_TRY_ASSIGN(const Table table, co_await read_table(key));
  api::DescribeTimeToLiveOutput out;
  out.time_to_live_description = table.time_to_live;
  co_return out;
}

awaitable<Result<>> LeaseTables::delete_all() {
  co_return co_await meta_.write([](Transaction& transaction) -> Result<> {
    TRY_ASSIGN(const auto ids, all_tables(transaction));
    for (const int64_t id : ids) TRY(leases::delete_table(transaction, id));
    return {};
  });
}

}  // namespace millstream::leases
