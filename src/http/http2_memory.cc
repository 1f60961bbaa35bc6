#include "http/http2_memory.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace millstream {
namespace {

constexpr size_t kStep = 32;
constexpr size_t kLists = 32;  // blocks of up to 1 KiB
// AddressSanitizer sees only what malloc gives out.
#if defined(__has_feature) && __has_feature(address_sanitizer)
constexpr uint32_t kKept = 0;
#else
constexpr uint32_t kKept = 128;  // blocks of a list: 2 MiB in all lists of a thread
#endif

// In front of each block.
struct alignas(std::max_align_t) Header {
  size_t size = 0;  // of the block: a multiple of kStep up to kLists * kStep, or larger
  Header* next = nullptr;
};

Header* header_of(void* block) { return static_cast<Header*>(block) - 1; }

class FreeLists {
 public:
  FreeLists() = default;
  FreeLists(const FreeLists&) = delete;
  FreeLists& operator=(const FreeLists&) = delete;
  ~FreeLists() {
    for (List& list : lists_) {
      while (Header* header = list.first) {
        list.first = header->next;
        std::free(header);
      }
    }
  }

  void* allocate(size_t size) {
    size = std::max<size_t>((size + kStep - 1) / kStep * kStep, kStep);
    if (size <= kLists * kStep) {
      List& list = list_for(size);
      if (Header* header = list.first) {
        list.first = header->next;
        --list.blocks;
        return header + 1;
      }
    }
    auto* header = static_cast<Header*>(std::malloc(sizeof(Header) + size));
    if (header == nullptr) return nullptr;
    header->size = size;
    return header + 1;
  }

  void free(void* block) {
    if (block == nullptr) return;
    Header* header = header_of(block);
    if (header->size <= kLists * kStep) {
      List& list = list_for(header->size);
      if (list.blocks < kKept) {
        header->next = list.first;
        list.first = header;
        ++list.blocks;
        return;
      }
    }
    std::free(header);
  }

 private:
  struct List {
    Header* first = nullptr;
    uint32_t blocks = 0;
  };
  List& list_for(size_t size) { return lists_[size / kStep - 1]; }

  std::array<List, kLists> lists_{};
};

FreeLists& lists() {
  static thread_local FreeLists of_thread;
  return of_thread;
}

void* allocate(size_t size, void*) { return lists().allocate(size); }
void release(void* block, void*) { lists().free(block); }

void* allocate_zeroed(size_t count, size_t size, void*) {
  void* block = lists().allocate(count * size);
  if (block != nullptr) std::memset(block, 0, count * size);
  return block;
}

void* reallocate(void* block, size_t size, void*) {
  if (block != nullptr && header_of(block)->size >= size) return block;
  void* larger = lists().allocate(size);
  if (larger == nullptr || block == nullptr) return larger;
  std::memcpy(larger, block, header_of(block)->size);
  lists().free(block);
  return larger;
}

}  // namespace

nghttp2_mem* http2_memory() {
  static nghttp2_mem memory{nullptr, allocate, release, allocate_zeroed, reallocate};
  return &memory;
}

}  // namespace millstream
