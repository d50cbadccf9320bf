// One machine of a simulated world: an Environment of its own, the tasks that run on it, and its disk, which outlives them.
//
// Owner    SimWorld. Crash, restart and pause go through the world.
// Holds    while the node is down nothing of it runs and nothing it scheduled is left
#pragma once

#include <memory>
#include <string>

#include "weir/runtime/environment.h"
#include "weir/runtime/sim/disk.h"
#include "weir/runtime/sim/network.h"
#include "weir/runtime/task_group.h"

namespace weir::runtime {

// Wall-clock time of a node: its own offset, its own rate, and jumps.
class SimClock final : public Clock {
 public:
  SimClock(SimCore& core, const SimExecutor& executor, std::string_view name);
  TimestampMs wall_ms() const override;
  void jump(Duration by) { offset_ns_ += by.count(); }

 private:
  const SimExecutor& executor_;
  int64_t start_ns_;   // of local time
  int64_t offset_ns_;  // since 1970
};

class SimRandom final : public Random {
 public:
  explicit SimRandom(Prng stream) : stream_(stream) {}
  void fill(MutableBytes out) override;

 private:
  Prng stream_;
};

// Runs the work in place, at the beginning or at the end of a drawn delay.
class SimOffload final : public Offload {
 public:
  SimOffload(SimCore& core, int32_t node, std::string_view name);
  ~SimOffload() override;
  void submit(Executor& executor, OffloadJob& job) override;
  void forget_all();  // their frames are about to be destroyed

 private:
  struct Pending;
  SimCore& core_;
  int32_t node_;
  Prng delays_;
  IntrusiveList<Pending> pending_;
};

class SimLogSink final : public LogSink {
 public:
  SimLogSink(SimCore& core, int32_t node) : core_(core), node_(node) {}
  void write(LogLevel level, std::string_view module, std::string_view line) override;

 private:
  SimCore& core_;
  int32_t node_;
};

class SimNode {
 public:
  SimNode(SimCore& core, SimSwitch& net, int32_t id, std::string name);
  ~SimNode();

  const std::string& name() const { return name_; }
  int32_t id() const { return id_; }
  bool is_up() const { return executor_.is_on(); }
  uint64_t incarnation() const { return incarnation_; }

  Environment environment() { return environment_; }
  SimExecutor& executor() { return executor_; }
  SimDisk& disk() { return disk_; }
  SimClock& clock() { return clock_; }

  // The task lives until it ends or the node crashes. As TaskGroup::spawn.
  template <typename Fn, typename... Args>
  void spawn(Fn fn, Args... args) {
    WEIR_ASSERT(is_up());
    tasks_->spawn(fn, std::move(args)...);
  }
  size_t tasks() const { return tasks_ == nullptr ? 0 : tasks_->size(); }

 private:
  friend class SimWorld;
  void die();
  void live();

  std::string name_;
  int32_t id_;
  uint64_t incarnation_ = 0;
  SimExecutor executor_;
  SimClock clock_;
  SimRandom random_;
  SimNetwork network_;
  SimDisk disk_;
  SimOffload offload_;
  SimLogSink log_sink_;
  Environment environment_;
  std::unique_ptr<TaskGroup> tasks_;
};

}  // namespace weir::runtime
