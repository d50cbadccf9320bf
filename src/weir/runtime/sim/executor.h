// The loop of one simulated node. Its ready queue is first come first served; which node runs next at one instant is the
// seed's choice. A turn costs processor time, during which the node does nothing else, so that queues build up as they do
// in life. A paused node takes its turn when the pause is over.
#pragma once

#include "weir/runtime/executor.h"
#include "weir/runtime/sim/core.h"
#include "weir/runtime/timer_queue.h"
#include "weir/runtime/turn_queue.h"

namespace weir::runtime {

class SimExecutor final : public Executor, private Occurrence {
 public:
  SimExecutor(SimCore& core, int32_t node, std::string_view name);

  void schedule(std::coroutine_handle<> handle) override;
  void schedule_next_turn(std::coroutine_handle<> handle) override;
  MonoTime now() const override { return local_time(core_.now); }
  void at_turn_end(TurnHook& hook) override;

  // The clock of this node: runs at its own rate, from an instant of its own.
  MonoTime local_time(MonoTime world) const;
  MonoTime world_time(MonoTime local) const;  // the first world instant at which local_time() >= local
  void set_drift(int64_t ppm);

  void pause_until(MonoTime world);
  // While off, whatever is scheduled is dropped: its frame is being destroyed.
  void turn_off();
  void turn_on() { on_ = true; }
  bool is_on() const { return on_; }

  SimCore& core() { return core_; }
  int32_t node() const { return node_; }

 private:
  void do_arm(Timer& timer, MonoTime when) override;
  void do_disarm(Timer& timer) override { timers_.disarm(timer); }
  void happen() override;
  void plan_turn();

  SimCore& core_;
  int32_t node_;
  Prng costs_;
  TurnQueue queue_;
  TimerQueue timers_;
  bool on_ = true;
  bool in_turn_ = false;
  MonoTime busy_until_;
  MonoTime anchor_world_;
  MonoTime anchor_local_;
  int64_t drift_ppm_ = 0;
};

// co_await SimDelay(executor, delay): goes on after `delay` of simulated time, in a turn of that node. Zero does not suspend.
class SimDelay final : private Occurrence {
 public:
  SimDelay(SimExecutor& executor, Duration delay) : executor_(executor), delay_(delay) {}
  bool await_ready() const { return delay_ <= 0ns; }
  void await_suspend(std::coroutine_handle<> handle) {
    handle_ = handle;
    executor_.core().plan_in(*this, delay_);
  }
  void await_resume() const {}

 private:
  void happen() override { executor_.schedule(handle_); }
  SimExecutor& executor_;
  Duration delay_;
  std::coroutine_handle<> handle_;
};

}  // namespace weir::runtime
