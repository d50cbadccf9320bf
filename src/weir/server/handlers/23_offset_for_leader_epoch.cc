// OffsetForLeaderEpoch 2-4: the end offset of the newest leader epoch that is not above the one asked for (KIP-320).
//   An epoch that this log does not know yet: epoch -1, offset -1, no error. The caller's view of leadership is checked first.
#include "weir/protocol/offset_for_leader_epoch.h"
#include "weir/server/handlers/handlers.h"

namespace weir::server {
namespace {

using protocol::OffsetForLeaderEpochRequest;

Result<storage::EpochEnd> find_end(const HandlerContext& context, const std::string& topic,
                                   const OffsetForLeaderEpochRequest::OffsetForLeaderPartition& wanted) {
  WEIR_TRY(const replication::PartitionRef partition, context.partition(topic, wanted.partition));
  WEIR_CHECK(partition->check_leader(wanted.current_leader_epoch));
  return partition->log().end_offset_for_epoch(wanted.leader_epoch);
}

}  // namespace

Task<protocol::OffsetForLeaderEpochResponse> offset_for_leader_epoch(HandlerContext& context,
                                                                    const protocol::OffsetForLeaderEpochRequest& request) {
  protocol::OffsetForLeaderEpochResponse response;
  for (const auto& topic : request.topics) {
    auto& answered = response.topics.emplace_back();
    answered.topic = topic.topic;
    for (const auto& wanted : topic.partitions) {
      auto& result = answered.partitions.emplace_back();
      result.partition = wanted.partition;
      const Result<storage::EpochEnd> end = find_end(context, topic.topic, wanted);
      if (end) {
        result.leader_epoch = end->leader_epoch;
        result.end_offset = end->end_offset;
      } else {
        result.error_code = end.error().code();
      }
    }
  }
  co_return response;
}

}  // namespace weir::server
