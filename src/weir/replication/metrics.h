// What /metrics says of the partitions of this broker: how many, their traffic by topic, their offsets and sizes.
#pragma once

#include <string>

#include "weir/replication/partition_manager.h"

namespace weir::replication {

// Appends the rows, looked up now.
void add_metrics(std::string& text, const PartitionManager& partitions);

}  // namespace weir::replication
