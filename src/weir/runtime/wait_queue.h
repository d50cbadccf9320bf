// Where coroutines wait for one another: a queue of suspended waiters, each of which ends by notification, deadline or
// stop, whichever comes first. Channel, Semaphore, Event and every long poll stand on it.
//
//   Result<void> woken = co_await queue.wait(executor, deadline, stop);
//
// Errors: kDeadlineExceeded, kCancelled. A notified waiter resumes in a later step, so the condition must be checked again.
#pragma once

#include <coroutine>

#include "weir/base/error.h"
#include "weir/base/intrusive_list.h"
#include "weir/runtime/executor.h"
#include "weir/runtime/stop.h"
#include "weir/runtime/task.h"

namespace weir::runtime {

class WaitQueue {
 public:
  class Waiter;
  // A waiter's place in the queue (its other hook belongs to the stop source).
  struct Place : ListHook {
    explicit Place(Waiter& waiter) : owner(waiter) {}
    Waiter& owner;
  };

  // Lives in the frame of the coroutine that waits; leaves the queue when that frame is destroyed.
  class [[nodiscard]] Waiter : private Timer, private StopCallback {
   public:
    Waiter(WaitQueue& queue, Executor& executor, Deadline deadline, const StopToken& stop)
        : place_(*this), queue_(queue), executor_(executor), deadline_(deadline), stop_(stop) {}

    bool await_ready() {
      if (stop_.stop_requested()) outcome_ = ErrorCode::kCancelled;
      else if (deadline_.when <= executor_.now()) outcome_ = ErrorCode::kDeadlineExceeded;
      else return false;
      return true;
    }
    void await_suspend(std::coroutine_handle<> handle) {
      handle_ = handle;
      queue_.waiters_.push_back(place_);
      StopCallback::attach(stop_);
      if (deadline_.when != kFarFuture) executor_.arm(*this, deadline_.when);
    }
    Result<void> await_resume() const {
      if (outcome_ != ErrorCode::kNone) return fail(outcome_);
      return {};
    }

   private:
    friend class WaitQueue;
    void on_fire() override { finish(ErrorCode::kDeadlineExceeded); }
    void on_stop() override { finish(ErrorCode::kCancelled); }
    void finish(ErrorCode outcome) {
      outcome_ = outcome;
      place_.unlink();
      Timer::disarm();
      StopCallback::detach();
      executor_.schedule(handle_);
    }

    Place place_;
    WaitQueue& queue_;
    Executor& executor_;
    Deadline deadline_;
    StopToken stop_;
    std::coroutine_handle<> handle_;
    ErrorCode outcome_ = ErrorCode::kNone;
  };

  Waiter wait(Executor& executor, Deadline deadline = Deadline::never(), const StopToken& stop = {}) {
    return Waiter(*this, executor, deadline, stop);
  }
  bool empty() const { return waiters_.empty(); }
  void notify_one() {
    if (!waiters_.empty()) waiters_.front().owner.finish(ErrorCode::kNone);
  }
  void notify_all() {
    while (!waiters_.empty()) notify_one();
  }

 private:
  IntrusiveList<Place> waiters_;
};

// Suspends until `when`. Errors: kCancelled.
inline Task<Result<void>> sleep_until(Executor& executor, MonoTime when, StopToken stop = {}) {
  WaitQueue nobody;
  const Result<void> woken = co_await nobody.wait(executor, Deadline::at(when), stop);
  WEIR_ASSERT(!woken);
  if (woken.error().code() == ErrorCode::kCancelled) co_return fail(ErrorCode::kCancelled);
  co_return Result<void>();
}

}  // namespace weir::runtime
