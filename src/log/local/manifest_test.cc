#include "log/local/manifest.h"

#include <gtest/gtest.h>

namespace millstream::local {
namespace {

Manifest sample() {
  Manifest manifest{.epoch = 5, .position = 123, .closed_generation = 9, .next_file_id = 77};
  manifest.shards.push_back({.id = ShardId{3},
                             .options = {.retention_ms = 1000, .not_before_ms = 17},
                             .next = 500,
                             .trim = 20,
                             .arrival_ms = 999,
                             .sealed = true,
                             .damaged = {{30, 40, 900, "journal-1 at 8192"}}});
  manifest.files.push_back({.id = 70,
                            .kind = DataKind::kSegment,
                            .closed = true,
                            .merges = 2,
                            .shard = ShardId{3},
                            .retention_ms = 1000,
                            .length = 4096,
                            .first_arrival_ms = 1,
                            .last_arrival_ms = 2,
                            .first = 20,
                            .end = 500});
  manifest.writers.push_back({8, {.epoch = 2, .last_number = 6, .last = {{ShardId{3}, 1, 2, 3}}}});
  return manifest;
}

TEST(Manifest, ComesBackAsItWasWritten) {
  const std::string bytes = encode_manifest(sample());
  const auto decoded = decode_manifest(bytes, "MANIFEST");
  ASSERT_TRUE(decoded);
  EXPECT_EQ(encode_manifest(*decoded), bytes);
  EXPECT_EQ(decoded->position, 123u);
  EXPECT_EQ(decoded->shards.at(0).damaged.at(0).where, "journal-1 at 8192");
  EXPECT_EQ(decoded->files.at(0).end, 500u);
  EXPECT_EQ(decoded->writers.at(0).second.last.at(0).records, 2u);
}

TEST(Manifest, EveryFlippedByteIsDetectedAndEveryCut) {
  const std::string bytes = encode_manifest(sample());
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 4);
    const auto decoded = decode_manifest(damaged, "MANIFEST");
    ASSERT_FALSE(decoded) << "byte " << i;
    EXPECT_EQ(decoded.error().code, ErrorCode::kCorruption);
    EXPECT_FALSE(decode_manifest(bytes.substr(0, i), "MANIFEST")) << "cut at " << i;
  }
}

}  // namespace
}  // namespace millstream::local
