#include "log/local/data_file.h"

#include <gtest/gtest.h>

#include "base/memory_env.h"

namespace millstream::local {
namespace {

class DataFileTest : public ::testing::Test {
 protected:
  DataFileTest() : env_(make_memory_env()) {
    EXPECT_TRUE(env_->make_folders("/data"));
    file_ = *env_->open("/data/a.segment", OpenMode::kCreateNew);
  }

  // A part with `blocks` blocks of one record each.
  void write_part(int blocks) {
    PartWriter part(*file_, {DataKind::kSegment, 1}, length_);
    for (int i = 0; i < blocks; ++i) {
      BlockBuilder block;
      block.start(ShardId{1});
      block.add(next_, 1, static_cast<TimeMs>(next_), Slice::copy_of("record"));
      ++next_;
      ASSERT_TRUE(part.add(block));
    }
    const auto length = part.finish();
    ASSERT_TRUE(length);
    length_ = *length;
    written_.insert(written_.end(), part.index().begin(), part.index().end());
  }

  void flip(uint64_t offset) {
    char byte = 0;
    ASSERT_TRUE(file_->read(offset, {&byte, 1}));
    byte = static_cast<char>(byte ^ 1);
    ASSERT_TRUE(file_->write(offset, std::string_view(&byte, 1)));
  }

  std::unique_ptr<Env> env_;
  std::unique_ptr<File> file_;
  uint64_t length_ = 0;
  Counter next_ = 10;
  std::vector<IndexEntry> written_;
};

TEST_F(DataFileTest, TheIndexListsTheBlocksOfAllParts) {
  write_part(3);
  write_part(1);
  write_part(2);
  const auto loaded = load_index(*file_, length_);
  ASSERT_TRUE(loaded);
  EXPECT_FALSE(loaded->damaged);
  EXPECT_EQ(loaded->entries, written_);
}

TEST_F(DataFileTest, PartsEndWithWholeBlocksOfTheDisk) {
  for (const int blocks : {1, 30, 2, 70}) {
    write_part(blocks);
    EXPECT_EQ(length_ % kDirectAlignment, 0u);
    EXPECT_EQ(file_->size(), length_);
    EXPECT_TRUE(PartWriter::appendable(length_));
  }
}

TEST_F(DataFileTest, LargePartsAreWrittenWhole) {
  PartWriter part(*file_, {DataKind::kSegment, 1}, 0);
  const std::string record(300'000, 'r');
  for (Counter i = 1; i <= 30; ++i) {
    BlockBuilder block;
    block.start(ShardId{1});
    block.add(i, 1, static_cast<TimeMs>(i), Slice::copy_of(record));
    ASSERT_TRUE(part.add(block));
  }
  ASSERT_TRUE(part.finish());
  for (const IndexEntry& entry : part.index()) {
    BufferRef buffer = BufferRef::allocate(entry.size);
    ASSERT_EQ(file_->read(entry.offset, {buffer->data(), entry.size}), entry.size);
    const auto block = decode_block(Slice(buffer, entry.size));
    ASSERT_TRUE(block);
    EXPECT_EQ(block->batches[0].first, entry.first);
    EXPECT_EQ(block->batches[0].body.view(), record);
  }
}

// As versions before direct writes left them.
TEST_F(DataFileTest, PartsWithoutPaddingAreRead) {
  BlockBuilder block;
  block.start(ShardId{1});
  block.add(10, 1, 10, Slice::copy_of("record"));
  std::vector<iovec> parts;
  IndexEntry entry = block.finish(parts);
  entry.offset = kDataHeaderSize;
  ASSERT_TRUE(file_->write(0, encode_data_header({DataKind::kSegment, 1})));
  ASSERT_TRUE(file_->write(entry.offset, parts));
  const uint64_t index_offset = entry.offset + entry.size;
  const std::string index = encode_index({entry});
  const std::string end = index + index +
                          encode_trailer({.part_offset = kDataHeaderSize,
                                          .index_offset = index_offset,
                                          .index_size = index.size()});
  ASSERT_TRUE(file_->write(index_offset, end));
  length_ = index_offset + end.size();
  EXPECT_FALSE(PartWriter::appendable(length_));
  for (const bool damaged : {false, true}) {
    if (damaged) flip(index_offset + 30);
    if (damaged) flip(index_offset + index.size() + 30);
    const auto loaded = load_index(*file_, length_);
    ASSERT_TRUE(loaded);
    EXPECT_FALSE(loaded->damaged);
    EXPECT_EQ(loaded->entries, std::vector<IndexEntry>{entry});
  }
}

TEST_F(DataFileTest, WhatLiesBehindTheLengthDoesNotCount) {
  write_part(2);
  const uint64_t length = length_;
  const std::vector<IndexEntry> entries = written_;
  write_part(2);
  const auto loaded = load_index(*file_, length);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->entries, entries);
}

TEST_F(DataFileTest, ADamagedIndexIsReplacedByItsCopyAndThenByTheBlocks) {
  write_part(3);
  const uint64_t index_size = kIndexHeadSize + 3 * kIndexEntrySize;
  flip(length_ - kTrailerSize - 2 * index_size + 30);
  auto loaded = load_index(*file_, length_);
  ASSERT_TRUE(loaded);
  EXPECT_FALSE(loaded->damaged);
  EXPECT_EQ(loaded->entries, written_);
  flip(length_ - kTrailerSize - index_size + 30);
  loaded = load_index(*file_, length_);
  ASSERT_TRUE(loaded);
  EXPECT_FALSE(loaded->damaged);
  EXPECT_EQ(loaded->entries, written_);
}

// Right checksums, wrong contents.
TEST_F(DataFileTest, WhatPointsOutOfThePartDoesNotCount) {
  write_part(2);
  const uint64_t index_size = kIndexHeadSize + 2 * kIndexEntrySize;
  const uint64_t index_offset = length_ - kTrailerSize - 2 * index_size;
  std::vector<IndexEntry> wrong = written_;
  wrong[1].size = 1U << 31;
  const std::string index = encode_index(wrong);
  ASSERT_TRUE(file_->write(index_offset, index + index));
  auto loaded = load_index(*file_, length_);
  ASSERT_TRUE(loaded);
  EXPECT_FALSE(loaded->damaged);
  EXPECT_EQ(loaded->entries, written_);  // from the blocks
  for (const Trailer& trailer :
       {Trailer{kDataHeaderSize, length_ - kTrailerSize, uint64_t{1} << 63},
        Trailer{index_offset + 1, index_offset, index_size},
        Trailer{0, index_offset, index_size}}) {
    ASSERT_TRUE(file_->write(length_ - kTrailerSize, encode_trailer(trailer)));
    loaded = load_index(*file_, length_);
    ASSERT_TRUE(loaded);
    EXPECT_TRUE(loaded->damaged);
    EXPECT_EQ(loaded->entries, written_);
  }
}

TEST_F(DataFileTest, BlocksThatCanNotBeFoundAreReported) {
  write_part(3);
  flip(length_ - 1);              // the trailer
  flip(written_[1].offset + 20);  // the second block
  const auto loaded = load_index(*file_, length_);
  ASSERT_TRUE(loaded);
  EXPECT_TRUE(loaded->damaged);
  ASSERT_EQ(loaded->entries.size(), 1u);
  EXPECT_EQ(loaded->entries[0], written_[0]);
}

}  // namespace
}  // namespace millstream::local
