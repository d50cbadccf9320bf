#include "weir/runtime/executor.h"

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

}  // namespace weir::runtime
