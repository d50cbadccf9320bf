// The broker of a scenario: a whole node, booted again after each accident, and the accidents that befall it.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "chaos.h"
#include "weir/node/node.h"
#include "weir/runtime/stop.h"

namespace weir::sim {

class BrokerNode {
 public:
  static constexpr uint16_t kPort = 9092;

  // `adjust` sees the options before each boot.
  BrokerNode(runtime::SimWorld& world, std::function<void(node::NodeOptions&)> adjust);

  // Boots it; accidents begin, for it and for `clients`.
  void start(std::vector<runtime::SimNode*> clients);
  // A client heard that its disk failed.
  void disk_failed();
  // No more accidents.
  void calm() { chaos_->stop(); }
  // One last power cut, as bad as can be: only what was synced is left.
  void lose_what_is_not_synced();
  uint64_t crashes() const { return chaos_->crashes(); }
  runtime::Endpoint endpoint() const { return {node_.name(), kPort}; }

 private:
  static runtime::Task<void> run(runtime::Environment env, node::NodeOptions options, BrokerNode* self, runtime::StopToken stop);
  void boot();
  void ended(bool cleanly);

  runtime::SimWorld& world_;
  runtime::SimNode& node_;
  std::function<void(node::NodeOptions&)> adjust_;
  std::unique_ptr<runtime::StopSource> stop_;
  std::unique_ptr<Chaos> chaos_;
};

}  // namespace weir::sim
