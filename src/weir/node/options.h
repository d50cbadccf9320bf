// Everything a node is started with, as values. The command line makes it from the configuration (config.h); a test or the
// simulator fills it in by hand:
//
//   NodeOptions options = node_options({"/data"}, BrokerId(1), {"broker", 9092}, {"broker", 9093});
//   Node node(environment, options);
//   co_await node.run(stop);
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "weir/base/ids.h"
#include "weir/base/time.h"
#include "weir/coordinator/options.h"
#include "weir/metadata/service.h"
#include "weir/metadata/static_config.h"
#include "weir/runtime/network.h"
#include "weir/server/options.h"
#include "weir/storage/log_manager.h"

namespace weir::node {

// How many ports are tried, one after the other, for an HTTP endpoint that nobody asked for by number.
inline constexpr int kHttpPortsTried = 50;

// What the operating system says about this process.
struct ProcessStats {
  double cpu_seconds = 0;
  uint64_t resident_bytes = 0;
  uint64_t virtual_bytes = 0;
  uint64_t open_descriptors = 0;
  uint64_t descriptors_max = 0;
  double start_unix_seconds = 0;
  uint64_t loop_turns = 0;
  uint64_t loop_stalls = 0;
  double longest_turn_seconds = 0;
};

// The process around a node, asked when the node is scraped and when it tells how long its start took.
class Process {
 public:
  virtual ~Process() = default;
  virtual ProcessStats stats() const = 0;
  virtual Duration since_start() const = 0;
};

struct HttpOptions {
  runtime::Endpoint bind;
  bool next_free_port = false;  // when the port is taken, the next one is tried
};

struct NodeOptions {
  server::ServerOptions server;               // node id and listeners among it; cluster_id is filled in at the start
  std::vector<runtime::Endpoint> advertised;  // as long as server.listeners; port 0 becomes the port really listened on
  std::optional<std::string> rack;
  storage::LogManagerOptions logs;  // the first directory holds the metadata log
  raft::QuorumOptions quorum;       // dir, node_id, directory_id and listeners are filled in at the start
  uint64_t snapshot_bytes = 20ull << 20;
  int64_t snapshot_interval_ms = 3'600'000;
  metadata::StaticConfig static_config;
  std::optional<HttpOptions> http;
  coordinator::PlantedBugs planted_groups;  // tests of the tests
  Duration drain = 5s;  // how long a stop waits for requests under way
  Duration first_retention_check = 30s;  // after the start; then every retention_check
  Duration retention_check = std::chrono::minutes(5);
  const Process* process = nullptr;  // none in a simulation; outlives the node
};

// A broker and controller in one, with Kafka's defaults.
NodeOptions node_options(std::vector<std::string> log_dirs, BrokerId id, runtime::Endpoint broker, runtime::Endpoint controller);

}  // namespace weir::node
