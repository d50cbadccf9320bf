// ListPartitionReassignments 0: partitions that are on their way to other brokers (KIP-455). What does not exist or does not move
// is left out, without an error. Weir starts no moves yet: one shows when it was under way in a directory taken over from Kafka.
#include "weir/server/handlers/handlers.h"
#include "weir/server/partition_moves.h"

namespace weir::server {

Task<protocol::ListPartitionReassignmentsResponse> list_partition_reassignments(HandlerContext& context,
                                                                                const protocol::ListPartitionReassignmentsRequest& request) {
  co_return partition_moves(context.image(), request);
}

}  // namespace weir::server
