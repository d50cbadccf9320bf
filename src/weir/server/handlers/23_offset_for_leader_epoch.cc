// OffsetForLeaderEpoch 2-4: the end offset of the newest leader epoch that is not above the one asked for (KIP-320).
//   An epoch that this log does not know yet: epoch -1, offset -1, no error. The caller's view of leadership is checked first.
#include "weir/protocol/offset_for_leader_epoch.h"
#include "weir/server/handlers/handlers.h"

namespace weir::server {

Task<protocol::OffsetForLeaderEpochResponse> offset_for_leader_epoch(HandlerContext& context,
                                                                    const protocol::OffsetForLeaderEpochRequest& request) {
  protocol::OffsetForLeaderEpochResponse response;
  for (const auto& topic : request.topics) {
    auto& answered = response.topics.emplace_back();
    answered.topic = topic.topic;
    for (const auto& wanted : topic.partitions) {
      auto& result = answered.partitions.emplace_back();
      result.partition = wanted.partition;
      const replication::PartitionRef partition = context.services().partitions.find(topic.topic, wanted.partition);
      if (!partition) {
        result.error_code = context.services().partitions.absence(topic.topic, wanted.partition);
        continue;
      }
      const Result<void> leads = partition->check_leader(wanted.current_leader_epoch);
      if (!leads) {
        result.error_code = leads.error().code();
        continue;
      }
      const storage::EpochEnd end = partition->log().end_offset_for_epoch(wanted.leader_epoch);
      result.leader_epoch = end.leader_epoch;
      result.end_offset = end.end_offset;
    }
  }
  co_return response;
}

}  // namespace weir::server
