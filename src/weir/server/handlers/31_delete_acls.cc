// DeleteAcls 1-3: SECURITY_DISABLED for each filter, for there is no authorizer yet.
#include "weir/protocol/delete_acls.h"
#include "weir/server/handlers/handlers.h"

namespace weir::server {

Task<protocol::DeleteAclsResponse> delete_acls(HandlerContext&, const protocol::DeleteAclsRequest& request) {
  protocol::DeleteAclsResponse response;
  for (size_t i = 0; i < request.filters.size(); ++i) {
    response.filter_results.push_back({.error_code = ErrorCode::kSecurityDisabled, .error_message = kNoAuthorizer, .matching_acls = {}});
  }
  co_return response;
}

}  // namespace weir::server
