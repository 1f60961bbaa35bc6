#include "lake/folder_store.h"

#include <algorithm>
#include <map>

#include <boost/asio/use_future.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fault_env.h"
#include "base/memory_env.h"
#include "lake/lake_path.h"

namespace millstream {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A store on `env`, and calls that wait.
class Lake {
 public:
  explicit Lake(Env& env) {
    auto made = FolderStore::open(env, "/lake", io_);
    if (made) store_ = *std::move(made);
  }
  ~Lake() {
    caller_.join();
    io_.join();
  }
  bool open() const { return store_ != nullptr; }
  Result<> make_bucket(std::string bucket) { return run(store_->make_bucket(std::move(bucket))); }
  Result<> put(std::string key, std::vector<std::string> parts, std::string bucket = "b") {
    std::vector<Slice> slices;
    for (const std::string& part : parts) slices.push_back(Slice::copy_of(part));
    return run(store_->put(std::move(bucket), std::move(key), std::move(slices), {}));
  }
  Result<std::string> get(std::string key, std::string bucket = "b") {
    const Result<Slice> found = run(store_->get(std::move(bucket), std::move(key)));
    if (!found) return std::unexpected(found.error());
    return std::string(found->view());
  }
  Result<ObjectInfo> head(std::string key) { return run(store_->head("b", std::move(key))); }
  Result<ObjectPage> page(std::string prefix, std::string after, size_t limit) {
    return run(store_->list("b", std::move(prefix), std::move(after), limit));
  }
  // All pages.
  std::vector<std::string> keys(const std::string& prefix = "", size_t limit = 1000) {
    std::vector<std::string> all;
    std::string after;
    do {
      const Result<ObjectPage> found = page(prefix, after, limit);
      EXPECT_TRUE(found);
      if (!found) break;
      for (const ObjectInfo& object : found->objects) all.push_back(object.key);
      after = found->next_start_after;
    } while (!after.empty());
    return all;
  }
  Result<> remove(std::string key) { return run(store_->remove("b", std::move(key))); }

 private:
  template <class T>
  T run(awaitable<T> work) {
    return asio::co_spawn(caller_, std::move(work), asio::use_future).get();
  }
  asio::thread_pool io_{1};
  asio::thread_pool caller_{1};
  std::unique_ptr<FolderStore> store_;
};

class FolderStoreTest : public testing::Test {
 protected:
  FolderStoreTest() { EXPECT_TRUE(lake.make_bucket("b")); }

  std::vector<std::string> names(const std::string& folder) {
    std::vector<std::string> found;
    for (const FileInfo& file : *env->list(folder)) found.push_back(file.name);
    return found;
  }

  std::unique_ptr<Env> env = make_memory_env();
  Lake lake{*env};
};

std::vector<std::string> strange_keys() {
  return {"a",
          "2026/11/25/10/clicks-1-x.gz",
          "...",
          "../../etc/passwd",
          "x/./y",
          ".tmp/x",
          "//",
          "/lead",
          "trail/",
          "two//slashes",
          "100%",
          "100%25",
          "%+",
          "%",
          "new\nline",
          std::string("zero\0byte", 9),
          "\x7f",
          "ü/漢字",
          std::string(1024, 'k'),
          std::string(300, 'k') + "/" + std::string(300, 'l'),
          std::string(199, 'k') + "%%%" + std::string(300, 'm')};
}

TEST_F(FolderStoreTest, EveryKeyHasItsOwnObject) {
  for (const std::string& key : strange_keys()) {
    ASSERT_TRUE(lake.put(key, {"content of ", key})) << key;
  }
  for (const std::string& key : strange_keys()) {
    EXPECT_EQ(lake.get(key), "content of " + key) << key;
    EXPECT_EQ(lake.head(key)->size, 11 + key.size()) << key;
  }
  auto sorted = strange_keys();
  std::ranges::sort(sorted);
  EXPECT_EQ(lake.keys(), sorted);
  for (const std::string& key : strange_keys()) {
    ASSERT_TRUE(lake.remove(key)) << key;
    EXPECT_EQ(lake.get(key).error().code, ErrorCode::kNotFound) << key;
  }
  EXPECT_THAT(names("/lake/b"), ElementsAre()) << "empty folders are left";
}

TEST_F(FolderStoreTest, NothingLeavesItsBucket) {
  for (const std::string& key : strange_keys()) ASSERT_TRUE(lake.put(key, {"x"})) << key;
  EXPECT_THAT(names("/"), ElementsAre("lake"));
  EXPECT_THAT(names("/lake"), ElementsAre(".tmp", "b"));
  EXPECT_THAT(names("/lake/.tmp"), ElementsAre());
}

TEST_F(FolderStoreTest, UsualKeysAreFoundUnderTheirNames) {
  ASSERT_TRUE(lake.put("2026/11/25/x.gz", {"a"}));
  EXPECT_EQ(env->read_file("/lake/b/2026/11/25/x.gz"), "a");
}

TEST_F(FolderStoreTest, ListsInTheOrderOfKeysWhateverThePage) {
  std::vector<std::string> all{"a",     "a-b",  "a/b",  "a/b-c", "a/b/c", "a0",
                               "b/1/2", "b/10", "b/1x", "c",     "c!",    "c/"};
  for (size_t i = 0; i < 3; ++i) {
    all.push_back("long/" + std::string(200, 'x') + std::string(i, '!') + "y");
  }
  std::erase(all, "a");    // is a folder here
  std::erase(all, "a/b");  // as well
  std::erase(all, "c");
  for (const std::string& key : all) ASSERT_TRUE(lake.put(key, {"x"})) << key;
  std::ranges::sort(all);
  for (const size_t limit : {1u, 2u, 3u, 1000u}) EXPECT_EQ(lake.keys("", limit), all) << limit;
  for (const std::string prefix : {"a", "a/", "a/b", "b/1", "b/1/", "c", "long/xx", "z", "a/bb"}) {
    std::vector<std::string> wanted;
    std::ranges::copy_if(all, std::back_inserter(wanted),
                         [&](const std::string& key) { return key.starts_with(prefix); });
    for (const size_t limit : {1u, 2u, 1000u}) EXPECT_EQ(lake.keys(prefix, limit), wanted);
  }
}

TEST_F(FolderStoreTest, APutReplaces) {
  ASSERT_TRUE(lake.put("k", {"old, and longer"}));
  ASSERT_TRUE(lake.put("k", {"n", "", "ew"}));
  EXPECT_EQ(lake.get("k"), "new");
  ASSERT_TRUE(lake.put("k", {}));
  EXPECT_EQ(lake.get("k"), "");
}

TEST_F(FolderStoreTest, WhatIsNotThereIsNotFound) {
  EXPECT_EQ(lake.put("k", {"x"}, "absent").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(lake.get("k", "absent").error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(lake.put("a/b", {"x"}));
  EXPECT_EQ(lake.get("a").error().code, ErrorCode::kNotFound) << "a folder is no object";
  EXPECT_EQ(lake.get("a/b/c").error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(lake.remove("a"));
  EXPECT_EQ(lake.get("a/b"), "x");
}

TEST_F(FolderStoreTest, KeysBelowAnObjectAreRefusedWithTheReason) {
  ASSERT_TRUE(lake.put("a/b", {"x"}));
  const Result<> below = lake.put("a/b/c/d", {"y"});
  ASSERT_FALSE(below);
  EXPECT_EQ(below.error().code, ErrorCode::kInUse);
  EXPECT_THAT(below.error().message, HasSubstr("/lake/b/a/b"));
  EXPECT_EQ(lake.put("a", {"y"}).error().code, ErrorCode::kInUse);
  EXPECT_THAT(names("/lake/.tmp"), ElementsAre());
}

TEST_F(FolderStoreTest, BucketsThatAreNoneAreRefused) {
  for (const std::string bucket : {"", ".", "..", ".tmp", "a/b", "a b", "../b"}) {
    EXPECT_EQ(lake.make_bucket(bucket).error().code, ErrorCode::kInvalidArgument) << bucket;
    EXPECT_EQ(lake.put("k", {"x"}, bucket).error().code, ErrorCode::kInvalidArgument) << bucket;
  }
  EXPECT_TRUE(lake.make_bucket("b")) << "it is there already";
}

TEST(FolderStoreCrash, AnObjectIsThereWholeOrNotAtAll) {
  const std::string old_content(10'000, 'o');
  const std::string new_content(20'000, 'n');
  uint64_t changes = 0;
  for (uint64_t crash_at = 0; crash_at == 0 || crash_at <= changes; ++crash_at) {
    FaultEnv env;
    std::map<std::string, bool> acknowledged;
    {
      Lake lake(env);
      ASSERT_TRUE(lake.open() && lake.make_bucket("b") && lake.put("a/k", {old_content}));
      const uint64_t before = env.changes();
      if (crash_at > 0) env.crash_at(before + crash_at);
      acknowledged["a/k"] = lake.put("a/k", {new_content}).has_value();
      acknowledged["x/y/z"] = lake.put("x/y/z", {new_content}).has_value();
      if (crash_at == 0) changes = env.changes() - before;
    }
    for (const Survival survival : kAllSurvivals) {
      const auto after = env.after_crash(survival, crash_at);
      Lake lake(*after);
      ASSERT_TRUE(lake.open());
      const auto replaced = lake.get("a/k");
      ASSERT_TRUE(replaced) << "crash at " << crash_at;
      EXPECT_TRUE(*replaced == new_content || (!acknowledged["a/k"] && *replaced == old_content))
          << "crash at " << crash_at;
      const auto created = lake.get("x/y/z");
      EXPECT_TRUE(created ? *created == new_content : !acknowledged["x/y/z"])
          << "crash at " << crash_at;
      EXPECT_TRUE(after->list("/lake/.tmp")->empty());
    }
  }
  EXPECT_GT(changes, 6u);
}

}  // namespace
}  // namespace millstream
