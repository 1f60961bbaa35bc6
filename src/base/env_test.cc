// What every Env promises, on the real file system, in memory, and in the fault-injecting one.
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <functional>
#include <thread>

#include <gtest/gtest.h>

#include "base/fault_env.h"
#include "base/memory_env.h"
#include "base/random.h"
#include "base/real_env.h"

namespace millstream {
namespace {

struct Kind {
  std::string name;
  std::function<std::unique_ptr<Env>()> make;  // nullptr: real_env()
};

class EnvTest : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    if (GetParam().make) own_ = GetParam().make();
    root_ = (std::filesystem::temp_directory_path() / ("ms-env-" + uuid_v4())).string();
    ASSERT_TRUE(env().make_folders(root_));
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  Env& env() { return own_ ? *own_ : real_env(); }
  std::string path(const std::string& name) const { return root_ + "/" + name; }
  std::unique_ptr<File> open(const std::string& name, OpenMode mode = OpenMode::kCreate) {
    auto file = env().open(path(name), mode);
    EXPECT_TRUE(file) << (file ? "" : file.error().message);
    return file ? *std::move(file) : nullptr;
  }
  ErrorCode open_error(const std::string& name, OpenMode mode) {
    auto file = env().open(path(name), mode);
    EXPECT_FALSE(file);
    return file ? ErrorCode::kInternal : file.error().code;
  }
  static std::string read(File& file, uint64_t offset, size_t size) {
    std::string bytes(size, '#');
    auto count = file.read(offset, bytes);
    EXPECT_TRUE(count);
    bytes.resize(count.value_or(0));
    return bytes;
  }
  std::vector<std::string> names(const std::string& folder) {
    std::vector<std::string> found;
    for (const FileInfo& file : env().list(folder).value()) {
      found.push_back(file.name + (file.is_folder ? "/" : fmt::format(":{}", file.size)));
    }
    return found;
  }

  std::unique_ptr<Env> own_;
  std::string root_;
};

TEST_P(EnvTest, OpenModesAreKept) {
  EXPECT_EQ(open_error("a", OpenMode::kReadOnly), ErrorCode::kNotFound);
  EXPECT_EQ(open_error("a", OpenMode::kReadWrite), ErrorCode::kNotFound);
  EXPECT_EQ(open_error("no/a", OpenMode::kCreate), ErrorCode::kNotFound);
  ASSERT_TRUE(open("a", OpenMode::kCreateNew)->write(0, "x"));
  EXPECT_EQ(open_error("a", OpenMode::kCreateNew), ErrorCode::kInUse);
  EXPECT_EQ(read(*open("a", OpenMode::kCreate), 0, 9), "x");
  EXPECT_FALSE(open("a", OpenMode::kReadOnly)->write(0, "y"));
  EXPECT_EQ(env().open(path("missing"), OpenMode::kReadOnly).error().message,
            "can't open " + path("missing") + ": No such file or directory");
}

TEST_P(EnvTest, WritesAreReadBackWhereTheyWereWritten) {
  auto file = open("a");
  ASSERT_TRUE(file->write(5, "world"));
  EXPECT_EQ(read(*file, 0, 100), std::string("\0\0\0\0\0world", 10));
  ASSERT_TRUE(file->write(0, "hello"));
  EXPECT_EQ(read(*file, 3, 4), "lowo");
  EXPECT_EQ(read(*file, 10, 4), "");
  EXPECT_EQ(read(*file, 1000, 4), "");
  EXPECT_EQ(file->size(), 10u);
}

TEST_P(EnvTest, ManyPartsAreWrittenAsOneRange) {
  // More parts than one system call takes, empty ones among them.
  std::string expected;
  std::vector<std::string> texts;
  for (int i = 0; i < 3000; ++i) {
    texts.push_back(std::string(static_cast<size_t>(i) % 70, static_cast<char>('a' + i % 26)));
    expected += texts.back();
  }
  std::vector<iovec> parts;
  for (std::string& text : texts) parts.push_back({text.data(), text.size()});
  auto file = open("a");
  ASSERT_TRUE(file->write(7, parts));
  EXPECT_EQ(read(*file, 7, expected.size() + 1), expected);
}

TEST_P(EnvTest, DirectWritesMixWithOthersAndAreReadThroughEveryFile) {
  auto file = open("a");
  struct alignas(kDirectAlignment) Blocks {
    char bytes[3 * kDirectAlignment];
  };
  const auto blocks = std::make_unique<Blocks>();
  auto fill = [&](char letter) {
    std::memset(blocks->bytes, letter, sizeof blocks->bytes);
    return std::string_view(blocks->bytes, sizeof blocks->bytes);
  };
  auto other = open("a", OpenMode::kReadOnly);
  ASSERT_TRUE(file->write(0, std::string(20'000, '-')));
  EXPECT_EQ(read(*other, 4096, 2), "--");
  ASSERT_TRUE(file->write_direct(4096, fill('x')));
  EXPECT_EQ(read(*other, 4095, 12'290), "-" + std::string(12'288, 'x') + "-");
  ASSERT_TRUE(file->write(5000, "yy"));
  ASSERT_TRUE(file->write_direct(8192, fill('z')));
  EXPECT_EQ(read(*other, 4999, 4), "xyyx");
  EXPECT_EQ(read(*other, 8191, 12'290), "x" + std::string(12'288, 'z'));
  EXPECT_EQ(file->size(), 20'480u);
  ASSERT_TRUE(file->sync());
  EXPECT_FALSE(other->write_direct(0, fill('w')));
  EXPECT_EQ(read(*file, 0, 2), "--");
}

TEST_P(EnvTest, DirectWritesFollowTheFileNotItsName) {
  auto file = open("a");
  ASSERT_TRUE(env().rename(path("a"), path("b")));
  ASSERT_TRUE(open("a")->write(0, "other"));
  struct alignas(kDirectAlignment) Block {
    char bytes[kDirectAlignment];
  };
  const auto block = std::make_unique<Block>();
  std::memset(block->bytes, 'x', sizeof block->bytes);
  ASSERT_TRUE(file->write_direct(0, {block->bytes, sizeof block->bytes}));
  EXPECT_EQ(env().read_file(path("a")), "other");
  EXPECT_EQ(env().read_file(path("b")), std::string(kDirectAlignment, 'x'));
}

TEST_P(EnvTest, CutBytesDoNotComeBackWhenTheFileGrows) {
  auto file = open("a");
  const std::string content(200'000, 'x');
  ASSERT_TRUE(file->write(0, content));
  ASSERT_TRUE(file->truncate(100'001));
  EXPECT_EQ(file->size(), 100'001u);
  ASSERT_TRUE(file->truncate(150'000));
  EXPECT_EQ(read(*file, 100'000, 5), std::string("x\0\0\0\0", 5));
  ASSERT_TRUE(file->write(199'999, "y"));
  EXPECT_EQ(read(*file, 149'999, 50'000), std::string(50'000, '\0'));
  ASSERT_TRUE(file->truncate(0));
  EXPECT_EQ(file->size(), 0u);
}

TEST_P(EnvTest, ReserveExtendsWithZeroesAndKeepsContent) {
  auto file = open("a");
  ASSERT_TRUE(file->write(0, "abc"));
  ASSERT_TRUE(file->reserve(0, 100'000));
  EXPECT_EQ(file->size(), 100'000u);
  EXPECT_EQ(read(*file, 0, 5), std::string("abc\0\0", 5));
  ASSERT_TRUE(file->reserve(0, 10));
  EXPECT_EQ(file->size(), 100'000u);
}

TEST_P(EnvTest, CachedReadsGiveAPrefixOfWhatIsThere) {
  auto file = open("a");
  ASSERT_TRUE(file->write(0, "hello"));
  std::string bytes(10, '#');
  const auto count = file->read_cached(1, bytes);
  ASSERT_TRUE(count);
  ASSERT_LE(*count, 4u);
  EXPECT_EQ(bytes.substr(0, *count), std::string("ello").substr(0, *count));
}

TEST_P(EnvTest, RenameReplacesAndOpenFilesFollow) {
  auto file = open("a");
  ASSERT_TRUE(file->write(0, "new"));
  ASSERT_TRUE(open("b")->write(0, "old"));
  auto old = open("b", OpenMode::kReadOnly);
  ASSERT_TRUE(env().rename(path("a"), path("b")));
  EXPECT_EQ(names(root_), std::vector<std::string>{"b:3"});
  EXPECT_EQ(read(*old, 0, 9), "old");
  ASSERT_TRUE(file->write(3, "er"));
  EXPECT_EQ(env().read_file(path("b")), "newer");
  EXPECT_EQ(env().rename(path("a"), path("c")).error().code, ErrorCode::kNotFound);
}

TEST_P(EnvTest, ARemovedFileLivesUntilItIsClosed) {
  auto file = open("a");
  ASSERT_TRUE(file->write(0, "abc"));
  ASSERT_TRUE(env().remove(path("a")));
  EXPECT_EQ(env().exists(path("a")), false);
  EXPECT_EQ(read(*file, 0, 9), "abc");
  EXPECT_EQ(env().remove(path("a")).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(open("a", OpenMode::kCreateNew)->size(), 0u);
}

TEST_P(EnvTest, FoldersAreMadeWithTheirParentsAndListedByName) {
  ASSERT_TRUE(env().make_folders(path("x/y/z/")));
  ASSERT_TRUE(env().make_folders(path("x/y/z")));
  ASSERT_TRUE(open("x/b")->write(0, "12"));
  ASSERT_TRUE(open("x/a"));
  ASSERT_TRUE(open("x/y-before-slash"));
  EXPECT_EQ(names(path("x")), (std::vector<std::string>{"a:0", "b:2", "y/", "y-before-slash:0"}));
  EXPECT_EQ(env().exists(path("x/y/z")), true);
  EXPECT_EQ(env().exists(path("x/q/z")), false);
  EXPECT_FALSE(env().remove(path("x/y")));
  ASSERT_TRUE(env().remove(path("x/y/z")));
  ASSERT_TRUE(env().remove(path("x/y")));
  EXPECT_EQ(env().list(path("x/y")).error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(env().make_folders(path("x/a/c")));
  EXPECT_TRUE(env().sync_folder(path("x")));
  EXPECT_FALSE(env().sync_folder(path("none")));
}

TEST_P(EnvTest, DurableWritesReplaceWholeFiles) {
  ASSERT_TRUE(env().write_file_durably(path("a"), "first, and longer"));
  ASSERT_TRUE(env().write_file_durably(path("a"), "second"));
  EXPECT_EQ(env().read_file(path("a")), "second");
  EXPECT_EQ(names(root_), std::vector<std::string>{"a:6"});
  EXPECT_EQ(env().read_file(path("b")).error().code, ErrorCode::kNotFound);
}

TEST_P(EnvTest, ALockIsHeldOnceAndNamesItsHolder) {
  auto lock = env().lock(path("LOCK"));
  ASSERT_TRUE(lock);
  auto second = env().lock(path("LOCK"));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kInUse);
  if (GetParam().name == "Real") {
    EXPECT_NE(second.error().message.find(std::to_string(::getpid())), std::string::npos);
  }
  lock->reset();
  EXPECT_TRUE(env().lock(path("LOCK")));
}

TEST_P(EnvTest, ClocksRun) {
  EXPECT_GT(env().now_ms(), 1'700'000'000'000);
  const auto before = env().monotonic();
  EXPECT_GE(env().monotonic(), before);
  EXPECT_GT(env().free_bytes(root_).value(), 0u);
}

TEST_P(EnvTest, ThreadsReadAndWriteDifferentRangesAtTheSameTime) {
  auto file = open("a");
  constexpr size_t kRange = 70'000;
  std::vector<std::thread> threads;
  for (size_t me = 0; me < 4; ++me) {
    threads.emplace_back([&, me] {
      const std::string content(kRange, static_cast<char>('a' + me));
      for (int round = 0; round < 20; ++round) {
        EXPECT_TRUE(file->write(me * kRange, content));
        EXPECT_EQ(read(*file, me * kRange, kRange), content);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(file->size(), 4 * kRange);
}

INSTANTIATE_TEST_SUITE_P(
    All, EnvTest,
    testing::Values(Kind{"Real", nullptr}, Kind{"Memory", [] { return make_memory_env(); }},
                    Kind{"Fault", [] { return std::make_unique<FaultEnv>(); }}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace millstream
