// The listeners of one broker: accepts connections, bounds them, and stops them in good order.
//
// Owner    node.
// Shard    the broker shard.
// Bounds   as configured when a connection comes: one above max.connections or max.connections.per.ip is closed at once; one
//          above max.connection.creation.rate waits, and its listener takes no other one meanwhile.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "weir/runtime/task_group.h"
#include "weir/server/connection.h"
#include "weir/server/connection_rate.h"

namespace weir::server {

class BrokerServer {
 public:
  explicit BrokerServer(Services& services);
  ~BrokerServer();

  // Opens every listener's port. Errors: those of Network::listen.
  Task<Result<void>> listen();
  // Where listener `index` really listens (port 0 asks for any).
  const runtime::Endpoint& local(size_t index) const;
  // Accepts until stopped, then waits until every connection has ended.
  Task<void> serve();
  // Takes no new connection or request, lets requests in process finish until `deadline`, then closes what is left.
  Task<void> stop(Deadline deadline);

 private:
  static Task<void> accept_loop(BrokerServer* self, size_t index);
  static Task<void> look_around(BrokerServer* self);
  Task<void> wait_for_turn(const runtime::Stream& stream);
  size_t limit(std::string_view option, size_t without) const;
  static Task<void> serve_connection(BrokerServer* self, size_t index, std::unique_ptr<runtime::Stream> stream);

  Services& services_;
  std::vector<std::unique_ptr<runtime::Listener>> listeners_;
  RefusalLog refusals_;
  ConnectionRate rate_;
  runtime::StopSource stop_;
  runtime::TaskGroup acceptors_;
  runtime::TaskGroup connections_;
  IntrusiveList<Connection> open_;
  std::unordered_map<std::string, size_t> by_address_;
  bool stopping_ = false;
};

}  // namespace weir::server
