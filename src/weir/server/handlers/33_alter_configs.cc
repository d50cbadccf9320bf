// AlterConfigs 0-2: replaces the whole configuration of each resource. Decided by the controller, resource by resource.
#include "weir/protocol/alter_configs.h"
#include "weir/server/handlers/handlers.h"

namespace weir::server {

Task<protocol::AlterConfigsResponse> alter_configs(HandlerContext& context, const protocol::AlterConfigsRequest& request) {
  Result<protocol::AlterConfigsResponse> decided = co_await context.services().metadata.alter_configs(request);
  if (decided) co_return std::move(*decided);
  protocol::AlterConfigsResponse refused;
  for (const auto& resource : request.resources) {
    refused.responses.push_back({.error_code = decided.error().code(),
                                 .error_message = decided.error().message(),
                                 .resource_type = resource.resource_type,
                                 .resource_name = resource.resource_name});
  }
  co_return refused;
}

}  // namespace weir::server
