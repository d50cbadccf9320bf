// The cluster as the metadata log describes it up to one offset: what every handler reads.
//
// Owner    MetadataService makes it; everybody else shares it by reference and never changes it.
// Shard    any: an image is immutable once published. A change is a new image that shares all it did not change.
// Format   built from the records of docs/formats/metadata-log.md.
// Holds    - topics_by_name and topics_by_id hold the same topics
//          - a topic's partitions are numbered 0 .. n-1 without a gap
//          - a topic, broker or config map that did not change between two images is the same object in both
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/bytes.h"
#include "weir/base/ids.h"
#include "weir/base/uuid.h"
#include "weir/metadata/persistent_map.h"

namespace weir::metadata {

// Directory ids with a meaning of their own (KIP-858); the first hundred ids are reserved.
inline constexpr Uuid kDirectoryMigrating{0, 0};
inline constexpr Uuid kDirectoryUnassigned{0, 1};
inline constexpr Uuid kDirectoryLost{0, 2};

enum class LeaderRecoveryState : int8_t { kRecovered = 0, kRecovering = 1 };

struct Partition {
  std::vector<BrokerId> replicas;  // preferred leader first
  std::vector<Uuid> directories;   // as long as `replicas`
  std::vector<BrokerId> isr;
  std::vector<BrokerId> removing_replicas;
  std::vector<BrokerId> adding_replicas;
  std::vector<BrokerId> elr;  // eligible leader replicas (KIP-966)
  std::vector<BrokerId> last_known_elr;
  BrokerId leader = kNoBroker;
  LeaderRecoveryState recovery_state = LeaderRecoveryState::kRecovered;
  LeaderEpoch leader_epoch{0};
  int32_t partition_epoch = 0;

  friend bool operator==(const Partition&, const Partition&) = default;
};

struct Topic {
  std::string name;
  Uuid id;
  PersistentMap<PartitionIndex, std::shared_ptr<const Partition>> partitions;

  // nullptr when there is no such partition.
  const Partition* partition(PartitionIndex index) const {
    const auto* found = partitions.find(index);
    return found == nullptr ? nullptr : found->get();
  }
  int32_t partition_count() const { return static_cast<int32_t>(partitions.size()); }
  friend bool operator==(const Topic& a, const Topic& b);
};

struct Endpoint {
  std::string listener;  // "PLAINTEXT", "CONTROLLER", ...
  std::string host;
  uint16_t port = 0;
  int16_t security_protocol = 0;  // 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

struct FeatureRange {
  int16_t min = 0;
  int16_t max = 0;
  friend bool operator==(const FeatureRange&, const FeatureRange&) = default;
};

struct Broker {
  BrokerId id;
  BrokerEpoch epoch;  // offset of its registration record
  Uuid incarnation_id;
  std::vector<Endpoint> endpoints;
  PersistentMap<std::string, FeatureRange> features;
  std::optional<std::string> rack;
  std::vector<Uuid> log_dirs;
  std::optional<std::vector<Uuid>> cordoned_log_dirs;
  bool fenced = true;
  bool in_controlled_shutdown = false;
  bool is_migrating_zk_broker = false;

  // nullptr when the broker has no such listener.
  const Endpoint* endpoint(std::string_view listener) const;
  friend bool operator==(const Broker&, const Broker&) = default;
};

struct ControllerRegistration {
  BrokerId id;
  Uuid incarnation_id;
  bool zk_migration_ready = false;
  std::vector<Endpoint> endpoints;
  PersistentMap<std::string, FeatureRange> features;
  friend bool operator==(const ControllerRegistration&, const ControllerRegistration&) = default;
};

// Kafka's numbers of config resources.
enum class ConfigResourceType : int8_t { kTopic = 2, kBroker = 4, kBrokerLogger = 8, kClientMetrics = 16, kGroup = 32 };

struct ConfigResource {
  ConfigResourceType type = ConfigResourceType::kTopic;
  std::string name;  // a broker's id as text; "" is the default of all brokers
  friend auto operator<=>(const ConfigResource&, const ConfigResource&) = default;
};

using ConfigMap = PersistentMap<std::string, std::string>;

struct Acl {
  int8_t resource_type = 0;
  std::string resource_name;
  int8_t pattern_type = 0;
  std::string principal;
  std::string host;
  int8_t operation = 0;
  int8_t permission_type = 0;
  friend bool operator==(const Acl&, const Acl&) = default;
};

struct ScramKey {
  int8_t mechanism = 0;  // 1 SCRAM-SHA-256, 2 SCRAM-SHA-512
  std::string user;
  friend auto operator<=>(const ScramKey&, const ScramKey&) = default;
};
struct ScramCredential {
  Bytes salt;
  Bytes stored_key;
  Bytes server_key;
  int32_t iterations = 0;
  friend bool operator==(const ScramCredential&, const ScramCredential&) = default;
};

struct QuotaEntityPart {
  std::string type;                 // "user", "client-id", "ip"
  std::optional<std::string> name;  // none: the default entity
  friend auto operator<=>(const QuotaEntityPart&, const QuotaEntityPart&) = default;
};
using QuotaEntity = std::vector<QuotaEntityPart>;  // sorted by type
using QuotaMap = PersistentMap<std::string, double>;

struct DelegationToken {
  std::string owner;
  std::string requester;
  std::vector<std::string> renewers;
  int64_t issue_ms = 0;
  int64_t max_ms = 0;
  int64_t expiry_ms = 0;
  friend bool operator==(const DelegationToken&, const DelegationToken&) = default;
};

// Producer ids are handed to brokers in blocks.
struct ProducerIdBlock {
  static constexpr int32_t kCount = 1'000;
  ProducerId first;
};

using TopicRef = std::shared_ptr<const Topic>;
using BrokerRef = std::shared_ptr<const Broker>;

struct MetadataImage {
  // Where the image stands: the last record it contains (-1: none), that record's epoch and append time.
  Offset offset = kNoOffset;
  LeaderEpoch epoch{0};
  TimestampMs timestamp = kNoTimestamp;

  std::string cluster_id;              // not in the log; from meta.properties
  BrokerId controller_id = kNoBroker;  // leader of the quorum

  PersistentMap<std::string, int16_t> features;  // finalized levels above 0, metadata.version among them
  PersistentMap<BrokerId, BrokerRef> brokers;
  PersistentMap<BrokerId, std::shared_ptr<const ControllerRegistration>> controllers;
  PersistentMap<std::string, TopicRef> topics_by_name;
  PersistentMap<Uuid, TopicRef> topics_by_id;
  PersistentMap<ConfigResource, ConfigMap> configs;
  ProducerId next_producer_id{0};  // the first of the next ProducerIdBlock
  int8_t zk_migration_state = 0;
  PersistentMap<Uuid, Acl> acls;
  PersistentMap<ScramKey, ScramCredential> scram;
  PersistentMap<QuotaEntity, QuotaMap> quotas;
  PersistentMap<std::string, DelegationToken> delegation_tokens;  // by token id

  // nullptr when there is none.
  const Topic* topic(std::string_view name) const;
  const Topic* topic(Uuid id) const;
  const Broker* broker(BrokerId id) const;
  const Partition* partition(Uuid topic_id, PartitionIndex index) const;
  // The overrides of a resource; empty when there are none.
  const ConfigMap& config(const ConfigResource& resource) const;
  const ConfigMap& topic_config(std::string_view topic) const;
  int16_t feature_level(std::string_view name) const;  // 0 when not finalized
  bool is_alive(BrokerId id) const;                    // registered and not fenced

  // Equal content; offset, epoch and timestamp are not compared.
  bool same_content(const MetadataImage& other) const;
};

using ImageRef = std::shared_ptr<const MetadataImage>;

}  // namespace weir::metadata
