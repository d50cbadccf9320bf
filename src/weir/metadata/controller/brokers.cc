#include "weir/metadata/controller/brokers.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "weir/metadata/metadata_version.h"

namespace weir::metadata {
namespace {

using protocol::BrokerRegistrationRequest;

Result<void> check_directories(const MetadataImage& image, const BrokerRegistrationRequest& request) {
  constexpr uint64_t kReservedIds = 100;
  if (request.log_dirs.empty()) {
    return fail(ErrorCode::kInvalidRegistration, fmt::format("broker {} registers without a log directory", request.broker_id));
  }
  std::set<Uuid> seen;
  for (const Uuid& dir : request.log_dirs) {
    if (dir.high == 0 && dir.low < kReservedIds) {
      return fail(ErrorCode::kInvalidRegistration, fmt::format("directory id {} is reserved", dir));
    }
    if (!seen.insert(dir).second)
      return fail(ErrorCode::kInvalidRegistration, fmt::format("directory id {} is listed twice", dir));
  }
  for (const auto& [id, broker] : image.brokers) {
    if (id == request.broker_id) continue;
    for (const Uuid& dir : broker->log_dirs) {
      if (seen.contains(dir)) {
        return fail(ErrorCode::kInvalidRegistration, fmt::format("directory id {} belongs to broker {} already", dir, id));
      }
    }
  }
  return {};
}

Result<void> check_broker_features(const MetadataImage& image, const BrokerRegistrationRequest& request) {
  for (const auto& [name, level] : image.features) {
    const auto supported = std::ranges::find(request.features, name, &BrokerRegistrationRequest::Feature::name);
    const bool fits = supported != request.features.end() && supported->min_supported_version <= level &&
                      supported->max_supported_version >= level;
    if (!fits) {
      return fail(ErrorCode::kUnsupportedVersion,
                  fmt::format("broker {} does not support {} at its finalized level {}", request.broker_id, name, level));
    }
  }
  return {};
}

Result<const Broker*> find_registered(const MetadataImage& image, BrokerId id, BrokerEpoch epoch) {
  const Broker* broker = image.broker(id);
  if (broker == nullptr) return fail(ErrorCode::kBrokerIdNotRegistered, fmt::format("broker {} is not registered", id));
  if (broker->epoch != epoch) {
    return fail(ErrorCode::kStaleBrokerEpoch, fmt::format("broker {} has epoch {}, not {}", id, broker->epoch, epoch));
  }
  return broker;
}

// The replica that should lead when `broker` turns fenced or alive, or nothing when the leader stays.
std::optional<BrokerId> leader_after(const MetadataImage& image, const Partition& partition, BrokerId broker, bool fenced) {
  if (!fenced) {
    const bool in_sync = std::ranges::find(partition.isr, broker) != partition.isr.end();
    return partition.leader == kNoBroker && in_sync ? std::optional(broker) : std::nullopt;
  }
  if (partition.leader != broker) return std::nullopt;
  for (const BrokerId replica : partition.replicas) {
    const bool in_sync = std::ranges::find(partition.isr, replica) != partition.isr.end();
    if (replica != broker && in_sync && image.is_alive(replica)) return replica;
  }
  return kNoBroker;
}

void add_leader_changes(const MetadataImage& image, BrokerId broker, bool fenced, std::vector<MetadataRecord>& records) {
  for (const auto& [id, topic] : image.topics_by_id) {
    for (const auto& [index, partition] : topic->partitions) {
      const auto leader = leader_after(image, *partition, broker, fenced);
      std::optional<std::vector<BrokerId>> isr;
      // A fenced broker leaves the in-sync replicas, except as the last one.
      if (fenced && partition->isr.size() > 1 && std::ranges::find(partition->isr, broker) != partition->isr.end()) {
        isr = partition->isr;
        std::erase(*isr, broker);
      }
      if (!leader && !isr) continue;
      protocol::PartitionChangeRecord change;
      change.partition_id = index;
      change.topic_id = id;
      if (leader) change.leader = *leader;
      change.isr = std::move(isr);
      records.emplace_back(std::move(change));
    }
  }
}

}  // namespace

Result<Decision<BrokerEpoch>> register_broker(const ControllerContext& context, const BrokerRegistrationRequest& request) {
  if (request.cluster_id != context.image.cluster_id) {
    return fail(ErrorCode::kInconsistentClusterId, fmt::format("broker {} belongs to cluster {}, and this is {}",
                                                               request.broker_id, request.cluster_id, context.image.cluster_id));
  }
  WEIR_CHECK(check_directories(context.image, request));
  WEIR_CHECK(check_broker_features(context.image, request));
  protocol::RegisterBrokerRecord record;
  record.broker_id = request.broker_id;
  record.incarnation_id = request.incarnation_id;
  record.broker_epoch = BrokerEpoch(context.next_offset.value());
  for (const auto& listener : request.listeners) {
    record.end_points.push_back({listener.name, listener.host, listener.port, listener.security_protocol});
  }
  for (const auto& feature : request.features) {
    record.features.push_back({feature.name, feature.min_supported_version, feature.max_supported_version});
  }
  record.rack = request.rack;
  record.fenced = true;
  if (has_directories(context.image.feature_level("metadata.version"))) record.log_dirs = request.log_dirs;
  Decision<BrokerEpoch> decision;
  decision.response = record.broker_epoch;
  decision.records.emplace_back(std::move(record));
  return decision;
}

Result<std::vector<MetadataRecord>> set_broker_fenced(const ControllerContext& context, BrokerId broker, BrokerEpoch epoch,
                                                      bool fenced) {
  WEIR_TRY(const Broker* registered, find_registered(context.image, broker, epoch));
  std::vector<MetadataRecord> records;
  if (registered->fenced != fenced) {
    protocol::BrokerRegistrationChangeRecord change;
    change.broker_id = broker;
    change.broker_epoch = epoch;
    change.fenced = fenced ? int8_t{1} : int8_t{-1};
    records.emplace_back(std::move(change));
  }
  add_leader_changes(context.image, broker, fenced, records);
  return records;
}

Result<Decision<ProducerIdBlock>> allocate_producer_ids(const ControllerContext& context, BrokerId broker, BrokerEpoch epoch) {
  WEIR_CHECK(find_registered(context.image, broker, epoch));
  const int64_t first = context.image.next_producer_id.value();
  if (first > INT64_MAX - ProducerIdBlock::kCount) return fail(ErrorCode::kUnknownServerError, "all producer ids are handed out");
  Decision<ProducerIdBlock> decision;
  decision.response = {ProducerId(first)};
  decision.records.emplace_back(protocol::ProducerIdsRecord{broker, epoch, ProducerId(first + ProducerIdBlock::kCount)});
  return decision;
}

}  // namespace weir::metadata
