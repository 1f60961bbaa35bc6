// What encryption costs a record: prints nanoseconds of processor time and GB/s by size, in batches
// of 100.
#include <time.h>

#include <cstdio>

#include "log/encrypted/fake_key_rings.h"
#include "log/encrypted/record_cipher.h"

namespace millstream {
namespace {

constexpr uint32_t kBatch = 100;
constexpr double kTimeNs = 5e8;

// Of this thread: others that run beside it don't count.
double processor_ns() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

// Nanoseconds a record.
template <class Work>
double measure(Work work) {
  const double start = processor_ns();
  double records = 0;
  while (processor_ns() - start < kTimeNs) {
    for (int i = 0; i < 10; ++i) work();
    records += 10 * kBatch;
  }
  return (processor_ns() - start) / records;
}

void measure_size(size_t size) {
  constexpr ShardId kShard{1};
  const auto key = std::make_shared<const DataKey>(1, SecretKey());
  const std::vector<PlainRecord> records(kBatch, {"partition-key", std::string(size, 'x')});
  const ShardBatch plain = plain_batch(kShard, records);
  const ShardBatch encrypted = encrypt_batch(plain, {key, 0});
  const double encrypt = measure([&] { encrypt_batch(plain, {key, 0}); });
  const double decrypt =
      measure([&] { MS_ASSERT(decrypt_records(encrypted.body, kShard, {key}).has_value()); });
  std::printf("%8zu B: encrypt %8.0f ns (%5.2f GB/s), decrypt %8.0f ns (%5.2f GB/s)\n", size,
              encrypt, static_cast<double>(size) / encrypt, decrypt,
              static_cast<double>(size) / decrypt);
}

}  // namespace
}  // namespace millstream

int main() {
  for (const size_t size : {size_t{100}, size_t{1} << 10, size_t{10} << 10, size_t{100} << 10}) {
    millstream::measure_size(size);
  }
}
