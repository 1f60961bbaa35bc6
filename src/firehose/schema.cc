#include "firehose/schema.h"

#include <array>
#include <string>

#include "wire/arn.h"
#include "wire/json_decode.h"
#include "wire/json_encode.h"

namespace millstream::firehose {
namespace {

namespace api = wire::firehose;

constexpr std::array kMigrations{Migration{"firehose", 1, R"(
CREATE TABLE delivery_stream (
  id INTEGER PRIMARY KEY,
  account TEXT NOT NULL,
  region TEXT NOT NULL,
  name TEXT NOT NULL,
  status INTEGER NOT NULL,
  version INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL,
  source TEXT NOT NULL,
  destination TEXT NOT NULL,
  UNIQUE (account, region, name)
);
CREATE TABLE delivery_stream_tag (
  delivery_stream INTEGER NOT NULL REFERENCES delivery_stream (id),
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (delivery_stream, name)
);
CREATE TABLE delivery_own_shard (
  log_id INTEGER PRIMARY KEY,
  delivery_stream INTEGER NOT NULL REFERENCES delivery_stream (id)
);
CREATE TABLE delivery_progress (
  delivery_stream INTEGER NOT NULL REFERENCES delivery_stream (id),
  log_id INTEGER NOT NULL,
  planned INTEGER NOT NULL,
  PRIMARY KEY (delivery_stream, log_id)
);
CREATE TABLE delivery_plan (
  id INTEGER PRIMARY KEY,
  delivery_stream INTEGER NOT NULL REFERENCES delivery_stream (id),
  version INTEGER NOT NULL,
  target INTEGER NOT NULL,
  bucket TEXT NOT NULL,
  object_key TEXT NOT NULL,
  compression INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  oldest_ms INTEGER NOT NULL
);
CREATE INDEX delivery_plan_of_stream ON delivery_plan (delivery_stream);
CREATE TABLE delivery_plan_range (
  plan INTEGER NOT NULL REFERENCES delivery_plan (id),
  place INTEGER NOT NULL,
  log_id INTEGER NOT NULL,
  first_counter INTEGER NOT NULL,
  next_counter INTEGER NOT NULL,
  records INTEGER NOT NULL,
  PRIMARY KEY (plan, place)
))"}};

int64_t number(ShardId shard) { return static_cast<int64_t>(shard); }

// As the API describes it: what a KinesisSource and a throughput hint are made of.
std::string source_json(const DeliveryStream& stream) {
  api::SourceDescription source;
  if (stream.kinesis) {
    auto& kinesis = source.kinesis_stream_source_description.emplace();
    kinesis.kinesis_stream_arn = stream.kinesis->stream_arn;
    kinesis.role_arn = stream.kinesis->role_arn;
    kinesis.delivery_start_timestamp = wire::Timestamp{stream.kinesis->start_ms};
  } else {
    source.direct_put_source_description.emplace().throughput_hint_in_mbs =
        stream.throughput_hint_mbs;
  }
  return wire::to_json(source);
}

Result<> read_source(const std::string& json, DeliveryStream& stream) {
  TRY_ASSIGN(const auto source, wire::from_json<api::SourceDescription>(json));
  if (source.direct_put_source_description) {
    stream.throughput_hint_mbs = source.direct_put_source_description->throughput_hint_in_mbs;
  }
  if (!source.kinesis_stream_source_description) return {};
  const auto& in = *source.kinesis_stream_source_description;
  KinesisSource& kinesis = stream.kinesis.emplace();
  kinesis.stream_arn = in.kinesis_stream_arn.value_or("");
  kinesis.role_arn = in.role_arn.value_or("");
  TRY_ASSIGN(const wire::StreamArn arn, wire::parse_stream_arn(kinesis.stream_arn));
  kinesis.stream = {arn.account, arn.region, arn.name};
  kinesis.start_ms = in.delivery_start_timestamp.value_or(wire::Timestamp()).ms;
  return {};
}

Result<> load_parts(Transaction& transaction, DeliveryStream& stream) {
  TRY_ASSIGN(
      const auto tags,
      transaction.query("SELECT name, value FROM delivery_stream_tag WHERE delivery_stream = ?",
                        {stream.id}));
  for (const SqlRow& tag : tags) stream.tags[tag.text(0)] = tag.text(1);
  TRY_ASSIGN(const auto shards,
             transaction.query("SELECT log_id FROM delivery_own_shard WHERE delivery_stream = ? "
                               "ORDER BY log_id",
                               {stream.id}));
  for (const SqlRow& shard : shards) stream.own_shards.push_back(ShardId(shard.integer(0)));
  return {};
}

Result<std::vector<ShardRange>> load_ranges(Transaction& transaction, int64_t plan) {
  TRY_ASSIGN(const auto rows,
             transaction.query("SELECT log_id, first_counter, next_counter, records "
                               "FROM delivery_plan_range WHERE plan = ? ORDER BY place",
                               {plan}));
  std::vector<ShardRange> ranges;
  for (const SqlRow& row : rows) {
    ranges.push_back({ShardId(row.integer(0)), static_cast<Counter>(row.integer(1)),
                      static_cast<Counter>(row.integer(2)), static_cast<uint32_t>(row.integer(3))});
  }
  return ranges;
}

}  // namespace

std::span<const Migration> firehose_migrations() { return kMigrations; }

Result<std::vector<DeliveryStream>> load_delivery_streams(Transaction& transaction) {
  TRY_ASSIGN(const auto rows,
             transaction.query("SELECT id, account, region, name, status, version, created_ms, "
                               "updated_ms, source, destination FROM delivery_stream ORDER BY id"));
  std::vector<DeliveryStream> streams;
  for (const SqlRow& row : rows) {
    DeliveryStream stream;
    stream.id = row.integer(0);
    stream.key = {row.text(1), row.text(2), row.text(3)};
    stream.status = static_cast<DeliveryStatus>(row.integer(4));
    stream.version = row.integer(5);
    stream.created_ms = row.integer(6);
    stream.updated_ms = row.integer(7);
    TRY(read_source(row.text(8), stream));
    TRY_ASSIGN(stream.described,
               wire::from_json<api::ExtendedS3DestinationDescription>(row.text(9)));
    TRY_ASSIGN(stream.destination, understand(stream.described));
    TRY(load_parts(transaction, stream));
    streams.push_back(std::move(stream));
  }
  return streams;
}

Result<int64_t> count_delivery_streams(Transaction& transaction, std::string_view account,
                                       std::string_view region) {
  TRY_ASSIGN(
      const auto rows,
      transaction.query("SELECT COUNT(*) FROM delivery_stream WHERE account = ? AND region = ?",
                        {std::string(account), std::string(region)}));
  return rows.front().integer(0);
}

Result<> insert_delivery_stream(Transaction& transaction, const DeliveryStream& stream) {
  TRY(transaction.execute(
      "INSERT INTO delivery_stream (id, account, region, name, status, version, created_ms, "
      "updated_ms, source, destination) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {stream.id, stream.key.account, stream.key.region, stream.key.name,
       static_cast<int64_t>(stream.status), stream.version, stream.created_ms, stream.updated_ms,
       source_json(stream), wire::to_json(stream.described)}));
  for (const auto& [name, value] : stream.tags) {
    TRY(transaction.execute(
        "INSERT INTO delivery_stream_tag (delivery_stream, name, value) VALUES (?, ?, ?)",
        {stream.id, name, value}));
  }
  for (ShardId shard : stream.own_shards) {
    TRY(transaction.execute(
        "INSERT INTO delivery_own_shard (log_id, delivery_stream) VALUES (?, ?)",
        {number(shard), stream.id}));
  }
  return {};
}

Result<> update_status(Transaction& transaction, int64_t stream, DeliveryStatus status) {
  TRY(transaction.execute("UPDATE delivery_stream SET status = ? WHERE id = ?",
                          {static_cast<int64_t>(status), stream}));
  return {};
}

Result<> delete_delivery_stream(Transaction& transaction, int64_t stream) {
  constexpr std::array kStatements{
      "DELETE FROM delivery_plan_range WHERE plan IN "
      "(SELECT id FROM delivery_plan WHERE delivery_stream = ?)",
      "DELETE FROM delivery_plan WHERE delivery_stream = ?",
      "DELETE FROM delivery_progress WHERE delivery_stream = ?",
      "DELETE FROM delivery_own_shard WHERE delivery_stream = ?",
      "DELETE FROM delivery_stream_tag WHERE delivery_stream = ?",
      "DELETE FROM delivery_stream WHERE id = ?"};
  for (const char* statement : kStatements) TRY(transaction.execute(statement, {stream}));
  return {};
}

Result<std::vector<ShardProgress>> load_progress(Transaction& transaction, int64_t stream) {
  TRY_ASSIGN(const auto rows, transaction.query("SELECT log_id, planned FROM delivery_progress "
                                                "WHERE delivery_stream = ? ORDER BY log_id",
                                                {stream}));
  std::vector<ShardProgress> progress;
  for (const SqlRow& row : rows) {
    progress.push_back({ShardId(row.integer(0)), static_cast<Counter>(row.integer(1))});
  }
  return progress;
}

Result<> set_progress(Transaction& transaction, int64_t stream,
                      std::span<const ShardProgress> progress) {
  for (const ShardProgress& shard : progress) {
    TRY(transaction.execute(
        "INSERT INTO delivery_progress (delivery_stream, log_id, planned) VALUES (?, ?, ?) "
        "ON CONFLICT (delivery_stream, log_id) DO UPDATE SET planned = excluded.planned",
        {stream, number(shard.shard), static_cast<int64_t>(shard.planned)}));
  }
  return {};
}

Result<> forget_shards(Transaction& transaction, int64_t stream, std::span<const ShardId> shards) {
  for (ShardId shard : shards) {
    TRY(transaction.execute(
        "DELETE FROM delivery_progress WHERE delivery_stream = ? AND log_id = ?",
        {stream, number(shard)}));
  }
  return {};
}

Result<std::vector<DeliveryPlan>> load_open_plans(Transaction& transaction, int64_t stream) {
  TRY_ASSIGN(const auto rows,
             transaction.query("SELECT id, version, target, bucket, object_key, compression, "
                               "bytes, oldest_ms FROM delivery_plan WHERE delivery_stream = ? "
                               "ORDER BY id",
                               {stream}));
  std::vector<DeliveryPlan> plans;
  for (const SqlRow& row : rows) {
    DeliveryPlan plan;
    plan.id = row.integer(0);
    plan.delivery_stream = stream;
    plan.version = row.integer(1);
    plan.target = static_cast<DeliveryTarget>(row.integer(2));
    plan.bucket = row.text(3);
    plan.key = row.text(4);
    plan.compression = static_cast<Compression>(row.integer(5));
    plan.bytes = static_cast<uint64_t>(row.integer(6));
    plan.oldest_ms = row.integer(7);
    TRY_ASSIGN(plan.ranges, load_ranges(transaction, plan.id));
    plans.push_back(std::move(plan));
  }
  return plans;
}

namespace {

Result<> advance(Transaction& transaction, int64_t stream, const ShardRange& range) {
  TRY_ASSIGN(const auto rows, transaction.query("SELECT planned FROM delivery_progress "
                                                "WHERE delivery_stream = ? AND log_id = ?",
                                                {stream, number(range.shard)}));
  const Counter planned = rows.empty() ? 0 : static_cast<Counter>(rows.front().integer(0));
  if (planned != range.first) {
    return fail(ErrorCode::kConcurrentModification,
                "delivery stream {} has planned log shard {} up to {}, not {}", stream,
                number(range.shard), planned, range.first);
  }
  const ShardProgress progress{range.shard, range.next};
  return set_progress(transaction, stream, std::span<const ShardProgress>(&progress, 1));
}

}  // namespace

Result<> insert_plan(Transaction& transaction, const DeliveryPlan& plan) {
  TRY(transaction.execute(
      "INSERT INTO delivery_plan (id, delivery_stream, version, target, bucket, object_key, "
      "compression, bytes, oldest_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {plan.id, plan.delivery_stream, plan.version, static_cast<int64_t>(plan.target), plan.bucket,
       plan.key, static_cast<int64_t>(plan.compression), static_cast<int64_t>(plan.bytes),
       plan.oldest_ms}));
  for (size_t place = 0; place < plan.ranges.size(); ++place) {
    const ShardRange& range = plan.ranges[place];
    TRY(transaction.execute(
        "INSERT INTO delivery_plan_range (plan, place, log_id, first_counter, next_counter, "
        "records) VALUES (?, ?, ?, ?, ?, ?)",
        {plan.id, static_cast<int64_t>(place), number(range.shard),
         static_cast<int64_t>(range.first), static_cast<int64_t>(range.next),
         static_cast<int64_t>(range.records)}));
    TRY(advance(transaction, plan.delivery_stream, range));
  }
  return {};
}

Result<> finish_plan(Transaction& transaction, int64_t plan) {
  TRY(transaction.execute("DELETE FROM delivery_plan_range WHERE plan = ?", {plan}));
  TRY(transaction.execute("DELETE FROM delivery_plan WHERE id = ?", {plan}));
  return {};
}

}  // namespace millstream::firehose
