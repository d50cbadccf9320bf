// What a producer asks of brokers, for those who make their batches themselves: an identity, and room in a log.
#pragma once

#include <vector>

#include "weir/client/cluster.h"
#include "weir/protocol/produce.h"

namespace weir::client {

// The first version of Produce that names topics by id.
inline constexpr int16_t kProduceTopicIdVersion = 13;

// Whose batches a broker tells apart, so that one which is sent twice is stored once.
struct ProducerIdentity {
  ProducerId id = kNoProducerId;
  ProducerEpoch epoch = kNoProducerEpoch;
};
// A new one, without a transactional id. Errors: what a broker refuses for good; kDeadlineExceeded, kCancelled.
Task<Result<ProducerIdentity>> new_producer_identity(Cluster& cluster, Patience patience);

// A batch that passes BatchView::parse, as it is to be stored.
struct ReadyBatch {
  PartitionIndex partition;
  SharedBytes bytes;
};
using ProducedPartition = protocol::ProduceResponse::PartitionProduceResponse;

// One request to `leader`, which leads the partitions of `topic` that `batches` are for, each named once. Returns the
// broker's word on each batch, in their order: kUnknownTopicOrPartition when it has none, kNone at once with acks 0.
// Errors: those of rpc::Connection.
Task<Result<std::vector<ProducedPartition>>> produce(ConnectionPtr leader, TopicPtr topic, std::vector<ReadyBatch> batches, int16_t acks,
                                                     Patience patience);

}  // namespace weir::client
