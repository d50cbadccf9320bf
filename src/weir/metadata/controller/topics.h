// Creating, growing and deleting topics. Behaviours 21-24 of Kafka's clients.
#pragma once

#include "weir/metadata/controller/decision.h"
#include "weir/protocol/create_partitions.h"
#include "weir/protocol/create_topics.h"
#include "weir/protocol/delete_topics.h"

namespace weir::metadata {

// One result per name. Errors per item: kInvalidRequest (named twice, counts beside an assignment, __cluster_metadata),
// kInvalidTopicException, kTopicAlreadyExists, kInvalidPartitions, kInvalidReplicationFactor, kInvalidReplicaAssignment,
// kInvalidConfig, kPolicyViolation (more than kRecordsPerChangeMax records).
// A good item carries id, partition count, replication factor and the full configuration.
Decision<protocol::CreateTopicsResponse> create_topics(const ControllerContext& context,
                                                       const protocol::CreateTopicsRequest& request);

// Items by name or by id; both lists of the request are read. Errors per item: kUnknownTopicOrPartition, kUnknownTopicId,
// kInvalidRequest (both or neither given, named twice), kTopicDeletionDisabled.
Decision<protocol::DeleteTopicsResponse> delete_topics(const ControllerContext& context,
                                                       const protocol::DeleteTopicsRequest& request);

// Errors per item: kUnknownTopicOrPartition, kInvalidPartitions (not more than now), kInvalidReplicaAssignment,
// kInvalidReplicationFactor, kInvalidRequest (named twice), kPolicyViolation.
Decision<protocol::CreatePartitionsResponse> create_partitions(const ControllerContext& context,
                                                               const protocol::CreatePartitionsRequest& request);

}  // namespace weir::metadata
