// Partitions as people name them. Pure.
#pragma once

#include <string>
#include <vector>

#include "weir/client/cluster.h"

namespace weir::cli {

// "3", "0,2-5", several times; every partition of `topic` when nothing is named. Errors: kInvalidArgument.
Result<std::vector<PartitionIndex>> parse_partitions(const std::vector<std::string>& texts, const client::Topic& topic);

}  // namespace weir::cli
