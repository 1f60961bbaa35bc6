#include "worker/channel.h"

#include <unistd.h>

#include <atomic>

#include <gmock/gmock.h>

#include "worker/test_support.h"

namespace millstream::worker {
namespace {

using testing::HasSubstr;

constexpr Method kEcho = kFirstOwnMethod;
constexpr Method kFail = kFirstOwnMethod + 1;
constexpr Method kHold = kFirstOwnMethod + 2;
constexpr Method kCount = kFirstOwnMethod + 3;

awaitable<Result<std::vector<Slice>>> echo(Slice request) {
  co_return std::vector<Slice>{std::move(request)};
}

awaitable<Result<std::vector<Slice>>> refuse(Slice request) {
  co_return fail(ErrorCode::kThrottled, "not {} now", request.view());
}

TEST(Channel, AnswersCallsInBothDirections) {
  Pair pair;
  pair.near->handle(kEcho, echo);
  pair.far->handle(kEcho, echo);
  pair.run();
  const auto executor = pair.loop.executor();
  EXPECT_EQ(get(executor, pair.near->call(kEcho, one("there")))->view(), "there");
  EXPECT_EQ(get(executor, pair.far->call(kEcho, one("back")))->view(), "back");
  EXPECT_EQ(get(executor, pair.near->call(kEcho, {}))->view(), "");
}

TEST(Channel, PassesErrorsThrough) {
  Pair pair;
  pair.far->handle(kFail, refuse);
  pair.far->handle(kHold, [](Slice) -> awaitable<Result<std::vector<Slice>>> {
    throw std::runtime_error("inside");
    co_return std::vector<Slice>();
  });
  pair.run();
  const auto executor = pair.loop.executor();
  const auto refused = get(executor, pair.near->call(kFail, one("this")));
  EXPECT_EQ(refused.error(), (Error{ErrorCode::kThrottled, "not this now"}));
  EXPECT_EQ(get(executor, pair.near->call(kEcho, {})).error().code, ErrorCode::kUnknownOperation);
  EXPECT_THAT(get(executor, pair.near->call(kHold, {})).error().message, HasSubstr("inside"));
}

TEST(Channel, CarriesMessagesOfEverySizeAndManyParts) {
  Pair pair;
  pair.far->handle(kEcho, echo);
  pair.run();
  const auto executor = pair.loop.executor();
  for (const size_t size : {size_t{1}, size_t{100}, size_t{32} << 10, (size_t{32} << 10) + 1,
                            size_t{65} << 10, size_t{3} << 20, kMaxFrameBytes}) {
    std::string text(size, 'x');
    for (size_t i = 0; i < size; i += 997) text[i] = static_cast<char>('a' + i % 26);
    const auto answer = get(executor, pair.near->call(kEcho, one(text)));
    ASSERT_TRUE(answer.has_value()) << answer.error().message;
    EXPECT_TRUE(answer->view() == text) << size;
  }
  std::vector<Slice> parts;
  std::string expected;
  for (int i = 0; i < 5000; ++i) {
    expected += std::to_string(i);
    parts.push_back(Slice::copy_of(std::to_string(i)));
  }
  EXPECT_TRUE(get(executor, pair.near->call(kEcho, parts))->view() == expected);
  const std::string large(kMaxFrameBytes + 1, 'x');
  EXPECT_EQ(get(executor, pair.near->call(kEcho, one(large))).error().code,
            ErrorCode::kInvalidArgument);
}

TEST(Channel, KeepsConcurrentCallsOfManyThreadsApart) {
  Pair pair(4);
  pair.far->handle(kEcho, echo);
  pair.near->handle(kEcho, echo);
  pair.run();
  std::atomic<int> wrong = 0;
  const auto caller = [&](std::shared_ptr<Channel> channel, int id) -> awaitable<> {
    for (int i = 0; i < 300; ++i) {
      std::string text = std::to_string(id) + ":" + std::to_string(i);
      if (i % 50 == 0) text += std::string(200'000, 'y');
      const auto answer = co_await channel->call(kEcho, one(text));
      if (!answer || answer->view() != text) ++wrong;
    }
  };
  std::vector<std::future<void>> ends;
  for (int id = 0; id < 16; ++id) {
    ends.push_back(asio::co_spawn(
        pair.loop.executor(), caller(id % 2 == 0 ? pair.near : pair.far, id), asio::use_future));
  }
  for (auto& end : ends) end.get();
  EXPECT_EQ(wrong, 0);
}

TEST(Channel, DeliversNotificationsInOrderBeforeTheCallThatFollows) {
  Pair pair;
  std::string seen;
  pair.far->handle(kCount, [&](Slice body) -> awaitable<Result<std::vector<Slice>>> {
    seen += body.view();
    co_return std::vector<Slice>();
  });
  pair.far->handle(kEcho, echo);
  pair.run();
  const auto send = [&]() -> awaitable<Result<>> {
    for (char c = 'a'; c <= 'z'; ++c) {
      CO_TRY(co_await pair.near->notify(kCount, one(std::string(1, c))));
    }
    CO_TRY(co_await pair.near->call(kEcho, {}));
    co_return Result<>();
  };
  EXPECT_TRUE(get(pair.loop.executor(), send()).has_value());
  EXPECT_EQ(seen, "abcdefghijklmnopqrstuvwxyz");
}

// Handlers that wait until they are let go.
struct Held {
  explicit Held(asio::any_io_executor executor)
      : gate(executor, asio::steady_timer::time_point::max()) {}
  static awaitable<Result<std::vector<Slice>>> hold(std::shared_ptr<Held> self) {
    ++self->inside;
    boost::system::error_code ignored;
    if (!self->open) {
      co_await self->gate.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    --self->inside;
    co_return std::vector<Slice>();
  }
  static void release(std::shared_ptr<Held> self) {
    asio::post(self->gate.get_executor(), [self] {
      self->open = true;
      self->gate.cancel();
    });
  }
  std::atomic<int> inside = 0;
  bool open = false;
  asio::steady_timer gate;
};

TEST(Channel, RunsAtMostMaxCallsHandlersAndMakesTheOthersWait) {
  Pair pair(1, 3);
  const auto held = std::make_shared<Held>(pair.loop.executor());
  pair.far->handle(kHold, [held](Slice) { return Held::hold(held); });
  pair.run();
  std::vector<std::future<Result<Slice>>> calls;
  for (int i = 0; i < 10; ++i) {
    calls.push_back(
        asio::co_spawn(pair.loop.executor(), pair.near->call(kHold, one("x")), asio::use_future));
  }
  EXPECT_TRUE(eventually([&] { return held->inside == 3; }));
  // Calls the other way still are answered: the reader of answers is not the one that waits.
  pair.near->handle(kEcho, echo);
  EXPECT_EQ(held->inside, 3);
  Held::release(held);
  for (auto& call : calls) EXPECT_TRUE(call.get().has_value());
}

TEST(Channel, HoldsBackWhoSendsFasterThanTheOtherSideReads) {
  Pair pair(1, 1);
  const auto held = std::make_shared<Held>(pair.loop.executor());
  pair.far->handle(kHold, [held](Slice) { return Held::hold(held); });
  pair.run();
  std::atomic<size_t> sent = 0;
  const auto flood = [&]() -> awaitable<> {
    const std::string megabyte(size_t{1} << 20, 'z');
    for (int i = 0; i < 100; ++i) {
      if (!co_await pair.near->notify(kHold, one(megabyte))) co_return;
      ++sent;
    }
  };
  auto end = asio::co_spawn(pair.loop.executor(), flood(), asio::use_future);
  EXPECT_TRUE(eventually([&] { return held->inside == 1; }));
  // One handler and two socket buffers: far from all.
  EXPECT_EQ(end.wait_for(std::chrono::milliseconds(200)), std::future_status::timeout);
  EXPECT_LT(sent, 40);
  Held::release(held);
  end.get();
  EXPECT_EQ(sent, 100);
}

TEST(Channel, ACancelledCallEndsAtOnceAndItsAnswerIsThrownAway) {
  Pair pair;
  pair.far->handle(kEcho, echo);
  pair.far->handle(kHold, [](Slice) -> awaitable<Result<std::vector<Slice>>> {
    asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::seconds(2));
    co_await timer.async_wait(asio::use_awaitable);
    co_return one("late");
  });
  pair.run();
  const auto executor = pair.loop.executor();
  const auto race = [&]() -> awaitable<Result<>> {
    asio::cancellation_signal cancel;
    Result<Slice> answer = fail(ErrorCode::kInternal, "not called");
    bool ended = false;
    asio::steady_timer end(co_await asio::this_coro::executor,
                           asio::steady_timer::time_point::max());
    const auto call = [&]() -> awaitable<> {
      co_await asio::this_coro::throw_if_cancelled(false);
      answer = co_await pair.near->call(kHold, {});
      ended = true;
      end.cancel();
    };
    asio::co_spawn(co_await asio::this_coro::executor, call(),
                   asio::bind_cancellation_slot(cancel.slot(), asio::detached));
    // The call is on its way when this has passed the same socket.
    CO_TRY(co_await pair.near->call(kEcho, one("x")));
    cancel.emit(asio::cancellation_type::terminal);
    boost::system::error_code ignored;
    if (!ended) co_await end.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    if (answer) co_return fail(ErrorCode::kInternal, "it was answered");
    co_return std::unexpected(answer.error());
  };
  EXPECT_EQ(get(executor, race()).error().code, ErrorCode::kCancelled);
  EXPECT_EQ(get(executor, pair.near->call(kEcho, one("on")))->view(), "on");
}

TEST(Channel, EndsCallsUnderWayWhenItCloses) {
  for (const bool by_near : {true, false}) {
    Pair pair;
    const auto held = std::make_shared<Held>(pair.loop.executor());
    pair.far->handle(kHold, [held](Slice) { return Held::hold(held); });
    pair.run();
    auto call = asio::co_spawn(pair.loop.executor(), pair.near->call(kHold, {}), asio::use_future);
    EXPECT_TRUE(eventually([&] { return held->inside == 1; }));
    (by_near ? pair.near : pair.far)->close();
    EXPECT_EQ(call.get().error().code, ErrorCode::kUnavailable);
    EXPECT_TRUE(pair.near_end.get().has_value());
    EXPECT_TRUE(pair.far_end.get().has_value());
    EXPECT_TRUE(pair.near->is_closed());
    EXPECT_EQ(get(pair.loop.executor(), pair.near->call(kHold, {})).error().code,
              ErrorCode::kUnavailable);
    EXPECT_TRUE(get(pair.loop.executor(), pair.near->notify(kHold, {})).has_value());
    Held::release(held);
    EXPECT_TRUE(eventually([&] { return held->inside == 0; }));
  }
}

TEST(Channel, EndsAWriterThatWaitsWhenItCloses) {
  Pair pair(1, 1);
  const auto held = std::make_shared<Held>(pair.loop.executor());
  pair.far->handle(kHold, [held](Slice) { return Held::hold(held); });
  pair.run();
  const auto flood = [&]() -> awaitable<> {
    const std::string megabyte(size_t{1} << 20, 'z');
    for (int i = 0; i < 100; ++i) (void)co_await pair.near->notify(kHold, one(megabyte));
  };
  auto end = asio::co_spawn(pair.loop.executor(), flood(), asio::use_future);
  EXPECT_TRUE(eventually([&] { return held->inside == 1; }));
  pair.near->close();
  end.get();
  Held::release(held);
  EXPECT_TRUE(eventually([&] { return held->inside == 0; }));
}

TEST(Channel, BlocksAThreadOfTheOnlyLoopUntilTheAnswerIsThere) {
  Loop near_loop;
  Loop far_loop;
  int sockets[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
  const auto near = Channel::make(near_loop.executor(), sockets[0]);
  const auto far = Channel::make(far_loop.executor(), sockets[1]);
  far->handle(kEcho, echo);
  auto near_end = asio::co_spawn(near_loop.executor(), near->run(), asio::use_future);
  auto far_end = asio::co_spawn(far_loop.executor(), far->run(), asio::use_future);
  const auto block = [&]() -> awaitable<Result<Slice>> {
    co_return near->call_blocking(kEcho, one(std::string(100'000, 'b')));
  };
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(get(near_loop.executor(), block())->size(), 100'000);
    EXPECT_EQ(near->call_blocking(kEcho, one("from elsewhere"))->view(), "from elsewhere");
  }
  far->close();
  EXPECT_EQ(near->call_blocking(kEcho, {}).error().code, ErrorCode::kUnavailable);
  near_end.get();
  far_end.get();
}

TEST(Channel, CutsOffWhoSendsNoFrames) {
  Loop loop;
  int sockets[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
  const auto channel = Channel::make(loop.executor(), sockets[0]);
  auto end = asio::co_spawn(loop.executor(), channel->run(), asio::use_future);
  const std::string nonsense(64, '\xff');
  ASSERT_EQ(::write(sockets[1], nonsense.data(), nonsense.size()), 64);
  EXPECT_EQ(end.get().error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(::read(sockets[1], nullptr, 0), 0);
  (void)::close(sockets[1]);
}

}  // namespace
}  // namespace millstream::worker
