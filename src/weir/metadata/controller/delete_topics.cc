#include <set>

#include "weir/metadata/controller/topics.h"

namespace weir::metadata {
namespace {

using Deleted = protocol::DeleteTopicsResponse::DeletableTopicResult;
using Asked = protocol::DeleteTopicsRequest::DeleteTopicState;

Deleted not_deleted(const Asked& asked, ErrorCode code, std::string message = {}) {
  Deleted result;
  result.name = asked.name;
  result.topic_id = asked.topic_id;
  set_error(result, Error(code, std::move(message)));
  return result;
}

std::vector<Asked> asked_topics(const protocol::DeleteTopicsRequest& request) {
  std::vector<Asked> asked = request.topics;
  for (const std::string& name : request.topic_names) asked.push_back({name, kZeroUuid});
  return asked;
}

// Decides the whole request: what it means more than once, in whatever way, gets one refusal and stays.
class Deleter {
 public:
  Deleter(const ControllerContext& context, const std::vector<Asked>& asked) : context_(context) {
    for (const Asked& topic : asked) {
      const std::string meaning = meaning_of(topic);
      mentions_.count(meaning);
      (topic.topic_id.is_zero() ? meant_by_name_ : meant_by_id_).insert(meaning);
    }
  }

  void add(const Asked& asked) {
    const bool by_id = !asked.topic_id.is_zero();
    if (by_id && asked.name)
      return answer(not_deleted(asked, ErrorCode::kInvalidRequest, "give a topic's name or its id, not both"));
    if (!by_id && !asked.name)
      return answer(not_deleted(asked, ErrorCode::kInvalidRequest, "neither a topic's name nor its id is given"));
    const Mention mention = mentions_.next(meaning_of(asked));
    if (mention == Mention::kRepeated) return;
    if (mention == Mention::kFirstOfMany) return answer(named_too_often(asked));
    const Topic* topic = find(asked);
    if (topic == nullptr) {
      return answer(not_deleted(asked, by_id ? ErrorCode::kUnknownTopicId : ErrorCode::kUnknownTopicOrPartition));
    }
    Deleted result;
    result.name = topic->name;
    result.topic_id = topic->id;
    answer(std::move(result));
    decision_.records.emplace_back(protocol::RemoveTopicRecord{topic->id});
  }
  Decision<protocol::DeleteTopicsResponse> take() && { return std::move(decision_); }

 private:
  const Topic* find(const Asked& asked) const {
    if (!asked.topic_id.is_zero()) return context_.image.topic(asked.topic_id);
    return asked.name ? context_.image.topic(std::string_view(*asked.name)) : nullptr;
  }
  // The same text for the same topic, whether by name or by id.
  std::string meaning_of(const Asked& asked) const {
    if (const Topic* topic = find(asked)) return topic->id.text();
    return asked.topic_id.is_zero() ? "name " + asked.name.value_or("") : asked.topic_id.text();
  }
  // Named once by its name and once by its id, a topic is refused with both, as Kafka does.
  Deleted named_too_often(const Asked& asked) const {
    Deleted refused = not_deleted(asked, ErrorCode::kInvalidRequest, "the request names this topic more than once");
    const Topic* topic = find(asked);
    const std::string meaning = meaning_of(asked);
    if (topic != nullptr && meant_by_name_.contains(meaning) && meant_by_id_.contains(meaning)) {
      refused.name = topic->name;
      refused.topic_id = topic->id;
    }
    return refused;
  }
  void answer(Deleted result) { decision_.response.responses.push_back(std::move(result)); }

  const ControllerContext& context_;
  Mentions<std::string> mentions_;
  std::set<std::string> meant_by_name_;
  std::set<std::string> meant_by_id_;
  Decision<protocol::DeleteTopicsResponse> decision_;
};

}  // namespace

Decision<protocol::DeleteTopicsResponse> delete_topics(const ControllerContext& context,
                                                       const protocol::DeleteTopicsRequest& request) {
  const std::vector<Asked> asked = asked_topics(request);
  if (effective_broker_number(context.configs(), "delete.topic.enable") == 0) {
    Decision<protocol::DeleteTopicsResponse> refused;
    for (const Asked& topic : asked) {
      refused.response.responses.push_back(
          not_deleted(topic, ErrorCode::kTopicDeletionDisabled, "delete.topic.enable is false on this cluster"));
    }
    return refused;
  }
  Deleter deleter(context, asked);
  for (const Asked& topic : asked) deleter.add(topic);
  return std::move(deleter).take();
}

}  // namespace weir::metadata
