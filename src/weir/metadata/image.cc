#include "weir/metadata/image.h"

#include <algorithm>

namespace weir::metadata {

bool operator==(const Topic& a, const Topic& b) {
  if (a.name != b.name || a.id != b.id) return false;
  if (a.partitions.same_tree(b.partitions)) return true;
  return a.partitions.size() == b.partitions.size() &&
         std::equal(a.partitions.begin(), a.partitions.end(), b.partitions.begin(),
                    [](const auto& x, const auto& y) { return x.key == y.key && *x.value == *y.value; });
}

const Endpoint* Broker::endpoint(std::string_view listener) const {
  const auto found =
      std::find_if(endpoints.begin(), endpoints.end(), [&](const Endpoint& endpoint) { return endpoint.listener == listener; });
  return found == endpoints.end() ? nullptr : &*found;
}

const Topic* MetadataImage::topic(std::string_view name) const {
  const TopicRef* found = topics_by_name.find(name);
  return found == nullptr ? nullptr : found->get();
}
const Topic* MetadataImage::topic(Uuid id) const {
  const TopicRef* found = topics_by_id.find(id);
  return found == nullptr ? nullptr : found->get();
}
const Broker* MetadataImage::broker(BrokerId id) const {
  const BrokerRef* found = brokers.find(id);
  return found == nullptr ? nullptr : found->get();
}
const Partition* MetadataImage::partition(Uuid topic_id, PartitionIndex index) const {
  const Topic* found = topic(topic_id);
  return found == nullptr ? nullptr : found->partition(index);
}
const ConfigMap& MetadataImage::config(const ConfigResource& resource) const {
  static const ConfigMap kNone;
  const ConfigMap* found = configs.find(resource);
  return found == nullptr ? kNone : *found;
}
const ConfigMap& MetadataImage::topic_config(std::string_view topic) const {
  return config({ConfigResourceType::kTopic, std::string(topic)});
}
int16_t MetadataImage::feature_level(std::string_view name) const {
  const int16_t* found = features.find(name);
  return found == nullptr ? int16_t{0} : *found;
}
bool MetadataImage::is_alive(BrokerId id) const {
  const Broker* found = broker(id);
  return found != nullptr && !found->fenced;
}

namespace {
template <typename Map>
bool same_pointees(const Map& a, const Map& b) {
  if (a.same_tree(b)) return true;
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](const auto& x, const auto& y) {
           return x.key == y.key && (x.value == y.value || *x.value == *y.value);
         });
}
}  // namespace

bool MetadataImage::same_content(const MetadataImage& other) const {
  return cluster_id == other.cluster_id && controller_id == other.controller_id && features == other.features &&
         same_pointees(brokers, other.brokers) && same_pointees(controllers, other.controllers) &&
         same_pointees(topics_by_name, other.topics_by_name) && same_pointees(topics_by_id, other.topics_by_id) &&
         configs == other.configs && next_producer_id == other.next_producer_id &&
         zk_migration_state == other.zk_migration_state && acls == other.acls && scram == other.scram && quotas == other.quotas &&
         delegation_tokens == other.delegation_tokens;
}

}  // namespace weir::metadata
