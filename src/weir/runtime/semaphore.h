// A counted permit, first come first served: a large request at the head of the line holds back the small ones behind it.
// Bounds bytes in flight, open files, concurrent recoveries.
#pragma once

#include <cstdint>

#include "weir/runtime/wait_queue.h"

namespace weir::runtime {

class Semaphore {
 public:
  explicit Semaphore(int64_t permits) : permits_(permits), available_(permits) {}

  // Waits until `count` permits are free and nobody is ahead. `count` is at most what there are in all: more would never come, and
  // hold back everybody else. Errors: kDeadlineExceeded, kCancelled.
  Task<Result<void>> acquire(Executor& executor, int64_t count = 1, Deadline deadline = Deadline::never(), StopToken stop = {}) {
    WEIR_ASSERT(count <= permits_, count, permits_);
    if (try_acquire(count)) co_return Result<void>();
    Request mine(count);
    line_.push_back(mine);
    const Result<void> woken = co_await mine.granting.wait(executor, deadline, stop);
    if (mine.granted) co_return Result<void>();
    mine.unlink();
    serve();  // whom we held back
    co_return woken;
  }
  bool try_acquire(int64_t count = 1) {
    if (available_ < count || !line_.empty()) return false;
    available_ -= count;
    return true;
  }
  void release(int64_t count = 1) {
    available_ += count;
    WEIR_ASSERT(available_ <= permits_, available_, permits_);  // nothing is given back twice
    serve();
  }
  int64_t available() const { return available_; }

 private:
  // A place in the line, in the frame of the coroutine that waits.
  struct Request : ListHook {
    explicit Request(int64_t count) : count(count) {}
    int64_t count;
    bool granted = false;
    WaitQueue granting;
  };
  void serve() {
    while (!line_.empty() && line_.front().count <= available_) {
      Request& request = line_.pop_front();
      available_ -= request.count;
      request.granted = true;
      request.granting.notify_one();
    }
  }

  const int64_t permits_;
  int64_t available_;
  IntrusiveList<Request> line_;
};

// Gives a permit back at the end of its scope, which must not outlive the semaphore:
//
//   WEIR_CO_CHECK(co_await semaphore.acquire(executor));
//   const HeldPermit held(semaphore);
class HeldPermit {
 public:
  explicit HeldPermit(Semaphore& semaphore) : semaphore_(semaphore) {}
  HeldPermit(const HeldPermit&) = delete;
  HeldPermit& operator=(const HeldPermit&) = delete;
  ~HeldPermit() { semaphore_.release(); }

 private:
  Semaphore& semaphore_;
};

}  // namespace weir::runtime
