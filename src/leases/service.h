// The table API that KCL keeps its leases, coordinator state and worker metrics in: the operations
// of DynamoDB that it and its users' tools call.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <variant>

#include "leases/condition.h"
#include "leases/legacy.h"
#include "leases/table_store.h"
#include "leases/update_expression.h"
#include "wire/operation.h"

namespace millstream::leases {

// One item to write, understood.
struct ItemWrite {
  enum class Kind : uint8_t { kPut, kUpdate, kDelete, kCheck };
  Kind kind = Kind::kPut;
  TableKey table;
  Item item;  // of kPut; else the key
  std::optional<Condition> condition;
  std::variant<std::monostate, AttributeUpdates, Update> update;
  bool item_on_failure = false;  // the error shows the item that the condition refused
};

// What a write found and left.
struct ItemChange {
  std::optional<Item> before;
  std::optional<Item> after;
};

// Life cycle:  `meta` and `clock` outlive it; the store has lease_migrations().
// Threads:     any.
// Durability:  a write that is answered is on stable storage.
// Isolation:   serializable (table_store.h says how); reads see what was answered before.
// Errors:      DynamoDB's, as codes; kThrottled when the store has too many waiting calls.
class LeaseTables {
 public:
  LeaseTables(MetaStore& meta, Clock& clock) : meta_(meta), clock_(clock) {}

  template <class Op>
  using Answer = awaitable<Result<typename Op::Output>>;
  using Caller = wire::RequestContext;

  Answer<api::CreateTable> create_table(const Caller& caller, api::CreateTableInput in);
  Answer<api::DescribeTable> describe_table(const Caller& caller, api::DescribeTableInput in);
  Answer<api::UpdateTable> update_table(const Caller& caller, api::UpdateTableInput in);
  Answer<api::DeleteTable> delete_table(const Caller& caller, api::DeleteTableInput in);
  Answer<api::ListTables> list_tables(const Caller& caller, api::ListTablesInput in);
  Answer<api::TagResource> tag(const Caller& caller, api::TagResourceInput in);
  Answer<api::UntagResource> untag(const Caller& caller, api::UntagResourceInput in);
  Answer<api::ListTagsOfResource> list_tags(const Caller& caller, api::ListTagsOfResourceInput in);
  Answer<api::UpdateContinuousBackups> update_backups(const Caller& caller,
                                                      api::UpdateContinuousBackupsInput in);
  Answer<api::DescribeContinuousBackups> describe_backups(const Caller& caller,
                                                          api::DescribeContinuousBackupsInput in);
  Answer<api::UpdateTimeToLive> update_ttl(const Caller& caller, api::UpdateTimeToLiveInput in);
  Answer<api::DescribeTimeToLive> describe_ttl(const Caller& caller,
                                               api::DescribeTimeToLiveInput in);

  Answer<api::GetItem> get_item(const Caller& caller, api::GetItemInput in);
  Answer<api::PutItem> put_item(const Caller& caller, api::PutItemInput in);
  Answer<api::UpdateItem> update_item(const Caller& caller, api::UpdateItemInput in);
  Answer<api::DeleteItem> delete_item(const Caller& caller, api::DeleteItemInput in);
  Answer<api::Query> query(const Caller& caller, api::QueryInput in);
  Answer<api::Scan> scan(const Caller& caller, api::ScanInput in);
  Answer<api::BatchGetItem> batch_get(const Caller& caller, api::BatchGetItemInput in);
  Answer<api::BatchWriteItem> batch_write(const Caller& caller, api::BatchWriteItemInput in);
  Answer<api::TransactGetItems> transact_get(const Caller& caller, api::TransactGetItemsInput in);
  Answer<api::TransactWriteItems> transact_write(const Caller& caller,
                                                 api::TransactWriteItemsInput in);

  awaitable<Result<>> delete_all();

 private:
  using TablePtr = std::shared_ptr<const Table>;

  // The table as this transaction sees it; parsed once per version. kNotFound.
  Result<TablePtr> table(Transaction& transaction, const TableKey& key);
  Result<ItemChange> write(Transaction& transaction, const ItemWrite& write);
  awaitable<Result<ItemChange>> write_one(ItemWrite write);
  // Changes a table's description, tags and settings.
  awaitable<Result<Table>> change_table(TableKey key, std::function<Result<>(Table&)> change);
  awaitable<Result<Table>> read_table(TableKey key);

  MetaStore& meta_;
  Clock& clock_;
  std::mutex mutex_;
  std::map<int64_t, TablePtr> tables_;  // by id; the newest version seen
};

void register_operations(wire::OperationTable& table, LeaseTables& tables);

// ---- shared by the files of the service ----

// "Can not use both expression and non-expression parameters …", if both are there.
Result<> check_parameter_styles(std::initializer_list<std::pair<std::string_view, bool>> legacy,
                                std::initializer_list<std::pair<std::string_view, bool>> modern);
// ReturnConsumedCapacity: units of AWS's accounting, 1 KiB to write, 4 KiB to read (half if not
// consistent).
std::optional<api::ConsumedCapacity> consumed(const std::optional<std::string>& wanted,
                                              const std::string& table, double units);
double write_units(const ItemChange& change);
double read_units(size_t bytes, bool consistent);
// AttributesToGet as paths.
std::vector<Path> paths_of(const std::vector<std::string>& attributes);

}  // namespace millstream::leases
