// What a ShardLog must hold, as simply as it can be said, and the comparison with what it does
// hold. For tests.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "log/shard_log.h"

namespace millstream::testing_log {

// A broken promise of the log. Thrown, so that the test can add how it got there.
struct Broken : std::runtime_error {
  using std::runtime_error::runtime_error;
};
template <class... Args>
void must(bool holds, fmt::format_string<Args...> format, Args&&... args) {
  if (!holds) throw Broken(fmt::format(format, std::forward<Args>(args)...));
}

inline uint64_t number(ShardId shard) { return static_cast<uint64_t>(shard); }

// Runs coroutines to their end on the caller's thread.
class TestLoop {
 public:
  template <class T>
  T await(awaitable<T> work) {
    std::vector<awaitable<T>> one;
    one.push_back(std::move(work));
    return std::move(await_all(std::move(one)).front());
  }
  // All at the same time.
  template <class T>
  std::vector<T> await_all(std::vector<awaitable<T>> works) {
    std::vector<std::optional<T>> answers(works.size());
    size_t open = works.size();
    for (size_t i = 0; i < works.size(); ++i) {
      asio::co_spawn(io_, std::move(works[i]), [&, i](std::exception_ptr error, T answer) {
        if (error) std::rethrow_exception(error);
        answers[i] = std::move(answer);
        --open;
      });
    }
    // A thread of the log that lets go of an earlier call late can stop the loop (Asio: the last
    // work has ended), although this call has begun by then: go on.
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    do {
      io_.restart();
      io_.run_until(patience);
    } while (open > 0 && std::chrono::steady_clock::now() < patience);
    must(open == 0, "a call of the log has not come back for a minute");
    std::vector<T> values;
    for (auto& answer : answers) values.push_back(*std::move(answer));
    return values;
  }

 private:
  asio::io_context io_;
};

// One append as the caller made it. Every record's data is unlike all others.
struct SentAppend {
  struct Batch {
    ShardId shard{};
    std::vector<std::string> data;
  };
  WriterStamp stamp;
  std::vector<Batch> batches;

  std::vector<ShardBatch> encode() const;
};

struct ModelRecord {
  TimeMs arrival_ms = 0;
  std::string data;
  friend bool operator==(const ModelRecord&, const ModelRecord&) = default;
};
using ModelRecords = std::map<Counter, ModelRecord>;

struct ModelShard {
  ShardOptions options;
  ModelRecords records;  // acknowledged or seen, from `trim` on
  Counter trim = 0;
  Counter past_all = 0;  // above every number ever given here, as far as anybody could know
  TimeMs last_arrival_ms = 0;
  std::optional<Counter> end;  // sealed

  // Asked for when the machine stopped: each may have happened or not.
  bool maybe_created = false;
  bool maybe_removed = false;
  bool maybe_sealed = false;
  std::optional<Counter> maybe_trim;

  ModelRecords visible(TimeMs now) const;
};

struct ModelWriter {
  uint64_t epoch = 0;
  SentAppend last;  // number 0: none yet
  std::vector<Appended> places;
};

// A whole shard as the log gives it, read in steps of random limits. Checks on the way that
// each answer keeps what ShardLog::read promises.
struct ShardContent {
  ModelRecords records;
  Counter next = 0;
  Counter tip = 0;
  bool at_end = false;
  TimeMs tip_arrival_ms = 0;
};
ShardContent read_shard(TestLoop& loop, ShardLog& log, ShardId shard, Counter from, uint64_t seed);

class LogModel {
 public:
  std::map<ShardId, ModelShard> shards;
  std::map<uint64_t, ModelWriter> writers;
  // Without an answer when the machine stopped.
  std::vector<SentAppend> unanswered;
  // What concurrent readers were shown.
  std::map<std::pair<ShardId, Counter>, std::string> shown;

  void acknowledged(const SentAppend& sent, const std::vector<Appended>& places, TimeMs now);
  // Everything that can be asked, compared with this model.
  void compare(TestLoop& loop, ShardLog& log, TimeMs now, uint64_t seed) const;
  // After a crash and recovery: compares, where there was no answer allows either, and takes
  // over which one it was. Throws Broken.
  void settle(TestLoop& loop, ShardLog& log, TimeMs now, uint64_t seed);

 private:
  void settle_shard(TestLoop& loop, ShardLog& log, ShardId id, TimeMs now, uint64_t seed,
                    std::map<std::string, Counter>& extra);
  void settle_unanswered(TestLoop& loop, ShardLog& log,
                         const std::map<std::string, Counter>& extra);
  void settle_writer(TestLoop& loop, ShardLog& log, uint64_t id);
};

}  // namespace millstream::testing_log
