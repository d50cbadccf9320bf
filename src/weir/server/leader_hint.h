// Tells a client that came to the wrong broker where the leader is (KIP-951), in any response that has room for it.
#pragma once

#include "weir/replication/partition.h"
#include "weir/server/context.h"

namespace weir::server {

// The first versions of a response that have room for the leader, and for its endpoint.
struct LeaderHintVersions {
  int16_t leader;
  int16_t endpoint;
};

// Fills `current_leader` and adds the leader to `endpoints` once, as this request's listener sees it.
template <typename CurrentLeader, typename NodeEndpoint>
void hint_leader(const HandlerContext& context, LeaderHintVersions first, const replication::Partition& partition,
                 CurrentLeader& current_leader, std::vector<NodeEndpoint>& endpoints) {
  if (context.version() < first.leader) return;
  current_leader.leader_id = partition.leader();
  current_leader.leader_epoch = partition.leader_epoch();
  if (context.version() < first.endpoint) return;
  const metadata::Broker* broker = context.image().broker(partition.leader());
  const metadata::Endpoint* endpoint = context.endpoint_of(broker);
  if (endpoint == nullptr) return;
  for (const NodeEndpoint& known : endpoints) {
    if (known.node_id == broker->id) return;
  }
  NodeEndpoint hint;
  hint.node_id = broker->id;
  hint.host = endpoint->host;
  hint.port = endpoint->port;
  hint.rack = broker->rack;
  endpoints.push_back(std::move(hint));
}

}  // namespace weir::server
