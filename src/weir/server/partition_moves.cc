#include "weir/server/partition_moves.h"

#include <map>
#include <set>

namespace weir::server {
namespace {

using protocol::ListPartitionReassignmentsRequest;
using protocol::ListPartitionReassignmentsResponse;
using TopicMoves = ListPartitionReassignmentsResponse::OngoingTopicReassignment;

void add_if_moving(const metadata::Topic& topic, PartitionIndex index, TopicMoves& answer) {
  const metadata::Partition* partition = topic.partition(index);
  if (partition == nullptr || (partition->adding_replicas.empty() && partition->removing_replicas.empty())) return;
  auto& row = answer.partitions.emplace_back();
  row.partition_index = index;
  row.replicas = partition->replicas;
  row.adding_replicas = partition->adding_replicas;
  row.removing_replicas = partition->removing_replicas;
}

}  // namespace

ListPartitionReassignmentsResponse partition_moves(const metadata::MetadataImage& image, const ListPartitionReassignmentsRequest& request) {
  ListPartitionReassignmentsResponse response;
  response.error_message.reset();
  const auto add = [&](const metadata::Topic& topic, const auto& each_index) {
    TopicMoves answer;
    answer.name = topic.name;
    each_index([&](PartitionIndex index) { add_if_moving(topic, index, answer); });
    if (!answer.partitions.empty()) response.topics.push_back(std::move(answer));
  };
  if (!request.topics) {
    for (const auto& [name, topic] : image.topics_by_name) {
      add(*topic, [&](auto visit) {
        for (int32_t i = 0; i < topic->partition_count(); ++i) visit(PartitionIndex(i));
      });
    }
    return response;
  }
  std::map<std::string_view, std::set<PartitionIndex>> wanted;
  for (const auto& topic : *request.topics) wanted[topic.name].insert(topic.partition_indexes.begin(), topic.partition_indexes.end());
  for (const auto& [name, indexes] : wanted) {
    const metadata::Topic* topic = image.topic(name);
    if (topic == nullptr) continue;
    add(*topic, [&](auto visit) {
      for (const PartitionIndex index : indexes) visit(index);
    });
  }
  return response;
}

}  // namespace weir::server
