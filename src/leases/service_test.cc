#include "leases/service.h"

#include <filesystem>

#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/real_env.h"
#include "wire/errors.h"
#include "wire/json_decode.h"

namespace millstream::leases {
namespace {

using testing::HasSubstr;

// The operations as a client sees them: JSON in, JSON out.
class LeaseTablesTest : public testing::Test {
 protected:
  void SetUp() override { open(":memory:"); }

  void open(const std::string& path) {
    tables_.reset();
    meta_.reset();
    auto meta = open_sqlite(path);
    ASSERT_TRUE(meta);
    meta_ = *std::move(meta);
    ASSERT_TRUE(meta_->migrate(lease_migrations()));
    tables_ = std::make_unique<LeaseTables>(*meta_, real_env());
    operations_ = std::make_unique<wire::OperationTable>();
    register_operations(*operations_, *tables_);
  }

  // The answer's body, of errors too.
  std::string call(std::string_view operation, std::string_view body) {
    const auto* entry = operations_->find(fmt::format("DynamoDB_20120810.{}", operation));
    EXPECT_NE(entry, nullptr) << operation;
    wire::RequestContext context;
    context.account = "000000000000";
    context.region = "us-east-1";
    context.protocol = wire::Protocol::kJson10;
    asio::io_context loop;
    auto answer =
        asio::co_spawn(loop, entry->handler(context, Slice::copy_of(body)), asio::use_future);
    loop.run();
    auto result = answer.get();
    if (result) return std::string(result->view());
    const auto error = wire::encode_error("dynamodb", context.protocol, result.error());
    return std::string(error.body.view());
  }

  void create() {
    EXPECT_THAT(
        call("CreateTable",
             R"({"TableName":"leases","BillingMode":"PAY_PER_REQUEST",)"
             R"("KeySchema":[{"AttributeName":"leaseKey","KeyType":"HASH"}],)"
             R"("AttributeDefinitions":[{"AttributeName":"leaseKey","AttributeType":"S"}]})"),
        HasSubstr(R"("TableStatus":"ACTIVE")"));
  }
  std::string put(std::string_view key, std::string_view owner) {
    return call("PutItem",
                fmt::format(R"({{"TableName":"leases","Item":{{"leaseKey":{{"S":"{}"}},)"
                            R"("leaseOwner":{{"S":"{}"}},"leaseCounter":{{"N":"1"}}}}}})",
                            key, owner));
  }
  std::string get(std::string_view key) {
    return call("GetItem",
                fmt::format(R"({{"TableName":"leases","Key":{{"leaseKey":{{"S":"{}"}}}}}})", key));
  }

  std::unique_ptr<MetaStore> meta_;
  std::unique_ptr<LeaseTables> tables_;
  std::unique_ptr<wire::OperationTable> operations_;
};

TEST_F(LeaseTablesTest, KeepsAnItemUntilItIsDeleted) {
  create();
  EXPECT_EQ(put("a", "w"), "{}");
  EXPECT_EQ(get("a"),
            R"({"Item":{"leaseCounter":{"N":"1"},"leaseKey":{"S":"a"},"leaseOwner":{"S":"w"}}})");
  EXPECT_EQ(call("DeleteItem", R"({"TableName":"leases","Key":{"leaseKey":{"S":"a"}}})"), "{}");
  EXPECT_EQ(get("a"), "{}");
  EXPECT_THAT(call("DescribeTable", R"({"TableName":"leases"})"), HasSubstr(R"("ItemCount":0)"));
}

TEST_F(LeaseTablesTest, RenewsALeaseOnlyWhileTheConditionHolds) {
  create();
  put("a", "w");
  const std::string renewal =
      R"({"TableName":"leases","Key":{"leaseKey":{"S":"a"}},"ReturnValues":"UPDATED_NEW",)"
      R"("AttributeUpdates":{"leaseCounter":{"Value":{"N":"1"},"Action":"ADD"}},)"
      R"("Expected":{"leaseCounter":{"Value":{"N":"1.0"}}}})";
  EXPECT_EQ(call("UpdateItem", renewal), R"({"Attributes":{"leaseCounter":{"N":"2"}}})");
  EXPECT_EQ(call("UpdateItem", renewal), R"({"__type":"ConditionalCheckFailedException",)"
                                         R"("message":"The conditional request failed"})");
  EXPECT_EQ(call("UpdateItem", R"({"TableName":"leases","Key":{"leaseKey":{"S":"a"}},)"
                               R"("ReturnValuesOnConditionCheckFailure":"ALL_OLD",)"
                               R"("UpdateExpression":"SET leaseOwner = :o",)"
                               R"("ConditionExpression":"leaseOwner = :o",)"
                               R"("ExpressionAttributeValues":{":o":{"S":"other"}}})"),
            R"({"__type":"ConditionalCheckFailedException",)"
            R"("message":"The conditional request failed","Item":{"leaseCounter":{"N":"2"},)"
            R"("leaseKey":{"S":"a"},"leaseOwner":{"S":"w"}}})");
}

TEST_F(LeaseTablesTest, ScansEachItemOnceOverPagesAndSegments) {
  create();
  for (int i = 0; i < 600; ++i) put(fmt::format("s{}", i), "w");
  size_t found = 0;
  for (int segment = 0; segment < 7; ++segment) {
    std::string start;
    while (true) {
      const auto page = wire::from_json<api::ScanOutput>(
          call("Scan", fmt::format(R"({{"TableName":"leases","Segment":{},"TotalSegments":7,)"
                                   R"("Limit":13{}}})",
                                   segment, start)));
      ASSERT_TRUE(page);
      found += page->items->size();
      if (!page->last_evaluated_key) break;
      start = fmt::format(R"(,"ExclusiveStartKey":{{"leaseKey":{{"S":"{}"}}}})",
                          *page->last_evaluated_key->at("leaseKey").s);
    }
  }
  EXPECT_EQ(found, 600U);
}

TEST_F(LeaseTablesTest, KeepsAnIndexInStepWithItsTable) {
  create();
  for (int i = 0; i < 300; ++i) put(fmt::format("s{:03}", i), i % 2 == 0 ? "even" : "odd");
  EXPECT_THAT(
      call("UpdateTable", R"({"TableName":"leases","AttributeDefinitions":[)"
                          R"({"AttributeName":"leaseOwner","AttributeType":"S"}],)"
                          R"("GlobalSecondaryIndexUpdates":[{"Create":{"IndexName":"by-owner",)"
                          R"("KeySchema":[{"AttributeName":"leaseOwner","KeyType":"HASH"},)"
                          R"({"AttributeName":"leaseKey","KeyType":"RANGE"}],)"
                          R"("Projection":{"ProjectionType":"KEYS_ONLY"}}}]})"),
      HasSubstr(R"("IndexStatus":"ACTIVE")"));
  const auto count = [this](std::string_view owner) {
    const auto page = wire::from_json<api::QueryOutput>(call(
        "Query", fmt::format(R"({{"TableName":"leases","IndexName":"by-owner","Select":"COUNT",)"
                             R"("KeyConditionExpression":"leaseOwner = :o",)"
                             R"("ExpressionAttributeValues":{{":o":{{"S":"{}"}}}}}})",
                             owner)));
    return page ? page->count.value_or(-1) : -2;
  };
  EXPECT_EQ(count("even"), 150);
  put("s000", "odd");
  EXPECT_EQ(count("even"), 149);
  EXPECT_EQ(count("odd"), 151);
  call("DeleteItem", R"({"TableName":"leases","Key":{"leaseKey":{"S":"s001"}}})");
  EXPECT_EQ(count("odd"), 150);
  call(
      "UpdateTable",
      R"({"TableName":"leases","GlobalSecondaryIndexUpdates":[{"Delete":{"IndexName":"by-owner"}}]})");
  EXPECT_EQ(count("odd"), -1);  // an error: there is no such index any more
}

TEST_F(LeaseTablesTest, CancelsATransactionAsAWholeAndSaysWhy) {
  create();
  put("a", "w");
  const auto part = [](std::string_view key) {
    return fmt::format(R"x({{"Put":{{"TableName":"leases","Item":{{"leaseKey":{{"S":"{}"}}}},)x"
                       R"x("ConditionExpression":"attribute_not_exists(leaseKey)"}}}})x",
                       key);
  };
  const auto both = [&](std::string_view one, std::string_view other) {
    return call("TransactWriteItems",
                fmt::format(R"({{"TransactItems":[{},{}]}})", part(one), part(other)));
  };
  EXPECT_EQ(both("b", "a"),
            R"({"__type":"TransactionCanceledException","Message":"Transaction cancelled, please )"
            R"(refer cancellation reasons for specific reasons [None, ConditionalCheckFailed]",)"
            R"("CancellationReasons":[{"Code":"None"},{"Code":"ConditionalCheckFailed",)"
            R"("Message":"The conditional request failed"}]})");
  EXPECT_EQ(get("b"), "{}");
  EXPECT_EQ(both("b", "c"), "{}");
  EXPECT_THAT(get("c"), HasSubstr("\"c\""));
}

TEST_F(LeaseTablesTest, RefusesWhatCopiesItselfTooDeep) {
  create();
  call("PutItem",
       R"({"TableName":"leases","Item":{"leaseKey":{"S":"a"},"m":{"M":{"x":{"N":"1"}}}}})");
  std::string answer;
  for (int i = 0; i < 40; ++i) {
    answer = call("UpdateItem", R"({"TableName":"leases","Key":{"leaseKey":{"S":"a"}},)"
                                R"("UpdateExpression":"SET m.x = m"})");
    if (answer != "{}") break;
  }
  EXPECT_THAT(answer, HasSubstr("ValidationException"));
  EXPECT_THAT(get("a"), HasSubstr("\"a\""));
}

TEST_F(LeaseTablesTest, FindsItsTablesAfterARestart) {
  const auto folder = std::filesystem::temp_directory_path() / fmt::format("leases-{}", getpid());
  std::filesystem::create_directories(folder);
  open(folder / "meta.db");
  create();
  put("a", "w");
  open(folder / "meta.db");
  EXPECT_THAT(get("a"), HasSubstr("\"w\""));
  tables_.reset();
  meta_.reset();
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace millstream::leases
