// Many items in one call: batches (each item for itself) and transactions (all or nothing).
#include <algorithm>
#include <tuple>

#include "base/hash.h"
#include "leases/projection.h"
#include "leases/service.h"
#include "wire/error_members.h"
#include "wire/json_encode.h"

namespace millstream::leases {
namespace {

// AWS limits (API reference of the operations).
constexpr size_t kMaxBatchWrites = 25;
constexpr size_t kMaxBatchGets = 100;
// AWS stops at 16 MB. Small values take a hundred times their size in memory, and clients come
// again for what is left over anyway.
constexpr size_t kMaxBatchGetBytes = size_t{4} << 20;
constexpr size_t kMaxTransactionBytes = size_t{4} << 20;

std::unexpected<Error> duplicates() {
  return fail(ErrorCode::kValidation, "Provided list of item keys contains duplicates");
}

// One item of a TransactWriteItems.
template <class Part>
Result<> add_condition(const Part& part, ItemWrite& write, Placeholders& placeholders) {
  write.item_on_failure = part.return_values_on_condition_check_failure ==
                          api::ReturnValuesOnConditionCheckFailure::kAllOld;
  const std::optional<std::string> text = part.condition_expression;
  if (text) {
    TRY_ASSIGN(write.condition, parse_condition("ConditionExpression", *text, placeholders));
  }
  return {};
}

template <class Part>
Result<ItemWrite> understood(const wire::RequestContext& caller, const Part& part,
                             ItemWrite::Kind kind, Item item) {
  ItemWrite write;
  write.kind = kind;
  write.item = std::move(item);
  TRY_ASSIGN(write.table, table_key(caller.account, caller.region, part.table_name));
  TRY(normalize(write.item));
  TRY_ASSIGN(Placeholders placeholders, Placeholders::create(part.expression_attribute_names,
                                                             part.expression_attribute_values));
  TRY(add_condition(part, write, placeholders));
  if constexpr (requires { part.update_expression; }) {
    TRY_ASSIGN(write.update, parse_update(part.update_expression, placeholders));
  }
  TRY(placeholders.check_all_used());
  return write;
}

Result<ItemWrite> understood(const wire::RequestContext& caller, const api::TransactWriteItem& in) {
  const int parts = in.put.has_value() + in.update.has_value() + in.delete_.has_value() +
                    in.condition_check.has_value();
  if (parts != 1) {
    return fail(ErrorCode::kValidation,
                "TransactItems can only contain one of Check, Put, Update or Delete");
  }
  using Kind = ItemWrite::Kind;
  if (in.put) return understood(caller, *in.put, Kind::kPut, in.put->item);
  if (in.update) return understood(caller, *in.update, Kind::kUpdate, in.update->key);
  if (in.delete_) return understood(caller, *in.delete_, Kind::kDelete, in.delete_->key);
  return understood(caller, *in.condition_check, Kind::kCheck, in.condition_check->key);
}

// Why each item of a transaction failed, as the error's members.
class Cancellation {
 public:
  void good() { reasons_.emplace_back(R"({"Code":"None"})", "None"); }
  void failed(const Error& error) {
    failed_ = true;
    const bool condition = error.code == ErrorCode::kConditionFailed;
    const std::string code = condition ? "ConditionalCheckFailed" : "ValidationError";
    const auto [message, members] = wire::split_members(error.message);
    std::string reason = fmt::format(R"({{"Code":"{}","Message":)", code);
    wire::append_json_string(reason, message);
    if (!members.empty()) reason += fmt::format(",{}", members);
    reasons_.emplace_back(reason + "}", code);
  }
  bool any() const { return failed_; }
  std::unexpected<Error> error() const {
    std::vector<std::string_view> codes;
    std::vector<std::string_view> reasons;
    for (const auto& [reason, code] : reasons_) {
      reasons.push_back(reason);
      codes.push_back(code);
    }
    return std::unexpected(
        Error{ErrorCode::kTransactionCanceled,
              wire::with_members(
                  fmt::format("Transaction cancelled, please refer cancellation reasons for "
                              "specific reasons [{}]",
                              fmt::join(codes, ", ")),
                  fmt::format(R"({{"CancellationReasons":[{}]}})", fmt::join(reasons, ",")))});
  }

 private:
  bool failed_ = false;
  std::vector<std::pair<std::string, std::string>> reasons_;  // as JSON; its code
};

bool of_the_item(const Error& error) {
  return error.code == ErrorCode::kConditionFailed || error.code == ErrorCode::kValidation;
}

}  // namespace

LeaseTables::Answer<api::BatchWriteItem> LeaseTables::batch_write(const Caller& caller,
                                                                  api::BatchWriteItemInput in) {
  std::vector<ItemWrite> writes;
  for (auto& [name, requests] : in.request_items) {
    CO_TRY_ASSIGN(const TableKey key, table_key(caller.account, caller.region, name));
    for (api::WriteRequest& request : requests) {
      if (request.put_request.has_value() == request.delete_request.has_value()) {
        co_return fail(ErrorCode::kValidation,
                       "Supplied AttributeValue has more than one datatypes set, must contain "
                       "exactly one of PutRequest or DeleteRequest");
      }
      ItemWrite& write = writes.emplace_back();
      write.table = key;
      write.kind = request.put_request ? ItemWrite::Kind::kPut : ItemWrite::Kind::kDelete;
      write.item =
          std::move(request.put_request ? request.put_request->item : request.delete_request->key);
      CO_TRY(normalize(write.item));
    }
  }
  if (writes.empty() || writes.size() > kMaxBatchWrites) {
    co_return fail(ErrorCode::kValidation, "Too many items requested for the BatchWriteItem call");
  }
  std::map<std::string, double> units;
  CO_TRY(co_await meta_.write([&](Transaction& transaction) -> Result<> {
    units.clear();
    std::set<std::tuple<int64_t, std::string, std::string>> seen;
    for (const ItemWrite& write : writes) {
      TRY_ASSIGN(const TablePtr table, this->table(transaction, write.table));
      TRY_ASSIGN(const Place place, write.kind == ItemWrite::Kind::kPut
                                        ? place_of_item(*table, write.item)
                                        : place_of_key(*table, write.item));
      if (!seen.emplace(table->id, place.partition, place.sort).second) return duplicates();
      TRY_ASSIGN(const ItemChange change, this->write(transaction, write));
      units[write.table.name] += write_units(change);
    }
    return {};
  }));
  api::BatchWriteItemOutput out;
  out.unprocessed_items.emplace();
  for (const auto& [name, used] : units) {
    if (auto capacity = consumed(in.return_consumed_capacity, name, used)) {
      if (!out.consumed_capacity) out.consumed_capacity.emplace();
      out.consumed_capacity->push_back(*std::move(capacity));
    }
  }
  co_return out;
}

LeaseTables::Answer<api::BatchGetItem> LeaseTables::batch_get(const Caller& caller,
                                                              api::BatchGetItemInput in) {
  struct Part {
    std::string name;  // as the caller wrote it
    TableKey table;
    std::vector<Item> keys;
    std::optional<std::vector<Path>> paths;
    api::KeysAndAttributes request;
  };
  std::vector<Part> parts;
  size_t count = 0;
  for (auto& [name, request] : in.request_items) {
    Part& part = parts.emplace_back();
    part.name = name;
    CO_TRY_ASSIGN(part.table, table_key(caller.account, caller.region, name));
    CO_TRY_ASSIGN(Placeholders placeholders,
                  Placeholders::create(request.expression_attribute_names, std::nullopt));
    if (request.projection_expression) {
      CO_TRY_ASSIGN(part.paths, parse_projection(*request.projection_expression, placeholders));
    } else if (request.attributes_to_get) {
      part.paths = paths_of(*request.attributes_to_get);
    }
    CO_TRY(placeholders.check_all_used());
    part.keys = request.keys;
    for (Item& key : part.keys) CO_TRY(normalize(key));
    count += part.keys.size();
    part.request = std::move(request);
  }
  if (count == 0 || count > kMaxBatchGets) {
    co_return fail(ErrorCode::kValidation, "Too many items requested for the BatchGetItem call");
  }
  api::BatchGetItemOutput out;
  CO_TRY(co_await meta_.read([&](Transaction& transaction) -> Result<> {
    out = {};
    auto& responses = out.responses.emplace();
    auto& unprocessed = out.unprocessed_keys.emplace();
    size_t bytes = 0;
    for (const Part& part : parts) {
      TRY_ASSIGN(const TablePtr table, this->table(transaction, part.table));
      std::vector<Item>& items = responses[part.name];
      std::set<std::pair<std::string, std::string>> seen;
      size_t read = 0;
      for (size_t i = 0; i < part.keys.size(); ++i) {
        TRY_ASSIGN(const Place place, place_of_key(*table, part.keys[i]));
        if (!seen.emplace(place.partition, place.sort).second) return duplicates();
        if (bytes >= kMaxBatchGetBytes) {
          auto [rest, is_new] = unprocessed.try_emplace(part.name, part.request);
          if (is_new) rest->second.keys.clear();
          rest->second.keys.push_back(part.request.keys[i]);
          continue;
        }
        TRY_ASSIGN(auto item, leases::get_item(transaction, *table, place));
        if (!item) continue;
        read += size_of(*item);
        bytes += size_of(*item);
        items.push_back(part.paths ? project(*item, *part.paths) : *std::move(item));
      }
      if (auto capacity =
              consumed(in.return_consumed_capacity, part.table.name,
                       read_units(read, part.request.consistent_read.value_or(false)))) {
        if (!out.consumed_capacity) out.consumed_capacity.emplace();
        out.consumed_capacity->push_back(*std::move(capacity));
      }
    }
    return {};
  }));
  co_return out;
}

LeaseTables::Answer<api::TransactGetItems> LeaseTables::transact_get(
    const Caller& caller, api::TransactGetItemsInput in) {
  struct Part {
    TableKey table;
    Item key;
    std::optional<std::vector<Path>> paths;
  };
  std::vector<Part> parts;
  for (api::TransactGetItem& item : in.transact_items) {
    Part& part = parts.emplace_back();
    CO_TRY_ASSIGN(part.table, table_key(caller.account, caller.region, item.get.table_name));
    CO_TRY_ASSIGN(Placeholders placeholders,
                  Placeholders::create(item.get.expression_attribute_names, std::nullopt));
    if (item.get.projection_expression) {
      CO_TRY_ASSIGN(part.paths, parse_projection(*item.get.projection_expression, placeholders));
    }
    CO_TRY(placeholders.check_all_used());
    part.key = std::move(item.get.key);
    CO_TRY(normalize(part.key));
  }
  api::TransactGetItemsOutput out;
  CO_TRY(co_await meta_.read([&](Transaction& transaction) -> Result<> {
    auto& responses = out.responses.emplace();
    size_t bytes = 0;
    for (const Part& part : parts) {
      TRY_ASSIGN(const TablePtr table, this->table(transaction, part.table));
      TRY_ASSIGN(const Place place, place_of_key(*table, part.key));
      TRY_ASSIGN(auto item, leases::get_item(transaction, *table, place));
      api::ItemResponse& response = responses.emplace_back();
      if (!item) continue;
      bytes += size_of(*item);
      response.item = part.paths ? project(*item, *part.paths) : *std::move(item);
    }
    if (bytes <= kMaxTransactionBytes) return {};
    return fail(ErrorCode::kValidation,
                "Collective size of items in a transaction can't exceed 4 MB");
  }));
  co_return out;
}

LeaseTables::Answer<api::TransactWriteItems> LeaseTables::transact_write(
    const Caller& caller, api::TransactWriteItemsInput in) {
  std::vector<ItemWrite> writes;
  for (const api::TransactWriteItem& item : in.transact_items) {
    CO_TRY_ASSIGN(ItemWrite write, understood(caller, item));
    writes.push_back(std::move(write));
  }
  std::optional<TransactionToken> token;
  if (in.client_request_token) {
    token = {.account = caller.account,
             .region = caller.region,
             .token = *in.client_request_token,
             .digest = to_hex(sha256(wire::to_json(in)))};
  }
  const TimeMs now = clock_.now_ms();
  CO_TRY(co_await meta_.write([&](Transaction& transaction) -> Result<> {
    if (token) {
      TRY_ASSIGN(const bool is_new, begin_once(transaction, *token, now));
      if (!is_new) return {};
    }
    std::set<std::tuple<int64_t, std::string, std::string>> seen;
    Cancellation cancellation;
    for (const ItemWrite& write : writes) {
      TRY_ASSIGN(const TablePtr table, this->table(transaction, write.table));
      TRY_ASSIGN(const Place place, write.kind == ItemWrite::Kind::kPut
                                        ? place_of_item(*table, write.item)
                                        : place_of_key(*table, write.item));
      if (!seen.emplace(table->id, place.partition, place.sort).second) {
        return fail(ErrorCode::kValidation,
                    "Transaction request cannot include multiple operations on one item");
      }
      const auto done = this->write(transaction, write);
      if (done) {
        cancellation.good();
      } else if (of_the_item(done.error())) {
        cancellation.failed(done.error());
      } else {
        return std::unexpected(done.error());
      }
    }
    if (cancellation.any()) return cancellation.error();
    return {};
  }));
  co_return api::TransactWriteItemsOutput();
}

}  // namespace millstream::leases
