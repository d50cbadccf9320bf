// Where new replicas go: striped over racks and brokers, so that leaders and followers spread evenly.
//
// Brokers of each rack are dealt round robin, racks in turn; partition p begins one broker after partition p - 1, and after
// each full round the distance between leader and followers grows by one, so that two brokers do not share all their
// partitions. Where it begins is random. Unfenced brokers are preferred as leaders; fenced ones are used only when the
// replication factor cannot be reached without them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "weir/base/error.h"
#include "weir/base/ids.h"
#include "weir/metadata/image.h"
#include "weir/runtime/random.h"

namespace weir::metadata {

struct PlacementBroker {
  BrokerId id;
  std::optional<std::string> rack;
  bool fenced = false;
};

// Every registered broker that may hold new replicas: not those whose directories are all cordoned.
std::vector<PlacementBroker> placement_brokers(const MetadataImage& image);

// Replicas of `count` partitions, preferred leader first.
// Errors: kInvalidReplicationFactor (not so many brokers, or all fenced).
Result<std::vector<std::vector<BrokerId>>> place_replicas(const std::vector<PlacementBroker>& brokers, int32_t count,
                                                          int16_t replication_factor, runtime::Random& random);

// The directory a new replica is recorded with: the broker's only one, else kDirectoryUnassigned (it chooses and tells).
Uuid default_directory(const MetadataImage& image, BrokerId broker);

}  // namespace weir::metadata
