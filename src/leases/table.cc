#include "leases/table.h"

#include <algorithm>
#include <set>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/random.h"

namespace millstream::leases {
namespace {

// AWS limits (Developer Guide, "Quotas").
constexpr size_t kMaxGlobalIndexes = 20;
constexpr size_t kMaxLocalIndexes = 5;
constexpr size_t kMaxPartitionKeyBytes = 2048;
constexpr size_t kMaxSortKeyBytes = 1024;
constexpr std::string_view kInvalid = "One or more parameter values were invalid: ";

template <class... Args>
std::unexpected<Error> invalid(fmt::format_string<Args...> format, Args&&... args) {
  return fail(ErrorCode::kValidation, "{}{}", kInvalid,
              fmt::format(format, std::forward<Args>(args)...));
}

Result<KeyAttribute> key_attribute(const std::vector<api::AttributeDefinition>& definitions,
                                   const std::string& name) {
  const auto found =
      std::ranges::find(definitions, name, &api::AttributeDefinition::attribute_name);
  if (found == definitions.end()) {
    std::vector<std::string_view> defined;
    for (const auto& definition : definitions) defined.push_back(definition.attribute_name);
    return invalid(
        "Some index key attributes are not defined in AttributeDefinitions. Keys: [{}], "
        "AttributeDefinitions: [{}]",
        name, fmt::join(defined, ", "));
  }
  const ValueType type = found->attribute_type == "S"   ? ValueType::kS
                         : found->attribute_type == "N" ? ValueType::kN
                                                        : ValueType::kB;
  return KeyAttribute{name, type};
}

Result<KeySchema> key_schema(const std::vector<api::AttributeDefinition>& definitions,
                             const std::vector<api::KeySchemaElement>& elements) {
  if (elements.empty() || elements.size() > 2 || elements.front().key_type != "HASH") {
    return invalid("The first KeySchemaElement is not a HASH key type");
  }
  KeySchema keys;
  TRY_ASSIGN(keys.hash, key_attribute(definitions, elements.front().attribute_name));
  if (elements.size() == 1) return keys;
  if (elements[1].key_type != "RANGE") {
    return invalid("The second KeySchemaElement is not a RANGE key type");
  }
  if (elements[1].attribute_name == keys.hash.name) {
    return invalid(
        "Both the Hash Key and the Range Key element in the KeySchema have the same name");
  }
  TRY_ASSIGN(keys.range, key_attribute(definitions, elements[1].attribute_name));
  return keys;
}

template <class Description>
Result<Index> understand_index(const std::vector<api::AttributeDefinition>& definitions,
                               const Description& description, bool global) {
  Index index;
  index.name = description.index_name.value_or("");
  index.global = global;
  TRY_ASSIGN(index.keys, key_schema(definitions, description.key_schema.value_or(
                                                     std::vector<api::KeySchemaElement>())));
  const api::Projection projection = description.projection.value_or(api::Projection());
  const std::string type = projection.projection_type.value_or("");
  if (type.empty()) return invalid("Unknown ProjectionType: null");
  if (type != "INCLUDE" && projection.non_key_attributes) {
    return invalid("ProjectionType is {}, but NonKeyAttributes is specified", type);
  }
  if (type == "INCLUDE" && !projection.non_key_attributes) {
    return invalid("ProjectionType is INCLUDE, but NonKeyAttributes is not specified");
  }
  if (type != "ALL") {
    index.projected = projection.non_key_attributes.value_or(std::vector<std::string>());
  }
  return index;
}

api::ProvisionedThroughputDescription throughput(
    const std::optional<api::ProvisionedThroughput>& in) {
  api::ProvisionedThroughputDescription out;
  out.number_of_decreases_today = 0;
  out.read_capacity_units = in ? in->read_capacity_units : 0;
  out.write_capacity_units = in ? in->write_capacity_units : 0;
  return out;
}

template <class NewIndex>
api::GlobalSecondaryIndexDescription describe_index(const NewIndex& in, const std::string& arn) {
  api::GlobalSecondaryIndexDescription out;
  out.index_name = in.index_name;
  out.key_schema = in.key_schema;
  out.projection = in.projection;
  out.index_status = api::IndexStatus::kActive;
  out.provisioned_throughput = throughput(in.provisioned_throughput);
  out.index_arn = fmt::format("{}/index/{}", arn, in.index_name);
  out.on_demand_throughput = in.on_demand_throughput;
  return out;
}

Result<> set_billing(api::TableDescription& description, const std::string& mode,
                     const std::optional<api::ProvisionedThroughput>& capacity, TimeMs now) {
  if (mode == api::BillingMode::kPayPerRequest) {
    if (capacity) {
      return invalid(
          "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is "
          "PAY_PER_REQUEST");
    }
    auto& summary = description.billing_mode_summary.emplace();
    summary.billing_mode = mode;
    summary.last_update_to_pay_per_request_date_time = wire::Timestamp{now};
  } else {
    if (!capacity) {
      return invalid(
          "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is "
          "PROVISIONED");
    }
    if (description.billing_mode_summary) description.billing_mode_summary->billing_mode = mode;
  }
  description.provisioned_throughput = throughput(capacity);
  return {};
}

// The key's attributes of a table and its indexes, no more and no less.
Result<> check_definitions(const Table& table) {
  std::set<std::string> used;
  const auto use = [&used](const KeySchema& keys) {
    used.insert(keys.hash.name);
    if (keys.range) used.insert(keys.range->name);
  };
  use(table.keys);
  for (const Index& index : table.indexes) use(index.keys);
  std::set<std::string> defined;
  for (const auto& definition : *table.description.attribute_definitions) {
    if (!defined.insert(definition.attribute_name).second) {
      return invalid("Duplicate AttributeDefinition: {}", definition.attribute_name);
    }
  }
  if (used.size() == defined.size()) return {};
  return invalid(
      "Number of attributes in KeySchema does not exactly match number of attributes defined in "
      "AttributeDefinitions");
}

Result<> check_indexes(const Table& table) {
  std::set<std::string> names;
  size_t local = 0;
  for (const Index& index : table.indexes) {
    if (!names.insert(index.name).second) return invalid("Duplicate index name: {}", index.name);
    local += index.global ? 0 : 1;
    if (!index.global &&
        (!index.keys.range || !table.keys.range || index.keys.hash.name != table.keys.hash.name)) {
      return invalid(
          "Table KeySchema does not have a range key, which is required when specifying a "
          "LocalSecondaryIndex, or the index has another hash key: {}",
          index.name);
    }
  }
  if (local > kMaxLocalIndexes || table.indexes.size() - local > kMaxGlobalIndexes) {
    return fail(ErrorCode::kLimitExceeded,
                "A table can have {} global and {} local secondary indexes", kMaxGlobalIndexes,
                kMaxLocalIndexes);
  }
  return {};
}

Result<> check_key_value(const KeyAttribute& key, const AttributeValue& value, size_t max_bytes,
                         std::string_view what) {
  const std::string& bytes = value.s ? *value.s : value.b ? *value.b : *value.n;
  if (bytes.empty()) {
    return fail(ErrorCode::kValidation,
                "One or more parameter values are not valid. The AttributeValue for a key "
                "attribute cannot contain an empty {} value. Key: {}",
                value.s ? "string" : "binary", key.name);
  }
  if (bytes.size() <= max_bytes) return {};
  return invalid("Size of {} has exceeded the maximum size limit of {} bytes", what, max_bytes);
}

constexpr std::string_view kBadKey = "The provided key element does not match the schema";

}  // namespace

const Index* Table::index(std::string_view name) const {
  const auto found = std::ranges::find(indexes, name, &Index::name);
  return found == indexes.end() ? nullptr : &*found;
}

Result<api::TableDescription> describe_new(const api::CreateTableInput& in, const TableKey& key,
                                           TimeMs now) {
  if (!in.key_schema || !in.attribute_definitions) {
    return invalid("KeySchema and AttributeDefinitions must be specified");
  }
  api::TableDescription out;
  out.attribute_definitions = in.attribute_definitions;
  out.table_name = key.name;
  out.key_schema = in.key_schema;
  out.table_status = api::TableStatus::kActive;
  out.creation_date_time = wire::Timestamp{now};
  out.table_arn = table_arn(key);
  out.table_id = uuid_v4();
  TRY(set_billing(out, in.billing_mode.value_or(std::string(api::BillingMode::kProvisioned)),
                  in.provisioned_throughput, now));
  if (in.local_secondary_indexes) {
    auto& indexes = out.local_secondary_indexes.emplace();
    for (const auto& index : *in.local_secondary_indexes) {
      auto& description = indexes.emplace_back();
      description.index_name = index.index_name;
      description.key_schema = index.key_schema;
      description.projection = index.projection;
      description.index_arn = fmt::format("{}/index/{}", *out.table_arn, index.index_name);
    }
  }
  if (in.global_secondary_indexes) {
    auto& indexes = out.global_secondary_indexes.emplace();
    for (const auto& index : *in.global_secondary_indexes) {
      indexes.push_back(describe_index(index, *out.table_arn));
    }
  }
  if (in.table_class) out.table_class_summary.emplace().table_class = in.table_class;
  out.deletion_protection_enabled = in.deletion_protection_enabled.value_or(false);
  out.on_demand_throughput = in.on_demand_throughput;
  return out;
}

Result<> change(api::TableDescription& description, const api::UpdateTableInput& in, TimeMs now) {
  if (in.attribute_definitions) {
    auto& known = *description.attribute_definitions;
    for (const auto& definition : *in.attribute_definitions) {
      const auto old = std::ranges::find(known, definition.attribute_name,
                                         &api::AttributeDefinition::attribute_name);
      if (old == known.end()) {
        known.push_back(definition);
      } else {
        *old = definition;
      }
    }
  }
  if (in.billing_mode) {
    TRY(set_billing(description, *in.billing_mode, in.provisioned_throughput, now));
  } else if (in.provisioned_throughput) {
    description.provisioned_throughput = throughput(in.provisioned_throughput);
  }
  if (in.deletion_protection_enabled) {
    description.deletion_protection_enabled = in.deletion_protection_enabled;
  }
  if (in.on_demand_throughput) description.on_demand_throughput = in.on_demand_throughput;
  if (in.table_class) description.table_class_summary.emplace().table_class = in.table_class;
  if (!in.global_secondary_index_updates) return {};
  if (!description.global_secondary_indexes) description.global_secondary_indexes.emplace();
  auto& indexes = *description.global_secondary_indexes;
  for (const auto& update : *in.global_secondary_index_updates) {
    const std::string name = update.create    ? update.create->index_name
                             : update.update  ? update.update->index_name
                             : update.delete_ ? update.delete_->index_name
                                              : "";
    const auto known =
        std::ranges::find(indexes, name, &api::GlobalSecondaryIndexDescription::index_name);
    if (update.create) {
      if (known != indexes.end()) return invalid("Duplicate index name: {}", name);
      indexes.push_back(describe_index(*update.create, *description.table_arn));
    } else if (known == indexes.end()) {
      return fail(ErrorCode::kNotFound, "Requested resource not found: Index: {} not found", name);
    } else if (update.update) {
      if (update.update->provisioned_throughput) {
        known->provisioned_throughput = throughput(update.update->provisioned_throughput);
      }
      if (update.update->on_demand_throughput) {
        known->on_demand_throughput = update.update->on_demand_throughput;
      }
    } else {
      indexes.erase(known);
    }
  }
  if (indexes.empty()) description.global_secondary_indexes.reset();
  // Definitions that nothing uses any more go with their index.
  std::set<std::string> used;
  const auto use = [&used](const std::optional<std::vector<api::KeySchemaElement>>& schema) {
    for (const auto& element : *schema) used.insert(element.attribute_name);
  };
  use(description.key_schema);
  if (description.local_secondary_indexes) {
    for (const auto& index : *description.local_secondary_indexes) use(index.key_schema);
  }
  if (description.global_secondary_indexes) {
    for (const auto& index : *description.global_secondary_indexes) use(index.key_schema);
  }
  std::erase_if(*description.attribute_definitions,
                [&](const auto& definition) { return !used.contains(definition.attribute_name); });
  return {};
}

Result<> understand(Table& table) {
  const api::TableDescription& description = table.description;
  const auto& definitions = *description.attribute_definitions;
  TRY_ASSIGN(table.keys, key_schema(definitions, *description.key_schema));
  table.indexes.clear();
  if (description.local_secondary_indexes) {
    for (const auto& local : *description.local_secondary_indexes) {
      TRY_ASSIGN(Index index, understand_index(definitions, local, false));
      table.indexes.push_back(std::move(index));
    }
  }
  if (description.global_secondary_indexes) {
    for (const auto& global : *description.global_secondary_indexes) {
      TRY_ASSIGN(Index index, understand_index(definitions, global, true));
      table.indexes.push_back(std::move(index));
    }
  }
  TRY(check_definitions(table));
  return check_indexes(table);
}

std::string table_arn(const TableKey& key) {
  return fmt::format("arn:aws:dynamodb:{}:{}:table/{}", key.region, key.account, key.name);
}

Result<TableKey> table_key(const std::string& account, const std::string& region,
                           const std::string& name_or_arn) {
  if (!name_or_arn.starts_with("arn:")) {
    const bool good = name_or_arn.size() >= 3 && name_or_arn.size() <= 255 &&
                      std::ranges::all_of(name_or_arn, [](char c) {
                        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                               (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
                      });
    if (good) return TableKey{account, region, name_or_arn};
    return fail(ErrorCode::kValidation,
                "Invalid table/index name. Table/index names must be between 3 and 255 characters "
                "long, and may contain only the characters a-z, A-Z, 0-9, '_', '-', and '.'");
  }
  std::vector<std::string> parts;
  std::string_view rest = name_or_arn;
  while (parts.size() < 5 && rest.contains(':')) {
    parts.emplace_back(rest.substr(0, rest.find(':')));
    rest.remove_prefix(rest.find(':') + 1);
  }
  constexpr std::string_view kTable = "table/";
  if (parts.size() != 5 || parts[2] != "dynamodb" || !rest.starts_with(kTable)) {
    return fail(ErrorCode::kValidation,
                "Invalid TableArn: Invalid ResourceArn provided as input {}", name_or_arn);
  }
  rest.remove_prefix(kTable.size());
  return TableKey{parts[4], parts[3], std::string(rest.substr(0, rest.find('/')))};
}

int64_t partition_hash(std::string_view partition) {
  const Md5 digest = md5(partition);
  return static_cast<int64_t>(load_le<uint64_t>(reinterpret_cast<const char*>(digest.data())) >> 1);
}

std::string sort_bytes(const AttributeValue& value) { return '\x01' + key_bytes(value); }

std::optional<Place> place_in_index(const KeySchema& keys, const Item& item) {
  const auto hash = item.find(keys.hash.name);
  if (hash == item.end() || type_of(hash->second) != keys.hash.type) return std::nullopt;
  Place place;
  place.partition = key_bytes(hash->second);
  place.hash = partition_hash(place.partition);
  place.sort.assign(1, '\0');
  if (keys.range) {
    const auto range = item.find(keys.range->name);
    if (range == item.end() || type_of(range->second) != keys.range->type) return std::nullopt;
    place.sort = sort_bytes(range->second);
  }
  return place;
}

Result<Place> place_of_key(const Table& table, const Item& key) {
  const size_t parts = table.keys.range ? 2 : 1;
  if (key.size() != parts) return fail(ErrorCode::kValidation, "{}", kBadKey);
  auto place = place_in_index(table.keys, key);
  if (!place) return fail(ErrorCode::kValidation, "{}", kBadKey);
  TRY(check_key_value(table.keys.hash, key.at(table.keys.hash.name), kMaxPartitionKeyBytes,
                      "hashkey"));
  if (table.keys.range) {
    TRY(check_key_value(*table.keys.range, key.at(table.keys.range->name), kMaxSortKeyBytes,
                        "rangekey"));
  }
  return *std::move(place);
}

Result<Place> place_of_item(const Table& table, const Item& item) {
  const auto check = [&](const KeyAttribute& key, bool required) -> Result<> {
    const auto value = item.find(key.name);
    if (value == item.end()) {
      if (!required) return {};
      return invalid("Missing the key {} in the item", key.name);
    }
    if (type_of(value->second) == key.type) return {};
    return invalid("Type mismatch for {} {} expected: {} actual: {}",
                   required ? "key" : "Index Key", key.name, type_name(key.type),
                   type_name(type_of(value->second)));
  };
  TRY(check(table.keys.hash, true));
  if (table.keys.range) TRY(check(*table.keys.range, true));
  for (const Index& index : table.indexes) {
    TRY(check(index.keys.hash, false));
    if (index.keys.range) TRY(check(*index.keys.range, false));
  }
  return place_of_key(table, key_of(table.keys, item));
}

Item key_of(const KeySchema& keys, const Item& item) {
  Item key;
  const auto add = [&](const std::string& name) {
    if (const auto value = item.find(name); value != item.end()) key.insert(*value);
  };
  add(keys.hash.name);
  if (keys.range) add(keys.range->name);
  return key;
}

}  // namespace millstream::leases
