// A counted permit, first come first served. Bounds bytes in flight, open files, concurrent recoveries.
#pragma once

#include <cstdint>

#include "weir/runtime/wait_queue.h"

namespace weir::runtime {

class Semaphore {
 public:
  explicit Semaphore(int64_t permits) : available_(permits) {}

  // Waits until `count` permits are free and nobody is ahead. Errors: kDeadlineExceeded, kCancelled.
  Task<Result<void>> acquire(Executor& executor, int64_t count = 1, Deadline deadline = Deadline::never(), StopToken stop = {}) {
    bool first = true;
    while (available_ < count || (first && waiting_ > 0)) {
      first = false;
      ++waiting_;
      const Result<void> woken = co_await waiters_.wait(executor, deadline, stop);
      --waiting_;
      if (!woken) {
        waiters_.notify_one();  // a permit meant for us goes to the next in line
        co_return woken;
      }
    }
    available_ -= count;
    if (available_ > 0) waiters_.notify_one();
    co_return Result<void>();
  }
  bool try_acquire(int64_t count = 1) {
    if (available_ < count || waiting_ > 0) return false;
    available_ -= count;
    return true;
  }
  void release(int64_t count = 1) {
    available_ += count;
    waiters_.notify_one();
  }
  int64_t available() const { return available_; }

 private:
  int64_t available_;
  int64_t waiting_ = 0;
  WaitQueue waiters_;
};

}  // namespace weir::runtime
