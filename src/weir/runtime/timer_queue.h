// Timers by (instant, order armed). Shared by the real loop and the simulator.
#pragma once

#include <cstdint>

#include "weir/runtime/executor.h"
#include "weir/runtime/indexed_heap.h"

namespace weir::runtime {

class TimerQueue {
 public:
  // Timers still armed are let go.
  ~TimerQueue();

  void arm(Timer& timer, MonoTime when);
  void disarm(Timer& timer) { heap_.remove(timer); }
  bool empty() const { return heap_.empty(); }
  // Instant of the earliest timer; kFarFuture when there is none.
  MonoTime earliest() const;
  // Fires every timer due at `now`, earliest first; returns how many. One that is armed meanwhile, for `now` or before, comes
  // behind them all, with the next call: a timer that always arms itself again holds up neither the loop nor the others.
  size_t fire_due(MonoTime now);

 private:
  struct Order {
    static bool before(const Timer& a, const Timer& b) {
      return a.when_ != b.when_ ? a.when_ < b.when_ : a.sequence_ < b.sequence_;
    }
    static size_t& index(Timer& timer) { return timer.heap_index_; }
  };

  IndexedHeap<Timer, Order> heap_;
  uint64_t next_sequence_ = 0;
  MonoTime firing_{INT64_MIN};  // the instant whose timers are being fired
};

}  // namespace weir::runtime
