#include "wire/event_stream.h"

#include <gtest/gtest.h>

namespace millstream::wire {
namespace {

using namespace std::string_literals;

std::string encoded(const std::vector<EventHeader>& headers, std::string_view payload) {
  return std::string(encode_event_message(headers, payload).view());
}

// Published test vectors of the format, with their meaning.
struct Vector {
  std::string bytes;
  std::vector<EventHeader> headers;
  std::string payload;
};

std::vector<Vector> vectors() {
  return {
      {"\x00\x00\x00\x10\x00\x00\x00\x00\x05\xc2\x48\xeb\x7d\x98\xc8\xff"s, {}, ""},
      {"\x00\x00\x00\x1d\x00\x00\x00\x00\xfd\x52\x8c\x5a{'foo':'bar'}\xc3\x65\x39\x36"s,
       {},
       "{'foo':'bar'}"},
      {"\x00\x00\x00\x2d\x00\x00\x00\x10\x41\xc4\x24\xb8\x0a"
       "event-type\x04\x00\x00\xa0\x0c{'foo':'bar'}\x36\xf4\x80\xa0"s,
       {{"event-type", int32_t{40'972}}},
       "{'foo':'bar'}"},
      {"\x00\x00\x00=\x00\x00\x00 \x07\xfd\x83\x96\x0c"
       "content-type\x07\x00\x10"
       "application/json{'foo':'bar'}\x8d\x9c\x08\xb1"s,
       {{"content-type", "application/json"s}},
       "{'foo':'bar'}"},
      {"\x00\x00\x00\x62\x00\x00\x00\x52\x03\xb5\xcb\x9c"
       "\x01"
       "0\x00\x01"
       "1\x01\x01"
       "2\x02\x02\x01"
       "3\x03\x00\x03\x01"
       "4\x04\x00\x00\x00\x04\x01"
       "5\x05\x00\x00\x00\x00\x00\x00\x00\x05\x01"
       "6\x06\x00\x05"
       "bytes\x01"
       "7\x07\x00\x04utf8\x01"
       "8\x08\x00\x00\x00\x00\x00\x00\x00\x08\x01"
       "9\x09"
       "0123456789abcdef\x63\x35\x36\x71"s,
       {{"0", true},
        {"1", false},
        {"2", int8_t{2}},
        {"3", int16_t{3}},
        {"4", int32_t{4}},
        {"5", int64_t{5}},
        {"6", EventBytes{"bytes"}},
        {"7", "utf8"s},
        {"8", EventTimestamp{8}},
        {"9", EventUuid{'0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e',
                        'f'}}},
       ""},
  };
}

TEST(EventStream, EncodesThePublishedVectors) {
  for (const Vector& vector : vectors()) {
    EXPECT_EQ(encoded(vector.headers, vector.payload), vector.bytes);
  }
}

TEST(EventStream, DecodesThePublishedVectors) {
  for (const Vector& vector : vectors()) {
    const std::string bytes = vector.bytes + "what follows";
    const auto message = decode_event_message(bytes);
    ASSERT_TRUE(message && *message);
    EXPECT_EQ((*message)->headers, vector.headers);
    EXPECT_EQ((*message)->payload, vector.payload);
    EXPECT_EQ((*message)->size, vector.bytes.size());
  }
}

TEST(EventStream, AMessageThatHasNotArrivedWhollyIsNothingYet) {
  for (const Vector& vector : vectors()) {
    for (size_t size = 0; size < vector.bytes.size(); ++size) {
      const auto message = decode_event_message(std::string_view(vector.bytes).substr(0, size));
      ASSERT_TRUE(message);
      EXPECT_FALSE(*message) << size;
    }
  }
}

TEST(EventStream, EveryFlippedBitIsNoticed) {
  for (const Vector& vector : vectors()) {
    for (size_t bit = 0; bit < vector.bytes.size() * 8; ++bit) {
      std::string bytes = vector.bytes;
      bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
      EXPECT_FALSE(decode_event_message(bytes)) << bit;
    }
  }
}

TEST(EventStream, SizesThatCannotBeAreRefusedBeforeTheirBytesArrive) {
  // The checksum of the prelude is right: total size 12, less than prelude and checksum.
  EXPECT_FALSE(decode_event_message("\x00\x00\x00\x0c\x00\x00\x00\x00\xa0\xd2\x32\x68"s));
}

TEST(EventStream, ThePayloadIsTheConcatenationOfItsPieces) {
  const std::vector<EventHeader> headers{{":event-type", "initial-response"s}};
  const std::vector<std::string_view> pieces{"{", "", "\"a\":1", "}"};
  EXPECT_EQ(encode_event_message(headers, pieces).view(), encoded(headers, "{\"a\":1}"));
}

}  // namespace
}  // namespace millstream::wire
