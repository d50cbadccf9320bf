// All partitions this broker holds, kept as the metadata image says: created, configured, led, deleted.
//
// Owner    node. Subscribes to MetadataService after LogManager::load().
// Shard    the broker shard.
// Holds    - every partition of the image whose replicas include this broker has a Partition here; or its log could not be
//            made or read, which was logged: clients get KAFKA_STORAGE_ERROR, and try_failed_again() tries again
//          - find() by name and by topic id agree
//          - after retire_all() no partition leads any more, whatever images still come
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "weir/metadata/service.h"
#include "weir/replication/partition.h"
#include "weir/runtime/semaphore.h"
#include "weir/storage/log_manager.h"

namespace weir::replication {

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

  // Why find() does not find it: kNotLeaderOrFollower while its log is being recovered, kKafkaStorageError where it could not
  // be made or read, both so that clients ask again; else kUnknownTopicOrPartition.
  ErrorCode absence(std::string_view topic, PartitionIndex index) const;
  ErrorCode absence(Uuid topic_id, PartitionIndex index) const;
  // A log that LogManager::load() had left is there now: its partition is served, or set aside when it is not ours any more.
  runtime::Task<void> on_recovered(storage::TopicPartition partition);

  // What retention no longer protects goes, partition by partition, until `stop`.
  runtime::Task<void> apply_retention(runtime::StopToken stop);

  // Tries again to make the logs that could not be made: a disk that was full may have space now.
  runtime::Task<void> try_failed_again();

  runtime::Task<void> on_metadata(const metadata::MetadataDelta& delta, metadata::ImageRef image) override;

  // The node stops: ends every waiter, before the logs are closed. Topics that are deleted from here on still go from the disk.
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
  static std::set<std::string> touched_topics(const metadata::MetadataDelta& delta, const metadata::MetadataImage& image);
  bool is_assigned(const metadata::Partition* partition) const;
  PartitionConfig config_of(const metadata::MetadataImage& image, const metadata::Topic& topic) const;
  void update_topic(const metadata::MetadataDelta& delta, const metadata::MetadataImage& image, const metadata::Topic& described,
                    bool is_first_image, std::vector<NewPartition>& missing);
  runtime::Task<void> create_partitions(std::vector<NewPartition> missing, metadata::ImageRef image);
  void note_failed(const NewPartition& row, const Error& error);
  runtime::Task<void> take_up_recovered(storage::TopicPartition found);
  runtime::Task<void> follow(const metadata::MetadataDelta& delta, metadata::ImageRef image);
  runtime::Task<void> set_aside(storage::TopicPartition found);
  runtime::Task<void> set_aside_strays(metadata::ImageRef image);

  runtime::Environment& environment_;
  storage::LogManager& logs_;
  metadata::StaticConfig static_config_;
  BrokerId self_;
  metadata::ImageRef image_;             // the last one followed; null before the first
  runtime::Semaphore changing_{1};       // what changes topics_, one at a time
  std::optional<ErrorCode> retired_;     // why, after retire_all()
  std::map<storage::TopicPartition, std::string> failed_;  // assigned to this broker and without a log: the sentence logged last
  std::map<std::string, std::unique_ptr<Topic>, std::less<>> topics_;
  std::unordered_map<Uuid, Topic*> by_id_;
  PartitionTraffic traffic_of_deleted_;
};

}  // namespace weir::replication
