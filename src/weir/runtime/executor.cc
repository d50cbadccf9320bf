#include "weir/runtime/executor.h"

#include "weir/runtime/timer_queue.h"

namespace weir::runtime {

Timer::~Timer() { disarm(); }

void Timer::disarm() {
  if (executor_ == nullptr) return;
  executor_->do_disarm(*this);
  executor_ = nullptr;
}

void Executor::arm(Timer& timer, MonoTime when) {
  timer.disarm();
  timer.executor_ = this;
  do_arm(timer, when);
}

TimerQueue::~TimerQueue() {
  for (Timer* timer : heap_) timer->executor_ = nullptr;
}

void TimerQueue::arm(Timer& timer, MonoTime when) {
  timer.when_ = when;
  timer.sequence_ = next_sequence_++;
  heap_.push_back(&timer);
  place(heap_.size() - 1, &timer);
  sift_up(heap_.size() - 1);
}

void TimerQueue::disarm(Timer& timer) {
  const size_t index = timer.heap_index_;
  WEIR_ASSERT(index < heap_.size() && heap_[index] == &timer, index, heap_.size());
  Timer* last = heap_.back();
  heap_.pop_back();
  if (last == &timer) return;
  place(index, last);
  sift_up(index);
  sift_down(last->heap_index_);
}

MonoTime TimerQueue::earliest() const { return heap_.empty() ? kFarFuture : heap_.front()->when_; }

size_t TimerQueue::fire_due(MonoTime now) {
  const uint64_t armed_before = next_sequence_;
  size_t fired = 0;
  while (!heap_.empty() && heap_.front()->when_ <= now && heap_.front()->sequence_ < armed_before) {
    Timer& timer = *heap_.front();
    disarm(timer);
    timer.executor_ = nullptr;
    timer.on_fire();
    ++fired;
  }
  return fired;
}

bool TimerQueue::before(const Timer& a, const Timer& b) {
  return a.when_ != b.when_ ? a.when_ < b.when_ : a.sequence_ < b.sequence_;
}

void TimerQueue::place(size_t index, Timer* timer) {
  heap_[index] = timer;
  timer->heap_index_ = index;
}

void TimerQueue::sift_up(size_t index) {
  while (index > 0) {
    const size_t parent = (index - 1) / 2;
    if (!before(*heap_[index], *heap_[parent])) return;
    Timer* child = heap_[index];
    place(index, heap_[parent]);
    place(parent, child);
    index = parent;
  }
}

void TimerQueue::sift_down(size_t index) {
  for (;;) {
    size_t least = index;
    for (size_t child = 2 * index + 1; child <= 2 * index + 2 && child < heap_.size(); ++child) {
      if (before(*heap_[child], *heap_[least])) least = child;
    }
    if (least == index) return;
    Timer* moved = heap_[index];
    place(index, heap_[least]);
    place(least, moved);
    index = least;
  }
}

}  // namespace weir::runtime
