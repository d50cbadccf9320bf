// A flag that coroutines wait for. `set` wakes all; stays set until `reset`.
#pragma once

#include "weir/runtime/wait_queue.h"

namespace weir::runtime {

class Event {
 public:
  void set() {
    set_ = true;
    waiters_.notify_all();
  }
  void reset() { set_ = false; }
  bool is_set() const { return set_; }

  // Errors: kDeadlineExceeded, kCancelled; success when the flag is set, even if the deadline has passed too.
  Task<Result<void>> wait(Executor& executor, Deadline deadline = Deadline::never(), StopToken stop = {}) {
    while (!set_) {
      const Result<void> woken = co_await waiters_.wait(executor, deadline, stop);
      if (!woken && !set_) co_return woken;
    }
    co_return Result<void>();
  }

 private:
  bool set_ = false;
  WaitQueue waiters_;
};

}  // namespace weir::runtime
