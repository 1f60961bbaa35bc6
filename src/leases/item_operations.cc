// Get, put, update and delete of one item.
#include <algorithm>

#include "leases/projection.h"
#include "leases/service.h"
#include "wire/error_members.h"
#include "wire/json_encode.h"

namespace millstream::leases {
namespace {

std::unexpected<Error> condition_failed(const std::optional<Item>& item, bool show) {
  std::string members;
  if (show && item) {
    api::GetItemOutput holder;
    holder.item = item;
    members = wire::to_json(holder);  // {"Item": …}, as the error has it
  }
  return std::unexpected(Error{ErrorCode::kConditionFailed,
                               wire::with_members("The conditional request failed", members)});
}

Result<> check_size(const Item& item, bool update) {
  if (size_of(item) <= kMaxItemBytes) return {};
  return fail(ErrorCode::kValidation, "Item size{} has exceeded the maximum allowed size",
              update ? " to update" : "");
}

Result<> refuse_keys(const Table& table, const std::set<std::string>& names) {
  for (const std::string& name : names) {
    if (name == table.keys.hash.name || (table.keys.range && name == table.keys.range->name)) {
      return fail(ErrorCode::kValidation,
                  "One or more parameter values were invalid: Cannot update attribute {}. This "
                  "attribute is part of the key",
                  name);
    }
  }
  return {};
}

// Nothing: the update leaves an item that isn't there where it is.
Result<std::optional<Item>> updated(const Table& table, const ItemWrite& write,
                                    const std::optional<Item>& before) {
  Item item = before ? *before : write.item;
  std::set<std::string> names;
  if (const auto* legacy = std::get_if<AttributeUpdates>(&write.update)) {
    for (const auto& [name, update] : *legacy) names.insert(name);
    TRY(refuse_keys(table, names));
    const bool only_deletes =
        !legacy->empty() && std::ranges::all_of(*legacy, [](const auto& update) {
          return update.second.action == api::AttributeAction::kDelete;
        });
    if (!before && only_deletes) return std::nullopt;
    TRY(apply(*legacy, item));
  } else if (const auto* modern = std::get_if<Update>(&write.update)) {
    for (const UpdateAction& action : *modern) names.insert(action.path.front().name);
    TRY(refuse_keys(table, names));
    TRY(apply(*modern, item));
  }
  TRY(check_size(item, true));
  TRY(normalize(item));             // what was copied into itself may be too deep now
  TRY(place_of_item(table, item));  // keys of indexes have their types
  return item;
}

template <class Input>
Result<std::optional<Condition>> condition_of_input(Input& in, Placeholders& placeholders) {
  std::optional<Condition> condition;
  if (in.condition_expression) {
    TRY_ASSIGN(condition,
               parse_condition("ConditionExpression", *in.condition_expression, placeholders));
  } else if (in.expected) {
    TRY_ASSIGN(condition, condition_of(std::move(*in.expected), in.conditional_operator));
  }
  return condition;
}

template <class Input>
bool wants_item_on_failure(const Input& in) {
  return in.return_values_on_condition_check_failure ==
         api::ReturnValuesOnConditionCheckFailure::kAllOld;
}

Result<> check_return_values(const std::optional<std::string>& wanted) {
  if (!wanted || *wanted == api::ReturnValue::kNone || *wanted == api::ReturnValue::kAllOld) {
    return {};
  }
  return fail(ErrorCode::kValidation, "ReturnValues can only be ALL_OLD or NONE");
}

// PutItem and DeleteItem; `item` is the member of `in` that holds the item or its key.
template <class Caller, class Input>
Result<ItemWrite> whole_item_write(ItemWrite::Kind kind, const Caller& caller, Input& in,
                                   Item& item) {
  ItemWrite write{.kind = kind, .table = {}, .item = {}, .condition = {}, .update = {}};
  TRY_ASSIGN(write.table, table_key(caller.account, caller.region, in.table_name));
  TRY(check_parameter_styles({{"Expected", in.expected.has_value()}},
                             {{"ConditionExpression", in.condition_expression.has_value()}}));
  TRY(check_return_values(in.return_values));
  TRY(normalize(item));
  TRY_ASSIGN(Placeholders placeholders,
             Placeholders::create(in.expression_attribute_names, in.expression_attribute_values));
  TRY_ASSIGN(write.condition, condition_of_input(in, placeholders));
  TRY(placeholders.check_all_used());
  write.item = std::move(item);
  write.item_on_failure = wants_item_on_failure(in);
  return write;
}

template <class Output, class Input, class Change>
Output whole_item_output(const Input& in, const ItemWrite& write, Change change) {
  Output out;
  out.consumed_capacity =
      consumed(in.return_consumed_capacity, write.table.name, write_units(change));
  if (in.return_values == api::ReturnValue::kAllOld) out.attributes = std::move(change.before);
  return out;
}

// Paths that an update touches.
std::vector<Path> touched(const ItemWrite& write) {
  if (const auto* modern = std::get_if<Update>(&write.update)) return paths_of(*modern);
  std::vector<Path> paths;
  if (const auto* legacy = std::get_if<AttributeUpdates>(&write.update)) {
    for (const auto& [name, update] : *legacy) paths.push_back({{name, {}}});
  }
  return paths;
}

std::optional<Item> returned(const std::string& wanted, const ItemWrite& write,
                             ItemChange& change) {
  const bool old = wanted == api::ReturnValue::kAllOld || wanted == api::ReturnValue::kUpdatedOld;
  std::optional<Item>& item = old ? change.before : change.after;
  if (wanted == api::ReturnValue::kNone || !item) return std::nullopt;
  if (wanted == api::ReturnValue::kAllOld || wanted == api::ReturnValue::kAllNew) return item;
  Item part = project(*item, touched(write));
  if (part.empty()) return std::nullopt;
  return part;
}

}  // namespace

Result<ItemChange> LeaseTables::write(Transaction& transaction, const ItemWrite& write) {
  TRY_ASSIGN(const TablePtr table, this->table(transaction, write.table));
  const bool put = write.kind == ItemWrite::Kind::kPut;
  TRY_ASSIGN(const Place place,
             put ? place_of_item(*table, write.item) : place_of_key(*table, write.item));
  if (put) TRY(check_size(write.item, false));
  ItemChange change;
  TRY_ASSIGN(change.before, leases::get_item(transaction, *table, place));
  if (write.condition && !holds(*write.condition, change.before.value_or(Item()))) {
    return condition_failed(change.before, write.item_on_failure);
  }
  switch (write.kind) {
    case ItemWrite::Kind::kCheck:
      change.after = change.before;
      return change;
    case ItemWrite::Kind::kPut:
      change.after = write.item;
      break;
    case ItemWrite::Kind::kUpdate: {
      TRY_ASSIGN(change.after, updated(*table, write, change.before));
      break;
    }
    case ItemWrite::Kind::kDelete:
      break;
  }
  TRY(replace_item(transaction, *table, place, change.before, change.after));
  return change;
}

awaitable<Result<ItemChange>> LeaseTables::write_one(ItemWrite write) {
  ItemChange change;
  CO_TRY(co_await meta_.write([&](Transaction& transaction) -> Result<> {
    TRY_ASSIGN(change, this->write(transaction, write));
    return {};
  }));
  co_return change;
}

LeaseTables::Answer<api::GetItem> LeaseTables::get_item(const Caller& caller,
                                                        api::GetItemInput in) {
  CO_TRY_ASSIGN(const TableKey key, table_key(caller.account, caller.region, in.table_name));
  CO_TRY(check_parameter_styles({{"AttributesToGet", in.attributes_to_get.has_value()}},
                                {{"ProjectionExpression", in.projection_expression.has_value()}}));
  CO_TRY_ASSIGN(Placeholders placeholders,
                Placeholders::create(in.expression_attribute_names, std::nullopt));
  std::optional<std::vector<Path>> paths;
  if (in.attributes_to_get) paths = paths_of(*in.attributes_to_get);
  if (in.projection_expression) {
    CO_TRY_ASSIGN(paths, parse_projection(*in.projection_expression, placeholders));
  }
  CO_TRY(placeholders.check_all_used());
  CO_TRY(normalize(in.key));
  std::optional<Item> item;
  CO_TRY(co_await meta_.read([&](Transaction& transaction) -> Result<> {
    TRY_ASSIGN(const TablePtr table, this->table(transaction, key));
    TRY_ASSIGN(const Place place, place_of_key(*table, in.key));
    TRY_ASSIGN(item, leases::get_item(transaction, *table, place));
    return {};
  }));
  api::GetItemOutput out;
  out.consumed_capacity =
      consumed(in.return_consumed_capacity, key.name,
               read_units(item ? size_of(*item) : 0, in.consistent_read.value_or(false)));
  if (item) out.item = paths ? project(*item, *paths) : *std::move(item);
  co_return out;
}

LeaseTables::Answer<api::PutItem> LeaseTables::put_item(const Caller& caller,
                                                        api::PutItemInput in) {
  CO_TRY_ASSIGN(ItemWrite write, whole_item_write(ItemWrite::Kind::kPut, caller, in, in.item));
  auto change = co_await write_one(write);
  CO_TRY(change);
  co_return whole_item_output<api::PutItemOutput>(in, write, *std::move(change));
}

LeaseTables::Answer<api::DeleteItem> LeaseTables::delete_item(const Caller& caller,
                                                              api::DeleteItemInput in) {
  CO_TRY_ASSIGN(ItemWrite write, whole_item_write(ItemWrite::Kind::kDelete, caller, in, in.key));
  auto change = co_await write_one(write);
  CO_TRY(change);
  co_return whole_item_output<api::DeleteItemOutput>(in, write, *std::move(change));
}

LeaseTables::Answer<api::UpdateItem> LeaseTables::update_item(const Caller& caller,
                                                              api::UpdateItemInput in) {
  ItemWrite write{
      .kind = ItemWrite::Kind::kUpdate, .table = {}, .item = {}, .condition = {}, .update = {}};
  CO_TRY_ASSIGN(write.table, table_key(caller.account, caller.region, in.table_name));
  CO_TRY(check_parameter_styles({{"AttributeUpdates", in.attribute_updates.has_value()},
                                 {"Expected", in.expected.has_value()}},
                                {{"UpdateExpression", in.update_expression.has_value()},
                                 {"ConditionExpression", in.condition_expression.has_value()}}));
  CO_TRY(normalize(in.key));
  CO_TRY_ASSIGN(Placeholders placeholders, Placeholders::create(in.expression_attribute_names,
                                                                in.expression_attribute_values));
  if (in.update_expression) {
    CO_TRY_ASSIGN(write.update, parse_update(*in.update_expression, placeholders));
  } else if (in.attribute_updates) {
    CO_TRY(check(*in.attribute_updates));
    write.update = std::move(*in.attribute_updates);
  }
  CO_TRY_ASSIGN(write.condition, condition_of_input(in, placeholders));
  CO_TRY(placeholders.check_all_used());
  write.item = std::move(in.key);
  write.item_on_failure = wants_item_on_failure(in);
  auto change = co_await write_one(write);
  CO_TRY(change);
  api::UpdateItemOutput out;
  out.consumed_capacity =
      consumed(in.return_consumed_capacity, write.table.name, write_units(*change));
  out.attributes =
      returned(in.return_values.value_or(std::string(api::ReturnValue::kNone)), write, *change);
  co_return out;
}

}  // namespace millstream::leases
