#include "base/bytes.h"

#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/buffer_pool.h"

namespace millstream {
namespace {

TEST(Buffer, HasTheCapacityAskedForAndZeroesBehindIt) {
  for (size_t capacity : {size_t{0}, size_t{1}, size_t{255}, size_t{256}, size_t{257}, size_t{320},
                          size_t{321}, size_t{65536}, size_t{65537}, size_t{1} << 20,
                          (size_t{16} << 20), (size_t{16} << 20) + 1}) {
    // Twice: new memory, then memory from the pool that the first round has written to.
    for (int round = 0; round < 2; ++round) {
      BufferRef buffer = BufferRef::allocate(capacity);
      ASSERT_GE(buffer->capacity(), capacity);
      ASSERT_LE(buffer->capacity(), std::max<size_t>(256, capacity + capacity / 4 + 1));
      const std::string_view padding(buffer->data() + buffer->capacity(), kBufferPadding);
      ASSERT_EQ(padding, std::string(kBufferPadding, '\0')) << capacity;
      std::memset(buffer->data(), 0x5a, buffer->capacity() + kBufferPadding);
    }
  }
}

TEST(Buffer, CountsWhatIsInUse) {
  const size_t before = buffer_bytes_in_use();
  {
    BufferRef first = BufferRef::allocate(1000);
    const size_t capacity = first->capacity();
    BufferRef second = first;
    EXPECT_EQ(buffer_bytes_in_use(), before + capacity);
    first = BufferRef();
    EXPECT_EQ(buffer_bytes_in_use(), before + capacity);
  }
  EXPECT_EQ(buffer_bytes_in_use(), before);
}

TEST(Buffer, ThePoolIsBounded) {
  std::vector<BufferRef> buffers;
  for (int i = 0; i < 96; ++i) buffers.push_back(BufferRef::allocate(size_t{1} << 20));
  buffers.clear();
  EXPECT_LE(buffer_bytes_pooled(), (size_t{64} << 20) + (size_t{2} << 20));
}

TEST(Buffer, ThePoolKeepsNoMoreThanItIsTold) {
  constexpr size_t kMiB = 1 << 20;
  std::vector<BufferRef> buffers;  // more than the pool has of this size
  for (int i = 0; i < 96; ++i) buffers.push_back(BufferRef::allocate(kMiB));
  const size_t others = buffer_bytes_pooled();
  limit_idle_memory(others + 8 * kMiB);
  buffers.clear();
  limit_idle_memory(64 * kMiB);
  EXPECT_GT(buffer_bytes_pooled(), others);
  EXPECT_LE(buffer_bytes_pooled(), others + 8 * kMiB);
}

TEST(Buffer, ASliceKeepsItsBufferAlive) {
  Slice part;
  {
    const Slice whole = Slice::copy_of("hello, world");
    part = whole.sub(7, 5);
  }
  EXPECT_EQ(part.view(), "world");
  EXPECT_EQ(Slice().view(), "");
  EXPECT_EQ(Slice::of_static("abc").view(), "abc");
}

TEST(Buffer, BuffersDroppedByOtherThreadsKeepTheirContentUntilThen) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 300;
  const size_t before = buffer_bytes_in_use();
  std::vector<std::vector<Slice>> boxes(kThreads);
  for (int round = 0; round < kRounds; ++round) {
    // Each thread fills a box with its own slices and empties the box of its neighbour.
    std::vector<std::vector<Slice>> next(kThreads);
    std::vector<std::thread> threads;
    std::atomic<int> wrong{0};
    for (size_t me = 0; me < kThreads; ++me) {
      threads.emplace_back([&, me] {
        for (const Slice& slice : boxes[(me + 1) % kThreads]) {
          const std::string_view view = slice.view();
          if (view.find_first_not_of(view[0]) != std::string_view::npos) ++wrong;
        }
        boxes[(me + 1) % kThreads].clear();
        std::mt19937_64 random(static_cast<uint64_t>(round) * kThreads + me);
        for (int i = 0; i < 10; ++i) {
          const size_t size = 1 + random() % 5000;
          next[me].push_back(
              Slice::copy_of(std::string(size, static_cast<char>('a' + random() % 26))));
        }
      });
    }
    for (auto& thread : threads) thread.join();
    ASSERT_EQ(wrong, 0);
    boxes = std::move(next);
  }
  boxes.clear();
  EXPECT_EQ(buffer_bytes_in_use(), before);
}

}  // namespace
}  // namespace millstream
