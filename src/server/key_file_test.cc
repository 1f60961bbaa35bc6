#include "server/key_file.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millstream::server {
namespace {

namespace fs = std::filesystem;
using streams::MasterKey;
using testing::HasSubstr;

class KeyFileTest : public testing::Test {
 protected:
  KeyFileTest() {
    std::string name = (fs::temp_directory_path() / "ms-keys-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    path_ = folder_ + "/keys/master-keys";
  }
  ~KeyFileTest() override { fs::remove_all(folder_); }

  void write_text(const std::string& text, mode_t mode = 0600) {
    fs::create_directories(fs::path(path_).parent_path());
    std::ofstream(path_) << text;
    ::chmod(path_.c_str(), mode);
  }
  std::string read_error() { return read_key_file(path_).error().message; }
  mode_t mode_of(const std::string& path) {
    struct stat status{};
    EXPECT_EQ(::stat(path.c_str(), &status), 0);
    return status.st_mode & 0777;
  }

  std::string folder_;
  std::string path_;
};

TEST_F(KeyFileTest, GivesBackWhatWasWritten) {
  MasterKey first = streams::new_master_key({"alias/aws/kinesis", "alias/b"}, 1'764'000'000'000);
  streams::rotate(first, 1'764'000'001'000);
  MasterKey second = streams::new_master_key({}, 1'764'000'000'000);
  second.account = "111111111111";
  second.enabled = false;
  ASSERT_TRUE(write_key_file(path_, std::vector{first, second}, KeyFileWrite::kCreate));
  EXPECT_EQ(mode_of(path_), 0600u);
  EXPECT_EQ(mode_of(fs::path(path_).parent_path()), 0700u);
  const auto read = read_key_file(path_);
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->size(), 2u);
  EXPECT_EQ((*read)[0].id, first.id);
  EXPECT_EQ((*read)[0].aliases, first.aliases);
  ASSERT_EQ((*read)[0].versions.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ((*read)[0].versions[i].number, i + 1);
    EXPECT_EQ((*read)[0].versions[i].secret.bytes, first.versions[i].secret.bytes);
    EXPECT_EQ((*read)[0].versions[i].created_ms, first.versions[i].created_ms);
  }
  EXPECT_TRUE((*read)[0].enabled);
  EXPECT_EQ((*read)[1].account, "111111111111");
  EXPECT_FALSE((*read)[1].enabled);
}

TEST_F(KeyFileTest, IsCreatedOnceAndReplacedWhole) {
  const std::vector keys{streams::new_master_key({}, 0)};
  ASSERT_TRUE(write_key_file(path_, keys, KeyFileWrite::kCreate));
  EXPECT_EQ(write_key_file(path_, keys, KeyFileWrite::kCreate).error().code, ErrorCode::kInUse);
  const std::vector others{streams::new_master_key({}, 0)};
  ASSERT_TRUE(write_key_file(path_, others, KeyFileWrite::kReplace));
  EXPECT_EQ(read_key_file(path_)->front().id, others[0].id);
  EXPECT_FALSE(fs::exists(path_ + ".new"));
}

TEST_F(KeyFileTest, IsRefusedIfOthersMayUseIt) {
  for (const mode_t mode : {0640U, 0604U, 0620U, 0660U}) {
    write_text("", mode);
    const auto read = read_key_file(path_);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(read.error().message, HasSubstr("chmod 600"));
  }
  write_text("", 0400);
  EXPECT_TRUE(read_key_file(path_));
}

TEST_F(KeyFileTest, SaysWhichLineIsWrongAndNoSecret) {
  constexpr std::string_view kSecret = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
  const auto version = [&](std::string_view number, std::string_view secret) {
    return fmt::format("  version {} 2026-11-25T14:00:00Z {}\n", number, secret);
  };
  EXPECT_EQ(read_key_file(path_).error().code, ErrorCode::kNotFound);
  const std::pair<std::string, std::string> wrong[] = {
      {"alias alias/a\n", ":1: a key begins"},
      {"key a\nkey b\n", ":2: key a has no version"},
      {"key a\n" + version("1", kSecret) + "key a\n", ":3: a is there twice"},
      {"key a\n  alias orders\n", ":2: an alias begins with alias/"},
      {"key a\n  account 12\n", ":2: '12' is no account id"},
      {"key a\n  colour red\n", ":2: the first word must be"},
      {"key a\n  version 1 yesterday " + std::string(kSecret) + "\n", "'yesterday' is no time"},
      {"key a\n" + version("1", "c2VjcmV0LXNlY3JldA=="), ":2: the key is not 32 bytes"},
      {"key a\n" + version("2", kSecret) + version("1", kSecret), ":3: the numbers of versions"}};
  for (const auto& [text, message] : wrong) {
    write_text(text);
    EXPECT_THAT(read_error(), HasSubstr(message)) << text;
    EXPECT_EQ(read_error().find("c2VjcmV0"), std::string::npos);
  }
  write_text("# nothing\n\nkey a\n\talias alias/a\n" + version("3", kSecret));
  ASSERT_TRUE(read_key_file(path_)) << read_error();
  EXPECT_EQ(read_key_file(path_)->front().versions[0].number, 3u);
}

}  // namespace
}  // namespace millstream::server
