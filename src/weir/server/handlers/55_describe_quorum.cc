// DescribeQuorum 0-2: leader, voters and observers of the metadata quorum. Any partition but __cluster_metadata-0 is
// UNKNOWN_TOPIC_OR_PARTITION.
#include "weir/base/internal_topics.h"
#include "weir/protocol/describe_quorum.h"
#include "weir/server/handlers/handlers.h"

namespace weir::server {
namespace {

constexpr int16_t kFirstVersionWithDirectories = 2;

protocol::DescribeQuorumResponse::ReplicaState state_of(const raft::ReplicaDescription& replica, bool with_directory) {
  return {.replica_id = replica.id,
          .replica_directory_id = with_directory ? replica.directory_id : kZeroUuid,
          .log_end_offset = replica.log_end,
          .last_fetch_timestamp = replica.last_fetch,
          .last_caught_up_timestamp = replica.last_caught_up};
}

// Older versions have no place for directory ids and nodes (KIP-853).
protocol::DescribeQuorumResponse describe(const raft::QuorumDescription& quorum, bool with_directories) {
  protocol::DescribeQuorumResponse response;
  response.error_message.reset();
  auto& topic = response.topics.emplace_back();
  topic.topic_name = kMetadataTopic;
  auto& partition = topic.partitions.emplace_back();
  partition.partition_index = PartitionIndex(0);
  partition.error_message.reset();
  partition.leader_id = quorum.leader;
  partition.leader_epoch = quorum.epoch;
  partition.high_watermark = quorum.high_watermark;
  for (const auto& voter : quorum.voters) partition.current_voters.push_back(state_of(voter, with_directories));
  for (const auto& observer : quorum.observers) partition.observers.push_back(state_of(observer, with_directories));
  if (!with_directories) return response;
  for (const raft::Voter& voter : quorum.voter_set) {
    auto& node = response.nodes.emplace_back();
    node.node_id = voter.id;
    for (const auto& endpoint : voter.endpoints) node.listeners.push_back({endpoint.name, endpoint.host, endpoint.port});
  }
  return response;
}

}  // namespace

Task<protocol::DescribeQuorumResponse> describe_quorum(HandlerContext& context, const protocol::DescribeQuorumRequest& request) {
  const bool asks_for_quorum = request.topics.size() == 1 && request.topics[0].topic_name == kMetadataTopic &&
                               request.topics[0].partitions.size() == 1 && request.topics[0].partitions[0].partition_index == PartitionIndex(0);
  if (asks_for_quorum) co_return describe(context.services().metadata.quorum(), context.version() >= kFirstVersionWithDirectories);
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
