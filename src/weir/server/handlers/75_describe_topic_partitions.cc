// DescribeTopicPartitions 0: topics with all their partitions, in the order of names, page by page (KIP-966).
//   No topics named: all. A page ends after response_partition_limit partitions (at most max.request.partition.size.limit);
//   next_cursor says where the next one begins. A cursor whose partition is negative or whose topic is not among those named:
//   INVALID_REQUEST for each topic.
#include <algorithm>
#include <set>

#include "weir/base/internal_topics.h"
#include "weir/base/topic_name.h"
#include "weir/protocol/describe_topic_partitions.h"
#include "weir/server/authorized_operations.h"
#include "weir/server/handlers/handlers.h"
#include "weir/server/partition_row.h"

namespace weir::server {
namespace {

using protocol::DescribeTopicPartitionsRequest;
using protocol::DescribeTopicPartitionsResponse;
using DescribedTopic = DescribeTopicPartitionsResponse::DescribeTopicPartitionsResponseTopic;

// Adds partitions from `first` until `room` is used up; returns the first that did not fit, or the count.
int32_t add_partitions(const metadata::MetadataImage& image, const metadata::Topic& topic, int32_t first, int32_t& room, DescribedTopic& answer) {
  int32_t i = first;
  for (; i < topic.partition_count() && room > 0; ++i, --room) {
    const metadata::Partition* partition = topic.partition(PartitionIndex(i));
    WEIR_ASSERT(partition != nullptr, i);
    auto& row = answer.partitions.emplace_back();
    fill_partition_row(image, PartitionIndex(i), *partition, row);
    row.eligible_leader_replicas = partition->elr;
    row.last_known_elr = partition->last_known_elr;
  }
  return i;
}

bool is_sound(const DescribeTopicPartitionsRequest& request) {
  if (!request.cursor) return true;
  if (request.cursor->partition_index < PartitionIndex(0)) return false;
  return request.topics.empty() ||
         std::ranges::any_of(request.topics, [&](const auto& topic) { return topic.name == request.cursor->topic_name; });
}

std::set<std::string> wanted_names(const HandlerContext& context, const DescribeTopicPartitionsRequest& request) {
  std::set<std::string> names;
  for (const auto& topic : request.topics) names.insert(topic.name);
  if (request.topics.empty()) {
    for (const auto& [name, topic] : context.image().topics_by_name) names.insert(name);
  }
  if (request.cursor) names.erase(names.begin(), names.lower_bound(request.cursor->topic_name));
  return names;
}

}  // namespace

Task<DescribeTopicPartitionsResponse> describe_topic_partitions(HandlerContext& context, const DescribeTopicPartitionsRequest& request) {
  DescribeTopicPartitionsResponse response;
  if (!is_sound(request)) {
    for (const auto& topic : request.topics) {
      DescribedTopic& answer = response.topics.emplace_back();
      answer.name = topic.name;
      answer.error_code = ErrorCode::kInvalidRequest;
    }
    co_return response;
  }
  int32_t room = std::min(request.response_partition_limit, context.services().options.max_request_partition_size_limit);
  room = std::max(room, 1);
  for (const std::string& name : wanted_names(context, request)) {
    const metadata::Topic* topic = context.image().topic(name);
    const bool at_cursor = request.cursor && request.cursor->topic_name == name;
    const int32_t first = at_cursor ? request.cursor->partition_index.value() : 0;
    if (room == 0) {
      response.next_cursor.emplace();
      response.next_cursor->topic_name = name;
      response.next_cursor->partition_index = PartitionIndex(first);
      break;
    }
    DescribedTopic& answer = response.topics.emplace_back();
    answer.name = name;
    answer.topic_authorized_operations = kAllTopicOperations;
    if (topic == nullptr) {
      answer.error_code = is_topic_name(name) ? ErrorCode::kUnknownTopicOrPartition : ErrorCode::kInvalidTopicException;
      continue;
    }
    answer.topic_id = topic->id;
    answer.is_internal = is_internal_topic(name);
    const int32_t next = add_partitions(context.image(), *topic, first, room, answer);
    if (next < topic->partition_count()) {
      response.next_cursor.emplace();
      response.next_cursor->topic_name = name;
      response.next_cursor->partition_index = PartitionIndex(next);
      break;
    }
  }
  co_return response;
}

}  // namespace weir::server
