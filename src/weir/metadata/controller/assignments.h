// Replica assignments that a person wrote: checked, and turned into partitions. Shared by CreateTopics and CreatePartitions.
#pragma once

#include <optional>
#include <vector>

#include "weir/base/error.h"
#include "weir/metadata/image.h"
#include "weir/protocol/metadata/partition_record.h"

namespace weir::metadata {

// Errors: kInvalidReplicaAssignment (empty, an unknown broker, one twice, or not `replication_factor` long when that is given).
Result<void> check_assignment(const MetadataImage& image, const std::vector<BrokerId>& replicas,
                              std::optional<size_t> replication_factor);

// The first state of a partition: in sync are the replicas whose brokers are alive, the first of them leads.
// Errors: kInvalidReplicaAssignment (none is alive).
Result<protocol::PartitionRecord> new_partition(const MetadataImage& image, Uuid topic, PartitionIndex index,
                                                const std::vector<BrokerId>& replicas);

}  // namespace weir::metadata
