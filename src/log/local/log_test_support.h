// What the tests of the local log share.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "base/async.h"
#include "base/hash.h"
#include "base/real_env.h"
#include "log/local/local_log.h"
#include "log/record.h"

namespace millstream::local {

// A folder of its own, gone at the end.
class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "ms-log-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Runs a coroutine to its end on a loop of its own.
template <class T>
T run(awaitable<T> task) {
  asio::io_context io;
  std::optional<T> result;
  asio::co_spawn(io, std::move(task), [&](std::exception_ptr error, T value) {
    if (error) std::rethrow_exception(error);
    result = std::move(value);
  });
  io.run();
  return *std::move(result);
}

inline ShardBatch batch_of(ShardId shard, const std::vector<std::string>& records) {
  std::string body;
  for (const std::string& data : records) {
    const size_t at = body.size();
    body.resize(at + stored_record_size(3, data.size()));
    char* to = store_record_head(body.data() + at, "key", data.size());
    std::copy(data.begin(), data.end(), to);
  }
  const Slice slice = Slice::copy_of(body);
  return {shard, static_cast<uint32_t>(records.size()), crc32c(slice.view()), slice};
}

inline Result<std::vector<Appended>> append(LocalLog& log, ShardId shard,
                                            const std::vector<std::string>& records,
                                            WriterStamp stamp = {}) {
  return run(log.append({batch_of(shard, records)}, stamp));
}

struct TestRecord {
  Counter counter = 0;
  TimeMs arrival_ms = 0;
  std::string data;
  friend bool operator==(const TestRecord&, const TestRecord&) = default;
};

inline std::vector<TestRecord> records_of(const ReadResult& result) {
  std::vector<TestRecord> records;
  for (const StoredBatch& batch : result.batches) {
    RecordCursor cursor(batch.body.view());
    RecordView record;
    Counter counter = batch.first;
    while (cursor.next(record)) {
      records.push_back({counter++, batch.arrival_ms, std::string(record.data)});
    }
    EXPECT_FALSE(cursor.broken());
    EXPECT_EQ(counter, batch.first + batch.records);
  }
  return records;
}

// All records from `from` on, read in steps of `limits`.
inline Result<std::vector<TestRecord>> read_all(LocalLog& log, ShardId shard, Counter from = 0,
                                                ReadLimits limits = {}) {
  std::vector<TestRecord> all;
  for (;;) {
    TRY_ASSIGN(const ReadResult result, run(log.read(shard, from, limits)));
    std::vector<TestRecord> some = records_of(result);
    if (some.empty()) return all;
    EXPECT_GT(result.next, some.back().counter);
    all.insert(all.end(), some.begin(), some.end());
    from = result.next;
  }
}

inline std::vector<std::string> data_of(const std::vector<TestRecord>& records) {
  std::vector<std::string> data;
  for (const TestRecord& record : records) data.push_back(record.data);
  return data;
}

// Sizes at which every mechanism runs with little data.
inline LocalLogOptions small_options(const std::string& folder) {
  LocalLogOptions options;
  options.folder = folder;
  options.journal_file_bytes = 64 << 10;
  options.journal_bytes = 1 << 20;
  options.checkpoint_bytes = 16 << 10;
  options.checkpoint_age = std::chrono::hours(1);
  return options;
}

inline std::unique_ptr<LocalLog> open_or_die(Env& env, const LocalLogOptions& options) {
  auto log = LocalLog::open(env, options);
  EXPECT_TRUE(log.has_value()) << log.error().message;
  return *std::move(log);
}

}  // namespace millstream::local
