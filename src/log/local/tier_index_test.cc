#include "log/local/tier_index.h"

#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/memory_env.h"

namespace millstream::local {
namespace {

class TierIndexTest : public ::testing::Test {
 protected:
  TierIndexTest() {
    for (uint64_t i = 0; i < 40; ++i) {
      const Counter first = (uint64_t{3} << 40) + i * 100;
      index_.entries.push_back({.shard = ShardId{7},
                                .first = first,
                                .end = first + 90,
                                .first_arrival_ms = static_cast<TimeMs>(1'000'000 + i * 1000),
                                .last_arrival_ms = static_cast<TimeMs>(1'000'900 + i * 1000),
                                .offset = 64 + i * 5000,
                                .size = 5000,
                                .records = 90});
      std::vector<BatchTime>& its = times_.emplace_back();
      for (uint64_t b = 0; b < 10; ++b) {
        its.push_back({first + b * 9, static_cast<TimeMs>(1'000'000 + i * 1000 + b * 100)});
      }
    }
    bytes_.resize(200'100);
    for (size_t i = 0; i < bytes_.size(); ++i) bytes_[i] = static_cast<char>(i * 7 + i / 999);
    index_.file_id = 12;
    index_.kind = DataKind::kSegment;
    index_.length = bytes_.size();
    index_.chunk_bytes = 2 * kTierPageBytes;
    for (size_t at = 0; at < bytes_.size(); at += kTierPageBytes) {
      index_.pages.push_back(crc32c(std::string_view(bytes_).substr(at, kTierPageBytes)));
    }
  }

  std::unique_ptr<File> store(const std::string& bytes) {
    EXPECT_TRUE(env_->make_folders("/f"));
    EXPECT_TRUE(env_->write_file_durably("/f/12.tier", bytes));
    return *env_->open("/f/12.tier", OpenMode::kReadOnly);
  }

  std::unique_ptr<Env> env_ = make_memory_env();
  TierIndex index_;
  std::vector<std::vector<BatchTime>> times_;
  std::string bytes_;
};

TEST_F(TierIndexTest, ComesBackAsItWasWritten) {
  const auto file = store(encode_tier_index(index_, times_));
  const auto loaded = load_tier_index(*file, "12.tier");
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->file_id, 12u);
  EXPECT_EQ(loaded->kind, DataKind::kSegment);
  EXPECT_EQ(loaded->length, bytes_.size());
  EXPECT_EQ(loaded->pages, index_.pages);
  EXPECT_EQ(loaded->entries, index_.entries);
  EXPECT_EQ(loaded->chunks(), 2u);
  EXPECT_EQ(loaded->chunk_size(1), bytes_.size() - 2 * kTierPageBytes);
  for (size_t i = 0; i < times_.size(); ++i) {
    const auto times = load_times(*file, "12.tier", *loaded, i);
    ASSERT_TRUE(times);
    ASSERT_EQ(times->size(), times_[i].size());
    for (size_t b = 0; b < times->size(); ++b) {
      EXPECT_EQ((*times)[b].first, times_[i][b].first);
      EXPECT_EQ((*times)[b].arrival_ms, times_[i][b].arrival_ms);
    }
  }
}

TEST_F(TierIndexTest, PagesAreVerifiedFromAnyOn) {
  EXPECT_TRUE(index_.verify(0, bytes_));
  EXPECT_TRUE(index_.verify(kTierPageBytes, std::string_view(bytes_).substr(kTierPageBytes)));
  EXPECT_FALSE(index_.verify(kTierPageBytes, bytes_));
  EXPECT_FALSE(index_.verify(0, std::string_view(bytes_).substr(1)));
  for (size_t at : {size_t{0}, kTierPageBytes, bytes_.size() - 1}) {
    std::string wrong = bytes_;
    wrong[at] ^= 1;
    EXPECT_FALSE(index_.verify(0, wrong)) << at;
  }
}

TEST_F(TierIndexTest, EveryFlippedByteIsDetectedAndEveryCut) {
  const std::string good = encode_tier_index(index_, times_);
  for (size_t i = 0; i < good.size(); ++i) {
    std::string wrong = good;
    wrong[i] = static_cast<char>(wrong[i] ^ 8);
    const auto file = store(wrong);
    const auto loaded = load_tier_index(*file, "12.tier");
    bool found = !loaded;
    for (size_t entry = 0; loaded && entry < times_.size(); ++entry) {
      if (!load_times(*file, "12.tier", *loaded, entry)) found = true;
    }
    ASSERT_TRUE(found) << "byte " << i;
  }
  for (size_t cut = 0; cut < good.size(); cut += 13) {
    const auto file = store(good.substr(0, cut));
    const auto loaded = load_tier_index(*file, "12.tier");
    EXPECT_TRUE(!loaded || !load_times(*file, "12.tier", *loaded, times_.size() - 1)) << cut;
  }
}

}  // namespace
}  // namespace millstream::local
