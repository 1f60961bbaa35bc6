// The inputs of a plan: each SourceNode's Source, made from its table.
#pragma once

#include <memory>
#include <string>

#include "analytics/engine/job.h"
#include "analytics/engine/source.h"
#include "analytics/engine/source_decoder.h"

namespace millstream::analytics {

// Rows that the job itself puts in: the error stream of the Kinesis dialect. What is waiting is
// part of the changelog (BatchHead::errors).
class ErrorSource final : public Source {
 public:
  ErrorSource(std::string name, std::shared_ptr<const Table> table, Clock& clock,
              std::function<void()> wake);

  awaitable<Result<>> open(std::span<const SlotPosition>) override { co_return Result<>(); }
  std::optional<TimeMs> oldest() override;
  void take(TakeBudget& budget, std::vector<SourceChunk>& chunks) override;
  int64_t millis_behind(TimeMs) const override { return 0; }
  bool finished() const override { return closed_ && waiting_.empty(); }

  void add(std::vector<RowFailure> failures);
  const std::vector<RowFailure>& waiting() const { return waiting_; }
  // All other sources have finished.
  void close() { closed_ = true; }

 private:
  std::shared_ptr<const Table> table_;
  Clock& clock_;
  std::vector<RowFailure> waiting_;
  bool closed_ = false;
};

// `name`: the same in every run of the application with this table.
// Errors: kInvalidArgument: a connector that can't be read.
Result<std::unique_ptr<Source>> make_source(const SourceNode& node, std::string name,
                                            const JobSpec& spec, JobHost& host,
                                            asio::any_io_executor strand,
                                            std::function<void()> wake);

}  // namespace millstream::analytics
