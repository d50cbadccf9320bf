// SyncGroup 0-5: the leader hands in everybody's assignment, each member gets its own; waits until the leader's is committed.
//   5+ names protocol type and name, which must be the group's, and may not leave them out: INCONSISTENT_GROUP_PROTOCOL.
#include "weir/protocol/sync_group.h"
#include "weir/coordinator/group_coordinator.h"
#include "weir/server/handlers/handlers.h"

namespace weir::server {

namespace {
constexpr int16_t kFirstSyncWithProtocol = 5;
}  // namespace

Task<protocol::SyncGroupResponse> sync_group(HandlerContext& context, const protocol::SyncGroupRequest& request) {
  protocol::SyncGroupResponse response;
  if (context.version() >= kFirstSyncWithProtocol && (!request.protocol_type || !request.protocol_name)) {
    response.error_code = ErrorCode::kInconsistentGroupProtocol;
    co_return response;
  }
  coordinator::group::Sync event;
  event.member_id = request.member_id;
  event.instance_id = request.group_instance_id;
  event.generation = request.generation_id;
  event.protocol_type = request.protocol_type;
  event.protocol = request.protocol_name;
  // Copies: the group keeps them long after the request's frame.
  for (const auto& given : request.assignments) event.assignments.emplace_back(given.member_id, SharedBytes::copy_of(given.assignment));
  coordinator::group::SyncReply reply =
      co_await context.services().groups.sync(request.group_id, std::move(event), context.request().stop);
  response.error_code = reply.error;
  response.protocol_type = std::move(reply.protocol_type);
  response.protocol_name = std::move(reply.protocol);
  response.assignment = std::move(reply.assignment);
  co_return response;
}

}  // namespace weir::server
