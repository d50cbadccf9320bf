#include "weir/metadata/delta.h"

#include <algorithm>

#include <fmt/format.h>

#include "weir/metadata/records.h"

namespace weir::metadata {

using namespace protocol;

// One overload per record type.
struct MetadataDelta::Applier {
  MetadataImage& image;
  Changes& changes;

  static std::unexpected<Error> wrong(std::string message) { return fail(ErrorCode::kInternal, std::move(message)); }
  static Bytes bytes_of(const SharedBytes& bytes) { return Bytes(bytes.view().begin(), bytes.view().end()); }

  // Topics

  void put_topic(Topic topic) {
    const auto shared = std::make_shared<const Topic>(std::move(topic));
    image.topics_by_name.set(shared->name, shared);
    image.topics_by_id.set(shared->id, shared);
    changes.topics.insert(shared->id);
  }
  void put_partition(const Topic& topic, PartitionIndex index, Partition partition) {
    changes.partitions.emplace(topic.id, index);
    Topic changed = topic;
    changed.partitions.set(index, std::make_shared<const Partition>(std::move(partition)));
    put_topic(std::move(changed));
  }

  Result<void> operator()(const TopicRecord& record) {
    if (const Topic* other = image.topic(std::string_view(record.name))) {
      return wrong(
          fmt::format("topic \"{}\" exists already as {}, cannot be created as {}", record.name, other->id, record.topic_id));
    }
    if (image.topic(record.topic_id) != nullptr) return wrong(fmt::format("topic id {} exists already", record.topic_id));
    put_topic({record.name, record.topic_id, {}});
    return {};
  }
  Result<void> operator()(const RemoveTopicRecord& record) {
    const Topic* topic = image.topic(record.topic_id);
    if (topic == nullptr) return wrong(fmt::format("no topic {} to remove", record.topic_id));
    changes.topics.insert(topic->id);
    for (const auto& entry : topic->partitions) changes.partitions.emplace(topic->id, entry.key);
    const ConfigResource resource{ConfigResourceType::kTopic, topic->name};
    if (image.configs.erase(resource)) changes.configs.insert(resource);
    image.topics_by_name.erase(resource.name);
    image.topics_by_id.erase(record.topic_id);
    return {};
  }
  Result<void> operator()(const PartitionRecord& record) {
    const Topic* topic = image.topic(record.topic_id);
    if (topic == nullptr) return wrong(fmt::format("partition {} of unknown topic {}", record.partition_id, record.topic_id));
    Partition partition;
    partition.replicas = record.replicas;
    partition.directories = record.directories;
    // Records from before directories had ids carry none.
    if (partition.directories.empty()) partition.directories.assign(record.replicas.size(), kDirectoryMigrating);
    if (partition.directories.size() != partition.replicas.size()) {
      return wrong(fmt::format("partition {}-{} has {} replicas in {} directories", topic->name, record.partition_id,
                               partition.replicas.size(), partition.directories.size()));
    }
    partition.isr = record.isr;
    partition.removing_replicas = record.removing_replicas;
    partition.adding_replicas = record.adding_replicas;
    partition.elr = record.eligible_leader_replicas.value_or(std::vector<BrokerId>());
    partition.last_known_elr = record.last_known_elr.value_or(std::vector<BrokerId>());
    partition.leader = record.leader;
    partition.recovery_state = static_cast<LeaderRecoveryState>(record.leader_recovery_state);
    partition.leader_epoch = record.leader_epoch;
    partition.partition_epoch = record.partition_epoch;
    put_partition(*topic, record.partition_id, std::move(partition));
    return {};
  }
  Result<void> operator()(const PartitionChangeRecord& record) {
    const Topic* topic = image.topic(record.topic_id);
    const Partition* before = topic == nullptr ? nullptr : topic->partition(record.partition_id);
    if (before == nullptr) {
      return wrong(fmt::format("change of unknown partition {} of topic {}", record.partition_id, record.topic_id));
    }
    constexpr BrokerId kLeaderUnchanged{-2};
    Partition partition = *before;
    if (record.replicas) partition.replicas = *record.replicas;
    if (record.directories) partition.directories = *record.directories;
    partition.directories.resize(partition.replicas.size(), kDirectoryUnassigned);
    if (record.isr) partition.isr = *record.isr;
    if (record.removing_replicas) partition.removing_replicas = *record.removing_replicas;
    if (record.adding_replicas) partition.adding_replicas = *record.adding_replicas;
    if (record.eligible_leader_replicas) partition.elr = *record.eligible_leader_replicas;
    if (record.last_known_elr) partition.last_known_elr = *record.last_known_elr;
    if (record.leader != kLeaderUnchanged) {
      partition.leader = record.leader;
      partition.leader_epoch = partition.leader_epoch.next();
    }
    if (record.leader_recovery_state >= 0) {
      partition.recovery_state = static_cast<LeaderRecoveryState>(record.leader_recovery_state);
    }
    ++partition.partition_epoch;
    put_partition(*topic, record.partition_id, std::move(partition));
    return {};
  }
  Result<void> operator()(const ClearElrRecord& record) {
    if (!record.topic_name.empty()) {
      const Topic* topic = image.topic(std::string_view(record.topic_name));
      if (topic == nullptr) return wrong(fmt::format("no topic \"{}\" to clear of eligible leaders", record.topic_name));
      clear_elr(*topic);
      return {};
    }
    const auto topics = image.topics_by_id;  // a copy: clearing changes the map
    for (const auto& entry : topics) clear_elr(*entry.value);
    return {};
  }
  void clear_elr(const Topic& topic) {
    const Topic before = topic;
    Topic changed = topic;
    bool any = false;
    for (const auto& [index, partition] : before.partitions) {
      if (partition->elr.empty() && partition->last_known_elr.empty()) continue;
      Partition cleared = *partition;
      cleared.elr.clear();
      cleared.last_known_elr.clear();
      ++cleared.partition_epoch;
      changed.partitions.set(index, std::make_shared<const Partition>(std::move(cleared)));
      changes.partitions.emplace(before.id, index);
      any = true;
    }
    if (any) put_topic(std::move(changed));
  }

  // Brokers and controllers

  void put_broker(Broker broker) {
    changes.brokers.insert(broker.id);
    const BrokerId id = broker.id;
    image.brokers.set(id, std::make_shared<const Broker>(std::move(broker)));
  }
  Result<const Broker*> registered(BrokerId id, BrokerEpoch epoch) {
    const Broker* broker = image.broker(id);
    if (broker == nullptr) return wrong(fmt::format("broker {} is not registered", id));
    if (broker->epoch != epoch) return wrong(fmt::format("broker {} has epoch {}, not {}", id, broker->epoch, epoch));
    return broker;
  }
  Result<void> set_fenced(BrokerId id, BrokerEpoch epoch, bool fenced) {
    WEIR_TRY(const Broker* before, registered(id, epoch));
    Broker broker = *before;
    broker.fenced = fenced;
    put_broker(std::move(broker));
    return {};
  }

  Result<void> operator()(const RegisterBrokerRecord& record) {
    Broker broker;
    broker.id = record.broker_id;
    broker.epoch = record.broker_epoch;
    broker.incarnation_id = record.incarnation_id;
    for (const auto& point : record.end_points) {
      broker.endpoints.push_back({point.name, point.host, point.port, point.security_protocol});
    }
    for (const auto& feature : record.features) {
      broker.features.set(feature.name, {feature.min_supported_version, feature.max_supported_version});
    }
    broker.rack = record.rack;
    broker.log_dirs = record.log_dirs;
    broker.cordoned_log_dirs = record.cordoned_log_dirs;
    broker.fenced = record.fenced;
    broker.in_controlled_shutdown = record.in_controlled_shutdown;
    broker.is_migrating_zk_broker = record.is_migrating_zk_broker;
    put_broker(std::move(broker));
    return {};
  }
  Result<void> operator()(const UnregisterBrokerRecord& record) {
    WEIR_CHECK(registered(record.broker_id, record.broker_epoch));
    changes.brokers.insert(record.broker_id);
    image.brokers.erase(record.broker_id);
    return {};
  }
  Result<void> operator()(const FenceBrokerRecord& record) { return set_fenced(record.id, BrokerEpoch(record.epoch), true); }
  Result<void> operator()(const UnfenceBrokerRecord& record) { return set_fenced(record.id, BrokerEpoch(record.epoch), false); }
  Result<void> operator()(const BrokerRegistrationChangeRecord& record) {
    WEIR_TRY(const Broker* before, registered(record.broker_id, record.broker_epoch));
    Broker broker = *before;
    if (record.fenced != 0) broker.fenced = record.fenced > 0;
    if (record.in_controlled_shutdown != 0) broker.in_controlled_shutdown = record.in_controlled_shutdown > 0;
    if (!record.log_dirs.empty()) broker.log_dirs = record.log_dirs;
    if (record.cordoned_log_dirs) broker.cordoned_log_dirs = record.cordoned_log_dirs;
    put_broker(std::move(broker));
    return {};
  }
  Result<void> operator()(const RegisterControllerRecord& record) {
    ControllerRegistration controller;
    controller.id = record.controller_id;
    controller.incarnation_id = record.incarnation_id;
    controller.zk_migration_ready = record.zk_migration_ready;
    for (const auto& point : record.end_points) {
      controller.endpoints.push_back({point.name, point.host, point.port, point.security_protocol});
    }
    for (const auto& feature : record.features) {
      controller.features.set(feature.name, {feature.min_supported_version, feature.max_supported_version});
    }
    image.controllers.set(record.controller_id, std::make_shared<const ControllerRegistration>(std::move(controller)));
    return {};
  }

  // The rest

  Result<void> operator()(const FeatureLevelRecord& record) {
    changes.features = true;
    if (record.feature_level == 0) {
      image.features.erase(record.name);
    } else {
      image.features.set(record.name, record.feature_level);
    }
    return {};
  }
  Result<void> operator()(const ConfigRecord& record) {
    const ConfigResource resource{static_cast<ConfigResourceType>(record.resource_type), record.resource_name};
    changes.configs.insert(resource);
    ConfigMap map = image.config(resource);
    if (record.value) {
      map.set(record.name, *record.value);
    } else {
      map.erase(record.name);
    }
    if (map.empty()) {
      image.configs.erase(resource);
    } else {
      image.configs.set(resource, std::move(map));
    }
    return {};
  }
  Result<void> operator()(const ProducerIdsRecord& record) {
    image.next_producer_id = record.next_producer_id;
    return {};
  }
  Result<void> operator()(const ClientQuotaRecord& record) {
    changes.quotas = true;
    QuotaEntity entity;
    for (const auto& part : record.entity) entity.push_back({part.entity_type, part.entity_name});
    std::ranges::sort(entity);
    const QuotaMap* before = image.quotas.find(entity);
    QuotaMap map = before == nullptr ? QuotaMap() : *before;
    if (record.remove) {
      map.erase(record.key);
    } else {
      map.set(record.key, record.value);
    }
    if (map.empty()) {
      image.quotas.erase(entity);
    } else {
      image.quotas.set(std::move(entity), std::move(map));
    }
    return {};
  }
  Result<void> operator()(const AccessControlEntryRecord& record) {
    changes.acls = true;
    image.acls.set(record.id, {record.resource_type, record.resource_name, record.pattern_type, record.principal, record.host,
                               record.operation, record.permission_type});
    return {};
  }
  Result<void> operator()(const RemoveAccessControlEntryRecord& record) {
    changes.acls = true;
    if (!image.acls.erase(record.id)) return wrong(fmt::format("no access control entry {} to remove", record.id));
    return {};
  }
  Result<void> operator()(const UserScramCredentialRecord& record) {
    changes.scram = true;
    image.scram.set({record.mechanism, record.name},
                    {bytes_of(record.salt), bytes_of(record.stored_key), bytes_of(record.server_key), record.iterations});
    return {};
  }
  Result<void> operator()(const RemoveUserScramCredentialRecord& record) {
    changes.scram = true;
    if (!image.scram.erase(ScramKey{record.mechanism, record.name})) {
      return wrong(fmt::format("no credential of user \"{}\" to remove", record.name));
    }
    return {};
  }
  Result<void> operator()(const DelegationTokenRecord& record) {
    changes.tokens = true;
    image.delegation_tokens.set(record.token_id, {record.owner, record.requester, record.renewers, record.issue_timestamp,
                                                  record.max_timestamp, record.expiration_timestamp});
    return {};
  }
  Result<void> operator()(const RemoveDelegationTokenRecord& record) {
    changes.tokens = true;
    if (!image.delegation_tokens.erase(record.token_id)) return wrong("no delegation token of that id to remove");
    return {};
  }
  Result<void> operator()(const ZkMigrationStateRecord& record) {
    image.zk_migration_state = record.zk_migration_state;
    return {};
  }
  Result<void> operator()(const NoOpRecord&) { return {}; }
  Result<void> operator()(const BeginTransactionRecord&) { return {}; }  // transactions: MetadataDelta::apply
  Result<void> operator()(const EndTransactionRecord&) { return {}; }
  Result<void> operator()(const AbortTransactionRecord&) { return {}; }
};

Result<void> MetadataDelta::apply(const MetadataRecord& record, Offset offset) {
  const auto placed = [&](Error error) { return fail(error.within(fmt::format("metadata record at offset {}", offset))); };
  if (record.as<BeginTransactionRecord>() != nullptr) {
    if (in_transaction()) return placed(Error(ErrorCode::kInternal, "a transaction begins inside another"));
    saved_ = std::make_unique<Saved>(Saved{after_, changes_});
    return {};
  }
  const bool aborts = record.as<AbortTransactionRecord>() != nullptr;
  if (aborts || record.as<EndTransactionRecord>() != nullptr) {
    if (!in_transaction()) return placed(Error(ErrorCode::kInternal, "a transaction ends that did not begin"));
    if (aborts) {
      after_ = std::move(saved_->after);
      changes_ = std::move(saved_->changes);
    }
    saved_.reset();
    return {};
  }
  const Result<void> applied = std::visit(Applier{after_, changes_}, record.value);
  if (!applied) return placed(applied.error());
  return {};
}

void MetadataDelta::advance(Offset offset, LeaderEpoch epoch, TimestampMs timestamp) {
  WEIR_ASSERT(offset >= after_.offset, offset, after_.offset);
  after_.offset = offset;
  after_.epoch = epoch;
  after_.timestamp = timestamp;
}

void MetadataDelta::reset() {
  MetadataImage empty;
  empty.cluster_id = after_.cluster_id;
  empty.controller_id = after_.controller_id;
  after_ = std::move(empty);
  saved_.reset();
  for (const auto& entry : before_->topics_by_id) {
    changes_.topics.insert(entry.key);
    for (const auto& partition : entry.value->partitions) changes_.partitions.emplace(entry.key, partition.key);
  }
  for (const auto& entry : before_->brokers) changes_.brokers.insert(entry.key);
  for (const auto& entry : before_->configs) changes_.configs.insert(entry.key);
  changes_.features = changes_.acls = changes_.scram = changes_.quotas = changes_.tokens = true;
}

std::set<Uuid> MetadataDelta::created_topics() const {
  std::set<Uuid> ids;
  for (const Uuid& id : changes_.topics) {
    if (before_->topic(id) == nullptr && after_.topic(id) != nullptr) ids.insert(id);
  }
  return ids;
}

std::set<Uuid> MetadataDelta::deleted_topics() const {
  std::set<Uuid> ids;
  for (const Uuid& id : changes_.topics) {
    if (before_->topic(id) != nullptr && after_.topic(id) == nullptr) ids.insert(id);
  }
  return ids;
}

bool MetadataDelta::empty() const {
  return changes_.topics.empty() && changes_.brokers.empty() && changes_.configs.empty() && !changes_.features &&
         !changes_.acls && !changes_.scram && !changes_.quotas && !changes_.tokens;
}

}  // namespace weir::metadata
