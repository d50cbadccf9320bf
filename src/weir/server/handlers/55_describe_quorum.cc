// DescribeQuorum 0-2: leader, voters and observers of the metadata quorum. Any partition but __cluster_metadata-0 is
// UNKNOWN_TOPIC_OR_PARTITION.
#include "weir/protocol/describe_quorum.h"
#include "weir/server/handlers/handlers.h"

namespace weir::server {
namespace {

constexpr int16_t kFirstVersionWithDirectories = 2;

// Older versions have no place for directory ids and nodes (KIP-853).
void remove_directories(protocol::DescribeQuorumResponse& response) {
  response.nodes.clear();
  for (auto& topic : response.topics) {
    for (auto& partition : topic.partitions) {
      for (auto& voter : partition.current_voters) voter.replica_directory_id = kZeroUuid;
      for (auto& observer : partition.observers) observer.replica_directory_id = kZeroUuid;
    }
  }
}

}  // namespace

Task<protocol::DescribeQuorumResponse> describe_quorum(HandlerContext& context, const protocol::DescribeQuorumRequest& request) {
  const bool asks_for_quorum = request.topics.size() == 1 && request.topics[0].topic_name == "__cluster_metadata" &&
                               request.topics[0].partitions.size() == 1 && request.topics[0].partitions[0].partition_index == PartitionIndex(0);
  if (asks_for_quorum) {
    protocol::DescribeQuorumResponse quorum = context.services().metadata.describe_quorum();
    if (context.version() < kFirstVersionWithDirectories) remove_directories(quorum);
    co_return quorum;
  }
  protocol::DescribeQuorumResponse response;
  for (const auto& topic : request.topics) {
    auto& answered = response.topics.emplace_back();
    answered.topic_name = topic.topic_name;
    for (const auto& partition : topic.partitions) {
      auto& answer = answered.partitions.emplace_back();
      answer.partition_index = partition.partition_index;
      answer.error_code = ErrorCode::kUnknownTopicOrPartition;
    }
  }
  co_return response;
}

}  // namespace weir::server
