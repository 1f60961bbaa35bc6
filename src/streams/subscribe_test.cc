// SubscribeToShard, on a control plane in memory: what a client reads from its stream.
#include "streams/subscribe.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>

#include "log/record.h"
#include "streams/control_harness.h"
#include "streams/sequence_number.h"
#include "wire/event_stream.h"
#include "wire/json_decode.h"

namespace millstream::streams {
namespace {

namespace kinesis = wire::kinesis;

// A client: takes what is written, and looks at it.
class Reader final : public ResponseStream {
 public:
  awaitable<Result<>> respond(HttpResponse) override { MS_ASSERT(false); }
  awaitable<Result<>> start(HttpResponse head) override {
    for (const auto& [name, value] : head.headers) {
      if (name == "content-type") content_type = value;
    }
    co_return Result<>{};
  }
  awaitable<Result<>> write(Slice piece) override {
    if (stalls) {
      asio::steady_timer& aborted = until_aborted.emplace(co_await asio::this_coro::executor);
      aborted.expires_at(asio::steady_timer::time_point::max());
      boost::system::error_code ignored;
      co_await aborted.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    if (is_gone) co_return fail(ErrorCode::kCancelled, "the client is gone");
    bytes += piece.view();
    messages_written.push_back(piece);
    co_return Result<>{};
  }
  awaitable<Result<>> finish() override {
    finished = true;
    co_return Result<>{};
  }
  void abort() override {
    is_gone = true;
    if (until_aborted) until_aborted->cancel();
  }
  void on_interrupt(std::function<void(Interrupt)> notify) override { interrupt = notify; }

  struct Message {
    std::string type;  // of event or exception
    std::string payload;
  };
  std::vector<Message> messages() const {
    std::vector<Message> all;
    std::string_view rest = bytes;
    while (!rest.empty()) {
      const auto decoded = wire::decode_event_message(rest);
      MS_ASSERT(decoded && *decoded);
      Message& message = all.emplace_back();
      for (const auto& header : (*decoded)->headers) {
        if (header.name == ":event-type" || header.name == ":exception-type") {
          message.type = std::get<std::string>(header.value);
        }
      }
      message.payload = (*decoded)->payload;
      rest.remove_prefix((*decoded)->size);
    }
    return all;
  }
  std::vector<std::string> types() const {
    std::vector<std::string> all;
    for (const Message& message : messages()) all.push_back(message.type);
    return all;
  }

  std::string content_type;
  std::string bytes;
  std::vector<Slice> messages_written;
  bool finished = false;
  bool is_gone = false;
  bool stalls = false;  // takes nothing more
  std::optional<asio::steady_timer> until_aborted;
  std::function<void(Interrupt)> interrupt;
};

struct Running {
  Reader out;
  std::optional<Result<>> result;
};

class SubscribeTest : public ControlHarness {
 protected:
  SubscribeTest() {
    streams_.emplace(
        StreamsContext{.log = log, .catalog = catalog(), .clock = clock, .settings = settings});
    subscriber_ = std::make_shared<Subscriber>(*streams_);
    MS_ASSERT(create("clicks"));
    consumer_ = add_consumer("reader");
  }

  // What waits in the log must not outlive the loop.
  void TearDown() override {
    for (const auto& running : all_) {
      if (!running->result) running->out.interrupt(ResponseStream::Interrupt::kDraining);
      run_until([&] { return running->result.has_value(); });
    }
  }

  std::string add_consumer(const std::string& name) {
    kinesis::RegisterStreamConsumerInput in;
    in.stream_arn = key("clicks").arn();
    in.consumer_name = name;
    return wait(control().register_consumer(context, in)).value().consumer.consumer_arn;
  }
  std::shared_ptr<Running> subscribe(std::string position = R"({"Type":"TRIM_HORIZON"})",
                                     std::string consumer = "",
                                     std::string shard = "shardId-000000000000") {
    auto running = all_.emplace_back(std::make_shared<Running>());
    Running* place = running.get();
    const Slice body =
        Slice::copy_of(fmt::format(R"({{"ConsumerARN":"{}","ShardId":"{}","StartingPosition":{}}})",
                                   consumer.empty() ? consumer_ : consumer, shard, position));
    asio::co_spawn(loop(), subscriber_->subscribe(context, body, place->out),
                   [place](std::exception_ptr error, Result<> result) {
                     MS_ASSERT(!error);
                     place->result = std::move(result);
                   });
    return running;
  }
  template <class Predicate>
  void run_until(Predicate predicate) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!predicate()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
      loop().run_one_for(std::chrono::milliseconds(20));
    }
  }
  void wait_for_messages(const Running& running, size_t count) {
    run_until([&] { return running.out.messages().size() >= count; });
  }
  const Shard& shard(size_t at = 0) {
    seen_ = find("clicks");
    return seen_->shards.at(at);
  }
  static kinesis::SubscribeToShardEvent event(const Running& running, size_t at) {
    return wire::from_json<kinesis::SubscribeToShardEvent>(running.out.messages().at(at).payload)
        .value();
  }

  std::optional<StreamsContext> streams_;
  std::shared_ptr<Subscriber> subscriber_;
  std::string consumer_;
  std::shared_ptr<const Stream> seen_;
  std::vector<std::shared_ptr<Running>> all_;
};

TEST_F(SubscribeTest, RecordsBeforeAndAfterTheCallArePushedInOrder) {
  const Appended first = append(shard());
  const auto running = subscribe();
  wait_for_messages(*running, 2);
  EXPECT_EQ(running->out.content_type, "application/vnd.amazon.eventstream");
  EXPECT_EQ(running->out.messages()[0].type, "initial-response");
  EXPECT_EQ(running->out.messages()[0].payload, "{}");
  const auto before = event(*running, 1);
  ASSERT_EQ(before.records.size(), 1U);
  EXPECT_EQ(before.continuation_sequence_number, before.records[0].sequence_number);
  EXPECT_EQ(before.millis_behind_latest, 0);
  const Appended second = append(shard());
  wait_for_messages(*running, 3);
  const auto after = event(*running, 2);
  ASSERT_EQ(after.records.size(), 1U);
  EXPECT_EQ(parse_sequence_number(after.records[0].sequence_number)->counter, second.first);
  EXPECT_GT(second.first, first.first);
  running->out.interrupt(ResponseStream::Interrupt::kDraining);
  run_until([&] { return running->result.has_value(); });
  EXPECT_TRUE(running->out.finished);
}

TEST_F(SubscribeTest, ADryRunChecksAndSubscribesNobody) {
  const auto dry = [&](std::string_view shard) {
    auto running = all_.emplace_back(std::make_shared<Running>());
    Running* place = running.get();
    const Slice body = Slice::copy_of(fmt::format(
        R"({{"ConsumerARN":"{}","ShardId":"{}","DryRun":true,"StartingPosition":{{"Type":"LATEST"}}}})",
        consumer_, shard));
    asio::co_spawn(loop(), subscriber_->subscribe(context, body, place->out),
                   [place](std::exception_ptr, Result<> result) { place->result = result; });
    run_until([&] { return place->result.has_value(); });
    return place->result->error().code;
  };
  EXPECT_EQ(dry("shardId-000000000000"), ErrorCode::kDryRun);
  EXPECT_EQ(dry("shardId-000000000009"), ErrorCode::kNotFound);
  const auto running = subscribe();  // not held up by the one before
  wait_for_messages(*running, 1);
  EXPECT_EQ(running->out.types()[0], "initial-response");
}

TEST_F(SubscribeTest, AReaderGoesOnAfterItsContinuationWithoutGapOrRepetition) {
  append(shard());
  const auto running = subscribe();
  wait_for_messages(*running, 2);
  running->out.interrupt(ResponseStream::Interrupt::kDraining);
  run_until([&] { return running->result.has_value(); });
  const Appended next = append(shard());
  const auto again =
      subscribe(fmt::format(R"({{"Type":"AFTER_SEQUENCE_NUMBER","SequenceNumber":"{}"}})",
                            event(*running, 1).continuation_sequence_number));
  wait_for_messages(*again, 2);
  const auto records = event(*again, 1).records;
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(parse_sequence_number(records[0].sequence_number)->counter, next.first);
}

TEST_F(SubscribeTest, AQuietShardSendsEventsWhoseContinuationIsValid) {
  const auto running = subscribe(R"({"Type":"LATEST"})");
  wait_for_messages(*running, 1);
  clock.advance(std::chrono::seconds(6));
  wait_for_messages(*running, 2);  // the real wait: five seconds
  const auto quiet = event(*running, 1);
  EXPECT_TRUE(quiet.records.empty());
  const Appended next = append(shard());
  const auto other = add_consumer("other");
  const auto again =
      subscribe(fmt::format(R"({{"Type":"AFTER_SEQUENCE_NUMBER","SequenceNumber":"{}"}})",
                            quiet.continuation_sequence_number),
                other);
  wait_for_messages(*again, 2);
  ASSERT_EQ(event(*again, 1).records.size(), 1U);
  EXPECT_EQ(parse_sequence_number(event(*again, 1).records[0].sequence_number)->counter,
            next.first);
}

TEST_F(SubscribeTest, ASecondCallTakesOverAfterFiveSecondsOnly) {
  const auto first = subscribe();
  wait_for_messages(*first, 1);
  const auto early = subscribe();
  run_until([&] { return early->result.has_value(); });
  EXPECT_THAT(*early->result, fails(ErrorCode::kInUse, "Another active subscription"));
  EXPECT_TRUE(early->out.bytes.empty());
  clock.advance(std::chrono::seconds(5));
  const auto second = subscribe();
  run_until([&] { return first->result.has_value(); });
  EXPECT_EQ(first->out.messages().back().type, "ResourceInUseException");
  EXPECT_TRUE(first->out.finished);
  append(shard());
  run_until([&] {
    const auto types = second->out.types();
    return types.size() >= 2;
  });
  EXPECT_FALSE(second->result);
}

TEST_F(SubscribeTest, ASubscriptionEndsAfterFiveMinutes) {
  const auto running = subscribe();
  wait_for_messages(*running, 1);
  clock.advance(std::chrono::minutes(5));
  append(shard());  // ends the wait
  run_until([&] { return running->result.has_value(); });
  EXPECT_TRUE(running->out.finished);
  EXPECT_EQ(running->out.types().front(), "initial-response");
  const auto types = running->out.types();
  EXPECT_EQ(std::ranges::count(types, "ResourceInUseException"), 0);
  const auto again = subscribe();
  wait_for_messages(*again, 2);
}

TEST_F(SubscribeTest, AClosedShardEndsWithItsChildren) {
  append(shard());
  const auto running = subscribe();
  wait_for_messages(*running, 2);
  ASSERT_TRUE(split("clicks", "shardId-000000000000", "170141183460469231731687303715884105728"));
  run_until([&] { return running->result.has_value(); });
  EXPECT_TRUE(running->out.finished);
  const std::string last = running->out.messages().back().payload;
  EXPECT_TRUE(last.contains(R"("ChildShards":[{"ShardId":"shardId-000000000001")")) << last;
  // The KCL tells the end of a shard by this.
  EXPECT_FALSE(last.contains("ContinuationSequenceNumber"));
}

TEST_F(SubscribeTest, ADeletedConsumerOrStreamEndsIt) {
  const auto running = subscribe();
  wait_for_messages(*running, 1);
  kinesis::DeregisterStreamConsumerInput in;
  in.consumer_arn = consumer_;
  ASSERT_TRUE(wait(control().deregister_consumer(context, in)));
  append(shard());
  run_until([&] { return running->result.has_value(); });
  EXPECT_EQ(running->out.messages().back().type, "ResourceNotFoundException");

  const auto other = subscribe(R"({"Type":"LATEST"})", add_consumer("other"));
  wait_for_messages(*other, 1);
  kinesis::DeleteStreamInput all;
  all.stream_name = "clicks";
  all.enforce_consumer_deletion = true;
  ASSERT_TRUE(wait(control().delete_stream(context, all)));
  run_until([&] { return other->result.has_value(); });
  EXPECT_EQ(other->out.messages().back().type, "ResourceNotFoundException");
}

TEST_F(SubscribeTest, ConsumersOfAShardShareTheEncodedEvent) {
  const auto one = subscribe();
  const auto two = subscribe(R"({"Type":"TRIM_HORIZON"})", add_consumer("other"));
  wait_for_messages(*one, 1);
  wait_for_messages(*two, 1);
  append(shard());
  wait_for_messages(*one, 2);
  wait_for_messages(*two, 2);
  EXPECT_EQ(one->out.messages_written[1].data(), two->out.messages_written[1].data());
}

TEST_F(SubscribeTest, AClientThatIsGoneMakesRoomAtOnce) {
  const auto first = subscribe();
  wait_for_messages(*first, 1);
  first->out.is_gone = true;
  first->out.interrupt(ResponseStream::Interrupt::kClosed);
  run_until([&] { return first->result.has_value(); });
  const auto second = subscribe();
  wait_for_messages(*second, 1);
  EXPECT_FALSE(second->result);
}

TEST_F(SubscribeTest, WhatCannotBeSubscribedToIsRefusedBeforeAnythingIsWritten) {
  const auto no_shard = subscribe(R"({"Type":"LATEST"})", "", "shardId-000000000009");
  run_until([&] { return no_shard->result.has_value(); });
  EXPECT_THAT(*no_shard->result, fails(ErrorCode::kNotFound, "shardId-000000000009"));
  const auto no_consumer =
      subscribe(R"({"Type":"LATEST"})", key("clicks").arn() + "/consumer/nobody:1");
  run_until([&] { return no_consumer->result.has_value(); });
  EXPECT_THAT(*no_consumer->result, fails(ErrorCode::kNotFound, "nobody"));
  const auto no_number = subscribe(R"({"Type":"AFTER_SEQUENCE_NUMBER"})");
  run_until([&] { return no_number->result.has_value(); });
  EXPECT_THAT(*no_number->result, fails(ErrorCode::kInvalidArgument, "StartingSequenceNumber"));
  settings.state_delay = std::chrono::minutes(1);
  const auto creating = subscribe();
  run_until([&] { return creating->result.has_value(); });
  EXPECT_THAT(*creating->result, fails(ErrorCode::kInUse, "not in ACTIVE"));
  EXPECT_TRUE(creating->out.bytes.empty());
}

TEST_F(SubscribeTest, AClientThatTakesNothingIsCutOffAndMakesRoom) {
  constexpr std::chrono::milliseconds kTimeout{200};
  subscriber_ = std::make_shared<Subscriber>(*streams_, kTimeout);
  const auto stalled = subscribe();
  wait_for_messages(*stalled, 1);
  stalled->out.stalls = true;
  const auto before = std::chrono::steady_clock::now();
  append(shard());
  run_until([&] { return stalled->result.has_value(); });
  EXPECT_GE(std::chrono::steady_clock::now() - before, kTimeout);
  EXPECT_TRUE(stalled->out.is_gone);
  EXPECT_FALSE(stalled->out.finished);  // cut off, not ended in order
  const auto next = subscribe();
  wait_for_messages(*next, 2);
  EXPECT_FALSE(next->result);
}

class LimitedSubscribeTest : public SubscribeTest {
 protected:
  LimitedSubscribeTest() {
    settings.shard_limits = ShardLimits::aws();
    subscriber_ = std::make_shared<Subscriber>(*streams_);
  }
  // A record that is stored in exactly 256 KiB: four make an event.
  void append_quarter() {
    constexpr size_t kSize = 256 << 10;
    std::string body(kSize, 'x');
    store_record_head(body.data(), "k", kSize - stored_record_size(1, 0));
    ShardBatch batch;
    batch.shard = shard().log_id;
    batch.records = 1;
    batch.body = Slice::copy_of(body);
    ASSERT_TRUE(wait(log.append({batch}, {})));
  }
  size_t events_after(const Running& running, std::chrono::milliseconds time) {
    clock.advance(time);
    // What is paced looks at the clock at least so often.
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(600);
    while (std::chrono::steady_clock::now() < until) {
      loop().run_one_for(std::chrono::milliseconds(20));
    }
    return running.out.messages_written.size() - 1;
  }
  Result<> refusal(const std::shared_ptr<Running>& running) {
    run_until([&] { return running->result.has_value(); });
    EXPECT_TRUE(running->out.bytes.empty());
    return *running->result;
  }
};

TEST_F(LimitedSubscribeTest, TwoMebibytesASecondArePushedToEachConsumer) {
  using std::chrono::milliseconds;
  for (int i = 0; i < 40; ++i) append_quarter();
  const auto one = subscribe();
  EXPECT_EQ(events_after(*one, milliseconds(0)), 2U);  // a second's worth
  EXPECT_EQ(events_after(*one, milliseconds(1)), 3U);  // half a second ahead
  EXPECT_EQ(events_after(*one, milliseconds(499)), 3U);
  const auto two = subscribe(R"({"Type":"TRIM_HORIZON"})", add_consumer("other"));
  EXPECT_EQ(events_after(*two, milliseconds(0)), 2U);
  EXPECT_EQ(events_after(*one, milliseconds(1)), 4U);
  EXPECT_EQ(events_after(*one, milliseconds(499)), 4U);
  EXPECT_EQ(events_after(*one, milliseconds(1)), 5U);
}

TEST_F(LimitedSubscribeTest, ACallASecondAndAFifthSecondBetweenSubscriptions) {
  using std::chrono::milliseconds;
  const auto first = subscribe();
  wait_for_messages(*first, 1);
  EXPECT_THAT(refusal(subscribe()),
              fails(ErrorCode::kLimitExceeded,
                    "Rate exceeded for consumer " + consumer_ + " and shard shardId-000000000000"));
  clock.advance(milliseconds(999));
  EXPECT_THAT(refusal(subscribe()), fails(ErrorCode::kLimitExceeded, "Rate exceeded"));
  clock.advance(milliseconds(1));
  EXPECT_THAT(refusal(subscribe()), fails(ErrorCode::kInUse, "Another active subscription"));
  // Another consumer of the shard has calls of its own.
  const auto other = subscribe(R"({"Type":"LATEST"})", add_consumer("other"));
  wait_for_messages(*other, 1);
  clock.advance(milliseconds(2'999));
  EXPECT_THAT(refusal(subscribe()), fails(ErrorCode::kInUse, "Another active subscription"));
  clock.advance(milliseconds(1'001));
  const auto second = subscribe();
  wait_for_messages(*second, 1);
  run_until([&] { return first->result.has_value(); });
  EXPECT_EQ(first->out.messages().back().type, "ResourceInUseException");
}

TEST_F(LimitedSubscribeTest, OneThatHasEndedStaysInTheWayForFiveSeconds) {
  using std::chrono::milliseconds;
  const auto first = subscribe();
  wait_for_messages(*first, 1);
  first->out.is_gone = true;
  first->out.interrupt(ResponseStream::Interrupt::kClosed);
  run_until([&] { return first->result.has_value(); });
  clock.advance(milliseconds(3'999));
  EXPECT_THAT(refusal(subscribe()), fails(ErrorCode::kInUse, "Another active subscription"));
  clock.advance(milliseconds(1'001));
  const auto second = subscribe();
  wait_for_messages(*second, 1);
  EXPECT_FALSE(second->result);
}

}  // namespace
}  // namespace millstream::streams
