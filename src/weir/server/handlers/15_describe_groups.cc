// DescribeGroups 0-6: state and members of classic groups.
//   A group that does not exist is Dead without an error up to 5, GROUP_ID_NOT_FOUND from 6 on. Protocol, metadata and
//   assignments are told while the group is stable.
#include "weir/protocol/describe_groups.h"
#include "weir/coordinator/group_coordinator.h"
#include "weir/server/authorized_operations.h"
#include "weir/server/handlers/handlers.h"

namespace weir::server {
namespace {

using Described = protocol::DescribeGroupsResponse::DescribedGroup;

constexpr int16_t kFirstVersionWithNotFound = 6;

void describe_members(const coordinator::group::GroupState& state, Described& answer) {
  const bool is_stable = state.phase == coordinator::group::Phase::kStable;
  if (is_stable) answer.protocol_data = state.protocol.value_or("");
  for (const auto& [id, member] : state.members) {
    auto& row = answer.members.emplace_back();
    row.member_id = id;
    row.group_instance_id = member.instance_id;
    row.client_id = member.client_id;
    row.client_host = member.client_host;
    if (!is_stable) continue;
    if (const auto* protocol = member.protocol(answer.protocol_data)) row.member_metadata = protocol->metadata;
    row.member_assignment = member.assignment;
  }
}

}  // namespace

Task<protocol::DescribeGroupsResponse> describe_groups(HandlerContext& context, const protocol::DescribeGroupsRequest& request) {
  protocol::DescribeGroupsResponse response;
  for (const std::string& id : request.groups) {
    Described& answer = response.groups.emplace_back();
    answer.group_id = id;
    const Result<const coordinator::GroupEntry*> group = context.services().groups.find(id);
    if (!group) {
      answer.error_code = group.error().code();
      continue;
    }
    const bool is_error = *group == nullptr && context.version() >= kFirstVersionWithNotFound;
    if (request.include_authorized_operations && !is_error) answer.authorized_operations = kAllGroupOperations;
    if (*group == nullptr) {
      answer.group_state = name_of(coordinator::group::Phase::kDead);
      if (!is_error) continue;
      answer.error_code = ErrorCode::kGroupIdNotFound;
      answer.error_message = fmt::format("Group {} not found.", id);
      continue;
    }
    const coordinator::group::GroupState& state = (*group)->state;
    answer.group_state = name_of(state.phase);
    answer.protocol_type = state.protocol_type.value_or("");
    describe_members(state, answer);
  }
  co_return response;
}

}  // namespace weir::server
