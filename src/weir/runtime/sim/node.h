// One machine of a simulated world: an Environment of its own, the tasks that run on it, and its disk, which outlives them.
//
// Owner    SimWorld. Crash, restart and pause go through the world.
// Holds    while the node is down nothing of it runs and nothing it scheduled is left
#pragma once

#include <memory>
#include <string>

#include "weir/runtime/environment.h"
#include "weir/runtime/sim/clock.h"
#include "weir/runtime/sim/disk.h"
#include "weir/runtime/sim/log_sink.h"
#include "weir/runtime/sim/network.h"
#include "weir/runtime/sim/offload.h"
#include "weir/runtime/sim/random.h"
#include "weir/runtime/task_group.h"

namespace weir::runtime {

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
