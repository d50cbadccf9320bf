// What the configuration says about listeners, requests and fetches. Names and defaults are Kafka's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "weir/base/ids.h"
#include "weir/base/time.h"
#include "weir/runtime/network.h"

namespace weir::server {

struct ListenerOptions {
  std::string name;                  // "PLAINTEXT", "CONTROLLER"
  runtime::Endpoint bind;            // of `listeners`
  bool serves_controller = false;    // listed in controller.listener.names
};

inline constexpr size_t kBytesInFlightMax = size_t{1} << 30;

struct ServerOptions {
  BrokerId node_id{1};
  std::string cluster_id;
  std::vector<ListenerOptions> listeners;
  size_t socket_request_max_bytes = 100 * 1024 * 1024;
  Duration connections_max_idle = std::chrono::minutes(10);
  // Bytes over all connections: of requests that are not answered, of answers that are not sent.
  size_t request_bytes_max = kBytesInFlightMax;
  size_t answer_bytes_max = kBytesInFlightMax;
  size_t max_connections = 20'000;
  size_t max_connections_per_ip = INT32_MAX;
  size_t connections_possible = SIZE_MAX;            // with the descriptors that the process may have, whatever is configured
  int32_t fetch_max_bytes = 55 * 1024 * 1024;
  size_t fetch_session_slots = 1000;                 // max.incremental.fetch.session.cache.slots
  int32_t max_request_partition_size_limit = 2000;   // DescribeTopicPartitions
};

}  // namespace weir::server
