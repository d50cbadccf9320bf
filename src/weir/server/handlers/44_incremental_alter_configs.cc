// IncrementalAlterConfigs 0-1: sets, deletes, appends to and subtracts from single options. Decided by the controller.
#include "weir/protocol/incremental_alter_configs.h"
#include "weir/server/handlers/handlers.h"

namespace weir::server {

Task<protocol::IncrementalAlterConfigsResponse> incremental_alter_configs(HandlerContext& context,
                                                                         const protocol::IncrementalAlterConfigsRequest& request) {
  Result<protocol::IncrementalAlterConfigsResponse> decided = co_await context.services().metadata.incremental_alter_configs(request);
  if (decided) co_return std::move(*decided);
  protocol::IncrementalAlterConfigsResponse refused;
  for (const auto& resource : request.resources) {
    refused.responses.push_back({.error_code = decided.error().code(),
                                 .error_message = decided.error().message(),
                                 .resource_type = resource.resource_type,
                                 .resource_name = resource.resource_name});
  }
  co_return refused;
}

}  // namespace weir::server
