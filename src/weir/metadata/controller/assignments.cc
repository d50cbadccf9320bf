#include "weir/metadata/controller/assignments.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "weir/metadata/controller/placement.h"
#include "weir/metadata/metadata_version.h"

namespace weir::metadata {
namespace {

std::unexpected<Error> bad_assignment(std::string message) {
  return fail(ErrorCode::kInvalidReplicaAssignment, std::move(message));
}

bool may_join_isr(const MetadataImage& image, BrokerId id) {
  const Broker* broker = image.broker(id);
  return broker != nullptr && !broker->fenced && !broker->in_controlled_shutdown;
}

}  // namespace

Result<void> check_assignment(const MetadataImage& image, const std::vector<BrokerId>& replicas,
                              std::optional<size_t> replication_factor) {
  if (replicas.empty()) return bad_assignment("the assignment of a partition has no replica");
  std::set<BrokerId> seen;
  for (const BrokerId id : replicas) {
    if (image.broker(id) == nullptr)
      return bad_assignment(fmt::format("the assignment names broker {}, which is not registered", id));
    if (!seen.insert(id).second) return bad_assignment(fmt::format("the assignment names broker {} twice for one partition", id));
  }
  if (replication_factor && replicas.size() != *replication_factor) {
    return bad_assignment(
        fmt::format("the assignment gives a partition {} replicas where others have {}", replicas.size(), *replication_factor));
  }
  return {};
}

Result<protocol::PartitionRecord> new_partition(const MetadataImage& image, Uuid topic, PartitionIndex index,
                                                const std::vector<BrokerId>& replicas) {
  protocol::PartitionRecord record;
  record.partition_id = index;
  record.topic_id = topic;
  record.replicas = replicas;
  for (const BrokerId id : replicas) {
    if (has_directories(image.feature_level("metadata.version"))) record.directories.push_back(default_directory(image, id));
    if (may_join_isr(image, id)) record.isr.push_back(id);
  }
  if (record.isr.empty()) {
    return bad_assignment(fmt::format("every broker assigned to partition {} is fenced or shutting down", index));
  }
  record.leader = record.isr.front();
  record.leader_epoch = LeaderEpoch(0);
  record.partition_epoch = 0;
  return record;
}

}  // namespace weir::metadata
