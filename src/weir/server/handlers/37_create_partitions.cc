// CreatePartitions 0-3: gives topics more partitions; the count must grow. Decided by the controller, topic by topic.
#include "weir/protocol/create_partitions.h"
#include "weir/server/handlers/handlers.h"

namespace weir::server {

Task<protocol::CreatePartitionsResponse> create_partitions(HandlerContext& context, const protocol::CreatePartitionsRequest& request) {
  Result<protocol::CreatePartitionsResponse> decided = co_await context.services().metadata.create_partitions(request);
  if (decided) co_return std::move(*decided);
  protocol::CreatePartitionsResponse refused;
  for (const auto& topic : request.topics) {
    refused.results.push_back({.name = topic.name, .error_code = decided.error().code(), .error_message = decided.error().message()});
  }
  co_return refused;
}

}  // namespace weir::server
