#include "analytics/applications/worker_protocol.h"

#include "analytics/applications/message.h"

namespace millstream::analytics {
namespace {

// One list of members for both directions.
template <class Status, class Each>
void each_counter(Status& status, Each each) {
  each(status.input_rows);
  each(status.output_rows);
  each(status.late_rows);
  each(status.error_rows);
  each(status.skipped_rows);
  each(status.batches);
  each(status.state_bytes);
  each(status.state_rows);
  each(status.parallelism);
  each(status.millis_behind_latest);
  each(status.watermark);
  each(status.snapshot);
}

template <class Spec, class Each>
void each_member(Spec& spec, Each each) {
  each(spec.application);
  each(spec.account);
  each(spec.region);
  each(spec.writer);
  each(spec.changelog);
  each(spec.snapshot_folder);
  each(spec.start);
  each(spec.start_ms);
  each(spec.fresh);
  each(spec.bounded);
  each(spec.parallelism);
  each(spec.memory_limit_bytes);
  each(spec.batch_rows);
  each(spec.pending_appends);
  each(spec.restore_snapshot);
}

}  // namespace

Slice encode(const ApplicationRun& run) {
  MessageWriter out;
  each_member(run.spec, [&](const auto& member) { out.add(member); });
  out.add(run.code).add(run.collect).add(run.definition_json).add(run.is_flink);
  return out.slice();
}

Result<ApplicationRun> decode_run(std::string_view bytes) {
  MessageReader in(bytes);
  ApplicationRun run;
  each_member(run.spec, [&](auto& member) { in.into(member); });
  in.into(run.code);
  in.into(run.collect);
  in.into(run.definition_json);
  in.into(run.is_flink);
  TRY(in.end());
  return run;
}

Slice encode(const JobStatus& status) {
  MessageWriter out;
  each_counter(status, [&](const auto& member) { out.add(member); });
  out.add(status.dropped_state.size());
  for (const auto& text : status.dropped_state) out.add(text);
  out.add(status.rows_by_node.size());
  for (const auto& [node, rows] : status.rows_by_node) out.add(node).add(rows);
  return out.slice();
}

Result<JobStatus> decode_status(std::string_view bytes) {
  MessageReader in(bytes);
  JobStatus status;
  each_counter(status, [&](auto& member) { in.into(member); });
  const auto texts = in.get<size_t>();
  for (size_t i = 0; i < texts && in.end(); ++i) status.dropped_state.emplace_back(in.text());
  const auto nodes = in.get<size_t>();
  for (size_t i = 0; i < nodes && in.end(); ++i) {
    const std::string node(in.text());
    status.rows_by_node[node] = in.get<uint64_t>();
  }
  TRY(in.end());
  return status;
}

Slice encode(const InputStream& stream) {
  MessageWriter out;
  out.add(stream.name).add(stream.generation).add(stream.shards.size());
  for (const InputShard& shard : stream.shards) {
    out.add(shard.id).add(shard.name).add(shard.open);
    for (const auto key : {shard.first_hash_key, shard.last_hash_key}) {
      out.add(static_cast<uint64_t>(key >> 64)).add(static_cast<uint64_t>(key));
    }
    out.add(shard.parents.size());
    for (const ShardId parent : shard.parents) out.add(parent);
  }
  return out.slice();
}

Result<InputStream> decode_stream(std::string_view bytes) {
  MessageReader in(bytes);
  InputStream stream;
  in.into(stream.name);
  in.into(stream.generation);
  const auto shards = in.get<size_t>();
  for (size_t i = 0; i < shards && in.end(); ++i) {
    InputShard& shard = stream.shards.emplace_back();
    in.into(shard.id);
    in.into(shard.name);
    in.into(shard.open);
    for (auto* key : {&shard.first_hash_key, &shard.last_hash_key}) {
      const auto high = in.get<uint64_t>();
      *key = static_cast<unsigned __int128>(high) << 64 | in.get<uint64_t>();
    }
    const auto parents = in.get<size_t>();
    for (size_t p = 0; p < parents && in.end(); ++p) shard.parents.push_back(in.get<ShardId>());
  }
  TRY(in.end());
  return stream;
}

Slice encode(const Result<>& end) {
  MessageWriter out;
  out.add(end.has_value());
  if (!end) out.add(end.error().code).add(end.error().message);
  return out.slice();
}

Result<> decode_end(std::string_view bytes) {
  MessageReader in(bytes);
  if (in.get<bool>()) return in.end();
  Error error;
  in.into(error.code);
  in.into(error.message);
  TRY(in.end());
  return std::unexpected(std::move(error));
}

}  // namespace millstream::analytics
