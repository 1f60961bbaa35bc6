// Makes batches durable: each one append, in order, several on their way at once.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "analytics/engine/batch_io.h"
#include "analytics/engine/batch_record.h"
#include "analytics/engine/job.h"
#include "analytics/engine/wakeup.h"

namespace millstream::analytics {

struct Commit {
  std::vector<ShardBody> bodies;  // of the sinks; a shard may occur several times
  // Of the changelog; without a writer: unused.
  BatchHead head;
  std::vector<std::string> changes;  // by partition
  // What happens once it is durable.
  std::vector<SinkOutput> sinks;
  std::function<void()> durable;
};

// Life cycle: open(), then submit() in order; drain() before it is destroyed.
// Threads:    the job's strand.
// Bounds:     at most `pending_appends` commits that are not durable, and as many whose
//             after-effects (lines, rows for the shell, objects) are under way.
// Without a writer nothing is stamped, and what has no records is not appended.
class Committer {
 public:
  Committer(const JobSpec& spec, JobHost& host, std::vector<Sink*> sinks,
            asio::any_io_executor strand, std::function<void()> wake);

  // Fences older runs. What the writer wrote last; 0: nothing yet.
  awaitable<Result<uint64_t>> open();

  // Waits for room, then starts the append.
  // Errors: of an earlier commit: nothing after it is durable, the job ends.
  awaitable<Result<>> submit(Commit commit);
  // All that was submitted is durable, and its after-effects have happened.
  awaitable<Result<>> drain();
  // An append was refused and can be tried again: call mend() while nothing is being computed.
  bool needs_mending() const { return stalled_ && in_flight_ == 0; }
  // Gives records of closed shards new ones and appends what is pending again, until it is done.
  awaitable<Result<>> mend();
  const Result<>& failure() const { return failure_; }
  bool is_idle() const { return pending_.empty() && !after_running_ && after_.empty(); }
  // Until everything has come back, whatever its result.
  awaitable<> settle();
  void cancel_mending() { cancelled_ = true; }

  uint64_t appended_changelog_bytes() const { return changelog_bytes_; }
  // Of the newest commit that was submitted.
  uint64_t last_number() const { return stamp_.number; }
  // Where the changelog ended after the newest durable commit.
  Counter changelog_end() const { return changelog_end_; }

 private:
  struct Pending {
    Commit commit;
    uint64_t number = 0;
    std::vector<ShardBatch> batches;
    bool done = false;
  };

  std::vector<ShardBatch> batches_of(Commit& commit, uint64_t number) const;
  awaitable<> append(std::shared_ptr<Pending> pending);
  awaitable<> run_after_effects();
  void note(Pending& pending, const Result<std::vector<Appended>>& result);
  void finish_front();
  awaitable<Result<>> reroute(Pending& pending);

  const JobSpec& spec_;
  JobHost& host_;
  std::vector<Sink*> sinks_;
  asio::any_io_executor strand_;
  std::function<void()> wake_;
  WriterStamp stamp_;
  std::deque<std::shared_ptr<Pending>> pending_;
  std::deque<std::vector<SinkOutput>> after_;
  bool after_running_ = false;
  size_t in_flight_ = 0;
  bool stalled_ = false;
  bool cancelled_ = false;
  Result<> failure_;
  Wakeup progress_;
  uint64_t changelog_bytes_ = 0;
  Counter changelog_end_ = 0;
};

}  // namespace millstream::analytics
