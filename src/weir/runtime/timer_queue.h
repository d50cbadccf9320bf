// A binary heap of timers by (instant, order armed). Shared by the real loop and the simulator.
#pragma once

#include <cstdint>
#include <vector>

#include "weir/runtime/executor.h"

namespace weir::runtime {

class TimerQueue {
 public:
  ~TimerQueue();

  void arm(Timer& timer, MonoTime when);
  void disarm(Timer& timer);
  bool empty() const { return heap_.empty(); }
  // Instant of the earliest timer; kFarFuture when there is none.
  MonoTime earliest() const;
  // Fires every timer due at `now`, earliest first; returns how many. A timer armed again for `now` or before by its own
  // on_fire waits for the next call.
  size_t fire_due(MonoTime now);

 private:
  static bool before(const Timer& a, const Timer& b);
  void place(size_t index, Timer* timer);
  void sift_up(size_t index);
  void sift_down(size_t index);

  std::vector<Timer*> heap_;
  uint64_t next_sequence_ = 0;
};

}  // namespace weir::runtime
