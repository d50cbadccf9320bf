// DeleteTopics 1-6: deletes topics by name, from version 6 also by id. Their directories are renamed before the answer and
// removed later; the names are free at once. delete.topic.enable=false: TOPIC_DELETION_DISABLED (INVALID_REQUEST below 3).
#include "weir/protocol/delete_topics.h"
#include "weir/server/handlers/handlers.h"

namespace weir::server {
namespace {

constexpr int16_t kFirstVersionWithStates = 6;
constexpr int16_t kFirstVersionWithDisabledError = 3;

protocol::DeleteTopicsResponse refuse_all(const protocol::DeleteTopicsRequest& request, const Error& error) {
  protocol::DeleteTopicsResponse refused;
  const auto refuse = [&](std::optional<std::string> name, Uuid id) {
    auto& answer = refused.responses.emplace_back();
    answer.name = std::move(name);
    answer.topic_id = id;
    answer.error_code = error.code();
    if (!error.message().empty()) answer.error_message = error.message();
  };
  for (const auto& topic : request.topics) refuse(topic.name, topic.topic_id);
  return refused;
}

}  // namespace

Task<protocol::DeleteTopicsResponse> delete_topics(HandlerContext& context, const protocol::DeleteTopicsRequest& request) {
  protocol::DeleteTopicsRequest by_state = request;
  if (context.version() < kFirstVersionWithStates) {
    for (const std::string& name : request.topic_names) by_state.topics.push_back({.name = name});
    by_state.topic_names.clear();
  }
  Result<protocol::DeleteTopicsResponse> decided = co_await context.services().metadata.delete_topics(by_state);
  if (!decided) co_return refuse_all(by_state, decided.error());
  if (context.version() < kFirstVersionWithDisabledError) {
    for (auto& answer : decided->responses) {
      if (answer.error_code == ErrorCode::kTopicDeletionDisabled) answer.error_code = ErrorCode::kInvalidRequest;
    }
  }
  co_return std::move(*decided);
}

}  // namespace weir::server
