// A LocalLog on a FaultEnv, used at random and compared with LogModel. For tests.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <random>
#include <thread>

#include "base/fault_env.h"
#include "base/manual_clock.h"
#include "log/local/local_log.h"
#include "log/local/log_model.h"

namespace millstream::testing_log {

// Small files and caches, so that a short run rolls, recycles, evicts and reads cold.
LocalLogOptions small_options();

// Reads everything all the time on its own thread, and remembers what it was shown.
class ConcurrentReader {
 public:
  explicit ConcurrentReader(ShardLog& log);
  ~ConcurrentReader() { stop(); }
  // Joins the thread and adds what was shown to `model`.
  void stop(LogModel* model = nullptr);

 private:
  void run();

  ShardLog& log_;
  std::atomic<bool> stopping_{false};
  std::map<std::pair<ShardId, Counter>, std::string> shown_;
  std::string broken_;
  std::thread thread_;
};

// One machine, from its start to its crash. Throws Broken.
class LogHarness {
 public:
  // `clock` outlives it.
  LogHarness(std::unique_ptr<FaultEnv> env, LogModel model, ManualClock& clock, uint64_t seed,
             LocalLogOptions options = small_options());
  ~LogHarness();

  // Starts the log, and a concurrent reader if wanted. False if the machine crashed meanwhile.
  bool open(bool with_reader = false);
  // The first start after a crash; compares the log with the model.
  bool open_and_settle();
  // One call or several at the same time, chosen at random. False once the machine has crashed.
  bool step();
  // Appends to each open shard, so that new numbers meet the old ones.
  bool append_everywhere();
  void compare();
  // Stops everything; the model then says what must have survived.
  void shut_down();

  FaultEnv& env() { return *env_; }
  LocalLog& log() { return *log_; }
  uint64_t tiered_files() const { return log_ ? log_->tier_stats().files : 0; }
  LogModel& model() { return model_; }
  TestLoop& loop() { return loop_; }

  SentAppend random_append(size_t max_record_bytes = 3000);
  // Sends it and notes the answer. False once the machine has crashed.
  bool send(const SentAppend& sent);
  ShardId create_shard();

 private:
  using AppendAnswer = Result<std::vector<Appended>>;

  std::vector<ShardId> open_shards() const;
  std::optional<ShardId> any_shard(bool open_only = true);
  uint64_t below(uint64_t limit) { return random_() % limit; }
  bool note(const SentAppend& sent, const AppendAnswer& answer);
  // Whether a failed call is explained by the crash.
  bool crashed_or_throw(std::string_view call, const Error& error);

  void trace(std::string line);
  bool compare_unless_crashed();
  bool step_bundle();
  bool step_writer();
  bool step_seal();
  bool step_trim();
  bool step_remove();
  bool step_checkpoint();
  bool step_tier();
  bool step_restart();
  bool open_writer(uint64_t id);
  bool expect_refused(SentAppend sent, ErrorCode code);

  std::unique_ptr<FaultEnv> env_;
  LocalLogOptions options_;
  LogModel model_;
  ManualClock& clock_;
  std::mt19937_64 random_;
  TestLoop loop_;
  std::unique_ptr<LocalLog> log_;
  std::unique_ptr<ConcurrentReader> reader_;
  bool reader_wanted_ = false;
};

}  // namespace millstream::testing_log
