// LeaveGroup 0-5: takes members out of a classic group, each with a code of its own from 3 on; before, one member.
//   A static member may be named by its instance id alone.
#include "weir/protocol/leave_group.h"
#include "weir/coordinator/group_coordinator.h"
#include "weir/server/handlers/handlers.h"

namespace weir::server {
namespace {
constexpr int16_t kFirstVersionWithMembers = 3;
}

Task<protocol::LeaveGroupResponse> leave_group(HandlerContext& context, const protocol::LeaveGroupRequest& request) {
  const bool has_members = context.version() >= kFirstVersionWithMembers;
  std::vector<coordinator::group::Identity> leaving;
  if (has_members) {
    for (const auto& member : request.members) leaving.push_back({member.member_id, member.group_instance_id});
  } else {
    leaving.push_back({request.member_id, std::nullopt});
  }
  protocol::LeaveGroupResponse response;
  const Result<std::vector<ErrorCode>> left = context.services().groups.leave(request.group_id, leaving);
  if (!left) {
    response.error_code = left.error().code();
    co_return response;
  }
  if (!has_members) {
    response.error_code = left->front();
    co_return response;
  }
  for (size_t i = 0; i < leaving.size(); ++i) {
    response.members.push_back(
        {.member_id = leaving[i].member_id, .group_instance_id = leaving[i].instance_id, .error_code = (*left)[i]});
  }
  co_return response;
}

}  // namespace weir::server
