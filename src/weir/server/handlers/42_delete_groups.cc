// DeleteGroups 0-2: deletes groups without members, and their positions, one by one.
//   NON_EMPTY_GROUP, GROUP_ID_NOT_FOUND. A group named twice is deleted and answered once.
#include <string_view>
#include <unordered_set>

#include "weir/protocol/delete_groups.h"
#include "weir/coordinator/group_coordinator.h"
#include "weir/server/handlers/handlers.h"

namespace weir::server {

Task<protocol::DeleteGroupsResponse> delete_groups(HandlerContext& context, const protocol::DeleteGroupsRequest& request) {
  protocol::DeleteGroupsResponse response;
  std::unordered_set<std::string_view> seen;
  for (const std::string& group : request.groups_names) {
    if (!seen.insert(group).second) continue;
    const Result<void> deleted = co_await context.services().groups.delete_group(group);
    response.results.push_back({.group_id = group, .error_code = deleted ? ErrorCode::kNone : deleted.error().code()});
  }
  co_return response;
}

}  // namespace weir::server
