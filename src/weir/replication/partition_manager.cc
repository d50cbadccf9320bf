#include "weir/replication/partition_manager.h"

#include <algorithm>

namespace weir::replication {

using runtime::Task;

namespace {

constexpr size_t kRetentionPerTurn = 16;   // partitions looked at before others run: some microseconds each

Task<void> retain(runtime::Environment& environment, Partition& partition) {
  const Result<int> removed = co_await partition.log().apply_retention(partition.high_watermark(), environment.clock.wall_ms());
  const storage::TopicPartition& name = partition.name();
  if (!removed) {
    environment.log.warning("retention of {}-{}: {}", name.topic, name.partition, removed.error().describe());
  } else if (*removed > 0) {
    environment.log.info("retention removed {} segments of {}-{}", *removed, name.topic, name.partition);
  }
}

}  // namespace

PartitionManager::PartitionManager(runtime::Environment& environment, storage::LogManager& logs, metadata::StaticConfig static_config,
                                   BrokerId self)
    : environment_(environment), logs_(logs), static_config_(std::move(static_config)), self_(self) {}

PartitionManager::~PartitionManager() = default;

PartitionRef PartitionManager::find(std::string_view topic, PartitionIndex index) const {
  const auto it = topics_.find(topic);
  if (it == topics_.end()) return {};
  const auto& partitions = it->second->partitions;
  const auto i = static_cast<size_t>(index.value());
  return i < partitions.size() ? PartitionRef(partitions[i].get()) : PartitionRef();
}

PartitionRef PartitionManager::find(Uuid topic_id, PartitionIndex index) const {
  const auto it = by_id_.find(topic_id);
  if (it == by_id_.end()) return {};
  const auto& partitions = it->second->partitions;
  const auto i = static_cast<size_t>(index.value());
  return i < partitions.size() ? PartitionRef(partitions[i].get()) : PartitionRef();
}

size_t PartitionManager::size() const {
  size_t count = 0;
  for_each([&](const Partition&) { ++count; });
  return count;
}

size_t PartitionManager::leaders() const {
  size_t count = 0;
  for_each([&](const Partition& partition) { count += partition.is_leader() ? 1 : 0; });
  return count;
}

PartitionTraffic PartitionManager::traffic() const {
  PartitionTraffic sum = traffic_of_deleted_;
  for_each([&](const Partition& partition) { sum += partition.traffic(); });
  return sum;
}

ErrorCode PartitionManager::absence(std::string_view topic, PartitionIndex index) const {
  if (!topics_.contains(topic)) return ErrorCode::kUnknownTopicOrPartition;  // or on its way out, whatever files are left
  // Also in the moment between the end of its recovery and on_recovered(): the log is there, its partition not yet.
  if (logs_.is_recovering(topic, index) || logs_.find(topic, index) != nullptr) return ErrorCode::kNotLeaderOrFollower;
  return failed_.contains({std::string(topic), index}) ? ErrorCode::kKafkaStorageError : ErrorCode::kUnknownTopicOrPartition;
}

ErrorCode PartitionManager::absence(Uuid topic_id, PartitionIndex index) const {
  const auto it = by_id_.find(topic_id);
  return it == by_id_.end() ? ErrorCode::kUnknownTopicOrPartition : absence(std::string_view(it->second->name), index);
}

bool PartitionManager::is_assigned(const metadata::Partition* partition) const {
  return partition != nullptr && std::ranges::find(partition->replicas, self_) != partition->replicas.end();
}

PartitionConfig PartitionManager::config_of(const metadata::MetadataImage& image, const metadata::Topic& topic) const {
  return partition_config({image, static_config_, self_}, topic);
}

Task<void> PartitionManager::on_recovered(storage::TopicPartition found) {
  const Result<void> alone = co_await changing_.acquire(environment_.executor);
  WEIR_ASSERT(alone.has_value());
  if (image_ != nullptr) co_await take_up_recovered(std::move(found));
  changing_.release();
}

Task<void> PartitionManager::take_up_recovered(storage::TopicPartition found) {
  const metadata::Topic* described = image_->topic(std::string_view(found.topic));
  const auto topic = topics_.find(found.topic);
  if (topic == topics_.end() || described == nullptr || !is_assigned(described->partition(found.partition))) {
    if (logs_.find(found.topic, found.partition) != nullptr) co_await set_aside(found);
    co_return;
  }
  Topic* const kept = topic->second.get();
  const auto i = static_cast<size_t>(found.partition.value());
  if (i >= kept->partitions.size() || kept->partitions[i] != nullptr) co_return;
  const Uuid id = logs_.topic_id(found.topic, found.partition);
  if (!id.is_zero() && id != described->id) co_await set_aside(found);
  std::vector<NewPartition> one;
  one.push_back({kept, found.partition, config_of(*image_, *described), storage::LogManager::Existence::kMayExist});
  co_await create_partitions(std::move(one), image_);
}

Task<void> PartitionManager::apply_retention(runtime::StopToken stop) {
  // By name: topics and partitions come and go meanwhile.
  size_t looked_at = 0;
  std::string topic;
  for (auto at = topics_.begin(); at != topics_.end(); at = topics_.upper_bound(topic)) {
    if (stop.stop_requested()) co_return;
    topic = at->first;
    const size_t count = at->second->partitions.size();
    for (size_t i = 0; i < count && !stop.stop_requested(); ++i) {
      if (++looked_at % kRetentionPerTurn == 0) co_await runtime::yield(environment_.executor);
      const PartitionRef partition = find(topic, PartitionIndex(static_cast<int32_t>(i)));
      if (partition) co_await retain(environment_, *partition);
    }
  }
}

Task<void> PartitionManager::try_failed_again() {
  if (failed_.empty()) co_return;
  const Result<void> alone = co_await changing_.acquire(environment_.executor);
  WEIR_ASSERT(alone.has_value());
  std::vector<NewPartition> missing;
  for (const auto& [name, sentence] : failed_) {
    const auto topic = topics_.find(name.topic);
    WEIR_ASSERT(topic != topics_.end() && image_ != nullptr, name.topic);
    const metadata::Topic* described = image_->topic(std::string_view(name.topic));
    if (described == nullptr || retired_) continue;
    missing.push_back(
        {topic->second.get(), name.partition, config_of(*image_, *described), storage::LogManager::Existence::kMayExist});
  }
  co_await create_partitions(std::move(missing), image_);
  changing_.release();
}

Task<void> PartitionManager::on_metadata(const metadata::MetadataDelta& delta, metadata::ImageRef image) {
  const Result<void> alone = co_await changing_.acquire(environment_.executor);
  WEIR_ASSERT(alone.has_value());
  co_await follow(delta, image);
  image_ = image;
  changing_.release();
}

Task<void> PartitionManager::follow(const metadata::MetadataDelta& delta, metadata::ImageRef image) {
  for (const Uuid& id : delta.deleted_topics()) {
    const metadata::Topic* gone = delta.before().topic(id);
    WEIR_ASSERT(gone != nullptr);
    co_await remove_topic(gone->name, id);
  }
  const bool is_first_image = image_ == nullptr;
  if (is_first_image) co_await set_aside_strays(image);
  std::vector<NewPartition> missing;
  for (const std::string& name : touched_topics(delta, *image)) {
    update_topic(delta, *image, *image->topic(std::string_view(name)), is_first_image, missing);
  }
  co_await create_partitions(std::move(missing), image);
}

// Names of the topics of `image` that the delta bears on.
std::set<std::string> PartitionManager::touched_topics(const metadata::MetadataDelta& delta, const metadata::MetadataImage& image) {
  std::set<std::string> touched;
  for (const auto& [id, index] : delta.changed_partitions()) {
    if (const metadata::Topic* topic = image.topic(id)) touched.insert(topic->name);
  }
  for (const metadata::ConfigResource& resource : delta.changed_configs()) {
    if (resource.type == metadata::ConfigResourceType::kTopic && image.topic(resource.name) != nullptr) touched.insert(resource.name);
    if (resource.type != metadata::ConfigResourceType::kBroker) continue;
    for (const auto& [name, topic] : image.topics_by_name) touched.insert(name);  // broker options are defaults of topics
  }
  return touched;
}

Task<void> PartitionManager::remove_topic(std::string name, Uuid id) {
  const auto it = topics_.find(name);
  if (it == topics_.end() || it->second->id != id) co_return;
  // Out of the tables first, so that no request finds a partition whose files are going away.
  const std::unique_ptr<Topic> topic = std::move(it->second);
  topics_.erase(it);
  std::erase_if(failed_, [&](const auto& row) { return row.first.topic == name; });
  by_id_.erase(id);
  for (const auto& partition : topic->partitions) {
    if (partition != nullptr) traffic_of_deleted_ += partition->traffic();
  }
  for (size_t i = 0; i < topic->partitions.size(); ++i) {
    if (const auto& partition = topic->partitions[i]) {
      partition->retire(ErrorCode::kUnknownTopicOrPartition);
      co_await partition->unused();
    }
    // Also where there is no Partition: its log may lie here and not be readable.
    const PartitionIndex index(static_cast<int32_t>(i));
    const Result<void> removed = co_await logs_.delete_log(name, index);
    if (!removed) environment_.log.error("cannot delete {}-{}: {}", name, index, removed.error().describe());
  }
}

Task<void> PartitionManager::set_aside_strays(metadata::ImageRef image) {
  for (const storage::FoundLog& found : logs_.logs()) {
    const metadata::Topic* topic = image->topic(found.partition.topic);
    const bool same_topic = topic != nullptr && (found.topic_id.is_zero() || found.topic_id == topic->id);
    if (same_topic && is_assigned(topic->partition(found.partition.partition))) continue;
    co_await set_aside(found.partition);
  }
}

Task<void> PartitionManager::set_aside(storage::TopicPartition found) {
  environment_.log.warning("{}-{} is not in the metadata as this broker's; its directory is renamed to -stray and kept", found.topic,
                           found.partition);
  const Result<void> moved = co_await logs_.set_aside_stray(found.topic, found.partition);
  if (!moved) environment_.log.error("cannot set aside {}-{}: {}", found.topic, found.partition, moved.error().describe());
}

// Brings a topic's partitions here up to date; those that need a log first go to `missing`.
void PartitionManager::update_topic(const metadata::MetadataDelta& delta, const metadata::MetadataImage& image,
                                    const metadata::Topic& described, bool is_first_image, std::vector<NewPartition>& missing) {
  const PartitionConfig config = config_of(image, described);
  std::unique_ptr<Topic>& topic = topics_[described.name];
  if (topic == nullptr) {
    topic = std::make_unique<Topic>();
    topic->name = described.name;
    topic->id = described.id;
    by_id_[described.id] = topic.get();
  }
  WEIR_ASSERT(topic->id == described.id, topic->id, described.id);
  topic->partitions.resize(std::max(topic->partitions.size(), static_cast<size_t>(described.partition_count())));
  for (int32_t i = 0; i < described.partition_count(); ++i) {
    const PartitionIndex index(i);
    const metadata::Partition* state = described.partition(index);
    WEIR_ASSERT(state != nullptr, i);
    if (!is_assigned(state)) continue;
    if (Partition* partition = topic->partitions[static_cast<size_t>(i)].get()) {
      if (partition->is_retired()) continue;  // the node stops
      partition->configure(config);
      partition->apply(*state, self_);
      continue;
    }
    // What an earlier image knew, and the first one may, can have records here that were not found.
    using Existence = storage::LogManager::Existence;
    const bool is_new = !is_first_image && delta.before().partition(described.id, index) == nullptr;
    missing.push_back({topic.get(), index, config, is_new ? Existence::kNew : Existence::kMayExist});
  }
}

// Only this subscriber changes topics_, one call at a time: what `missing` points to stays.
Task<void> PartitionManager::create_partitions(std::vector<NewPartition> missing, metadata::ImageRef image) {
  if (missing.empty()) co_return;
  std::vector<storage::LogManager::NewLog> wanted;
  wanted.reserve(missing.size());
  for (const NewPartition& row : missing) wanted.push_back({row.topic->name, row.index, row.topic->id, row.config.log, row.existence});
  std::vector<Result<storage::Log*>> logs = co_await logs_.create_logs(std::move(wanted));
  WEIR_ASSERT(logs.size() == missing.size(), logs.size(), missing.size());
  for (size_t i = 0; i < missing.size(); ++i) {
    const NewPartition& row = missing[i];
    if (!logs[i]) {
      note_failed(row, logs[i].error());
      continue;
    }
    failed_.erase({row.topic->name, row.index});
    std::unique_ptr<Partition>& partition = row.topic->partitions[static_cast<size_t>(row.index.value())];
    WEIR_ASSERT(partition == nullptr, row.topic->name, row.index);
    partition = std::make_unique<Partition>(environment_, storage::TopicPartition{row.topic->name, row.index}, row.topic->id, **logs[i]);
    partition->configure(row.config);
    partition->apply(*image->partition(row.topic->id, row.index), self_);
    if (retired_) partition->retire(*retired_);
  }
}

void PartitionManager::note_failed(const NewPartition& row, const Error& error) {
  if (error.code() == ErrorCode::kUnavailable) return;  // being recovered: on_recovered() comes
  std::string& logged = failed_[{row.topic->name, row.index}];
  std::string sentence = error.describe();
  if (logged == sentence) return;
  environment_.log.error("cannot create {}-{}: {}", row.topic->name, row.index, sentence);
  logged = std::move(sentence);
}

void PartitionManager::retire_all(ErrorCode reason) {
  retired_ = reason;
  for_each([reason](Partition& partition) { partition.retire(reason); });
}

}  // namespace weir::replication
