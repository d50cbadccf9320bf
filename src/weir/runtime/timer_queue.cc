#include "weir/runtime/timer_queue.h"

#include <algorithm>

namespace weir::runtime {

TimerQueue::~TimerQueue() {
  for (Timer* timer : heap_.items()) timer->executor_ = nullptr;
}

void TimerQueue::arm(Timer& timer, MonoTime when) {
  timer.when_ = std::max(when, firing_);
  timer.sequence_ = next_sequence_++;
  heap_.push(timer);
}

MonoTime TimerQueue::earliest() const { return heap_.empty() ? kFarFuture : heap_.front().when_; }

size_t TimerQueue::fire_due(MonoTime now) {
  WEIR_ASSERT(firing_.ns == INT64_MIN);  // on_fire does not fire others
  firing_ = now;
  const uint64_t armed_before = next_sequence_;
  size_t fired = 0;
  while (!heap_.empty() && heap_.front().when_ <= now && heap_.front().sequence_ < armed_before) {
    Timer& timer = heap_.front();
    heap_.remove(timer);
    timer.executor_ = nullptr;
    timer.on_fire();
    ++fired;
  }
  firing_ = MonoTime{INT64_MIN};
  return fired;
}

}  // namespace weir::runtime
