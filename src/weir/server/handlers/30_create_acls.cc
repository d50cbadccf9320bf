// CreateAcls 1-3: SECURITY_DISABLED for each rule, for there is no authorizer yet that would obey it.
#include "weir/protocol/create_acls.h"
#include "weir/server/handlers/handlers.h"

namespace weir::server {

Task<protocol::CreateAclsResponse> create_acls(HandlerContext&, const protocol::CreateAclsRequest& request) {
  protocol::CreateAclsResponse response;
  for (size_t i = 0; i < request.creations.size(); ++i) {
    response.results.push_back({.error_code = ErrorCode::kSecurityDisabled, .error_message = kNoAuthorizer});
  }
  co_return response;
}

}  // namespace weir::server
