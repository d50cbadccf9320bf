// From the configuration in effect for a topic to what its partitions go by.
//
// Owner    nobody: a plain function of an image and the node's own configuration.
#pragma once

#include "weir/metadata/topic_config.h"
#include "weir/record/validate.h"
#include "weir/storage/log_options.h"

namespace weir::replication {

struct PartitionConfig {
  storage::LogOptions log;
  record::ValidationRules rules;   // for what clients produce
  int min_insync_replicas = 1;
};

PartitionConfig partition_config(const metadata::ConfigContext& context, const metadata::Topic& topic);

}  // namespace weir::replication
