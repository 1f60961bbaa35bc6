// What the tests of this folder share: a service in a world whose parts are in memory, and can
// fail or crash at any step.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/manual_clock.h"
#include "firehose/service.h"
#include "log/fake_shard_log.h"
#include "log/record.h"
#include "meta/meta_store.h"

namespace millstream::firehose {

// Counts the steps that change something, and stops the world at one of them.
//
// Threads: any.
class CrashPoint {
 public:
  enum class Mode : uint8_t {
    kBefore,  // the step has no effect
    kAfter,   // it has, but nobody learns of it
    kUnseen,  // the same, and the world goes on
  };

  void arm(int step, Mode mode) {
    steps_ = 0;
    crash_at_ = step;
    mode_ = mode;
    crashed_ = false;
    reached_ = false;
  }
  bool reached() const { return reached_; }
  bool crashed() const { return crashed_; }
  int steps() const { return steps_; }

  // Runs `effect` as a step; its result, or an error if the world stops here or has stopped.
  template <class Effect>
  auto step(Effect effect) -> decltype(effect()) {
    if (crashed_) return gone();
    if (++steps_ == crash_at_) {
      if (mode_ != Mode::kBefore) (void)effect();
      reached_ = true;
      crashed_ = mode_ != Mode::kUnseen;
      return gone();
    }
    return effect();
  }
  // A step whose effect comes after it: it can only crash before.
  Result<> check() {
    return step([]() -> Result<> { return {}; });
  }
  static std::unexpected<Error> gone() {
    return fail(ErrorCode::kUnavailable, "the machine has stopped");
  }

 private:
  std::atomic<int> steps_ = 0;
  int crash_at_ = 0;  // 0: never
  Mode mode_ = Mode::kBefore;
  std::atomic<bool> crashed_ = false;
  std::atomic<bool> reached_ = false;
};

class CrashingMeta final : public MetaStore {
 public:
  CrashingMeta(MetaStore& inner, CrashPoint& point) : inner_(inner), point_(point) {}
  Result<> migrate(std::span<const Migration> steps) override { return inner_.migrate(steps); }
  awaitable<Result<>> write(Work work) override { co_return write_now(work); }
  awaitable<Result<>> read(Work work) override { co_return read_now(work); }
  Result<> write_now(const Work& work) override {
    return point_.step([&] { return inner_.write_now(work); });
  }
  Result<> read_now(const Work& work) override {
    if (point_.crashed()) return CrashPoint::gone();
    return inner_.read_now(work);
  }
  Result<int64_t> next_number(Transaction& transaction, std::string_view sequence) override {
    return inner_.next_number(transaction, sequence);
  }

 private:
  MetaStore& inner_;
  CrashPoint& point_;
};

// Keeps objects; notices when one is put again with other bytes.
class RecordingStore final : public ObjectStore {
 public:
  explicit RecordingStore(CrashPoint& point) : point_(point) {}

  // Called before a put, with the key; an error refuses it.
  void set_refusal(std::function<Result<>(const std::string&)> refusal) {
    std::lock_guard lock(mutex_);
    refusal_ = std::move(refusal);
  }
  std::map<std::string, std::string> objects() const {  // by bucket/key
    std::lock_guard lock(mutex_);
    return objects_;
  }
  bool changed_an_object() const { return changed_an_object_; }

  awaitable<Result<>> put(std::string bucket, std::string key, std::vector<Slice> parts,
                          PutOptions) override {
    std::string content;
    for (const Slice& part : parts) content += part.view();
    co_return point_.step([&]() -> Result<> {
      std::lock_guard lock(mutex_);
      if (refusal_) TRY(refusal_(key));
      const auto [place, is_new] = objects_.try_emplace(bucket + "/" + key, content);
      if (!is_new && place->second != content) changed_an_object_ = true;
      return {};
    });
  }
  awaitable<Result<Slice>> get(std::string, std::string) override { co_return unused(); }
  awaitable<Result<ObjectInfo>> head(std::string, std::string) override { co_return unused(); }
  awaitable<Result<ObjectPage>> list(std::string, std::string, std::string, size_t) override {
    co_return unused();
  }
  awaitable<Result<>> remove(std::string, std::string) override { co_return unused(); }
  awaitable<Result<>> make_bucket(std::string) override { co_return Result<>{}; }

 private:
  static std::unexpected<Error> unused() {
    return fail(ErrorCode::kInternal, "deliveries only put");
  }
  CrashPoint& point_;
  mutable std::mutex mutex_;
  std::function<Result<>(const std::string&)> refusal_;
  std::map<std::string, std::string> objects_;
  std::atomic<bool> changed_an_object_ = false;
};

class FakeCatalog final : public streams::Catalog {
 public:
  void set(streams::Stream stream) {
    std::lock_guard lock(mutex_);
    const streams::StreamKey key = stream.key;
    streams_[key] = std::make_shared<const streams::Stream>(std::move(stream));
  }
  void erase(const streams::StreamKey& key) {
    std::lock_guard lock(mutex_);
    streams_.erase(key);
  }
  std::shared_ptr<const streams::Stream> find(const streams::StreamKey& key) const override {
    std::lock_guard lock(mutex_);
    const auto found = streams_.find(key);
    return found == streams_.end() ? nullptr : found->second;
  }
  std::vector<std::shared_ptr<const streams::Stream>> list(std::string_view,
                                                           std::string_view) const override {
    return {};
  }
  awaitable<> wait_for_change(streams::StreamKey, std::shared_ptr<const streams::Stream>,
                              std::chrono::milliseconds) override {
    co_return;
  }

 private:
  mutable std::mutex mutex_;
  std::map<streams::StreamKey, std::shared_ptr<const streams::Stream>> streams_;
};

// What outlives a crash, and the service that does not.
class World {
 public:
  World() : meta_(*open_sqlite(":memory:")), crashing_meta_(*meta_, point) {
    settings.poll = std::chrono::milliseconds(1);
    settings.retry = {-1, std::chrono::milliseconds(1), std::chrono::milliseconds(5)};
    log.set_hook([this](std::string_view call, ShardId) -> Result<> {
      const bool is_services =
          call == "read" || call == "trim" || call == "position_at" || call == "remove";
      if (!is_services && !(crash_appends && (call == "append" || call == "create"))) return {};
      return point.check();
    });
  }
  ~World() { stop(); }

  Result<> start() {
    pool_ = std::make_unique<asio::thread_pool>(2);
    service_ = std::make_unique<FirehoseService>(
        FirehoseContext{log, catalog, crashing_meta_, lake, use_s3 ? &s3 : nullptr, clock,
                        pool_->get_executor(), metrics, settings});
    return service_->start();
  }
  void stop() {
    if (!service_) return;
    run(service_->stop(std::chrono::milliseconds(0)));
    pool_->join();
    service_.reset();
    pool_.reset();
  }
  // As after the power came back.
  Result<> restart() {
    stop();
    point.arm(0, CrashPoint::Mode::kBefore);
    log.restart();
    return start();
  }
  FirehoseService& service() { return *service_; }

  template <class T>
  T run(awaitable<T> work) {
    return asio::co_spawn(pool_->get_executor(), std::move(work), asio::use_future).get();
  }
  // Until `holds`; false after ten seconds, or once the world has stopped.
  bool wait_until(const std::function<bool()>& holds) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!holds()) {
      if (point.crashed() || std::chrono::steady_clock::now() > end) return holds();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
  }

  Result<> create(wire::firehose::CreateDeliveryStreamInput in) {
    auto created = run(service_->create(caller, std::move(in)));
    if (!created) return std::unexpected(created.error());
    return {};
  }
  Result<> put(const std::string& stream, const std::vector<std::string>& records) {
    wire::firehose::PutRecordBatchInput in;
    in.delivery_stream_name = stream;
    for (const std::string& data : records) in.records.push_back({data});
    auto done = run(service_->put_record_batch(caller, std::move(in)));
    if (!done) return std::unexpected(done.error());
    return {};
  }
  Result<wire::firehose::DeliveryStreamDescription> describe(const std::string& stream) {
    auto found = service_->describe(caller, {stream, {}, {}});
    if (!found) return std::unexpected(found.error());
    return found->delivery_stream_description;
  }
  // Straight into the log, as Data Streams does.
  void append(ShardId shard, const std::vector<std::string>& records) {
    size_t size = 0;
    for (const std::string& data : records) size += stored_record_size(1, data.size());
    BufferRef buffer = BufferRef::allocate(size);
    char* to = buffer->data();
    for (const std::string& data : records) {
      to = store_record_head(to, "k", data.size());
      to = std::copy(data.begin(), data.end(), to);
    }
    ShardBatch batch{shard, static_cast<uint32_t>(records.size()), 0, Slice(buffer, size)};
    batch.checksum = crc32c(batch.body.view());
    ASSERT_TRUE(run(log.append({batch}, {})));
  }
  uint64_t lost_records() {
    return metrics.counter("millstream_firehose_lost_records_total", "").value();
  }

  CrashPoint point;
  bool crash_appends = false;
  bool use_s3 = false;
  FirehoseSettings settings;
  ManualClock clock;
  MetricRegistry metrics;
  FakeShardLog log{clock};
  FakeCatalog catalog;
  RecordingStore lake{point};
  RecordingStore s3{point};
  wire::RequestContext caller{"000000000000",          "us-east-1", "k", "r",
                              wire::Protocol::kJson11, nullptr};

 private:
  std::unique_ptr<MetaStore> meta_;
  CrashingMeta crashing_meta_;
  std::unique_ptr<asio::thread_pool> pool_;
  std::unique_ptr<FirehoseService> service_;
};

inline wire::firehose::CreateDeliveryStreamInput direct_put(const std::string& name) {
  wire::firehose::CreateDeliveryStreamInput in;
  in.delivery_stream_name = name;
  auto& s3 = in.extended_s3_destination_configuration.emplace();
  s3.role_arn = "arn:aws:iam::000000000000:role/r";
  s3.bucket_arn = "arn:aws:s3:::bucket";
  s3.buffering_hints.emplace(wire::firehose::BufferingHints{1, 60});
  return in;
}

// From a stream of that name.
inline wire::firehose::CreateDeliveryStreamInput from_stream(const std::string& name) {
  wire::firehose::CreateDeliveryStreamInput in = direct_put(name);
  in.delivery_stream_type = "KinesisStreamAsSource";
  in.kinesis_stream_source_configuration.emplace(wire::firehose::KinesisStreamSourceConfiguration{
      "arn:aws:kinesis:us-east-1:000000000000:stream/" + name, "arn:aws:iam::000000000000:role/r"});
  return in;
}

inline std::string all_content(const std::map<std::string, std::string>& objects) {
  std::string all;
  for (const auto& [key, content] : objects) all += content;
  return all;
}

}  // namespace millstream::firehose
