// What Metadata and DescribeTopicPartitions both say of a partition.
#pragma once

#include "weir/metadata/image.h"

namespace weir::server {

// Fills what rows of both have: who leads, who replicates, who of them is away. Without a leader that lives: LEADER_NOT_AVAILABLE.
template <typename Row>
void fill_partition_row(const metadata::MetadataImage& image, PartitionIndex index, const metadata::Partition& partition, Row& row) {
  row.partition_index = index;
  row.leader_id = image.is_alive(partition.leader) ? partition.leader : kNoBroker;
  row.error_code = row.leader_id == kNoBroker ? ErrorCode::kLeaderNotAvailable : ErrorCode::kNone;
  row.leader_epoch = partition.leader_epoch;
  row.replica_nodes = partition.replicas;
  row.isr_nodes = partition.isr;
  for (const BrokerId replica : partition.replicas) {
    if (!image.is_alive(replica)) row.offline_replicas.push_back(replica);
  }
}

}  // namespace weir::server
