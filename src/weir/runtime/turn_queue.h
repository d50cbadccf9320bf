// What is to be done in this turn of a loop: handles as scheduled, then hooks as queued; again, until neither is left. Who yields
// comes in the next turn, behind timers and I/O. One for the real loop, the simulator and tests: none has an order of its own.
#pragma once

#include <coroutine>
#include <cstddef>

#include "weir/runtime/executor.h"
#include "weir/runtime/ready_queue.h"

namespace weir::runtime {

class TurnQueue {
 public:
  void schedule(std::coroutine_handle<> handle) { ready_.push(handle); }
  void schedule_next_turn(std::coroutine_handle<> handle) { yielded_.push(handle); }
  void at_turn_end(TurnHook& hook) {
    if (!hook.is_linked()) hooks_.push_back(hook);
  }
  bool empty() const { return ready_.empty() && hooks_.empty() && yielded_.empty(); }
  // Resumes at most `steps_max` handles, and returns how many. Hooks wait until nothing is ready or that many steps were taken.
  size_t run(size_t steps_max) {
    size_t steps = 0;
    for (size_t left = yielded_.size(); left > 0; --left) ready_.push(yielded_.pop());
    do {
      for (; !ready_.empty() && steps < steps_max; ++steps) ready_.pop().resume();
      while (!hooks_.empty()) hooks_.pop_front().on_turn_end();
    } while (!ready_.empty() && steps < steps_max);
    return steps;
  }
  // Their frames are about to be destroyed.
  void clear() {
    while (!ready_.empty()) ready_.pop();
    while (!yielded_.empty()) yielded_.pop();
    while (!hooks_.empty()) hooks_.pop_front();
  }

 private:
  ReadyQueue ready_;
  ReadyQueue yielded_;
  IntrusiveList<TurnHook> hooks_;
};

}  // namespace weir::runtime
