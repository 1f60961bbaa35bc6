// Data Streams: what its handlers share, and their registration.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/async.h"
#include "base/byte_budget.h"
#include "base/env.h"
#include "log/shard_log.h"
#include "streams/catalog.h"
#include "streams/on_demand_scaler.h"
#include "wire/operation.h"

namespace millstream::streams {

// AWS's throughput of a shard, or own figures; a member of 0 means no limit.
struct ShardLimits {
  uint64_t in_records_per_s = 0;  // aws: 1,000
  uint64_t in_bytes_per_s = 0;    // aws: 1 MiB
  uint64_t out_bytes_per_s = 0;   // aws: 2 MiB
  uint64_t get_calls_per_s = 0;   // aws: 5
  static ShardLimits aws() { return {1'000, 1 << 20, 2 << 20, 5}; }
  friend bool operator==(const ShardLimits&, const ShardLimits&) = default;
};

struct StreamsSettings {
  ShardLimits shard_limits;                  // default: off
  std::chrono::milliseconds state_delay{0};  // time in CREATING, UPDATING, DELETING
  int32_t on_demand_shards = 4;  // of a new on-demand stream, and the least later, as on AWS
  OnDemandRules on_demand;
  int32_t shards_per_account_and_region = 20'000;  // AWS's largest default quota
  // Encrypts and authenticates iterators and page tokens. Kept in the MetaStore, so that they
  // stay valid over a restart.
  std::array<unsigned char, 32> token_key{};

  // AWS's rules of how far and how often a stream is scaled hold where its throughput does.
  bool aws_rules() const { return shard_limits == ShardLimits::aws(); }
};

// Failures that a user's test asks for. Threads: any.
class InjectedFaults {
 public:
  virtual ~InjectedFaults() = default;
  virtual bool fails_records() const = 0;  // whether fails_record() may say yes
  // Whether the next record put is refused, as if over its shard's limit.
  virtual bool fails_record() = 0;
  // How long iterators live instead of AWS's five minutes.
  virtual std::optional<std::chrono::milliseconds> iterator_life() = 0;
};

// All members outlive the operations. Threads: handlers run on any loop.
struct StreamsContext {
  ShardLog& log;
  Catalog& catalog;
  Clock& clock;
  const StreamsSettings& settings;
  // Large bodies are parsed and encoded here; nullptr: on the loop.
  asio::thread_pool* cpu_pool = nullptr;
  InjectedFaults* faults = nullptr;  // nullptr: none
  // Of what answers hold until they are handed over; nullptr: unbounded.
  ByteBudget* answers = nullptr;
};

class ControlPlane;  // streams/control_plane.h

// PutRecord, PutRecords, GetShardIterator, GetRecords.
void register_data_operations(wire::OperationTable& table, StreamsContext& context);
// Everything else.
void register_control_operations(wire::OperationTable& table, StreamsContext& context,
                                 ControlPlane& control);

}  // namespace millstream::streams
