#include "firehose/object_content.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "base/hash.h"

namespace millstream::firehose {
namespace {

std::string joined(const std::vector<Slice>& parts) {
  std::string all;
  for (const Slice& part : parts) all += part.view();
  return all;
}

std::string written(Compression compression, const std::vector<std::string>& records) {
  ContentWriter writer(compression);
  for (const std::string& record : records) writer.write(record);
  return joined(writer.finish());
}

std::string gunzip(std::string_view compressed) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  std::string out;
  std::vector<char> piece(1 << 16);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));
  stream.avail_in = static_cast<uInt>(compressed.size());
  int result = Z_OK;
  while (result == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    result = inflate(&stream, Z_NO_FLUSH);
    out.append(piece.data(), piece.size() - stream.avail_out);
  }
  EXPECT_EQ(result, Z_STREAM_END);
  inflateEnd(&stream);
  return out;
}

// Bytes that hardly compress, so that the output has several pieces.
std::vector<std::string> noise(size_t records, size_t size) {
  std::vector<std::string> made;
  uint64_t state = 1;
  for (size_t i = 0; i < records; ++i) {
    std::string record(size + i % 7, '\0');
    for (char& c : record) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      c = static_cast<char>(state >> 56);
    }
    made.push_back(std::move(record));
  }
  return made;
}

std::string concatenated(const std::vector<std::string>& records) {
  std::string all;
  for (const std::string& record : records) all += record;
  return all;
}

TEST(ContentWriter, RecordsAreConcatenatedAsTheyAre) {
  EXPECT_EQ(written(Compression::kNone, {"a", "", "b\n", "c"}), "ab\nc");
  EXPECT_EQ(written(Compression::kNone, {}), "");
  const auto records = noise(50, 100'000);  // over several pieces
  EXPECT_EQ(written(Compression::kNone, records), concatenated(records));
}

TEST(ContentWriter, GzipHoldsTheSameBytes) {
  EXPECT_EQ(gunzip(written(Compression::kGzip, {})), "");
  EXPECT_EQ(gunzip(written(Compression::kGzip, {"a", "", "b\n"})), "ab\n");
  const auto records = noise(50, 100'000);
  const std::string compressed = written(Compression::kGzip, records);
  EXPECT_GT(compressed.size(), 4 * ContentWriter::kPieceBytes);
  EXPECT_EQ(gunzip(compressed), concatenated(records));
}

TEST(ContentWriter, GzipOfTheSameRecordsIsTheSameAlways) {
  const auto records = noise(20, 10'000);
  const std::string compressed = written(Compression::kGzip, records);
  EXPECT_EQ(compressed, written(Compression::kGzip, records));
  // However the records come: what counts is their bytes.
  EXPECT_EQ(compressed, written(Compression::kGzip, {concatenated(records)}));
  EXPECT_EQ(compressed.substr(4, 4), std::string(4, '\0')) << "a time in the header";
}

}  // namespace
}  // namespace millstream::firehose
