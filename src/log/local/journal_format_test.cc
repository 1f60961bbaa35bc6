#include "log/local/journal_format.h"

#include <gtest/gtest.h>

namespace millstream::local {
namespace {

TEST(JournalFormat, AHeaderComesBackAsItWasWritten) {
  const JournalHeader header{.os_durability = true,
                             .salt = 0x1234567890,
                             .generation = 7,
                             .first_lsn = 99,
                             .void_from = 100};
  const std::string block = encode_journal_header(header);
  ASSERT_EQ(block.size(), kJournalAlignment);
  const auto decoded = decode_journal_header(block);
  ASSERT_TRUE(decoded);
  EXPECT_TRUE(decoded->os_durability);
  EXPECT_EQ(decoded->salt, header.salt);
  EXPECT_EQ(decoded->generation, header.generation);
  EXPECT_EQ(decoded->first_lsn, header.first_lsn);
  EXPECT_EQ(decoded->void_from, header.void_from);
}

TEST(JournalFormat, EveryFlippedByteOfAHeaderIsDetected) {
  const std::string block = encode_journal_header({.salt = 5, .generation = 1, .first_lsn = 1});
  for (size_t i = 0; i < block.size(); ++i) {
    std::string damaged = block;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x40);
    EXPECT_FALSE(decode_journal_header(damaged)) << "byte " << i;
  }
}

struct EncodedFrame {
  FrameHead head;
  std::string bytes;
};

EncodedFrame sample_frame() {
  EncodedFrame frame;
  frame.bytes.assign(kFrameHeadSize, '?');
  const ShardId shard{42};
  const std::vector<JournalEntry> entries = {
      EpochEntry{3},
      CreateEntry{shard, {.retention_ms = 1000, .not_before_ms = 5}, 77},
      RunEntry{.shard = shard, .first = 77, .arrival_ms = 1234, .pieces = {{2, 20, 9}, {1, 30, 8}}},
      RunEntry{.shard = ShardId{43}, .first = 1, .arrival_ms = 1, .pieces = {{1, 10, 7}}},
      SealEntry{shard, 80},
      TrimEntry{shard, 78},
      RetentionEntry{shard, 555},
      RemoveEntry{shard},
      OpenWriterEntry{11, 2},
      WriterEntry{{11, 2, 4}, {{shard, 77, 3, 1234}}},
  };
  for (const JournalEntry& entry : entries) encode_entry(entry, frame.bytes);
  frame.head = {.lsn = 12,
                .salt = 0xABCDEF,
                .body_bytes = 60,
                .table_bytes = static_cast<uint32_t>(frame.bytes.size() - kFrameHeadSize),
                .entries = static_cast<uint32_t>(entries.size())};
  seal_frame(frame.head, frame.bytes);
  return frame;
}

TEST(JournalFormat, AFrameComesBackAsItWasWritten) {
  const EncodedFrame frame = sample_frame();
  const auto head = peek_frame(frame.bytes, frame.head.salt);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->lsn, 12u);
  EXPECT_EQ(head->size(), kJournalAlignment);
  EXPECT_TRUE(frame_checksum_matches(frame.bytes));
  const auto entries = decode_table(*head, std::string_view(frame.bytes).substr(kFrameHeadSize));
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 10u);
  const auto& create = std::get<CreateEntry>((*entries)[1]);
  EXPECT_EQ(create.options.retention_ms, 1000);
  EXPECT_EQ(create.options.not_before_ms, 5);
  EXPECT_EQ(create.first, 77u);
  const auto& run = std::get<RunEntry>((*entries)[2]);
  EXPECT_EQ(run.records, 3u);
  EXPECT_EQ(run.bytes, 50u);
  EXPECT_EQ(run.offset, frame.bytes.size());
  EXPECT_EQ(run.pieces[1].crc, 8u);
  EXPECT_EQ(std::get<RunEntry>((*entries)[3]).offset, frame.bytes.size() + 50);
  EXPECT_EQ(std::get<SealEntry>((*entries)[4]).end, 80u);
  EXPECT_EQ(std::get<TrimEntry>((*entries)[5]).first, 78u);
  EXPECT_EQ(std::get<RetentionEntry>((*entries)[6]).retention_ms, 555);
  EXPECT_EQ(std::get<RemoveEntry>((*entries)[7]).shard, ShardId{42});
  EXPECT_EQ(std::get<OpenWriterEntry>((*entries)[8]).epoch, 2u);
  const auto& writer = std::get<WriterEntry>((*entries)[9]);
  EXPECT_EQ(writer.stamp.number, 4u);
  ASSERT_EQ(writer.appended.size(), 1u);
  EXPECT_EQ(writer.appended[0].arrival_ms, 1234);
}

TEST(JournalFormat, EveryFlippedByteOfHeadAndTableIsDetected) {
  const EncodedFrame frame = sample_frame();
  for (size_t i = 0; i < frame.bytes.size(); ++i) {
    std::string damaged = frame.bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    const bool accepted =
        peek_frame(damaged, frame.head.salt).has_value() && frame_checksum_matches(damaged);
    EXPECT_FALSE(accepted) << "byte " << i;
  }
}

TEST(JournalFormat, AFrameOfAnotherUseOfTheFileIsNone) {
  const EncodedFrame frame = sample_frame();
  EXPECT_FALSE(peek_frame(frame.bytes, frame.head.salt + 1));
}

TEST(JournalFormat, ATableThatLiesAboutItsCountsIsRefused) {
  EncodedFrame frame = sample_frame();
  const std::string_view table = std::string_view(frame.bytes).substr(kFrameHeadSize);
  for (size_t cut = 0; cut < table.size(); ++cut) {
    EXPECT_FALSE(decode_table(frame.head, table.substr(0, cut))) << cut;
  }
  FrameHead more = frame.head;
  more.body_bytes += 1;
  EXPECT_FALSE(decode_table(more, table));
}

}  // namespace
}  // namespace millstream::local
