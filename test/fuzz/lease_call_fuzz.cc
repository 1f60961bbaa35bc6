// libFuzzer: calls of the lease tables as a client makes them, a line each: "PutItem {…}". There
// is a table "one" with a hash key k, and a table "two" with a range key n (a number) and an index.
// No call may break the store; in the end both tables can still be scanned.
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <simdjson.h>

#include "base/manual_clock.h"
#include "fuzz/fuzz_input.h"
#include "leases/service.h"

namespace {

using namespace millstream;

class Tables {
 public:
  Tables() : meta_(open_sqlite(":memory:").value()), tables_(*meta_, clock_) {
    MS_ASSERT(meta_->migrate(leases::lease_migrations()));
    leases::register_operations(operations_, tables_);
  }

  // Nothing to do after calls that all failed.
  void start_anew() {
    if (!used_) return;
    asio::io_context loop;
    auto done = asio::co_spawn(loop, tables_.delete_all(), asio::use_future);
    loop.run();
    MS_ASSERT(done.get());
    must_succeed("CreateTable",
                 R"({"TableName":"one","BillingMode":"PAY_PER_REQUEST",)"
                 R"("KeySchema":[{"AttributeName":"k","KeyType":"HASH"}],)"
                 R"("AttributeDefinitions":[{"AttributeName":"k","AttributeType":"S"}]})");
    must_succeed(
        "CreateTable",
        R"({"TableName":"two","BillingMode":"PAY_PER_REQUEST","KeySchema":[)"
        R"({"AttributeName":"k","KeyType":"HASH"},{"AttributeName":"n","KeyType":"RANGE"}],)"
        R"("AttributeDefinitions":[{"AttributeName":"k","AttributeType":"S"},)"
        R"({"AttributeName":"n","AttributeType":"N"},{"AttributeName":"o","AttributeType":"S"}],)"
        R"("GlobalSecondaryIndexes":[{"IndexName":"ind","KeySchema":[)"
        R"({"AttributeName":"o","KeyType":"HASH"}],"Projection":{"ProjectionType":"ALL"}}]})");
    used_ = false;
  }

  bool used() const { return used_; }

  // Nothing: there is no such operation.
  std::optional<Result<Slice>> call(std::string_view operation, std::string_view body) {
    const auto* entry = operations_.find(fmt::format("DynamoDB_20120810.{}", operation));
    if (entry == nullptr) return std::nullopt;
    wire::RequestContext context;
    context.account = "000000000000";
    context.region = "us-east-1";
    context.protocol = wire::Protocol::kJson10;
    asio::io_context loop;
    auto answer =
        asio::co_spawn(loop, entry->handler(context, Slice::copy_of(body)), asio::use_future);
    loop.run();
    auto result = answer.get();
    if (result) {
      used_ = true;
      MS_ASSERT(simdjson::validate_utf8(result->view().data(), result->size()));
    } else {
      const ErrorCode code = result.error().code;
      MS_ASSERT(code != ErrorCode::kInternal && code != ErrorCode::kIo &&
                code != ErrorCode::kUnavailable && code != ErrorCode::kCorruption);
    }
    return result;
  }

  void must_succeed(std::string_view operation, std::string_view body) {
    const auto answer = call(operation, body);
    if (answer && !*answer) fmt::print(stderr, "{}: {}\n", operation, answer->error().message);
    MS_ASSERT(answer && *answer);
  }

 private:
  bool used_ = true;
  ManualClock clock_;
  std::unique_ptr<MetaStore> meta_;
  leases::LeaseTables tables_;
  wire::OperationTable operations_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Tables tables;
  tables.start_anew();
  fuzz::FuzzInput input(data, size);
  bool has_tables = true;
  bool has_index = true;
  while (!input.ended()) {
    const std::string_view text = input.until("\n");
    const size_t blank = std::min(text.find(' '), text.size());
    const std::string_view operation = text.substr(0, blank);
    const auto answer = tables.call(operation, text.substr(std::min(blank + 1, text.size())));
    if (!answer || !*answer) continue;
    if (operation == "DeleteTable") has_tables = false;
    if (operation == "UpdateTable") has_index = false;
  }
  if (!has_tables) return 0;
  if (!tables.used()) return 0;
  for (const char* name : {"one", "two"}) {
    tables.must_succeed("Scan", fmt::format(R"({{"TableName":"{}"}})", name));
  }
  if (has_index) tables.must_succeed("Scan", R"({"TableName":"two","IndexName":"ind"})");
  return 0;
}
