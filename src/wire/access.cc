#include "wire/access.h"

#include <algorithm>
#include <array>

#include "wire/arn.h"
#include "wire/types.h"

namespace millstream::wire {
namespace {

// Members that hold a name, and the resource that it is the name of.
struct NamedResource {
  std::string_view service;  // in policies and ARNs
  std::string_view member;
  std::string_view resource;  // before the name
};
constexpr NamedResource kNames[] = {
    {"kinesis", "StreamName", "stream/"},
    {"firehose", "DeliveryStreamName", "deliverystream/"},
    {"kinesisanalytics", "ApplicationName", "application/"},
    {"dynamodb", "TableName", "table/"},
};
constexpr NamedResource kTable = kNames[3];

// Members that hold an ARN.
constexpr std::string_view kArns[] = {"StreamARN",         "ConsumerARN", "ResourceARN",
                                      "DeliveryStreamARN", "ResourceArn", "TableArn",
                                      "QueueARN",          "ChannelARN"};

// Operations about one consumer of a stream, which may be named beside the stream.
constexpr std::string_view kOfConsumers[] = {"DescribeStreamConsumer", "DeregisterStreamConsumer"};

constexpr std::string_view kTransactItems = "TransactItems";

// Pages that go on by a token alone: it names the stream, sealed for account and region.
constexpr std::string_view kByToken[] = {"ListShards"};

// Resources below an operation's own: those that a delivery stream or an application will use by
// itself (on AWS its role must be allowed to; here, where there are no roles, whoever sets it up
// must), and those of each step of a transaction.
constexpr std::string_view kTableName = "TableName";
struct Use {
  std::string_view structure;
  std::string_view member;
  std::string_view service;
  std::string_view operation;
};
constexpr Use kUses[] = {
    {"KinesisStreamSourceConfiguration", "KinesisStreamARN", "kinesis", "GetRecords"},
    {"KinesisStreamsInput", "ResourceARN", "kinesis", "GetRecords"},
    {"KinesisStreamsInputUpdate", "ResourceARNUpdate", "kinesis", "GetRecords"},
    {"KinesisStreamsOutput", "ResourceARN", "kinesis", "PutRecords"},
    {"KinesisStreamsOutputUpdate", "ResourceARNUpdate", "kinesis", "PutRecords"},
    {"KinesisFirehoseInput", "ResourceARN", "firehose", "DescribeDeliveryStream"},
    {"KinesisFirehoseInputUpdate", "ResourceARNUpdate", "firehose", "DescribeDeliveryStream"},
    {"KinesisFirehoseOutput", "ResourceARN", "firehose", "PutRecordBatch"},
    {"KinesisFirehoseOutputUpdate", "ResourceARNUpdate", "firehose", "PutRecordBatch"},
    {"Get", kTableName, "dynamodb", "GetItem"},
    {"ConditionCheck", kTableName, "dynamodb", "GetItem"},  // AWS: ConditionCheckItem
    {"Put", kTableName, "dynamodb", "PutItem"},
    {"Update", kTableName, "dynamodb", "UpdateItem"},
    {"Delete", kTableName, "dynamodb", "DeleteItem"},
};

std::string_view prefix_of(const Operation& operation) {
  // IAM has one prefix for both versions.
  if (operation.service == "kinesisanalyticsv2") return "kinesisanalytics";
  return operation.service;
}

const Member* find_member(const Operation& operation, std::string_view name) {
  if (operation.input == nullptr) return nullptr;
  const auto found = std::ranges::find(operation.input->members, name, &Member::name);
  return found == operation.input->members.end() ? nullptr : &*found;
}

// Empty: it has no such member, or none is given.
std::string_view text_of(const Operation& operation, std::string_view name, const void* input) {
  const Member* member = find_member(operation, name);
  if (member == nullptr || member->type->kind != Kind::kString) return {};
  const void* value = get(*member, input);
  return value == nullptr ? std::string_view() : *static_cast<const std::string*>(value);
}

// One spelling for each resource, so that a policy can't be passed by with another one: any
// partition is taken for "aws", and a consumer's number may have zeroes before it. What is no ARN
// stays, and its operation refuses it.
std::string normal_arn(std::string_view text) {
  if (const auto consumer = parse_consumer_arn(text)) return format_arn(*consumer);
  const auto arn = parse_arn(text);
  if (!arn) return std::string(text);
  return fmt::format("arn:aws:{}:{}:{}:{}", arn->service, arn->region, arn->account, arn->resource);
}

std::string named_arn(const RequestContext& context, const NamedResource& named,
                      std::string_view name) {
  if (name.starts_with("arn:")) return normal_arn(name);  // DynamoDB takes both
  return fmt::format("arn:aws:{}:{}:{}:{}{}", named.service, context.region, context.account,
                     named.resource, name);
}

// BatchGetItem, BatchWriteItem: a map by table.
void add_tables(const Operation& operation, const RequestContext& context, const void* input,
                std::vector<std::string>& resources) {
  const Member* member = find_member(operation, "RequestItems");
  if (member == nullptr || member->type->kind != Kind::kMap) return;
  const void* map = get(*member, input);
  if (map == nullptr) return;
  std::vector<std::string> names;
  member->type->map->for_each(
      map,
      [](void* into, const std::string& key, const void*) {
        static_cast<std::vector<std::string>*>(into)->push_back(key);
      },
      &names);
  for (const std::string& name : names) {
    resources.push_back(named_arn(context, kTable, name));
  }
}

const Operation& operation_of(const Use& use) {
  const auto operations = all_operations();
  const auto found = std::ranges::find_if(operations, [&use](const Operation* operation) {
    return operation->service == use.service && operation->name == use.operation;
  });
  MS_ASSERT(found != operations.end());
  return **found;
}

// Depth: the decoder's.
Result<> check_uses(const Type& type, const void* value, const RequestContext& context) {
  if (type.kind == Kind::kList) {
    if (type.element->kind != Kind::kStructure && type.element->kind != Kind::kList) return {};
    const size_t count = type.list->size(value);
    for (size_t i = 0; i < count; ++i) {
      TRY(check_uses(*type.element, type.list->at(value, i), context));
    }
    return {};
  }
  if (type.kind != Kind::kStructure) return {};
  for (const Member& member : type.structure->members) {
    const void* at = get(member, value);
    if (at == nullptr) continue;
    TRY(check_uses(*member.type, at, context));
    for (const Use& use : kUses) {
      if (use.structure != type.structure->name || use.member != member.name) continue;
      const auto& text = *static_cast<const std::string*>(at);
      TRY(context.access->check(operation_of(use), use.member == kTableName
                                                       ? named_arn(context, kTable, text)
                                                       : normal_arn(text)));
    }
  }
  return {};
}

}  // namespace

std::string action_of(const Operation& operation) {
  return fmt::format("{}:{}", prefix_of(operation), operation.name);
}

std::vector<std::string> resources_of(const Operation& operation, const RequestContext& context,
                                      const void* input) {
  std::vector<std::string> resources;
  // Who somebody is may be asked by everybody, whatever policies say, as on AWS.
  if (operation.service == "sts") return resources;
  // Each step of a transaction is checked on its own.
  if (find_member(operation, kTransactItems) != nullptr) return resources;
  const std::string_view service = prefix_of(operation);
  const std::string_view consumer = std::ranges::count(kOfConsumers, operation.name) > 0
                                        ? text_of(operation, "ConsumerName", input)
                                        : std::string_view();
  for (const NamedResource& named : kNames) {
    if (named.service != service) continue;
    const std::string_view name = text_of(operation, named.member, input);
    if (name.empty()) continue;
    resources.push_back(named_arn(context, named, name));
    if (const auto index = text_of(operation, "IndexName", input); !index.empty()) {
      resources.back() += fmt::format("/index/{}", index);
    }
  }
  for (const std::string_view member : kArns) {
    const std::string_view arn = text_of(operation, member, input);
    if (arn.empty()) continue;
    resources.push_back(normal_arn(arn));
    // A consumer's ARN ends with the time it was made at, which only its stream knows.
    if (member == "StreamARN" && !consumer.empty()) {
      resources.back() += fmt::format("/consumer/{}:*", consumer);
    }
  }
  add_tables(operation, context, input, resources);
  if (!resources.empty()) return resources;
  if (std::ranges::count(kByToken, operation.name) > 0 &&
      !text_of(operation, "NextToken", input).empty()) {
    return resources;
  }
  return {"*"};
}

Result<> check_access(const Operation& operation, const RequestContext& context,
                      const void* input) {
  for (const std::string& resource : resources_of(operation, context, input)) {
    TRY(context.access->check(operation, resource));
  }
  const std::string_view service = prefix_of(operation);
  const bool sets_up = (service == "firehose" || service == "kinesisanalytics") &&
                       !operation.name.starts_with("Put");  // not for every record
  if (!sets_up && find_member(operation, kTransactItems) == nullptr) return {};
  for (const Member& member : operation.input->members) {
    if (const void* at = get(member, input)) TRY(check_uses(*member.type, at, context));
  }
  return {};
}

}  // namespace millstream::wire
