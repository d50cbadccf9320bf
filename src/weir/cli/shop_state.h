// Where the members of the demo's group keep the shop's numbers, so that no rebalance and no crash loses or doubles any.
//
// A member keeps one tally per partition that it owns. To make its progress last it first writes the tallies into the state
// topic, to the partition of the same number, and then commits the offsets up to which they count, each with the state record's
// offset as its metadata. The commit is one step: whoever takes the partition over finds an offset and the tally that belongs
// to it. What was written and not committed is never looked at.
#pragma once

#include "weir/cli/shop_tally.h"
#include "weir/client/admin_groups.h"

namespace weir::cli {

using runtime::Task;

// "state 17".
std::string state_reference(Offset state);
// Errors: kCorruptMessage.
Result<Offset> parse_state_reference(std::string_view metadata);

// The tally that `committed` refers to. Errors: kNotFound (the record is gone), kCorruptMessage, kDeadlineExceeded.
Task<Result<ShopTally>> read_state(client::Cluster& cluster, std::string state_topic, PartitionIndex partition, client::Committed committed,
                                   client::Patience patience);

}  // namespace weir::cli
