// CreateTopics 2-7: creates topics, by counts or by an explicit assignment; validate_only checks everything and creates nothing.
//   Decided by the controller (metadata/controller/create_topics.h), topic by topic; answered when the logs exist.
#include "weir/protocol/create_topics.h"
#include "weir/server/handlers/handlers.h"

namespace weir::server {

Task<protocol::CreateTopicsResponse> create_topics(HandlerContext& context, const protocol::CreateTopicsRequest& request) {
  Result<protocol::CreateTopicsResponse> decided = co_await context.services().metadata.create_topics(request);
  if (decided) co_return std::move(*decided);
  protocol::CreateTopicsResponse refused;
  for (const auto& topic : request.topics) {
    auto& answer = refused.topics.emplace_back();
    answer.name = topic.name;
    answer.error_code = decided.error().code();
    answer.error_message = decided.error().message();
  }
  co_return refused;
}

}  // namespace weir::server
