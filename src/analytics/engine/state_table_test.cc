#include <map>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "analytics/engine/state_io.h"
#include "base/bytes.h"

namespace millstream::analytics {
namespace {

using Model = std::map<std::string, std::pair<int64_t, std::string>>;

Model contents(const StateTable& table) {
  Model model;
  table.for_each_row([&](StateRow row) {
    EXPECT_TRUE(table.is_live(row));
    model[std::string(table.key(row))] = {load_le<int64_t>(table.value(row)),
                                          std::string(table.blob(row))};
  });
  return model;
}

StateTable::Shape shape() { return {.name = "t", .fixed_bytes = 8, .has_blob = true}; }
uint8_t group_of(const std::string& key) { return static_cast<uint8_t>(key_group(hash_key(key))); }

std::string random_key(std::mt19937& random) {
  return "key" + std::string(random() % 9, 'x') + std::to_string(random() % 300);
}

// One batch of changes, to the table and the model alike.
void change(StateTable& table, Model& model, std::mt19937& random) {
  std::vector<std::string> keys;
  for (size_t i = 0; i < 1 + random() % 100; ++i) keys.push_back(random_key(random));
  std::vector<std::string_view> views(keys.begin(), keys.end());
  std::vector<uint64_t> hashes;
  std::vector<uint8_t> groups;
  for (const std::string& key : keys) {
    hashes.push_back(hash_key(key));
    groups.push_back(group_of(key));
  }
  std::vector<StateRow> rows(keys.size());
  std::vector<uint8_t> inserted(keys.size());
  table.find_or_insert(views, hashes, groups, rows, inserted);
  for (size_t i = 0; i < keys.size(); ++i) {
    EXPECT_EQ(table.key(rows[i]), keys[i]);
    const bool is_new = model.try_emplace(keys[i]).second;
    EXPECT_EQ(inserted[i] != 0, is_new) << keys[i];
    model[keys[i]].first += 1;
    store_le(table.value(rows[i]), load_le<int64_t>(table.value(rows[i])) + 1);
    table.touch(rows[i]);
    if (random() % 3 == 0) {
      const std::string blob(random() % 2000, static_cast<char>('a' + random() % 26));
      model[keys[i]].second = blob;
      table.set_blob(rows[i], blob);
    }
  }
  for (size_t i = 0; i < 30; ++i) {
    const std::string key = random_key(random);
    const StateRow row = table.find_one(key, hash_key(key));
    EXPECT_EQ(row != kNoRow, model.contains(key));
    if (row == kNoRow) continue;
    table.erase(row);
    model.erase(key);
  }
}

TEST(StateTable, HoldsWhatAMapHoldsAndItsLogMakesItAgainAfterEachBatch) {
  std::mt19937 random(3);
  NodeState state;
  NodeState copy;
  Model model;
  for (int batch = 0; batch < 150; ++batch) {
    change(state.table(shape()), model, random);
    ASSERT_EQ(contents(state.table(shape())), model) << batch;
    std::string changes;
    state.take_changes(0, changes);
    // Twice: replaying is harmless.
    for (int i = 0; i < 2; ++i) {
      FieldReader in(changes);
      EXPECT_EQ(in.number<uint32_t>(), 0U);
      ASSERT_TRUE(copy.apply(in));
    }
    ASSERT_EQ(contents(copy.table(shape())), model) << batch;
  }
}

TEST(StateTable, GroupsSavedOneByOneMakeItAgain) {
  std::mt19937 random(4);
  NodeState state;
  Model model;
  for (int batch = 0; batch < 20; ++batch) change(state.table(shape()), model, random);
  state.set_value("v", "1");
  NodeState copy;
  for (uint32_t group = 0; group < kKeyGroups; ++group) {
    std::string saved;
    state.save_group(group, saved);
    FieldReader in(saved);
    ASSERT_TRUE(copy.apply(in));
  }
  std::string values;
  state.save_values(values);
  FieldReader in(values);
  ASSERT_TRUE(copy.apply(in));
  EXPECT_EQ(contents(copy.table(shape())), model);
  EXPECT_EQ(copy.value("v"), "1");
}

TEST(StateTable, ABrokenChangelogIsAnErrorOrOtherRowsButNeverReadsOutside) {
  std::mt19937 random(5);
  NodeState state;
  Model model;
  change(state.table(shape()), model, random);
  state.set_value("v", "1");
  state.drop("other");
  std::string changes;
  state.take_changes(0, changes);
  size_t errors = 0;
  for (size_t i = 0; i < 3000; ++i) {
    std::string broken = changes;
    if (i % 2 == 0) broken.resize(4 + random() % (changes.size() - 4));
    for (size_t flips = 0; flips < 1 + random() % 3; ++flips) {
      broken[4 + random() % (broken.size() - 4 + 1) % std::max<size_t>(broken.size() - 4, 1)] =
          static_cast<char>(random());
    }
    NodeState copy;
    FieldReader in(broken);
    in.number<uint32_t>();
    const auto applied = copy.apply(in);
    if (applied) continue;
    ++errors;
    EXPECT_EQ(applied.error().code, ErrorCode::kCorruption);
  }
  EXPECT_GT(errors, 1400U);
}

TEST(StateTable, LogsWhatABatchTouchedAndNoMore) {
  NodeState state;
  StateTable& table = state.table(shape());
  for (int i = 0; i < 5000; ++i) {
    const std::string key = std::to_string(i);
    table.find_or_insert_one(key, hash_key(key), group_of(key));
  }
  std::string all;
  state.take_changes(0, all);
  EXPECT_TRUE(table.touch(table.find_one("17", hash_key("17"))));
  EXPECT_FALSE(table.touch(table.find_one("17", hash_key("17"))));
  std::string one;
  state.take_changes(0, one);
  EXPECT_LT(one.size(), 100U);
  std::string none;
  state.take_changes(0, none);
  EXPECT_TRUE(none.empty());
}

}  // namespace
}  // namespace millstream::analytics
