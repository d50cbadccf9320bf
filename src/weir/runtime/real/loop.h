// The real loop of one shard: a ready queue, timers and turn hooks around one epoll set (docs/decisions/0003).
//
// Owner    RealShard.
// Shard    the thread that calls run(); only post() and stop() are for any thread.
// Turn     due timers, then ready handles and turn hooks until there are none (or kStepsPerTurnMax steps were taken), then
//          one look at the reactor: without waiting when there is work left, else until I/O, the earliest timer or a message.
//          Nothing ticks: a loop with nothing to do sleeps in the kernel.
#pragma once

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <memory>

#include "weir/base/log.h"
#include "weir/runtime/executor.h"
#include "weir/runtime/shard.h"
#include "weir/runtime/timer_queue.h"
#include "weir/runtime/turn_queue.h"

namespace weir::runtime {

// Steps after which a turn looks at the reactor although handles are ready: a coroutine that keeps rescheduling itself
// holds up I/O for some milliseconds at most.
inline constexpr size_t kStepsPerTurnMax = 4096;
// A turn longer than this is counted as a stall: other connections of the shard waited for it.
inline constexpr Duration kStall = 10ms;

struct LoopCounters {
  uint64_t turns = 0;
  uint64_t waits = 0;    // times the loop went to sleep in the kernel
  uint64_t stalls = 0;   // turns longer than kStall
  Duration longest_turn{0};
};

// What happens when a descriptor is ready, or its watch closed. In at most one watch; leaves it when destroyed.
class FdWaiter {
 public:
  FdWaiter() = default;
  FdWaiter(const FdWaiter&) = delete;
  FdWaiter& operator=(const FdWaiter&) = delete;
  bool is_armed() const { return place_ != nullptr; }
  void disarm() {
    if (place_ != nullptr) *place_ = nullptr;
    place_ = nullptr;
  }
  // Runs on the loop, once per arming. `open` is false when the watch was closed.
  virtual void on_ready(bool open) = 0;

 protected:
  ~FdWaiter() { disarm(); }

 private:
  friend class FdWatch;
  FdWaiter** place_ = nullptr;
};

class RealLoop final : public Executor {
 public:
  explicit RealLoop(Logger log = {});
  ~RealLoop() override;

  // Runs turns on this thread until stop(). May be called again afterwards.
  void run();
  // From any thread; run() returns after the turn under way.
  void stop();

  // In a later step of this loop, in the order posted. From any thread.
  void post(std::coroutine_handle<> handle);
  void post(ShardMessage& message);

  void schedule(std::coroutine_handle<> handle) override { queue_.schedule(handle); }
  void schedule_next_turn(std::coroutine_handle<> handle) override { queue_.schedule_next_turn(handle); }
  MonoTime now() const override { return now_; }
  void at_turn_end(TurnHook& hook) override { queue_.at_turn_end(hook); }

  const LoopCounters& counters() const { return counters_; }

 private:
  friend class FdWatch;
  struct Reactor;

  void do_arm(Timer& timer, MonoTime when) override { timers_.arm(timer, when); }
  void do_disarm(Timer& timer) override { timers_.disarm(timer); }
  void turn();
  void wait();
  void deliver_mail();
  void note_turn(Duration length);

  Logger log_;
  TurnQueue queue_;
  TimerQueue timers_;
  MonoTime now_;
  MonoTime stall_logged_;
  uint64_t stalls_logged_ = 0;
  LoopCounters counters_;
  std::atomic<bool> stopping_ = false;
  std::unique_ptr<Reactor> reactor_;
};

// Readiness of one non-blocking descriptor, which it owns.
class FdWatch {
 public:
  enum Direction { kRead = 0, kWrite = 1 };

  // Takes `fd`. When the kernel refuses to watch it, it is closed at once: see is_open().
  FdWatch(RealLoop& loop, int fd);
  ~FdWatch();
  FdWatch(const FdWatch&) = delete;
  FdWatch& operator=(const FdWatch&) = delete;

  bool is_open() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  RealLoop& loop() const;

  // `waiter` runs once when `direction` is ready (now or later), or closed. One per direction at a time.
  void arm(Direction direction, FdWaiter& waiter);
  // Closes the descriptor; armed waiters run with open = false before this returns. May be called twice.
  void close();
  // Gives the descriptor back, unwatched and open. Nothing may be armed.
  int release();

  // co_await watch.ready(FdWatch::kRead): true when ready, false when closed.
  class [[nodiscard]] Ready final : FdWaiter {
   public:
    Ready(FdWatch& watch, Direction direction) : watch_(watch), direction_(direction) {}
    bool await_ready() const { return !watch_.is_open(); }
    void await_suspend(std::coroutine_handle<> handle) {
      handle_ = handle;
      executor_ = &watch_.loop();
      watch_.arm(direction_, *this);
    }
    bool await_resume() const { return open_; }

   private:
    void on_ready(bool open) override {
      open_ = open;
      executor_->schedule(handle_);
    }
    FdWatch& watch_;
    Direction direction_;
    Executor* executor_ = nullptr;
    std::coroutine_handle<> handle_;
    bool open_ = false;
  };
  Ready ready(Direction direction) { return Ready(*this, direction); }

 private:
  friend class RealLoop;
  struct Core;
  friend struct Core;
  Core* core_;
  int fd_ = -1;
};

}  // namespace weir::runtime
