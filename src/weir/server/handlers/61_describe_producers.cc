// DescribeProducers 0: the producers whose state a partition keeps (KIP-664). A leader's answer only. Partitions beyond
// kProducersMax producers in one answer are INVALID_REQUEST: one named a million times must not have an answer of gigabytes.
#include "weir/base/topic_name.h"
#include "weir/protocol/describe_producers.h"
#include "weir/server/handlers/handlers.h"

namespace weir::server {
namespace {

using PartitionAnswer = protocol::DescribeProducersResponse::PartitionResponse;

constexpr size_t kProducersMax = 1'000'000;

void refuse(PartitionAnswer& answer, ErrorCode code, std::string message) {
  answer.error_code = code;
  answer.error_message = std::move(message);
}

}  // namespace

Task<protocol::DescribeProducersResponse> describe_producers(HandlerContext& context, const protocol::DescribeProducersRequest& request) {
  protocol::DescribeProducersResponse response;
  size_t producers = 0;
  for (const auto& topic : request.topics) {
    auto& answered = response.topics.emplace_back();
    answered.name = topic.name;
    for (const PartitionIndex index : topic.partition_indexes) {
      PartitionAnswer& answer = answered.partitions.emplace_back();
      answer.partition_index = index;
      const Result<replication::PartitionRef> partition = context.partition(topic.name, index);
      if (!partition) {
        refuse(answer, is_topic_name(topic.name) ? partition.error().code() : ErrorCode::kInvalidTopicException,
               fmt::format("there is no partition {}-{} here", topic.name, index));
        continue;
      }
      if (const Result<void> leads = (*partition)->check_leader(kNoLeaderEpoch); !leads) {
        refuse(answer, leads.error().code(), leads.error().message());
        continue;
      }
      if (producers > kProducersMax) {
        refuse(answer, ErrorCode::kInvalidRequest, "too many producers for one answer: ask for fewer partitions at once");
        continue;
      }
      for (const storage::ProducerInfo& info : (*partition)->log().producers()) {
        answer.active_producers.push_back({.producer_id = info.producer_id,
                                           .producer_epoch = info.producer_epoch.value(),
                                           .last_sequence = info.last_sequence,
                                           .last_timestamp = info.last_timestamp,
                                           .coordinator_epoch = info.coordinator_epoch,
                                           .current_txn_start_offset = info.transaction_start});
      }
      producers += answer.active_producers.size();
    }
  }
  co_return response;
}

}  // namespace weir::server
