// What the zero-copy codecs say of encrypted streams, beside the general ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "log/record.h"
#include "streams/data_operations_fixture.h"
#include "streams/get_cbor.h"
#include "streams/get_json.h"
#include "streams/put_cbor.h"
#include "streams/put_decode.h"
#include "streams/put_json.h"
#include "wire/cbor_encode.h"
#include "wire/json_encode.h"

namespace millstream::streams {
namespace {

using testing::HasSubstr;
using wire::Protocol;

constexpr std::string_view kKms = R"("EncryptionType":"KMS")";

PutOutcome outcome_of(const std::shared_ptr<const Stream>& stream, size_t records) {
  PutOutcome outcome;
  outcome.stream = stream;
  const Shard& shard = stream->shards[0];
  outcome.slots.push_back({&shard, 1, 0, SequenceNumberWriter(shard, 9, 1'764'000'123'000)});
  outcome.slot_of.assign(records, 0);
  return outcome;
}

TEST(EncryptionCodec, AnswersToPutsSayThatTheStreamIsEncrypted) {
  Stream encrypted = even_stream("clicks", 1);
  encrypted.encryption_key_id = "alias/orders";
  const auto stream = std::make_shared<const Stream>(std::move(encrypted));
  for (const size_t records : {1u, 2u, 500u}) {
    PutOutcome fast = outcome_of(stream, records);
    PutOutcome general = outcome_of(stream, records);
    const Slice json = encode_put_records_json(fast);
    EXPECT_EQ(json.view(), encode_put_records(Protocol::kJson11, general)->view());
    EXPECT_THAT(std::string(json.view()), HasSubstr(kKms));
    fast = outcome_of(stream, records);
    general = outcome_of(stream, records);
    EXPECT_EQ(encode_put_records_cbor(fast).view(),
              encode_put_records(Protocol::kCbor11, general)->view());
  }
  PutOutcome fast = outcome_of(stream, 1);
  PutOutcome general = outcome_of(stream, 1);
  const Slice json = encode_put_record_json(fast);
  EXPECT_EQ(json.view(), encode_put_record(Protocol::kJson11, general)->view());
  EXPECT_THAT(std::string(json.view()), HasSubstr(kKms));
  fast = outcome_of(stream, 1);
  general = outcome_of(stream, 1);
  EXPECT_EQ(encode_put_record_cbor(fast).view(),
            encode_put_record(Protocol::kCbor11, general)->view());
}

TEST(EncryptionCodec, RecordsSayWhetherTheyWereStoredEncrypted) {
  std::string body;
  for (const uint8_t flags : {uint8_t{0}, kRecordStoredEncrypted, uint8_t{0}}) {
    const size_t at = body.size();
    body.resize(at + stored_record_size(3, 4));
    std::memcpy(store_record_head(body.data() + at, "key", 4, flags), "data", 4);
  }
  GetAnswer answer;
  answer.stream = std::make_shared<const Stream>(even_stream("clicks", 1));
  answer.shard = &answer.stream->shards[0];
  answer.read.batches.push_back({7, 3, 1'764'000'123'000, Slice::copy_of(body)});
  answer.read.next = answer.read.tip = 10;
  const auto output = to_output(answer);
  EXPECT_EQ(output.records[0].encryption_type, std::nullopt);
  EXPECT_EQ(output.records[1].encryption_type, std::string("KMS"));
  EXPECT_EQ(output.records[2].encryption_type, std::nullopt);
  EXPECT_EQ(encode_get_records_json(answer).view(), wire::to_json(output));
  EXPECT_EQ(encode_get_records_cbor(answer).view(), wire::to_cbor(output));
}

}  // namespace
}  // namespace millstream::streams
