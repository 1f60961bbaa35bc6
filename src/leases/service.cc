// The way from the operation table to the service, and tables as transactions see them.
#include "leases/service.h"

#include <cmath>

namespace millstream::leases {

Result<LeaseTables::TablePtr> LeaseTables::table(Transaction& transaction, const TableKey& key) {
  TRY_ASSIGN(const auto version, find_table(transaction, key));
  if (!version) return fail(ErrorCode::kNotFound, "Requested resource not found");
  {
    std::lock_guard lock(mutex_);
    const auto known = tables_.find(version->id);
    if (known != tables_.end() && known->second->version == version->version) return known->second;
  }
  TRY_ASSIGN(Table loaded, load_table(transaction, *version));
  auto table = std::make_shared<const Table>(std::move(loaded));
  std::lock_guard lock(mutex_);
  // Bounded by the tables that exist: those that have gone leave with the next flood of new ones.
  constexpr size_t kMaxCached = 4096;
  if (tables_.size() >= kMaxCached) tables_.clear();
  // Versions are random: also one that a failed commit took back never means other content.
  tables_[version->id] = table;
  return table;
}

Result<> check_parameter_styles(std::initializer_list<std::pair<std::string_view, bool>> legacy,
                                std::initializer_list<std::pair<std::string_view, bool>> modern) {
  const auto present = [](const auto& parameters) {
    std::vector<std::string_view> names;
    for (const auto& [name, is_present] : parameters) {
      if (is_present) names.push_back(name);
    }
    return names;
  };
  const auto old_names = present(legacy);
  const auto new_names = present(modern);
  if (old_names.empty() || new_names.empty()) return {};
  return fail(ErrorCode::kValidation,
              "Can not use both expression and non-expression parameters in the same request: "
              "Non-expression parameters: {{{}}} Expression parameters: {{{}}}",
              fmt::join(old_names, ", "), fmt::join(new_names, ", "));
}

std::optional<api::ConsumedCapacity> consumed(const std::optional<std::string>& wanted,
                                              const std::string& table, double units) {
  if (!wanted || *wanted == api::ReturnConsumedCapacity::kNone) return std::nullopt;
  api::ConsumedCapacity capacity;
  capacity.table_name = table;
  capacity.capacity_units = units;
  if (*wanted == api::ReturnConsumedCapacity::kIndexes) {
    capacity.table.emplace().capacity_units = units;
  }
  return capacity;
}

double write_units(const ItemChange& change) {
  size_t bytes = 1;
  if (change.before) bytes = std::max(bytes, size_of(*change.before));
  if (change.after) bytes = std::max(bytes, size_of(*change.after));
  return std::ceil(static_cast<double>(bytes) / 1024);
}

double read_units(size_t bytes, bool consistent) {
  const double units = std::max(1.0, std::ceil(static_cast<double>(bytes) / 4096));
  return consistent ? units : units / 2;
}

std::vector<Path> paths_of(const std::vector<std::string>& attributes) {
  std::vector<Path> paths;
  for (const std::string& name : attributes) paths.push_back({{name, {}}});
  return paths;
}

namespace {

template <class Op, class Method>
void add(wire::OperationTable& table, LeaseTables& tables, Method method) {
  table.handle<Op>([&tables, method](const wire::RequestContext& caller, typename Op::Input in) {
    return (tables.*method)(caller, std::move(in));
  });
}

}  // namespace

void register_operations(wire::OperationTable& table, LeaseTables& tables) {
  add<api::CreateTable>(table, tables, &LeaseTables::create_table);
  add<api::DescribeTable>(table, tables, &LeaseTables::describe_table);
  add<api::UpdateTable>(table, tables, &LeaseTables::update_table);
  add<api::DeleteTable>(table, tables, &LeaseTables::delete_table);
  add<api::ListTables>(table, tables, &LeaseTables::list_tables);
  add<api::TagResource>(table, tables, &LeaseTables::tag);
  add<api::UntagResource>(table, tables, &LeaseTables::untag);
  add<api::ListTagsOfResource>(table, tables, &LeaseTables::list_tags);
  add<api::UpdateContinuousBackups>(table, tables, &LeaseTables::update_backups);
  add<api::DescribeContinuousBackups>(table, tables, &LeaseTables::describe_backups);
  add<api::UpdateTimeToLive>(table, tables, &LeaseTables::update_ttl);
  add<api::DescribeTimeToLive>(table, tables, &LeaseTables::describe_ttl);
  add<api::GetItem>(table, tables, &LeaseTables::get_item);
  add<api::PutItem>(table, tables, &LeaseTables::put_item);
  add<api::UpdateItem>(table, tables, &LeaseTables::update_item);
  add<api::DeleteItem>(table, tables, &LeaseTables::delete_item);
  add<api::Query>(table, tables, &LeaseTables::query);
  add<api::Scan>(table, tables, &LeaseTables::scan);
  add<api::BatchGetItem>(table, tables, &LeaseTables::batch_get);
  add<api::BatchWriteItem>(table, tables, &LeaseTables::batch_write);
  add<api::TransactGetItems>(table, tables, &LeaseTables::transact_get);
  add<api::TransactWriteItems>(table, tables, &LeaseTables::transact_write);
}

}  // namespace millstream::leases
