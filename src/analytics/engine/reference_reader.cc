#include "analytics/engine/reference_reader.h"

#include "analytics/engine/file_source.h"
#include "analytics/engine/source_decoder.h"

namespace millstream::analytics {
namespace {

constexpr uint64_t kRowsOfAPiece = 10'000;

// Rows that can't be read end the start in Flink's dialect; in Kinesis' they are left out.
Result<> check(const Table& table, const std::string& key, sql::Dialect dialect,
               std::vector<RowFailure>& failures, JobHost& host) {
  if (failures.empty()) return {};
  if (dialect == sql::Dialect::kFlink) {
    return fail(ErrorCode::kInvalidArgument,
                "table {}: object {}: {}; the row was: {}. Correct the object, or let the format "
                "pass over it ('ignore-parse-errors')",
                table.name, key, failures.front().message, failures.front().data);
  }
  host.log_line("WARN", fmt::format("reference table {}: {} rows of object {} left out: {}",
                                    table.name, failures.size(), key, failures.front().message));
  failures.clear();
  return {};
}

}  // namespace

awaitable<Result<std::shared_ptr<const ReferenceTable>>> read_reference_table(
    std::shared_ptr<const Table> table, sql::Dialect dialect, std::string time_zone,
    JobHost& host) {
  if (table->connector != Connector::kFilesystem || !table->partitioned_by.empty()) {
    co_return fail(ErrorCode::kInvalidArgument,
                   "table {}: looking up rows in anything but an unpartitioned 'filesystem' table "
                   "is not yet supported",
                   table->name);
  }
  const auto option = table->options.find("path");
  if (option == table->options.end()) {
    co_return fail(ErrorCode::kInvalidArgument, "table {} needs a 'path'", table->name);
  }
  const LakePath path = lake_path(option->second);
  SourceNode node{table, {}};
  for (size_t i = 0; i < table->columns.size(); ++i) node.columns.push_back(static_cast<int>(i));
  CO_TRY_ASSIGN(auto decoder, SourceDecoder::make(node, dialect, time_zone));
  ObjectStore& store = host.objects(option->second.starts_with("s3://"));
  CO_TRY_ASSIGN(const auto keys, co_await list_objects(store, path));
  if (keys.empty()) {
    co_return fail(ErrorCode::kNotFound,
                   "table {}: there is no object at {}; put one there before the application "
                   "starts",
                   table->name, option->second);
  }
  std::vector<Batch> pieces;
  size_t bytes = 0;
  for (const std::string& key : keys) {
    CO_TRY_ASSIGN(const Slice object, co_await store.get(path.bucket, key));
    bytes += object.size();
    if (bytes > kMaxReferenceBytes) {
      co_return fail(ErrorCode::kLimitExceeded,
                     "table {}: the objects at {} hold more than the {} MB that a reference table "
                     "may have",
                     table->name, option->second, kMaxReferenceBytes >> 20);
    }
    std::vector<RowFailure> failures;
    uint64_t skipped = 0;
    for (size_t offset = 0; offset < object.size();) {
      SourceChunk chunk;
      offset = split_lines(object.view(), offset, kRowsOfAPiece, chunk.lines);
      chunk.rows = chunk.lines.size();
      chunk.object = object;
      if (chunk.rows == 0) continue;
      const int64_t now_us = host.clock().now_ms() * 1000;
      Batch rows = decoder->decode(chunk, now_us, failures, skipped).batch;
      if (rows.rows > 0) pieces.push_back(std::move(rows));
    }
    CO_TRY(check(*table, key, dialect, failures, host));
  }
  co_return std::make_shared<const ReferenceTable>(table->schema(), pieces);
}

awaitable<Result<>> read_reference_tables(std::shared_ptr<const StagePlan> plan,
                                          sql::Dialect dialect, std::string time_zone,
                                          JobHost& host, ReferenceTables& into) {
  for (const StageNode& node : plan->nodes) {
    const auto* join = std::get_if<ReferenceJoinNode>(&node.plan->node);
    if (join == nullptr || into.get(join->table->name)) continue;
    CO_TRY_ASSIGN(auto table, co_await read_reference_table(join->table, dialect, time_zone, host));
    into.put(join->table->name, std::move(table));
  }
  co_return Result<>();
}

}  // namespace millstream::analytics
