#include "log/local/data_block.h"

#include <gtest/gtest.h>

namespace millstream::local {
namespace {

std::string bytes_of(BlockBuilder& block, IndexEntry& entry) {
  std::vector<iovec> parts;
  entry = block.finish(parts);
  std::string bytes;
  for (const iovec& part : parts)
    bytes.append(static_cast<const char*>(part.iov_base), part.iov_len);
  return bytes;
}

BlockBuilder sample_block() {
  BlockBuilder block;
  block.start(ShardId{9});
  block.add(100, 1, 5000, Slice::copy_of("abc"));
  block.add(101, 1, 5000, Slice::copy_of("defg"));
  block.add(102, 1, 5000, Slice::copy_of("h"));   // joins the batch before
  block.add(103, 1, 5001, Slice::copy_of("ij"));  // another time
  block.add(200, 1, 5001, Slice::copy_of("k"));   // another epoch
  return block;
}

TEST(DataBlock, ABlockComesBackAsItWasWritten) {
  BlockBuilder block = sample_block();
  IndexEntry entry;
  const std::string bytes = bytes_of(block, entry);
  EXPECT_EQ(entry.size, bytes.size());
  EXPECT_EQ(entry.first, 100u);
  EXPECT_EQ(entry.end, 201u);
  EXPECT_EQ(entry.records, 5u);
  EXPECT_EQ(entry.first_arrival_ms, 5000);
  EXPECT_EQ(entry.last_arrival_ms, 5001);
  EXPECT_EQ(block_size(bytes), bytes.size());
  const auto decoded = decode_block(Slice::copy_of(bytes));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->shard, ShardId{9});
  ASSERT_EQ(decoded->batches.size(), 3u);
  EXPECT_EQ(decoded->batches[0].body.view(), "abcdefgh");
  EXPECT_EQ(decoded->batches[0].records, 3u);
  EXPECT_EQ(decoded->batches[1].first, 103u);
  EXPECT_EQ(decoded->batches[1].arrival_ms, 5001);
  EXPECT_EQ(decoded->batches[2].body.view(), "k");
}

TEST(DataBlock, EveryFlippedByteOfABlockIsDetected) {
  BlockBuilder block = sample_block();
  IndexEntry entry;
  const std::string bytes = bytes_of(block, entry);
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    EXPECT_FALSE(decode_block(Slice::copy_of(damaged))) << "byte " << i;
  }
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_block(Slice::copy_of(bytes.substr(0, size)))) << "cut at " << size;
  }
}

template <class Decode>
void expect_flips_detected(const std::string& bytes, Decode decode) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 2);
    EXPECT_FALSE(decode(damaged)) << "byte " << i;
  }
}

TEST(DataBlock, HeaderIndexAndTrailerComeBackAndDetectEveryFlippedByte) {
  const std::string header = encode_data_header({DataKind::kSegment, 17});
  ASSERT_EQ(header.size(), kDataHeaderSize);
  ASSERT_TRUE(decode_data_header(header));
  EXPECT_EQ(decode_data_header(header)->kind, DataKind::kSegment);
  EXPECT_EQ(decode_data_header(header)->file_id, 17u);
  expect_flips_detected(header, decode_data_header);

  const std::vector<IndexEntry> entries = {{ShardId{1}, 1, 5, 10, 11, 64, 300, 4},
                                           {ShardId{2}, 7, 9, 12, 13, 364, 200, 2}};
  const std::string index = encode_index(entries);
  EXPECT_EQ(decode_index(index), entries);
  expect_flips_detected(index, decode_index);

  const Trailer trailer{.part_offset = 64, .index_offset = 564, .index_size = index.size()};
  const std::string end = encode_trailer(trailer);
  EXPECT_EQ(decode_trailer(end), trailer);
  expect_flips_detected(end, decode_trailer);
}

}  // namespace
}  // namespace millstream::local
