#include "weir/runtime/sim/world.h"

#include <algorithm>

namespace weir::runtime {

SimWorld::SimWorld(uint64_t seed, const SimOptions& options) : core_(seed, options), network_(core_) {}

SimWorld::~SimWorld() {
  actions_.clear();
  // All nodes stop before any is freed: a stream that closes wakes the other side.
  for (const std::unique_ptr<SimNode>& node : nodes_) node->executor().turn_off();
  for (const std::unique_ptr<SimNode>& node : nodes_) node->die();
}

SimNode& SimWorld::add_node(std::string name) {
  core_.node_names.push_back(name);
  nodes_.push_back(std::make_unique<SimNode>(core_, network_, static_cast<int32_t>(nodes_.size()), std::move(name)));
  return *nodes_.back();
}

bool SimWorld::step(MonoTime limit) {
  const MonoTime next = core_.agenda.earliest();
  if (next == kFarFuture || next > limit) return false;
  WEIR_ASSERT(next >= core_.now, next.ns, core_.now.ns);
  core_.now = next;
  core_.agenda.run_next();
  if (actions_.size() >= sweep_at_) sweep_actions();
  return true;
}

void SimWorld::run_until(MonoTime limit) {
  while (step(limit)) {
  }
  core_.now = std::max(core_.now, limit);
}

bool SimWorld::run_until_idle(Duration within) {
  const MonoTime limit = now() + within;
  while (step(limit)) {
  }
  return core_.agenda.empty();
}

void SimWorld::crash(SimNode& node, LoseUnsynced mode) {
  if (!node.is_up()) return;
  network_.crash(node.id());
  node.die();
  const LoseUnsynced drawn = node.disk().lose_unsynced(mode);
  core_.note(SimEvent::kCrash, node.id(), static_cast<int64_t>(node.incarnation()), static_cast<int64_t>(drawn));
}

void SimWorld::restart(SimNode& node) {
  node.live();
  network_.restart(node.id());
  core_.note(SimEvent::kRestart, node.id(), static_cast<int64_t>(node.incarnation()));
}

void SimWorld::pause(SimNode& node, Duration how_long) {
  core_.note(SimEvent::kPause, node.id(), how_long.count());
  node.executor().pause_until(now() + how_long);
}

void SimWorld::jump_wall_clock(SimNode& node, Duration by) {
  core_.note(SimEvent::kClock, node.id(), by.count());
  node.clock().jump(by);
}

void SimWorld::sweep_actions() {
  std::erase_if(actions_, [](const std::unique_ptr<Occurrence>& action) { return !action->is_planned(); });
  sweep_at_ = std::max<size_t>(64, actions_.size() * 2);
}

}  // namespace weir::runtime
