// Tables as their descriptions say, and where in them an item stands.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/env.h"
#include "leases/attribute_value.h"

namespace millstream::leases {

namespace api = wire::dynamodb;

struct TableKey {
  std::string account;
  std::string region;
  std::string name;
};

struct KeyAttribute {
  std::string name;
  ValueType type = ValueType::kS;
};

struct KeySchema {
  KeyAttribute hash;
  std::optional<KeyAttribute> range;
};

struct Index {
  std::string name;
  bool global = true;
  KeySchema keys;
  // What it shows of an item besides the keys; nothing: all of it.
  std::optional<std::vector<std::string>> projected;
};

struct Table {
  int64_t id = 0;
  int64_t version = 0;                // another one after each change of what follows
  api::TableDescription description;  // without counts
  std::vector<api::Tag> tags;
  api::TimeToLiveDescription time_to_live;
  bool point_in_time_recovery = false;
  KeySchema keys;
  std::vector<Index> indexes;

  const Index* index(std::string_view name) const;  // nullptr: no such index
};

// Where an item stands among the others of its table or index: tables are read in the order of
// the hash of the partition key, as DynamoDB's are, so that segments of a scan are ranges.
struct Place {
  int64_t hash = 0;       // of the partition key's bytes; never negative
  std::string partition;  // the key's bytes
  std::string sort;       // one byte 0 without a sort key, else 1 and the key's bytes
};

// The description of a new table. kValidation with DynamoDB's texts.
Result<api::TableDescription> describe_new(const api::CreateTableInput& in, const TableKey& key,
                                           TimeMs now);
// Applies an UpdateTable; the indexes that it adds are complete at once.
Result<> change(api::TableDescription& description, const api::UpdateTableInput& in, TimeMs now);
// Fills `keys` and `indexes` from the description. kValidation if the two don't fit.
Result<> understand(Table& table);

std::string table_arn(const TableKey& key);
// A table's name or ARN, as the caller of that account and region gives it.
Result<TableKey> table_key(const std::string& account, const std::string& region,
                           const std::string& name_or_arn);

// `key` has the key's attributes and no others. kValidation else.
Result<Place> place_of_key(const Table& table, const Item& key);
// The place of a whole item. kValidation if a key is missing or has the wrong type, also one of an
// index.
Result<Place> place_of_item(const Table& table, const Item& item);
// Nothing if the item lacks a key of the index: then it isn't in it.
std::optional<Place> place_in_index(const KeySchema& keys, const Item& item);
int64_t partition_hash(std::string_view partition);
std::string sort_bytes(const AttributeValue& value);

// The key's attributes of an item.
Item key_of(const KeySchema& keys, const Item& item);

}  // namespace millstream::leases
