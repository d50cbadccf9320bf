// All partitions this broker holds, kept as the metadata image says: created, configured, led, deleted.
//
// Owner    node. Subscribes to MetadataService after LogManager::load().
// Shard    the broker shard.
// Holds    - every partition of the image whose replicas include this broker has a Partition here (or its creation failed and
//            was logged: clients get KAFKA_STORAGE_ERROR)
//          - find() by name and by topic id agree
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "weir/metadata/service.h"
#include "weir/replication/partition.h"
#include "weir/runtime/semaphore.h"
#include "weir/storage/log_manager.h"

namespace weir::replication {

// From the effective topic configuration of `image` to what storage understands.
PartitionConfig partition_config(const metadata::MetadataImage& image, const metadata::StaticConfig& static_config, BrokerId self,
                                 const metadata::Topic& topic);

class PartitionManager final : public metadata::MetadataSubscriber {
 public:
  PartitionManager(runtime::Environment& environment, storage::LogManager& logs, metadata::StaticConfig static_config, BrokerId self);
  ~PartitionManager() override;

  // Empty when this broker does not hold it.
  PartitionRef find(std::string_view topic, PartitionIndex index) const;
  PartitionRef find(Uuid topic_id, PartitionIndex index) const;
  // Calls `visit(Partition&)` for each, by topic name and index.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (const auto& [name, topic] : topics_) {
      for (const auto& partition : topic->partitions) {
        if (partition != nullptr) visit(*partition);
      }
    }
  }
  size_t size() const;
  size_t leaders() const;
  // Of all partitions since the broker started, those that were deleted included: it never goes down.
  PartitionTraffic traffic() const;
  const storage::LogManager& logs() const { return logs_; }

  // Why find() does not find it: kNotLeaderOrFollower while its log is being recovered, so that clients ask again, else
  // kUnknownTopicOrPartition.
  ErrorCode absence(std::string_view topic, PartitionIndex index) const;
  ErrorCode absence(Uuid topic_id, PartitionIndex index) const;
  // A log that LogManager::load() had left is there now: its partition is served, or set aside when it is not ours any more.
  runtime::Task<void> on_recovered(storage::TopicPartition partition);

  runtime::Task<void> on_metadata(const metadata::MetadataDelta& delta, metadata::ImageRef image) override;

  // Ends every waiter; called before the logs are closed.
  void retire_all(ErrorCode reason);

 private:
  struct Topic {
    std::string name;
    Uuid id;
    std::vector<std::unique_ptr<Partition>> partitions;  // by index; null: not here
  };

  runtime::Task<void> remove_topic(std::string name, Uuid id);
  struct NewPartition {
    Topic* topic;
    PartitionIndex index;
    PartitionConfig config;
    storage::LogManager::Existence existence;
  };
  void update_topic(const metadata::MetadataDelta& delta, const metadata::MetadataImage& image, const std::string& name,
                    bool is_first_image, std::vector<NewPartition>& missing);
  runtime::Task<void> create_partitions(std::vector<NewPartition> missing, metadata::ImageRef image);
  runtime::Task<void> follow(const metadata::MetadataDelta& delta, metadata::ImageRef image);
  runtime::Task<void> set_aside(storage::TopicPartition found);
  runtime::Task<void> set_aside_strays(metadata::ImageRef image);

  runtime::Environment& environment_;
  storage::LogManager& logs_;
  metadata::StaticConfig static_config_;
  BrokerId self_;
  bool saw_first_image_ = false;
  metadata::ImageRef image_;             // the last one seen
  runtime::Semaphore changing_{1};       // on_metadata() and on_recovered(), one at a time
  std::map<std::string, std::unique_ptr<Topic>, std::less<>> topics_;
  std::unordered_map<Uuid, Topic*> by_id_;
  PartitionTraffic traffic_of_deleted_;
};

}  // namespace weir::replication
