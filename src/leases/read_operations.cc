// Query and Scan.
#include <algorithm>

#include "leases/projection.h"
#include "leases/service.h"

namespace millstream::leases {
namespace {

// AWS limit of what a page reads ("Paginating table query results").
constexpr size_t kMaxPageBytes = size_t{1} << 20;

// What Query and Scan share, understood.
struct PageRequest {
  TableKey table;
  std::optional<std::string> index;
  std::optional<Condition> key_condition;
  std::optional<Condition> filter;
  std::optional<std::vector<Path>> paths;
  std::optional<Item> start;
  std::string select;
  size_t limit = SIZE_MAX;
};

struct Page {
  std::vector<Item> items;
  int32_t count = 0;
  int32_t scanned = 0;
  size_t bytes = 0;
  std::optional<Item> last_key;
};

template <class Input>
Result<PageRequest> page_request(const wire::RequestContext& caller, Input& in,
                                 Placeholders& placeholders) {
  PageRequest request;
  TRY_ASSIGN(request.table, table_key(caller.account, caller.region, in.table_name));
  request.index = in.index_name;
  if (in.limit) request.limit = static_cast<size_t>(*in.limit);
  if (in.exclusive_start_key) {
    TRY(normalize(*in.exclusive_start_key));
    request.start = std::move(in.exclusive_start_key);
  }
  if (in.filter_expression) {
    TRY_ASSIGN(request.filter,
               parse_condition("FilterExpression", *in.filter_expression, placeholders));
  }
  if (in.projection_expression) {
    TRY_ASSIGN(request.paths, parse_projection(*in.projection_expression, placeholders));
  } else if (in.attributes_to_get) {
    request.paths = paths_of(*in.attributes_to_get);
  }
  request.select = in.select.value_or("");
  if (request.paths && !request.select.empty() &&
      request.select != api::Select::kSpecificAttributes) {
    return fail(ErrorCode::kValidation,
                "Cannot specify the ProjectionExpression when choosing to get {}", request.select);
  }
  return request;
}

Result<const Index*> index_of(const Table& table, const PageRequest& request, bool consistent) {
  if (!request.index) return nullptr;
  const Index* index = table.index(*request.index);
  if (index == nullptr) {
    return fail(ErrorCode::kValidation, "The table does not have the specified index: {}",
                *request.index);
  }
  if (index->global && consistent) {
    return fail(ErrorCode::kValidation,
                "Consistent reads are not supported on global secondary indexes");
  }
  if (index->global && index->projected && request.select == api::Select::kAllAttributes) {
    return fail(ErrorCode::kValidation,
                "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not "
                "supported for global secondary index {} because its projection type is not ALL",
                index->name);
  }
  return index;
}

Item start_attributes(const Table& table, const Index* index, const Item& item) {
  Item key = key_of(table.keys, item);
  if (index != nullptr) key.merge(key_of(index->keys, item));
  return key;
}

Result<> set_start(const Table& table, const PageRequest& request, Range& range) {
  if (!request.start) return {};
  constexpr std::string_view kBad = "The provided starting key is invalid";
  const Item& start = *request.start;
  if (start_attributes(table, range.index, start).size() != start.size()) {
    return fail(ErrorCode::kValidation, "{}", kBad);
  }
  range.after_item = place_in_index(table.keys, start);
  range.after = range.index ? place_in_index(range.index->keys, start) : range.after_item;
  if (!range.after_item || !range.after) return fail(ErrorCode::kValidation, "{}", kBad);
  return {};
}

// What the index shows of an item.
Item shown(const Table& table, const Index& index, Item item) {
  if (!index.projected) return item;
  Item part = start_attributes(table, &index, item);
  for (const std::string& name : *index.projected) {
    if (auto node = item.extract(name)) part.insert(std::move(node));
  }
  return part;
}

Result<Page> read_page(Transaction& transaction, const Table& table, const Range& range,
                       const PageRequest& request) {
  Page page;
  const bool whole = request.select == api::Select::kAllAttributes;
  TRY(read_range(transaction, table, range, [&](Item item) -> Result<bool> {
    if (request.key_condition && !holds(*request.key_condition, item)) return true;
    ++page.scanned;
    page.bytes += size_of(item);
    const bool full = page.bytes >= kMaxPageBytes || std::cmp_equal(page.scanned, request.limit);
    if (full) page.last_key = start_attributes(table, range.index, item);
    if (range.index != nullptr && !whole) item = shown(table, *range.index, std::move(item));
    if (!request.filter || holds(*request.filter, item)) {
      ++page.count;
      if (request.select != api::Select::kCount) {
        page.items.push_back(request.paths ? project(item, *request.paths) : std::move(item));
      }
    }
    return !full;
  }));
  return page;
}

template <class Output>
Output answer(Page page, const PageRequest& request,
              const std::optional<std::string>& return_capacity, bool consistent) {
  Output out;
  out.count = page.count;
  out.scanned_count = page.scanned;
  out.last_evaluated_key = std::move(page.last_key);
  out.consumed_capacity =
      consumed(return_capacity, request.table.name, read_units(page.bytes, consistent));
  if (request.select != api::Select::kCount) out.items = std::move(page.items);
  return out;
}

std::unexpected<Error> unsupported_key_condition() {
  return fail(ErrorCode::kValidation, "Query key condition not supported");
}

// The tests that AND joins.
Result<> flatten(const Condition& condition, std::vector<const Condition*>& tests) {
  if (condition.kind != Condition::Kind::kAnd) {
    tests.push_back(&condition);
    return {};
  }
  for (const Condition& child : condition.children) TRY(flatten(child, tests));
  return {};
}

// The smallest string above all that begin with `prefix`; nothing: there is none.
std::optional<std::string> after_prefix(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (prefix.empty()) return std::nullopt;
  prefix.back() = static_cast<char>(prefix.back() + 1);
  return prefix;
}

Result<> bound_sort(const Condition& test, Range& range) {
  const auto bytes = [&](size_t operand) { return sort_bytes(test.operands[operand].constant); };
  if (test.kind == Condition::Kind::kBetween) {
    range.first_sort = bytes(1);
    range.last_sort = bytes(2);
  } else if (test.kind == Condition::Kind::kBeginsWith) {
    range.first_sort = bytes(1);
    range.last_sort = after_prefix(bytes(1));
  } else if (test.kind == Condition::Kind::kCompare) {
    if (test.comparison == Comparison::kNe) return unsupported_key_condition();
    // Bounds are included; the condition itself then leaves out what < and > exclude.
    if (test.comparison == Comparison::kEq || test.comparison >= Comparison::kGt) {
      range.first_sort = bytes(1);
    }
    if (test.comparison <= Comparison::kLe) range.last_sort = bytes(1);
  } else {
    return unsupported_key_condition();
  }
  return {};
}

// The part of a table or index that a key condition asks for.
Result<> bound(const KeySchema& keys, const Condition& key_condition, Range& range) {
  std::vector<const Condition*> tests;
  TRY(flatten(key_condition, tests));
  for (const Condition* test : tests) {
    if (test->operands.empty() || test->operands.front().path.size() != 1 ||
        test->operands.front().size) {
      return unsupported_key_condition();
    }
    const std::string& name = test->operands.front().path.front().name;
    const bool hash = name == keys.hash.name;
    if (!hash && (!keys.range || name != keys.range->name)) continue;
    const ValueType type = hash ? keys.hash.type : keys.range->type;
    for (size_t i = 1; i < test->operands.size(); ++i) {
      const Operand& operand = test->operands[i];
      if (!operand.path.empty() || operand.size) return unsupported_key_condition();
      if (type_of(operand.constant) != type) {
        return fail(ErrorCode::kValidation,
                    "One or more parameter values were invalid: Condition parameter type does not "
                    "match schema type");
      }
    }
    if (!hash) {
      if (range.first_sort || range.last_sort) return unsupported_key_condition();
      TRY(bound_sort(*test, range));
    } else if (test->kind == Condition::Kind::kCompare && test->comparison == Comparison::kEq &&
               !range.partition) {
      range.partition = key_bytes(test->operands[1].constant);
      range.first_hash = partition_hash(*range.partition);
    } else {
      return unsupported_key_condition();
    }
  }
  const bool sorted = range.first_sort || range.last_sort;
  if (!range.partition || tests.size() != (sorted ? 2U : 1U)) {
    const bool missing_sort = range.partition && keys.range;
    return fail(ErrorCode::kValidation, "Query condition missed key schema element: {}",
                missing_sort ? keys.range->name : keys.hash.name);
  }
  return {};
}

// Key attributes belong into the key condition.
Result<> check_filter(const KeySchema& keys, const std::optional<Condition>& filter) {
  std::set<std::string> names;
  if (filter) collect_attributes(*filter, names);
  for (const std::string& name : names) {
    if (name == keys.hash.name || (keys.range && name == keys.range->name)) {
      return fail(ErrorCode::kValidation,
                  "Filter Expression can only contain non-primary key attributes: Primary key "
                  "attribute: {}",
                  name);
    }
  }
  return {};
}

}  // namespace

LeaseTables::Answer<api::Query> LeaseTables::query(const Caller& caller, api::QueryInput in) {
  CO_TRY(check_parameter_styles(
      {{"AttributesToGet", in.attributes_to_get.has_value()},
       {"QueryFilter", in.query_filter.has_value()},
       {"KeyConditions", in.key_conditions.has_value()}},
      {{"ProjectionExpression", in.projection_expression.has_value()},
       {"FilterExpression", in.filter_expression.has_value()},
       {"KeyConditionExpression", in.key_condition_expression.has_value()}}));
  CO_TRY_ASSIGN(Placeholders placeholders, Placeholders::create(in.expression_attribute_names,
                                                                in.expression_attribute_values));
  CO_TRY_ASSIGN(PageRequest request, page_request(caller, in, placeholders));
  if (in.key_condition_expression) {
    CO_TRY_ASSIGN(
        request.key_condition,
        parse_condition("KeyConditionExpression", *in.key_condition_expression, placeholders));
  } else if (in.key_conditions) {
    CO_TRY_ASSIGN(request.key_condition, condition_of(std::move(*in.key_conditions), {}));
  } else {
    co_return fail(ErrorCode::kValidation,
                   "Either the KeyConditions or KeyConditionExpression parameter must be specified "
                   "in the request.");
  }
  if (in.query_filter) {
    CO_TRY_ASSIGN(request.filter,
                  condition_of(std::move(*in.query_filter), in.conditional_operator));
  }
  CO_TRY(placeholders.check_all_used());
  const bool consistent = in.consistent_read.value_or(false);
  Page page;
  CO_TRY(co_await meta_.read([&](Transaction& transaction) -> Result<> {
    TRY_ASSIGN(const TablePtr table, this->table(transaction, request.table));
    Range range;
    TRY_ASSIGN(range.index, index_of(*table, request, consistent));
    range.forward = in.scan_index_forward.value_or(true);
    const KeySchema& keys = range.index ? range.index->keys : table->keys;
    TRY(bound(keys, *request.key_condition, range));
    TRY(check_filter(keys, request.filter));
    TRY(set_start(*table, request, range));
    TRY_ASSIGN(page, read_page(transaction, *table, range, request));
    return {};
  }));
  co_return answer<api::QueryOutput>(std::move(page), request, in.return_consumed_capacity,
                                     consistent);
}

LeaseTables::Answer<api::Scan> LeaseTables::scan(const Caller& caller, api::ScanInput in) {
  CO_TRY(check_parameter_styles({{"AttributesToGet", in.attributes_to_get.has_value()},
                                 {"ScanFilter", in.scan_filter.has_value()}},
                                {{"ProjectionExpression", in.projection_expression.has_value()},
                                 {"FilterExpression", in.filter_expression.has_value()}}));
  if (in.segment.has_value() != in.total_segments.has_value()) {
    co_return fail(ErrorCode::kValidation,
                   "The {} parameter is required but was not present in the request when {} "
                   "parameter is present",
                   in.segment ? "TotalSegments" : "Segment",
                   in.segment ? "Segment" : "TotalSegments");
  }
  const int64_t segment = in.segment.value_or(0);
  const int64_t segments = in.total_segments.value_or(1);
  if (segment >= segments) {
    co_return fail(ErrorCode::kValidation,
                   "The Segment parameter is zero-based and must be less than parameter "
                   "TotalSegments: Segment: {} is not less than TotalSegments: {}",
                   segment, segments);
  }
  CO_TRY_ASSIGN(Placeholders placeholders, Placeholders::create(in.expression_attribute_names,
                                                                in.expression_attribute_values));
  CO_TRY_ASSIGN(PageRequest request, page_request(caller, in, placeholders));
  if (in.scan_filter) {
    CO_TRY_ASSIGN(request.filter,
                  condition_of(std::move(*in.scan_filter), in.conditional_operator));
  }
  CO_TRY(placeholders.check_all_used());
  const bool consistent = in.consistent_read.value_or(false);
  const int64_t width = std::numeric_limits<int64_t>::max() / segments;
  Page page;
  CO_TRY(co_await meta_.read([&](Transaction& transaction) -> Result<> {
    TRY_ASSIGN(const TablePtr table, this->table(transaction, request.table));
    Range range;
    TRY_ASSIGN(range.index, index_of(*table, request, consistent));
    range.first_hash = width * segment;
    range.last_hash =
        segment + 1 == segments ? std::numeric_limits<int64_t>::max() : width * (segment + 1) - 1;
    TRY(set_start(*table, request, range));
    TRY_ASSIGN(page, read_page(transaction, *table, range, request));
    return {};
  }));
  co_return answer<api::ScanOutput>(std::move(page), request, in.return_consumed_capacity,
                                    consistent);
}

}  // namespace millstream::leases
