#include "broker_node.h"

namespace weir::sim {

using runtime::Environment;
using runtime::Task;

BrokerNode::BrokerNode(runtime::SimWorld& world, std::function<void(node::NodeOptions&)> adjust)
    : world_(world), node_(world.add_node("broker")), adjust_(std::move(adjust)) {}

void BrokerNode::start(std::vector<runtime::SimNode*> clients) {
  chaos_ = std::make_unique<Chaos>(
      world_, node_, std::move(clients), ChaosPlan{}, [this] { boot(); }, [this] { stop_->request_stop(); });
  boot();
}

// The program as a coroutine. Its end is told outside: a failed start, a clean stop, a disk that failed.
Task<void> BrokerNode::run(Environment env, node::NodeOptions options, BrokerNode* self, runtime::StopToken stop) {
  node::Node node(env, std::move(options));
  const Result<void> result = co_await node.run(stop);
  if (!result) env.log.error("the node ended: {}", result.error().describe());
  self->ended(result.has_value() && stop.stop_requested());
}

void BrokerNode::boot() {
  stop_ = std::make_unique<runtime::StopSource>();
  node::NodeOptions options = node::node_options({"/data"}, BrokerId(1), endpoint(), {node_.name(), kPort + 1});
  adjust_(options);
  node_.spawn(&run, node_.environment(), std::move(options), this, stop_->token());
}

void BrokerNode::ended(bool cleanly) {
  if (cleanly) world_.reached("broker: stopped cleanly and started again");
  chaos_->exited(!cleanly);
}

void BrokerNode::disk_failed() {
  world_.reached("broker: a disk failed under it");
  chaos_->exited(true);
}

void BrokerNode::lose_what_is_not_synced() {
  world_.power_cycle(node_, runtime::LoseUnsynced::kAll);
  boot();
}

}  // namespace weir::sim
