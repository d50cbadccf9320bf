// JoinGroup 0-9: enters a classic group; the answer waits for the group's rebalance (coordinator/group/machine.h).
//   4+: a dynamic member without an id is given one with MEMBER_ID_REQUIRED, and joins again. 5+: static members.
//   Below 1 the rebalance timeout is the session's. Below 7 the protocol has no null.
#include "weir/protocol/join_group.h"
#include "weir/coordinator/group_coordinator.h"
#include "weir/server/handlers/handlers.h"

namespace weir::server {
namespace {
constexpr int16_t kFirstVersionWithRebalanceTimeout = 1;
constexpr int16_t kFirstVersionWithKnownIds = 4;
constexpr int16_t kFirstVersionWithNullProtocol = 7;
constexpr int16_t kFirstVersionWithSkip = 9;
}  // namespace

Task<protocol::JoinGroupResponse> join_group(HandlerContext& context, const protocol::JoinGroupRequest& request) {
  coordinator::group::Join event;
  event.member_id = request.member_id;
  event.instance_id = request.group_instance_id;
  event.client_id = context.request().client_id.value_or("");
  event.client_host = "/" + context.request().peer->host;
  event.session_timeout_ms = request.session_timeout_ms;
  event.rebalance_timeout_ms =
      context.version() >= kFirstVersionWithRebalanceTimeout ? request.rebalance_timeout_ms : request.session_timeout_ms;
  event.protocol_type = request.protocol_type;
  // Copies: the group keeps them long after the request's frame.
  for (const auto& protocol : request.protocols) event.protocols.push_back({protocol.name, SharedBytes::copy_of(protocol.metadata)});
  event.requires_known_id = context.version() >= kFirstVersionWithKnownIds;
  event.can_skip_assignment = context.version() >= kFirstVersionWithSkip;
  coordinator::group::JoinReply reply =
      co_await context.services().groups.join(request.group_id, std::move(event), context.request().stop);
  protocol::JoinGroupResponse response;
  response.error_code = reply.error;
  response.generation_id = reply.generation;
  response.protocol_type = std::move(reply.protocol_type);
  response.protocol_name = std::move(reply.protocol);
  if (!response.protocol_name && context.version() < kFirstVersionWithNullProtocol) response.protocol_name.emplace();
  response.leader = std::move(reply.leader);
  response.skip_assignment = reply.skip_assignment;
  response.member_id = std::move(reply.member_id);
  for (auto& member : reply.members) {
    response.members.push_back({.member_id = std::move(member.id),
                                .group_instance_id = std::move(member.instance_id),
                                .metadata = std::move(member.metadata)});
  }
  co_return response;
}

}  // namespace weir::server
