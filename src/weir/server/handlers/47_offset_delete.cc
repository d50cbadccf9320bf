// OffsetDelete 0: deletes single positions of a group; not of topics that its members read: GROUP_SUBSCRIBED_TO_TOPIC.
//   UNKNOWN_TOPIC_OR_PARTITION for what the cluster does not have; a position that is not there is no error.
#include "weir/protocol/offset_delete.h"
#include "weir/coordinator/group_coordinator.h"
#include "weir/server/handlers/handlers.h"

namespace weir::server {

Task<protocol::OffsetDeleteResponse> offset_delete(HandlerContext& context, const protocol::OffsetDeleteRequest& request) {
  protocol::OffsetDeleteResponse response;
  std::vector<coordinator::OffsetPlace> places;
  for (const auto& topic : request.topics) {
    const metadata::Topic* known = context.image().topic(topic.name);
    auto& answered = response.topics.emplace_back();
    answered.name = topic.name;
    for (const auto& partition : topic.partitions) {
      auto& answer = answered.partitions.emplace_back();
      answer.partition_index = partition.partition_index;
      if (known == nullptr || known->partition(partition.partition_index) == nullptr) {
        answer.error_code = ErrorCode::kUnknownTopicOrPartition;
      } else {
        places.push_back({topic.name, partition.partition_index});
      }
    }
  }
  const auto deleted = co_await context.services().groups.delete_offsets(request.group_id, std::move(places));
  if (!deleted) {
    response.error_code = deleted.error().code();
    response.topics.clear();
    co_return response;
  }
  size_t next = 0;
  for (auto& topic : response.topics) {
    for (auto& partition : topic.partitions) {
      if (partition.error_code == ErrorCode::kNone) partition.error_code = (*deleted)[next++];
    }
  }
  co_return response;
}

}  // namespace weir::server
