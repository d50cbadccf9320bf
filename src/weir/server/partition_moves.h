// Which partitions are on their way to other brokers, as the metadata says (KIP-455).
#pragma once

#include "weir/metadata/image.h"
#include "weir/protocol/list_partition_reassignments.h"

namespace weir::server {

// No list of topics: all that move. Of what is named, what does not exist or does not move is left out, without an error; what
// is named twice is told once. By name and index.
protocol::ListPartitionReassignmentsResponse partition_moves(const metadata::MetadataImage& image,
                                                             const protocol::ListPartitionReassignmentsRequest& request);

}  // namespace weir::server
