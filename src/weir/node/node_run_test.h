// A node on a simulated machine from its start to its end, seen from outside of the simulated world. For tests.
//
//   NodeRun run;
//   ASSERT_TRUE(start_node(world, machine, options, run)) << run.why();
//   stop_node(world, run);
#pragma once

#include "weir/node/node.h"
#include "weir/runtime/sim/world.h"

namespace weir::node {

// Lives as long as the machine's process.
struct NodeRun {
  bool ready = false;
  bool ended = false;
  Result<void> outcome;
  std::string cluster_id;  // once it is ready
  Node* node = nullptr;    // while it runs
  runtime::StopSource stop;

  std::string why() const { return outcome ? "it neither serves nor ended" : outcome.error().describe(); }
};

// The node of the simplest tests, on a machine named `host`: clients find it at port 9092.
inline NodeOptions simulated_node(const std::string& host = "broker") {
  return node_options({"/data/log"}, BrokerId(1), {host, 9092}, {host, 9093});
}

namespace detail {
inline Task<void> watch_ready(Node* node, NodeRun* run, runtime::Executor* executor) {
  (void)co_await node->ready().wait(*executor);
  run->ready = true;
  run->cluster_id = node->cluster_id();
}
inline Task<void> run_node(runtime::Environment environment, NodeOptions options, NodeRun* run) {
  Node node(environment, std::move(options));
  run->node = &node;
  runtime::TaskGroup watching(environment.executor);
  watching.spawn(&watch_ready, &node, run, &environment.executor);
  run->outcome = co_await node.run(run->stop.token());
  run->node = nullptr;
  run->ended = true;
}
}  // namespace detail

// Whether it serves, before two simulated minutes are over.
inline bool start_node(runtime::SimWorld& world, runtime::SimNode& machine, NodeOptions options, NodeRun& run) {
  machine.spawn(&detail::run_node, machine.environment(), std::move(options), &run);
  world.run_until_true([&] { return run.ready || run.ended; }, 120s);
  return run.ready;
}

// Whether it ends cleanly, before a simulated minute is over.
inline bool stop_node(runtime::SimWorld& world, NodeRun& run) {
  run.stop.request_stop();
  return world.run_until_true([&] { return run.ended; }, 60s) && run.outcome;
}

}  // namespace weir::node
