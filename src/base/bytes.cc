#include "base/bytes.h"

#include <malloc.h>

#include <bit>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <vector>

#include "base/buffer_pool.h"
#include "base/result.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define MS_POISON(address, size) __asan_poison_memory_region(address, size)
#define MS_UNPOISON(address, size) __asan_unpoison_memory_region(address, size)
#endif
#endif
#ifndef MS_POISON
#define MS_POISON(address, size) (void)0
#define MS_UNPOISON(address, size) (void)0
#endif

namespace millstream {
namespace {

// Size classes: four to each doubling, so at most a quarter of a buffer lies idle.
constexpr size_t kSmallest = 256;
constexpr size_t kLargest = size_t{16} << 20;
constexpr uint32_t kClasses = 4 * 16 + 1;
constexpr uint32_t kUnpooled = UINT32_MAX;

// Bounds of what is kept for reuse, the first by default. A thread keeps small buffers only, since
// most buffers are dropped by another thread than the one that allocated them.
constexpr size_t kGlobalPoolBytes = size_t{64} << 20;
constexpr size_t kThreadPoolBytes = size_t{512} << 10;
constexpr size_t kThreadPoolLargest = size_t{64} << 10;

constexpr size_t class_capacity(uint32_t size_class) {
  const size_t base = kSmallest << (size_class / 4);
  return base + base / 4 * (size_class % 4);
}
static_assert(class_capacity(kClasses - 1) == kLargest);

uint32_t class_of(size_t capacity) {
  if (capacity <= kSmallest) return 0;
  // The doubling that holds it, then the quarter.
  const auto doubling = static_cast<uint32_t>(std::bit_width((capacity - 1) / kSmallest)) - 1;
  const size_t base = kSmallest << doubling;
  const size_t quarter = base / 4;
  return doubling * 4 + static_cast<uint32_t>((capacity - base + quarter - 1) / quarter);
}

// Larger blocks of malloc are mappings of their own. By default it raises this figure to that of
// the largest block ever freed, up to 32 MiB, and keeps what lies between used blocks.
constexpr int kMappedFromBytes = 1 << 20;
// Free memory at the end of a thread's heap that stays: frames come and go by the hundred KiB.
constexpr int kTrimmedFromBytes = 8 << 20;

std::atomic<size_t> global_pool_bytes{kGlobalPoolBytes};
std::atomic<size_t> in_use_bytes{0};
std::atomic<size_t> pooled_bytes{0};

size_t allocation_size(size_t capacity) { return sizeof(Buffer) + capacity + kBufferPadding; }

struct FreeLists {
  std::vector<void*> free[kClasses];
  size_t bytes = 0;

  void* take(uint32_t size_class) {
    auto& list = free[size_class];
    if (list.empty()) return nullptr;
    void* memory = list.back();
    list.pop_back();
    bytes -= class_capacity(size_class);
    return memory;
  }
  bool give(uint32_t size_class, void* memory, size_t limit) {
    if (bytes + class_capacity(size_class) > limit) return false;
    free[size_class].push_back(memory);
    bytes += class_capacity(size_class);
    return true;
  }
};

struct GlobalPool {
  std::mutex mutex;
  FreeLists lists;

  void* take(uint32_t size_class) {
    std::lock_guard lock(mutex);
    return lists.take(size_class);
  }
  bool give(uint32_t size_class, void* memory) {
    std::lock_guard lock(mutex);
    return lists.give(size_class, memory, global_pool_bytes.load(std::memory_order_relaxed));
  }
};

// Never destroyed: buffers may be dropped while the process ends.
GlobalPool& global_pool() {
  static auto* pool = new GlobalPool;
  return *pool;
}

void free_memory(uint32_t size_class, void* memory) {
  MS_UNPOISON(memory, allocation_size(class_capacity(size_class)));
  pooled_bytes.fetch_sub(class_capacity(size_class), std::memory_order_relaxed);
  std::free(memory);
}

struct ThreadPool {
  FreeLists lists;
  ~ThreadPool();
};
thread_local bool thread_pool_gone = false;  // trivially destroyed: valid to the thread's end

ThreadPool::~ThreadPool() {
  thread_pool_gone = true;
  for (uint32_t size_class = 0; size_class < kClasses; ++size_class) {
    for (void* memory : lists.free[size_class]) {
      if (!global_pool().give(size_class, memory)) free_memory(size_class, memory);
    }
  }
}

ThreadPool* thread_pool() {
  if (thread_pool_gone) return nullptr;
  thread_local ThreadPool pool;
  return &pool;
}

void* take_pooled(uint32_t size_class) {
  void* memory = nullptr;
  if (class_capacity(size_class) <= kThreadPoolLargest) {
    if (ThreadPool* own = thread_pool()) memory = own->lists.take(size_class);
  }
  if (!memory) memory = global_pool().take(size_class);
  if (memory) {
    pooled_bytes.fetch_sub(class_capacity(size_class), std::memory_order_relaxed);
    MS_UNPOISON(memory, allocation_size(class_capacity(size_class)));
  }
  return memory;
}

void give_pooled(uint32_t size_class, void* memory) {
  const size_t capacity = class_capacity(size_class);
  pooled_bytes.fetch_add(capacity, std::memory_order_relaxed);
  // A stale view into a pooled buffer is found by AddressSanitizer all the same.
  MS_POISON(memory, allocation_size(capacity));
  if (capacity <= kThreadPoolLargest) {
    ThreadPool* own = thread_pool();
    if (own && own->lists.give(size_class, memory, kThreadPoolBytes)) return;
  }
  if (!global_pool().give(size_class, memory)) free_memory(size_class, memory);
}

}  // namespace

void limit_idle_memory(size_t bytes) {
  global_pool_bytes.store(bytes, std::memory_order_relaxed);
  ::mallopt(M_MMAP_THRESHOLD, kMappedFromBytes);
  ::mallopt(M_TRIM_THRESHOLD, kTrimmedFromBytes);
}

BufferRef BufferRef::allocate(size_t capacity) {
  void* memory = nullptr;
  uint32_t size_class = kUnpooled;
  if (capacity <= kLargest) {
    size_class = class_of(capacity);
    capacity = class_capacity(size_class);
    memory = take_pooled(size_class);
  }
  if (!memory) memory = std::malloc(allocation_size(capacity));
  MS_ASSERT(memory != nullptr);
  in_use_bytes.fetch_add(capacity, std::memory_order_relaxed);
  auto* buffer = new (memory) Buffer(capacity);
  buffer->size_class_ = size_class;
  std::memset(buffer->data() + capacity, 0, kBufferPadding);
  BufferRef reference;
  reference.buffer_ = buffer;
  return reference;
}

void BufferRef::release() {
  const uint32_t size_class = buffer_->size_class_;
  in_use_bytes.fetch_sub(buffer_->capacity_, std::memory_order_relaxed);
  buffer_->~Buffer();
  if (size_class == kUnpooled) {
    std::free(buffer_);
  } else {
    give_pooled(size_class, buffer_);
  }
}

Slice Slice::copy_of(std::string_view text) {
  BufferRef buffer = BufferRef::allocate(text.size());
  if (!text.empty()) std::memcpy(buffer->data(), text.data(), text.size());
  return {std::move(buffer), text.size()};
}

size_t buffer_bytes_in_use() { return in_use_bytes.load(std::memory_order_relaxed); }
size_t buffer_bytes_pooled() { return pooled_bytes.load(std::memory_order_relaxed); }

}  // namespace millstream
