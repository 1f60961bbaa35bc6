#include "http/loops.h"

#include <pthread.h>
#include <sched.h>

#include <fmt/format.h>

#include "base/result.h"

namespace millstream {
namespace {

size_t usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return std::thread::hardware_concurrency();
  return static_cast<size_t>(CPU_COUNT(&set));
}

}  // namespace

Loops::Loops(size_t count) {
  if (count == 0) count = usable_cores();
  if (count == 0) count = 1;
  for (size_t i = 0; i < count; ++i) loops_.push_back(std::make_unique<Loop>());
}

Loops::~Loops() {
  stop();
  join();
}

void Loops::start() {
  for (size_t i = 0; i < loops_.size(); ++i) {
    Loop& loop = *loops_[i];
    MS_ASSERT(!loop.thread.joinable());
    loop.thread = std::thread([&loop, i] {
      pthread_setname_np(pthread_self(), fmt::format("ms-loop-{}", i).c_str());
      loop.context.run();
    });
  }
}

void Loops::stop() {
  for (auto& loop : loops_) {
    loop->work.reset();
    loop->context.stop();
  }
}

void Loops::join() {
  for (auto& loop : loops_) {
    if (loop->thread.joinable()) loop->thread.join();
  }
}

size_t Loops::next() const {
  size_t best = 0;
  for (size_t i = 1; i < loops_.size(); ++i) {
    if (loops_[i]->connections < loops_[best]->connections) best = i;
  }
  return best;
}

}  // namespace millstream
