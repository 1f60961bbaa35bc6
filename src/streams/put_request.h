// PutRecord and PutRecords after decoding, whatever the protocol: views into the request.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace millstream::streams {

// AWS limits: API model PutRecordsRequestEntryList, Data; 10 MiB a call, keys included.
inline constexpr size_t kMaxRecordsPerPut = 500;
inline constexpr size_t kMaxDataBytes = size_t{10} << 20;
inline constexpr size_t kMaxPutBytes = size_t{10} << 20;
inline constexpr size_t kMaxPartitionKeyCharacters = 256;

enum class DataEncoding : uint8_t { kBase64, kRaw };

// Records by column: the keys are hashed in one go. Validated against the model, except that
// base64 data may turn out not to be base64 when it is stored.
struct PutRequest {
  std::string_view stream_name;                   // empty: not given
  std::string_view stream_arn;                    // empty: not given
  std::string_view sequence_number_for_ordering;  // PutRecord only; empty: not given
  bool is_batch = true;                           // PutRecords
  bool is_dry_run = false;                        // nothing is put
  DataEncoding encoding = DataEncoding::kBase64;
  std::vector<std::string_view> partition_keys;
  std::vector<std::string_view> data;  // as encoded
  std::vector<uint32_t> data_sizes;    // decoded, bytes
  // Empty if no record has one; else one each, empty for those without.
  std::vector<std::string_view> explicit_hash_keys;
  // What the views point into.
  Slice body;
  std::shared_ptr<const void> owner;

  size_t records() const { return partition_keys.size(); }
};

}  // namespace millstream::streams
