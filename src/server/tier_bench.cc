// Measures reads of records in the object store (a folder): tier_bench FOLDER [MIB [FILES]]
// Works in FOLDER/tier-bench, which is removed.
//
//   move    MIB of 1 KiB records go from the local disk to the folder
//   cold    all are read from there, one read after the other; nothing is in any cache
//   cached  the same again, from the local cache
//   time    the first record at a time, in a shard of FILES files that are all in the folder
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <random>

#include <boost/asio/io_context.hpp>

#include "base/hash.h"
#include "base/logging.h"
#include "base/real_env.h"
#include "log/local/local_log.h"
#include "log/record.h"
#include "server/tier_part.h"

namespace millstream::server {
namespace {

namespace fs = std::filesystem;
using SteadyClock = std::chrono::steady_clock;

constexpr size_t kDataBytes = 1024;
constexpr uint32_t kRecords = 1000;  // of an append
constexpr ShardId kDrained{1};
constexpr ShardId kSearched{2};

double seconds_since(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

template <class T>
T run(awaitable<T> work) {
  asio::io_context io;
  std::optional<T> result;
  asio::co_spawn(io, std::move(work), [&](std::exception_ptr error, T value) {
    if (error) std::rethrow_exception(error);
    result = std::move(value);
  });
  io.run();
  return *std::move(result);
}

template <class T>
T must(Result<T> result) {
  if (!result) {
    std::printf("%s\n", result.error().message.c_str());
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

// The kernel's copies of all files below the folder, so that reads come from the disk.
void drop_page_cache(const std::string& folder) {
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    const int file = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) continue;
    ::fdatasync(file);
    ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    ::close(file);
  }
}

ShardBatch batch(ShardId shard, uint32_t records) {
  const size_t size = stored_record_size(3, kDataBytes);
  BufferRef buffer = BufferRef::allocate(size * records);
  char* at = buffer->data();
  for (uint32_t i = 0; i < records; ++i) {
    at = store_record_head(at, "key", kDataBytes);
    std::fill_n(at, kDataBytes, static_cast<char>('a' + i % 26));
    at += kDataBytes;
  }
  Slice body(std::move(buffer), size * records);
  const uint32_t checksum = crc32c(body.view());
  return {shard, records, checksum, std::move(body)};
}

class Bench {
 public:
  Bench(std::string folder, uint64_t mib, int files)
      : folder_(std::move(folder)), mib_(mib), files_(files) {
    config_.tier_url = "file://" + folder_ + "/store";
  }

  void run_all() {
    open(uint64_t{64} << 20);
    must(run(log_->create(kDrained, {})));
    must(run(log_->create(kSearched, {})));
    fill_drained();
    reopen();
    drain("cold");
    drain("cached");
    fill_searched();
    log_.reset();
    drop_page_cache(folder_);
    const auto start = SteadyClock::now();
    open(1);
    std::printf("open with %d files in the store: %.0f ms\n", files_, seconds_since(start) * 1000);
    search();
  }

 private:
  void open(uint64_t roll_bytes) {
    LocalLogOptions options{.folder = folder_ + "/log"};
    options.tail_cache_bytes = 0;
    options.roll_bytes = roll_bytes;
    options.tier = must(tier_options(config_, real_env()));
    options.tier.after = std::chrono::hours(1000);  // when asked to
    options.tier.cache_bytes = (mib_ + 64) << 20;
    log_ = must(LocalLog::open(real_env(), std::move(options)));
  }
  void reopen() {
    log_.reset();
    open(1);  // each checkpoint closes the segment before
    drop_page_cache(folder_);
  }

  void append(ShardId shard, uint32_t records) {
    std::vector<ShardBatch> batches;
    batches.push_back(batch(shard, records));
    must(run(log_->append(std::move(batches))));
  }

  void fill_drained() {
    const uint64_t appends = (mib_ << 20) / (kRecords * kDataBytes);
    for (uint64_t i = 0; i < appends; ++i) append(kDrained, kRecords);
    must(log_->checkpoint_now());
    // The last segment is closed by the first checkpoint after the start.
    reopen();
    append(kDrained, kRecords);
    must(log_->checkpoint_now());
    append(kDrained, kRecords);
    must(log_->checkpoint_now());
    drop_page_cache(folder_);
    const auto start = SteadyClock::now();
    const auto freed = static_cast<double>(must(log_->tier_now(UINT64_MAX)));
    std::printf("move     %7.1f MB/s (%.0f MB)\n", freed / seconds_since(start) / 1e6, freed / 1e6);
  }

  void drain(const char* name) {
    const auto start = SteadyClock::now();
    double bytes = 0;
    for (Counter at = 0;;) {
      const ReadResult read = must(run(log_->read(kDrained, at, {})));
      if (read.batches.empty()) break;
      for (const StoredBatch& batch : read.batches) bytes += static_cast<double>(batch.body.size());
      at = read.next;
    }
    const TierStats stats = log_->tier_stats();
    std::printf("%-8s %7.1f MB/s (%.0f MB; %.0f MB fetched since the start)\n", name,
                bytes / seconds_since(start) / 1e6, bytes / 1e6,
                static_cast<double>(stats.fetched_bytes) / 1e6);
  }

  void fill_searched() {
    for (int i = 0; i <= files_; ++i) {
      for (int part = 0; part < 20; ++part) {
        times_.push_back(real_env().now_ms());
        append(kSearched, 50);
      }
      must(log_->checkpoint_now());
    }
    times_.resize(times_.size() - 20);  // the last file takes further records: it stays
    must(log_->tier_now(UINT64_MAX));
  }

  void search() {
    std::mt19937_64 random(1);
    std::vector<double> micros;
    const uint64_t fetched = log_->tier_stats().fetched_bytes;
    for (int i = 0; i < 1000; ++i) {
      const TimeMs time = times_[random() % times_.size()];
      const auto start = SteadyClock::now();
      must(run(log_->position_at(kSearched, time)));
      micros.push_back(seconds_since(start) * 1e6);
    }
    const double first = micros.front();
    std::ranges::sort(micros);
    std::printf("time     first answer %.0f us, p50 %.0f us, p99 %.0f us (%llu bytes fetched)\n",
                first, micros[500], micros[990],
                static_cast<unsigned long long>(log_->tier_stats().fetched_bytes - fetched));
    const auto start = SteadyClock::now();
    const Counter at = must(run(log_->position_at(kSearched, times_[times_.size() / 2])));
    must(run(log_->read(kSearched, at, {})));
    std::printf("time     first records from the store %.1f ms\n", seconds_since(start) * 1000);
  }

  const std::string folder_;
  const uint64_t mib_;
  const int files_;
  ServerConfig config_;
  std::unique_ptr<LocalLog> log_;
  std::vector<TimeMs> times_;
};

}  // namespace
}  // namespace millstream::server

int main(int argc, char** argv) {
  if (argc < 2) {
    std::printf("usage: tier_bench FOLDER [MIB [FILES]]\n");
    return 2;
  }
  millstream::start_logging(millstream::LogFormat::kHuman, millstream::LogLevel::kWarning);
  const std::string folder = (std::filesystem::absolute(argv[1]) / "tier-bench").string();
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  millstream::server::Bench(folder, argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1024,
                            argc > 3 ? std::atoi(argv[3]) : 1000)
      .run_all();
  std::filesystem::remove_all(folder);
  return 0;
}
