// ListGroups 0-5: the groups this broker coordinates; 4+ only those in certain states, 5+ only those of certain types.
//   COORDINATOR_LOAD_IN_PROGRESS while some are not loaded yet.
#include <algorithm>

#include "weir/protocol/list_groups.h"
#include "weir/coordinator/group_coordinator.h"
#include "weir/server/handlers/handlers.h"

namespace weir::server {
namespace {

constexpr std::string_view kGroupType = "classic";

// An empty filter lets everything through; case does not matter.
bool passes(const std::vector<std::string>& filter, std::string_view text) {
  const auto same = [](char a, char b) { return (a | 0x20) == (b | 0x20); };
  return filter.empty() || std::ranges::any_of(filter, [&](const std::string& wanted) { return std::ranges::equal(wanted, text, same); });
}

}  // namespace

Task<protocol::ListGroupsResponse> list_groups(HandlerContext& context, const protocol::ListGroupsRequest& request) {
  protocol::ListGroupsResponse response;
  const coordinator::GroupCoordinator& groups = context.services().groups;
  if (groups.is_resigned()) {
    response.error_code = ErrorCode::kCoordinatorNotAvailable;
    co_return response;
  }
  const bool complete = groups.for_each([&](const coordinator::GroupEntry& entry) {
    const coordinator::group::GroupState& state = entry.state;
    const std::string_view phase = name_of(state.phase);
    if (!passes(request.states_filter, phase) || !passes(request.types_filter, kGroupType)) return;
    response.groups.push_back({.group_id = state.id,
                               .protocol_type = state.protocol_type.value_or(""),
                               .group_state = std::string(phase),
                               .group_type = std::string(kGroupType)});
  });
  if (!complete) {
    response.groups.clear();
    response.error_code = ErrorCode::kCoordinatorLoadInProgress;
  }
  co_return response;
}

}  // namespace weir::server
