#include "weir/runtime/sim/node.h"

namespace weir::runtime {

SimNode::SimNode(SimCore& core, SimSwitch& net, int32_t id, std::string name)
    : name_(std::move(name)),
      id_(id),
      executor_(core, id, name_),
      clock_(core, executor_, name_),
      random_(core.stream(name_, "random")),
      network_(net, executor_),
      disk_(core, executor_, name_),
      offload_(core, id, name_),
      log_sink_(core, id),
      environment_{executor_, clock_, random_, network_, disk_, offload_, Logger(log_sink_, "sim", core.options.log_level)},
      tasks_(std::make_unique<TaskGroup>(executor_)) {
  net.add_host(name_, executor_);
}

SimNode::~SimNode() { die(); }

void SimNode::die() {
  executor_.turn_off();
  offload_.forget_all();
  tasks_.reset();
}

void SimNode::live() {
  WEIR_ASSERT(!is_up());
  ++incarnation_;
  executor_.turn_on();
  tasks_ = std::make_unique<TaskGroup>(executor_);
}

}  // namespace weir::runtime
