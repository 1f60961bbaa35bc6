// The tables of the delivery streams, and the way between rows and structs. SQL that SQLite and
// PostgreSQL both understand.
//
// What has been planned of a shard is one number, since plans take its records without a gap: all
// before it lies in finished plans (their rows are gone) or in open ones (their rows are here).
// The position, the lowest record without a finished plan, follows from both.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "firehose/delivery_stream.h"
#include "firehose/plan.h"
#include "meta/meta_store.h"

namespace millstream::firehose {

inline constexpr std::string_view kDeliveryStreamSequence = "delivery_stream";
inline constexpr std::string_view kDeliveryPlanSequence = "delivery_plan";

std::span<const Migration> firehose_migrations();

// How far a shard is in plans.
struct ShardProgress {
  ShardId shard{};
  Counter planned = 0;  // the first counter that no plan covers
  friend bool operator==(const ShardProgress&, const ShardProgress&) = default;
};

Result<std::vector<DeliveryStream>> load_delivery_streams(Transaction& transaction);
Result<int64_t> count_delivery_streams(Transaction& transaction, std::string_view account,
                                       std::string_view region);
// With its own shards and tags. kInUse if the name is taken.
Result<> insert_delivery_stream(Transaction& transaction, const DeliveryStream& stream);
Result<> update_status(Transaction& transaction, int64_t stream, DeliveryStatus status);
// With everything that belongs to it.
Result<> delete_delivery_stream(Transaction& transaction, int64_t stream);

// Shards that no plan covers yet and that began with the delivery stream have a row too.
Result<std::vector<ShardProgress>> load_progress(Transaction& transaction, int64_t stream);
Result<> set_progress(Transaction& transaction, int64_t stream,
                      std::span<const ShardProgress> progress);
Result<> forget_shards(Transaction& transaction, int64_t stream, std::span<const ShardId> shards);

// Oldest first.
Result<std::vector<DeliveryPlan>> load_open_plans(Transaction& transaction, int64_t stream);
// And moves the progress of its shards from the beginnings of its ranges to their ends. Errors:
// kConcurrentModification if a shard's progress is elsewhere: what the caller believes to be
// planned is not what is; nothing is inserted.
Result<> insert_plan(Transaction& transaction, const DeliveryPlan& plan);
// Its ranges are delivered: what remains of it is the progress of its shards.
Result<> finish_plan(Transaction& transaction, int64_t plan);

}  // namespace millstream::firehose
