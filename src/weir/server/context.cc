#include "weir/server/context.h"

#include "weir/metadata/topic_config.h"

namespace weir::server {

metadata::ConfigContext HandlerContext::config() const { return {image(), services_.static_config, self()}; }

Result<replication::PartitionRef> HandlerContext::partition(std::string_view topic, PartitionIndex index) const {
  replication::PartitionRef found = services_.partitions.find(topic, index);
  if (!found) return fail(services_.partitions.absence(topic, index));
  return found;
}

Result<replication::PartitionRef> HandlerContext::partition(Uuid topic_id, PartitionIndex index) const {
  if (image().topic(topic_id) == nullptr) return fail(ErrorCode::kUnknownTopicId);
  replication::PartitionRef found = services_.partitions.find(topic_id, index);
  if (!found) return fail(services_.partitions.absence(topic_id, index));
  return found;
}

const metadata::Endpoint* HandlerContext::endpoint_of(const metadata::Broker* broker) const {
  return broker == nullptr ? nullptr : broker->endpoint(request_.listener->name);
}

}  // namespace weir::server
