// Runs a coroutine to its end, for the tests of this folder.
#pragma once

#include <optional>
#include <utility>

#include <boost/asio/io_context.hpp>

#include "base/async.h"

namespace millstream::cli {

template <class T>
T run_coroutine(awaitable<T> work) {
  asio::io_context loop(1);
  std::optional<T> result;
  asio::co_spawn(loop, std::move(work), [&result](const std::exception_ptr& error, T value) {
    if (error) std::rethrow_exception(error);
    result = std::move(value);
  });
  loop.run();
  return *std::move(result);
}

}  // namespace millstream::cli
