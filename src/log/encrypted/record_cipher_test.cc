#include "log/encrypted/record_cipher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "log/encrypted/fake_key_rings.h"

namespace millstream {
namespace {

constexpr ShardId kShard{7};

std::shared_ptr<const DataKey> key_of(unsigned char fill, uint64_t id = 5) {
  SecretKey secret;
  secret.bytes.fill(fill);
  return std::make_shared<const DataKey>(id, secret);
}

const std::vector<PlainRecord> kRecords{
    {"key", "data"}, {"k", ""}, {std::string(256, 'x'), std::string(5'000, 'y')}};

ShardBatch encrypted(const std::shared_ptr<const DataKey>& key, uint64_t first_nonce = 0) {
  return encrypt_batch(plain_batch(kShard, kRecords), {key, first_nonce});
}

TEST(RecordCipher, GivesBackWhatItTook) {
  const auto key = key_of(1);
  const ShardBatch batch = encrypted(key);
  EXPECT_EQ(batch.records, kRecords.size());
  EXPECT_EQ(batch.checksum, crc32c(batch.body.view()));
  EXPECT_EQ(batch.body.size(),
            plain_batch(kShard, kRecords).body.size() + kRecords.size() * kEncryptedRecordOverhead);
  const auto plain = decrypt_records(batch.body, kShard, {key});
  ASSERT_TRUE(plain) << plain.error().message;
  EXPECT_EQ(plain_records(plain->view()), kRecords);
  RecordCursor cursor(plain->view());
  RecordView record;
  while (cursor.next(record)) EXPECT_EQ(record.flags, kRecordStoredEncrypted);
}

TEST(RecordCipher, HidesKeyAndData) {
  const ShardBatch batch =
      encrypt_batch(plain_batch(kShard, {{"partition", "the-secret-payload"}}), {key_of(1), 0});
  EXPECT_EQ(batch.body.view().find("partition"), std::string_view::npos);
  EXPECT_EQ(batch.body.view().find("the-secret"), std::string_view::npos);
  EXPECT_EQ(plain_records(batch.body.view())[0].first, "");
}

TEST(RecordCipher, EqualRecordsDifferByTheirNonces) {
  const auto key = key_of(1);
  const ShardBatch batch =
      encrypt_batch(plain_batch(kShard, {{"k", "same"}, {"k", "same"}}), {key, 41});
  const auto stored = plain_records(batch.body.view());
  EXPECT_EQ(load_le<uint64_t>(stored[0].second.data() + 8), 41u);
  EXPECT_EQ(load_le<uint64_t>(stored[1].second.data() + 8), 42u);
  EXPECT_NE(stored[0].second.substr(16), stored[1].second.substr(16));
}

TEST(RecordCipher, NoticesEveryChangedByte) {
  const auto key = key_of(1);
  const ShardBatch batch = encrypt_batch(plain_batch(kShard, {{"key", "data"}}), {key, 3});
  // The head is the log's to guard; from the nonce to the tag every byte is this cipher's.
  for (size_t at = kRecordHeaderSize + 8; at < batch.body.size(); ++at) {
    std::string body(batch.body.view());
    body[at] = static_cast<char>(body[at] ^ 1);
    const auto plain = decrypt_records(Slice::copy_of(body), kShard, {key});
    ASSERT_FALSE(plain) << "byte " << at;
    EXPECT_EQ(plain.error().code, ErrorCode::kCorruption);
  }
}

TEST(RecordCipher, RefusesRecordsOfAnotherShardOrKey) {
  const auto key = key_of(1);
  const ShardBatch batch = encrypted(key);
  EXPECT_EQ(decrypt_records(batch.body, ShardId{8}, {key}).error().code, ErrorCode::kCorruption);
  EXPECT_EQ(decrypt_records(batch.body, kShard, {key_of(2)}).error().code, ErrorCode::kCorruption);
  EXPECT_TRUE(decrypt_records(batch.body, kShard, {key}));  // and goes on with the right one
}

TEST(RecordCipher, RefusesRecordsThatAreCut) {
  const auto key = key_of(1);
  for (const size_t size : {0u, 15u, 16u, 33u}) {
    std::string body(kRecordHeaderSize + size, '\0');
    store_record_head(body.data(), {}, size, kRecordEncrypted);
    std::vector<uint64_t> ids;
    add_key_ids(body, ids);
    EXPECT_EQ(ids, std::vector<uint64_t>{0});
    if (size >= 16) store_le(body.data() + kRecordHeaderSize, key->id());
    const auto plain = decrypt_records(Slice::copy_of(body), kShard, {key});
    ASSERT_FALSE(plain) << size;
    EXPECT_EQ(plain.error().code, ErrorCode::kCorruption);
  }
}

TEST(RecordCipher, TakesPlainAndEncryptedRecordsSideBySide) {
  const auto first = key_of(1, 5);
  const auto second = key_of(2, 6);
  std::string body(plain_batch(kShard, {{"a", "1"}}).body.view());
  body += encrypt_batch(plain_batch(kShard, {{"b", "2"}}), {first, 0}).body.view();
  body += plain_batch(kShard, {{"c", "3"}}).body.view();
  body += encrypt_batch(plain_batch(kShard, {{"d", "4"}, {"e", "5"}}), {second, 0}).body.view();
  std::vector<uint64_t> ids;
  add_key_ids(body, ids);
  EXPECT_EQ(ids, (std::vector<uint64_t>{5, 6}));
  const auto plain = decrypt_records(Slice::copy_of(body), kShard, {first, second});
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain_records(plain->view()),
            (std::vector<PlainRecord>{{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}, {"e", "5"}}));
  std::string flags;
  RecordCursor cursor(plain->view());
  RecordView record;
  while (cursor.next(record)) flags += record.flags == 0 ? 'p' : 'e';
  EXPECT_EQ(flags, "pepee");
}

TEST(SealingKey, EndsAfterItsRecords) {
  const auto key = key_of(1);
  SealingKey sealing(key, SealingKey::kMaxRecords - 10);
  EXPECT_EQ(sealing.take(4)->first, SealingKey::kMaxRecords - 10);
  EXPECT_EQ(sealing.take(6)->first, SealingKey::kMaxRecords - 6);
  EXPECT_FALSE(sealing.take(1));
}

}  // namespace
}  // namespace millstream
