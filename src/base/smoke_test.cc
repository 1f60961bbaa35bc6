// The toolchain: coroutine chains with early error returns, and completions from other threads,
// hold under the sanitizers.
#include <gtest/gtest.h>

#include "base/async.h"
#include "base/result.h"

namespace millstream {
namespace {

awaitable<Result<std::string>> leaf(int depth) {
  if (depth % 3 == 0) co_return fail(ErrorCode::kNotFound, "depth {} has no leaf", depth);
  co_return std::string(static_cast<size_t>(depth), 'x');
}

awaitable<Result<size_t>> chain(int depth, asio::thread_pool& pool) {
  if (depth > 20) {
    CO_TRY_ASSIGN(auto text, co_await leaf(depth));
    co_return text.size();
  }
  CO_TRY_ASSIGN(auto here, co_await run_on(pool, [depth]() -> Result<int> { return depth * 2; }));
  CO_TRY_ASSIGN(auto below, co_await chain(here / 2 + 1, pool));
  CO_TRY(co_await leaf(1));
  co_return below + 1;
}

TEST(Toolchain, CoroutineChainsReturnEarlyAndCrossThreads) {
  asio::io_context loop;
  asio::thread_pool pool(2);
  int values = 0;
  int errors = 0;
  for (int start = 0; start < 60; ++start) {
    asio::co_spawn(
        loop,
        [&pool, start]() -> awaitable<Result<size_t>> { co_return co_await chain(start, pool); },
        [&](std::exception_ptr error, Result<size_t> result) {
          ASSERT_FALSE(error);
          ++(result ? values : errors);
        });
  }
  loop.run();
  pool.join();
  // Starts 0 … 20 end at depth 21, a multiple of 3; of 21 … 59 every third fails.
  EXPECT_EQ(errors, 21 + 13);
  EXPECT_EQ(values, 26);
}

}  // namespace
}  // namespace millstream
