// DescribeProducers 0: the producers whose state a partition keeps (KIP-664). A leader's answer only.
#include "weir/protocol/describe_producers.h"
#include "weir/server/handlers/handlers.h"

namespace weir::server {
namespace {

using PartitionAnswer = protocol::DescribeProducersResponse::PartitionResponse;

void refuse(PartitionAnswer& answer, ErrorCode code, std::string message) {
  answer.error_code = code;
  answer.error_message = std::move(message);
}

}  // namespace

Task<protocol::DescribeProducersResponse> describe_producers(HandlerContext& context, const protocol::DescribeProducersRequest& request) {
  protocol::DescribeProducersResponse response;
  for (const auto& topic : request.topics) {
    auto& answered = response.topics.emplace_back();
    answered.name = topic.name;
    for (const PartitionIndex index : topic.partition_indexes) {
      PartitionAnswer& answer = answered.partitions.emplace_back();
      answer.partition_index = index;
      const replication::PartitionRef partition = context.services().partitions.find(topic.name, index);
      if (!partition) {
        refuse(answer, ErrorCode::kUnknownTopicOrPartition, fmt::format("there is no partition {}-{} here", topic.name, index));
        continue;
      }
      if (const Result<void> leads = partition->check_leader(kNoLeaderEpoch); !leads) {
        refuse(answer, leads.error().code(), leads.error().message());
        continue;
      }
      for (const storage::ProducerInfo& info : partition->log().producers()) {
        answer.active_producers.push_back({.producer_id = info.producer_id,
                                           .producer_epoch = info.producer_epoch.value(),
                                           .last_sequence = info.last_sequence,
                                           .last_timestamp = info.last_timestamp,
                                           .coordinator_epoch = info.coordinator_epoch,
                                           .current_txn_start_offset = info.transaction_start});
      }
    }
  }
  co_return response;
}

}  // namespace weir::server
