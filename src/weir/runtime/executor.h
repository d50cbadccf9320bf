// The loop of one shard as seen by coroutines: what runs next, what runs later, and what runs when a turn ends.
//
// Owner    the Shard; the simulator has one per node.
// Shard    its own thread only, except where said.
// Holds    - handles scheduled in one turn resume in the order in which they were scheduled (the simulator may interleave
//            different nodes, never reorder one node's queue)
//          - a timer fires not before its instant; equal instants fire in the order armed
//          - turn hooks run before the loop waits: when nothing is ready, or the turn has taken as many steps as it may
#pragma once

#include <coroutine>
#include <cstddef>

#include "weir/base/intrusive_list.h"
#include "weir/base/time.h"

namespace weir::runtime {

class Executor;

// One pending wake-up. Disarms itself when destroyed. `on_fire` runs on the loop, must not block, and may arm it again.
class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  virtual ~Timer();

  bool is_armed() const { return executor_ != nullptr; }
  void disarm();
  virtual void on_fire() = 0;

 private:
  friend class TimerQueue;
  friend class Executor;
  Executor* executor_ = nullptr;
  MonoTime when_;
  uint64_t sequence_ = 0;
  size_t heap_index_ = 0;
};

// Something to do once at the end of this turn: the partition that has appends queued, the connection that has answers.
class TurnHook : public ListHook {
 public:
  virtual void on_turn_end() = 0;

 protected:
  ~TurnHook() = default;
};

class Executor {
 public:
  virtual ~Executor() = default;

  // Resumes `handle` in a later step of this loop. The frame must live until then, or die with the whole executor.
  virtual void schedule(std::coroutine_handle<> handle) = 0;
  // The same in the next turn, after a look at timers and I/O.
  virtual void schedule_next_turn(std::coroutine_handle<> handle) = 0;

  // Monotonic time of this node as of the current turn: cheap, and constant within a turn on the real loop.
  virtual MonoTime now() const = 0;

  // Arms `timer` for `when` (re-arms when armed already).
  void arm(Timer& timer, MonoTime when);

  // Queues `hook` for the end of this turn; a hook queued already stays where it is. Hooks queued by hooks run in the
  // same turn end.
  virtual void at_turn_end(TurnHook& hook) = 0;

 protected:
  friend class Timer;
  virtual void do_arm(Timer& timer, MonoTime when) = 0;
  virtual void do_disarm(Timer& timer) = 0;
};

// co_await yield(executor): lets everything that is ready go first, and what has become ready outside: for work that takes long.
struct [[nodiscard]] Yield {
  Executor& executor;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) const { executor.schedule_next_turn(handle); }
  void await_resume() const noexcept {}
};
inline Yield yield(Executor& executor) { return {executor}; }

}  // namespace weir::runtime
