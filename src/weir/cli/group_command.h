// What the commands of weir group share.
#pragma once

#include "weir/cli/client_command.h"
#include "weir/cli/group_args.h"
#include "weir/client/admin_groups.h"

namespace weir::cli {

// The group, or a sentence that names the nearest one.
Task<Result<client::GroupDescription>> find_group(ClientContext& context, std::string name);

// "topic" (all its partitions) and "topic:0,3" become partitions; a sentence about what does not exist.
Task<Result<client::PartitionSet>> find_partitions(ClientContext& context, std::vector<std::string> topics);

// Why a group that has members cannot be changed, and what to do.
Error in_use_error(const client::GroupDescription& group, std::string_view undone);

// The offsets at `timestamp` (or kEarliest, kLatest) of those partitions that can tell.
Task<std::map<client::PartitionKey, Offset>> offsets_at(ClientContext& context, client::PartitionSet partitions, int64_t timestamp);

// "0-3 7".
std::string ranges_text(const std::vector<PartitionIndex>& partitions);
// "orders 0-3 7, clicks 1".
std::string partitions_text(const client::PartitionSet& partitions);

}  // namespace weir::cli
