// An Executor for tests, moved by hand: no thread, no clock of its own.
#pragma once

#include <algorithm>
#include <optional>

#include "weir/runtime/executor.h"
#include "weir/runtime/task.h"
#include "weir/runtime/task_group.h"
#include "weir/runtime/timer_queue.h"
#include "weir/runtime/turn_queue.h"

namespace weir::runtime {

class ManualExecutor final : public Executor {
 public:
  void schedule(std::coroutine_handle<> handle) override { queue_.schedule(handle); }
  void schedule_next_turn(std::coroutine_handle<> handle) override { queue_.schedule_next_turn(handle); }
  MonoTime now() const override { return now_; }
  void at_turn_end(TurnHook& hook) override { queue_.at_turn_end(hook); }

  // Resumes until nothing is ready and no hook is queued; returns the number of steps.
  size_t run_ready() {
    size_t steps = 0;
    while (!queue_.empty()) steps += queue_.run(SIZE_MAX);
    return steps;
  }
  void advance(Duration by) {
    now_ = now_ + by;
    timers_.fire_due(now_);
    run_ready();
  }
  // Runs `task` to its end, moving time to the next timer whenever nothing is ready.
  template <typename T>
  T run(Task<T> task) {
    std::optional<T> result;
    TaskGroup group(*this);
    group.spawn([](Task<T> task, std::optional<T>* result) -> Task<void> { result->emplace(co_await std::move(task)); },
                std::move(task), &result);
    run_ready();
    while (!result.has_value()) {
      WEIR_ASSERT(!timers_.empty());  // else the task waits for ever
      advance(std::max(timers_.earliest() - now_, Duration(0)));
    }
    return std::move(*result);
  }

 private:
  void do_arm(Timer& timer, MonoTime when) override { timers_.arm(timer, when); }
  void do_disarm(Timer& timer) override { timers_.disarm(timer); }

  MonoTime now_{1'000'000};
  TurnQueue queue_;
  TimerQueue timers_;
};

}  // namespace weir::runtime
