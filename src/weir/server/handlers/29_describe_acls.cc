// DescribeAcls 1-3: SECURITY_DISABLED, for there is no authorizer yet. Tools and MirrorMaker understand that; a connection that
// is closed, or an API that is not there, they take for a fault.
#include "weir/protocol/describe_acls.h"
#include "weir/server/handlers/handlers.h"

namespace weir::server {

Task<protocol::DescribeAclsResponse> describe_acls(HandlerContext&, const protocol::DescribeAclsRequest&) {
  protocol::DescribeAclsResponse response;
  response.error_code = ErrorCode::kSecurityDisabled;
  response.error_message = kNoAuthorizer;
  co_return response;
}

}  // namespace weir::server
