// Changes to topics and configurations, and questions about them.
//
// Owner    the caller; borrows the cluster.
// Shard    one.
// Errors   what the broker answers, with its message; kUnsupportedVersion when it lacks the API; those of Cluster.
//          A change whose answer was lost is sent again: "exists already" may then speak of our own first attempt.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weir/client/cluster.h"

namespace weir::client {

struct NewTopic {
  std::string name;
  int32_t partitions = -1;           // -1: the broker's num.partitions
  int16_t replication_factor = -1;   // -1: the broker's default
  std::vector<std::pair<std::string, std::string>> configs;
};

struct CreatedTopic {
  std::string name;
  Uuid id;                      // zero from old brokers
  int32_t partitions = -1;      // -1 from old brokers
  int16_t replication_factor = -1;
};

enum class ResourceType : int8_t { kTopic = 2, kBroker = 4, kGroup = 32 };
struct Resource {
  ResourceType type;
  std::string name;  // a broker's is its id
};

// Where a value comes from, as DescribeConfigs tells it.
enum class ConfigSource : int8_t { kUnknown = 0, kTopic = 1, kBroker = 2, kAllBrokers = 3, kPropertiesFile = 4, kDefault = 5 };
struct ConfigEntry {
  std::string name;
  std::optional<std::string> value;
  bool is_read_only = false;
  bool is_sensitive = false;
  ConfigSource source = ConfigSource::kUnknown;
  std::optional<std::string> documentation;
};

struct ConfigChange {
  std::string name;
  std::optional<std::string> value;  // none: back to the default
};

struct PartitionOffset {
  PartitionIndex partition;
  Offset offset = kNoOffset;  // none when no record has the timestamp
  TimestampMs timestamp = kNoTimestamp;
  LeaderEpoch leader_epoch = kNoLeaderEpoch;
};

// Instead of a timestamp.
inline constexpr int64_t kLatest = -1;
inline constexpr int64_t kEarliest = -2;
inline constexpr int64_t kMaxTimestamp = -3;

// Whether records of transactions that are not over count.
enum class Isolation : int8_t { kReadUncommitted = 0, kReadCommitted = 1 };

class Admin {
 public:
  explicit Admin(Cluster& cluster) : cluster_(cluster) {}

  Task<Result<CreatedTopic>> create_topic(NewTopic topic, bool validate_only, Patience patience);
  Task<Result<void>> delete_topic(std::string name, Patience patience);
  // `count` is the new total.
  Task<Result<void>> create_partitions(std::string topic, int32_t count, Patience patience);
  // Every option of the resource, by name.
  Task<Result<std::vector<ConfigEntry>>> describe_configs(Resource resource, Patience patience);
  Task<Result<void>> alter_configs(Resource resource, std::vector<ConfigChange> changes, Patience patience);
  // Drops what lies before the offsets (kNoOffset: everything that is committed). Returns where the partitions begin now.
  Task<Result<std::vector<PartitionOffset>>> delete_records(std::string topic, std::map<PartitionIndex, Offset> before, Patience patience);
  // The offset of the first record at or after `timestamp` (or a mark above) in each of `partitions`; all when it is empty.
  Task<Result<std::vector<PartitionOffset>>> list_offsets(std::string topic, std::vector<PartitionIndex> partitions, int64_t timestamp,
                                                          Patience patience, Isolation isolation = Isolation::kReadUncommitted);

 private:
  // A broker's options are asked of that broker, everything else of any.
  Task<Result<ConnectionPtr>> broker_for(const Resource& resource, Patience patience);
  template <typename Request, typename Add, typename Take>
  Task<Result<void>> ask_leaders(const std::string& name, std::set<PartitionIndex>& left, std::string_view what, Patience patience,
                                 const Request& blank, const Add& add, const Take& take);

  Cluster& cluster_;
};

}  // namespace weir::client
