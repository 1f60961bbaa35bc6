// What is due when: rows and keys that wait for a watermark or for the clock.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <vector>

namespace millstream::analytics {

// Items by time (microseconds). Those of one second lie unsorted until their second is the
// next: pushing costs no comparison, and popping sorts within a second only. In memory:
// operators rebuild it from their state in open().
//
// Threads: one.
template <class T>
class TimeQueue {
 public:
  void push(int64_t time, T item) {
    ++size_;
    const int64_t bucket = time >> kBucketBits;
    if (!heap_.empty() && bucket <= heap_bucket_) {
      heap_.push_back({time, item});
      std::push_heap(heap_.begin(), heap_.end(), later);
      return;
    }
    buckets_[bucket].push_back({time, item});
  }

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }
  // The earliest time; the end of time if empty.
  int64_t next() {
    if (size_ == 0) return std::numeric_limits<int64_t>::max();
    refill();
    return heap_.front().time;
  }
  // Replaces `items` by all items of the earliest time, in no order, and removes them here.
  // Not empty.
  int64_t pop(std::vector<T>& items) {
    refill();
    items.clear();
    const int64_t time = heap_.front().time;
    while (!heap_.empty() && heap_.front().time == time) {
      items.push_back(heap_.front().item);
      std::pop_heap(heap_.begin(), heap_.end(), later);
      heap_.pop_back();
      --size_;
    }
    return time;
  }
  size_t bytes() const { return size_ * sizeof(Entry); }

 private:
  struct Entry {
    int64_t time;
    T item;
  };
  static constexpr int kBucketBits = 20;  // about a second
  static bool later(const Entry& a, const Entry& b) { return a.time > b.time; }

  void refill() {
    // A bucket before the heap's comes only while the heap is empty.
    if (!heap_.empty()) return;
    auto first = buckets_.begin();
    heap_bucket_ = first->first;
    heap_ = std::move(first->second);
    buckets_.erase(first);
    std::make_heap(heap_.begin(), heap_.end(), later);
  }

  std::map<int64_t, std::vector<Entry>> buckets_;
  std::vector<Entry> heap_;
  int64_t heap_bucket_ = 0;
  size_t size_ = 0;
};

}  // namespace millstream::analytics
