// Heartbeat 0-4: keeps a member of a classic group alive; REBALANCE_IN_PROGRESS tells it to join again.
#include "weir/protocol/heartbeat.h"
#include "weir/coordinator/group_coordinator.h"
#include "weir/server/handlers/handlers.h"

namespace weir::server {

Task<protocol::HeartbeatResponse> heartbeat(HandlerContext& context, const protocol::HeartbeatRequest& request) {
  protocol::HeartbeatResponse response;
  response.error_code =
      context.services().groups.heartbeat(request.group_id, {request.member_id, request.group_instance_id}, request.generation_id);
  co_return response;
}

}  // namespace weir::server
