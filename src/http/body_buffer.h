// Gathers a message's body into one contiguous buffer, within a limit and a budget.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "http/budget_share.h"

namespace millstream {

// Threads: one loop. Memory is taken as bytes arrive: a sender that only announces a big body
// holds no more than kFirstBytes.
class BodyBuffer {
 public:
  enum class Outcome : uint8_t { kOk, kTooLarge, kOverBudget };
  static constexpr size_t kFirstBytes = size_t{256} * 1024;

  BodyBuffer(ByteBudget& budget, size_t limit) : share_(budget), limit_(limit) {}

  // Starts a body of `expected` bytes (nothing: not known).
  Outcome begin(std::optional<uint64_t> expected);
  Outcome append(std::string_view bytes);

  // Room for the bytes to come, to read into directly, then commit() what was read. Only for a
  // body of known length that is not complete. Never empty when the outcome is kOk.
  Outcome room(std::span<char>& into);
  void commit(size_t bytes) { size_ += bytes; }

  size_t size() const { return size_; }
  bool complete() const { return expected_ && size_ == *expected_; }

  // The body, followed by kBufferPadding readable bytes. The budget stays taken until clear().
  Slice take();
  void clear();

 private:
  Outcome grow(size_t needed);

  BudgetShare share_;
  size_t limit_;
  std::optional<uint64_t> expected_;
  BufferRef buffer_;
  size_t capacity_ = 0;  // taken from the budget
  size_t size_ = 0;
};

}  // namespace millstream
