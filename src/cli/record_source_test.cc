#include "cli/record_source.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cli/partition_key.h"

namespace millstream::cli {
namespace {

class RecordSourceTest : public testing::Test {
 protected:
  ~RecordSourceTest() override {
    for (const std::string& file : files_) std::filesystem::remove(file);
  }
  std::string file(std::string_view content) {
    files_.push_back(std::filesystem::temp_directory_path() /
                     fmt::format("millstream-source-{}-{}", getpid(), files_.size()));
    std::ofstream(files_.back(), std::ios::binary) << content;
    return files_.back();
  }
  static std::vector<std::string> lines_of(const std::vector<std::string>& files) {
    auto source = RecordSource::open(files);
    std::vector<std::string> lines;
    while (true) {
      auto line = source->next();
      if (!line || !*line) break;
      lines.push_back((*line)->text);
    }
    return lines;
  }
  std::vector<std::string> files_;
};

TEST_F(RecordSourceTest, EveryLineOfEveryFileIsARecord) {
  EXPECT_EQ(lines_of({file("a\nb\n"), file(""), file("\n\nc")}),
            (std::vector<std::string>{"a", "b", "c"}));
}

TEST_F(RecordSourceTest, BytesStayAsTheyAre) {
  const std::string bytes("x\0\xff\r", 4);
  EXPECT_EQ(lines_of({file(bytes + "\n")}), std::vector<std::string>{bytes});
}

TEST_F(RecordSourceTest, KnowsWhereItIs) {
  const std::string first = file("a\n\nb\n");
  auto source = RecordSource::open({first});
  EXPECT_EQ(source->bytes_total(), 5U);
  EXPECT_EQ((*source->next())->where, first + ":1");
  EXPECT_EQ((*source->next())->where, first + ":3");
  EXPECT_EQ(source->bytes_read(), 5U);
}

TEST_F(RecordSourceTest, MissingFilesAndTooLongLinesAreNamed) {
  const auto missing = RecordSource::open({"/nowhere/x"});
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().message, "/nowhere/x: No such file or directory");
  const std::string name = file("ok\n" + std::string(kMaxRecordBytes + 1, 'x'));
  auto source = RecordSource::open({name});
  ASSERT_TRUE(source->next().has_value());
  const auto too_long = source->next();
  ASSERT_FALSE(too_long.has_value());
  EXPECT_EQ(
      too_long.error().message,
      fmt::format("{}:2: the line has 10485761 bytes; a record takes at most 10485760", name));
}

std::string key_of(std::string_view rule, std::string_view line) {
  const auto parsed = PartitionKeyRule::parse(rule);
  if (!parsed) return "rule: " + parsed.error().message;
  const auto key = parsed->key_of({std::string(line), "f:7"});
  return key ? *key : key.error().message;
}

TEST(PartitionKeyRule, TakesTheFieldsValue) {
  EXPECT_EQ(key_of("user", R"({"i":1,"user":"u1"})"), "u1");
  EXPECT_EQ(key_of("i", R"({"i":-17})"), "-17");
  EXPECT_EQ(key_of("b", R"({"b":true})"), "true");
  EXPECT_EQ(key_of("field:random", R"({"random":"r"})"), "r");
}

TEST(PartitionKeyRule, NamesTheLineThatHasNoKey) {
  EXPECT_EQ(key_of("user", "plain text"),
            "f:7: the line is no JSON object, so it has no field 'user'; for plain lines use "
            "--partition-key random");
  EXPECT_EQ(key_of("user", "{}"), "f:7: there is no field 'user'");
  EXPECT_EQ(key_of("user", R"({"user":[1]})"),
            "f:7: field 'user' is no text, number or boolean, and can't be a partition key");
  EXPECT_EQ(key_of("user", R"({"user":""})"),
            "f:7: field 'user' has 0 characters; a partition key has 1 to 256");
  EXPECT_EQ(key_of("user", R"({"user":")" + std::string(256, 'x') + "\"}"), std::string(256, 'x'));
  EXPECT_TRUE(key_of("user", R"({"user":")" + std::string(257, 'x') + "\"}").contains("257"));
}

TEST(PartitionKeyRule, ConstantAndRandomNeedNoJson) {
  EXPECT_EQ(key_of("constant:k", "x"), "k");
  EXPECT_EQ(key_of("constant", "x"), "constant");
  EXPECT_EQ(key_of("random", "x").size(), 16U);
  EXPECT_NE(key_of("random", "x"), key_of("random", "x"));
  EXPECT_TRUE(key_of("", "x").starts_with("rule: "));
}

}  // namespace
}  // namespace millstream::cli
