#include "weir/metadata/records.h"

#include "weir/metadata/image.h"
#include "weir/metadata/metadata_version.h"
#include "weir/protocol/metadata_codec.h"

namespace weir::metadata {
namespace {

using namespace protocol;

int16_t version_of(const RegisterBrokerRecord&, int16_t level) {
  if (level >= kLevelCordoned) return 4;
  if (has_directories(level)) return 3;
  if (level >= kLevelZkMigration) return 2;
  return level >= kLevelControlledShutdown ? 1 : 0;
}
// Kafka writes the lowest version that can say it.
int16_t version_of(const BrokerRegistrationChangeRecord& record, int16_t) {
  if (record.cordoned_log_dirs) return 3;
  if (!record.log_dirs.empty()) return 2;
  return record.in_controlled_shutdown != 0 ? 1 : 0;
}
int16_t partition_version(int16_t level) { return level >= kLevelElr ? 2 : has_directories(level) ? 1 : 0; }
int16_t version_of(const PartitionRecord&, int16_t level) { return partition_version(level); }
int16_t version_of(const PartitionChangeRecord&, int16_t level) { return partition_version(level); }
template <typename T>
int16_t version_of(const T&, int16_t) {
  return 0;
}

template <typename Endpoint, typename Feature, typename From>
void copy_registration(const From& from, std::vector<Endpoint>& endpoints, std::vector<Feature>& features) {
  for (const auto& endpoint : from.endpoints) {
    endpoints.push_back({endpoint.listener, endpoint.host, endpoint.port, endpoint.security_protocol});
  }
  for (const auto& [name, range] : from.features) features.push_back({name, range.min, range.max});
}

class ImageWriter {
 public:
  explicit ImageWriter(const MetadataImage& image) : image_(image) {}

  std::vector<MetadataRecord> write() && {
    features();
    cluster();
    for (const auto& [name, topic] : image_.topics_by_name) write_topic(*topic);
    for (const auto& [resource, map] : image_.configs) {
      for (const auto& [name, value] : map) {
        add(ConfigRecord{static_cast<int8_t>(resource.type), resource.name, name, value});
      }
    }
    quotas();
    if (image_.next_producer_id.value() > 0) {
      add(ProducerIdsRecord{kNoBroker, kNoBrokerEpoch, image_.next_producer_id});
    }
    security();
    if (image_.zk_migration_state != 0) add(ZkMigrationStateRecord{image_.zk_migration_state});
    return std::move(records_);
  }

 private:
  void add(MetadataRecord record) { records_.push_back(std::move(record)); }

  void features() {
    if (const int16_t* level = image_.features.find("metadata.version")) add(FeatureLevelRecord{"metadata.version", *level});
    for (const auto& [name, level] : image_.features) {
      if (name != "metadata.version") add(FeatureLevelRecord{name, level});
    }
  }
  void cluster() {
    for (const auto& [id, broker] : image_.brokers) {
      RegisterBrokerRecord record;
      record.broker_id = id;
      record.is_migrating_zk_broker = broker->is_migrating_zk_broker;
      record.incarnation_id = broker->incarnation_id;
      record.broker_epoch = broker->epoch;
      copy_registration(*broker, record.end_points, record.features);
      record.rack = broker->rack;
      record.fenced = broker->fenced;
      record.in_controlled_shutdown = broker->in_controlled_shutdown;
      record.log_dirs = broker->log_dirs;
      record.cordoned_log_dirs = broker->cordoned_log_dirs;
      add(std::move(record));
    }
    for (const auto& [id, controller] : image_.controllers) {
      RegisterControllerRecord record;
      record.controller_id = id;
      record.incarnation_id = controller->incarnation_id;
      record.zk_migration_ready = controller->zk_migration_ready;
      copy_registration(*controller, record.end_points, record.features);
      add(std::move(record));
    }
  }
  void write_topic(const Topic& topic) {
    add(TopicRecord{topic.name, topic.id});
    for (const auto& [index, partition] : topic.partitions) {
      PartitionRecord record;
      record.partition_id = index;
      record.topic_id = topic.id;
      record.replicas = partition->replicas;
      record.isr = partition->isr;
      record.removing_replicas = partition->removing_replicas;
      record.adding_replicas = partition->adding_replicas;
      record.leader = partition->leader;
      record.leader_recovery_state = static_cast<int8_t>(partition->recovery_state);
      record.leader_epoch = partition->leader_epoch;
      record.partition_epoch = partition->partition_epoch;
      // Before it the image says kDirectoryMigrating of each: records had no place for it.
      if (has_directories(image_.feature_level("metadata.version"))) record.directories = partition->directories;
      if (!partition->elr.empty()) record.eligible_leader_replicas = partition->elr;
      if (!partition->last_known_elr.empty()) record.last_known_elr = partition->last_known_elr;
      add(std::move(record));
    }
  }
  void quotas() {
    for (const auto& [entity, map] : image_.quotas) {
      for (const auto& [key, value] : map) {
        ClientQuotaRecord record;
        for (const QuotaEntityPart& part : entity) record.entity.push_back({part.type, part.name});
        record.key = key;
        record.value = value;
        add(std::move(record));
      }
    }
  }
  void security() {
    for (const auto& [id, acl] : image_.acls) {
      add(AccessControlEntryRecord{id, acl.resource_type, acl.resource_name, acl.pattern_type, acl.principal, acl.host,
                                   acl.operation, acl.permission_type});
    }
    for (const auto& [key, credential] : image_.scram) {
      add(UserScramCredentialRecord{key.user, key.mechanism, SharedBytes::copy_of(credential.salt),
                                    SharedBytes::copy_of(credential.stored_key), SharedBytes::copy_of(credential.server_key),
                                    credential.iterations});
    }
    for (const auto& [id, token] : image_.delegation_tokens) {
      add(DelegationTokenRecord{token.owner, token.requester, token.renewers, token.issue_ms, token.max_ms, token.expiry_ms, id});
    }
  }

  const MetadataImage& image_;
  std::vector<MetadataRecord> records_;
};

}  // namespace

Result<Bytes> encode_record(const MetadataRecord& record, int16_t metadata_version) {
  return std::visit(
      [&](const auto& body) -> Result<Bytes> {
        WEIR_TRY(const SharedBytes bytes, encode_metadata_record(body, version_of(body, metadata_version)));
        return Bytes(bytes.view().begin(), bytes.view().end());
      },
      record.value);
}

Result<std::vector<Bytes>> encode_records(const std::vector<MetadataRecord>& records, int16_t metadata_version) {
  std::vector<Bytes> values;
  values.reserve(records.size());
  for (const MetadataRecord& record : records) {
    WEIR_TRY(Bytes bytes, encode_record(record, metadata_version));
    values.push_back(std::move(bytes));
  }
  return values;
}

Result<MetadataRecord> decode_record(ByteView value) {
  WEIR_TRY(protocol::MetadataRecord record, decode_metadata_record(value));
  return MetadataRecord(std::move(record));
}

std::vector<MetadataRecord> records_of(const MetadataImage& image) { return ImageWriter(image).write(); }

}  // namespace weir::metadata
