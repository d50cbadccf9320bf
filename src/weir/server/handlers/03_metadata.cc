// Metadata 0-13: which brokers live, which topics exist, who leads each partition.
//   Version 0: no topics named means all; 1+: null means all, empty none. A topic named twice is answered once.
//   12+ also by id (10 and 11 have the field and refuse it with INVALID_REQUEST): UNKNOWN_TOPIC_ID.
//   A named unknown topic is created when the client and auto.create.topics.enable allow it; this answer still says
//   UNKNOWN_TOPIC_OR_PARTITION, the client asks again. An impossible name: INVALID_TOPIC_EXCEPTION.
//   Fenced brokers are left out; a leader that this listener cannot show: LISTENER_NOT_FOUND (6+), LEADER_NOT_AVAILABLE.
#include <set>

#include "weir/base/internal_topics.h"
#include "weir/base/topic_name.h"
#include "weir/metadata/topic_config.h"
#include "weir/protocol/create_topics.h"
#include "weir/protocol/metadata.h"
#include "weir/server/authorized_operations.h"
#include "weir/server/handlers/handlers.h"
#include "weir/server/partition_row.h"

namespace weir::server {
namespace {

using protocol::MetadataRequest;
using protocol::MetadataResponse;
using TopicAnswer = MetadataResponse::MetadataResponseTopic;

constexpr int16_t kFirstVersionWithAutoCreateFlag = 4;
constexpr int16_t kFirstVersionWithListenerNotFound = 6;
constexpr int16_t kFirstVersionByTopicId = 12;

void add_partitions(const HandlerContext& context, const metadata::Topic& topic, TopicAnswer& answer) {
  const metadata::MetadataImage& image = context.image();
  for (int32_t i = 0; i < topic.partition_count(); ++i) {
    const metadata::Partition* partition = topic.partition(PartitionIndex(i));
    WEIR_ASSERT(partition != nullptr, i);
    auto& row = answer.partitions.emplace_back();
    fill_partition_row(image, PartitionIndex(i), *partition, row);
    if (row.error_code == ErrorCode::kNone && context.endpoint_of(image.broker(row.leader_id)) == nullptr) {
      row.error_code = context.version() >= kFirstVersionWithListenerNotFound ? ErrorCode::kListenerNotFound : ErrorCode::kLeaderNotAvailable;
      row.leader_id = kNoBroker;
    }
  }
}

TopicAnswer describe(const HandlerContext& context, const MetadataRequest& request, const metadata::Topic& topic) {
  TopicAnswer answer;
  answer.name = topic.name;
  answer.topic_id = topic.id;
  answer.is_internal = is_internal_topic(topic.name);
  if (request.include_topic_authorized_operations) answer.topic_authorized_operations = kAllTopicOperations;
  add_partitions(context, topic, answer);
  return answer;
}

// The name is legal and the topic does not exist: have it made, as one of the broker's defaults.
Task<ErrorCode> create_automatically(HandlerContext& context, std::string name) {
  protocol::CreateTopicsRequest create;
  auto& topic = create.topics.emplace_back();
  topic.name = std::move(name);
  topic.num_partitions = -1;
  topic.replication_factor = -1;
  Result<protocol::CreateTopicsResponse> created = co_await context.services().metadata.create_topics(std::move(create));
  if (!created) co_return ErrorCode::kUnknownTopicOrPartition;
  const ErrorCode error = created->topics.empty() ? ErrorCode::kNone : created->topics[0].error_code;
  if (error == ErrorCode::kInvalidTopicException) co_return error;
  if (error == ErrorCode::kInvalidReplicationFactor) co_return error;
  co_return ErrorCode::kUnknownTopicOrPartition;
}

TopicAnswer unknown(const MetadataRequest& request, std::optional<std::string> name, Uuid id, ErrorCode error) {
  TopicAnswer answer;
  // A name is allowed or not whether its topic is there or not.
  if (name && request.include_topic_authorized_operations) answer.topic_authorized_operations = kAllTopicOperations;
  answer.name = std::move(name);
  answer.topic_id = id;
  answer.error_code = error;
  return answer;
}

Task<TopicAnswer> answer_topic(HandlerContext& context, const MetadataRequest& request, const MetadataRequest::MetadataRequestTopic& wanted,
                               bool may_create) {
  const bool by_id = !wanted.name.has_value();
  if (context.version() < kFirstVersionByTopicId && (by_id || !wanted.topic_id.is_zero())) {
    co_return unknown(request, wanted.name.value_or(""), wanted.topic_id, ErrorCode::kInvalidRequest);
  }
  const metadata::Topic* topic = by_id ? context.image().topic(wanted.topic_id) : context.image().topic(*wanted.name);
  if (topic != nullptr) co_return describe(context, request, *topic);
  if (by_id) co_return unknown(request, std::nullopt, wanted.topic_id, ErrorCode::kUnknownTopicId);
  if (!is_topic_name(*wanted.name)) co_return unknown(request, wanted.name, kZeroUuid, ErrorCode::kInvalidTopicException);
  ErrorCode error = ErrorCode::kUnknownTopicOrPartition;
  if (may_create) error = co_await create_automatically(context, *wanted.name);
  co_return unknown(request, wanted.name, kZeroUuid, error);
}

void add_brokers(const HandlerContext& context, MetadataResponse& response) {
  for (const auto& [id, broker] : context.image().brokers) {
    const metadata::Endpoint* endpoint = broker->fenced ? nullptr : context.endpoint_of(broker.get());
    if (endpoint == nullptr) continue;
    response.brokers.push_back({.node_id = id, .host = endpoint->host, .port = endpoint->port, .rack = broker->rack});
  }
}

}  // namespace

Task<MetadataResponse> metadata(HandlerContext& context, const MetadataRequest& request) {
  MetadataResponse response;
  response.cluster_id = context.services().options.cluster_id;
  response.controller_id = context.self();
  add_brokers(context, response);
  const bool wants_all = !request.topics || (context.version() == 0 && request.topics->empty());
  if (wants_all) {
    for (const auto& [name, topic] : context.image().topics_by_name) response.topics.push_back(describe(context, request, *topic));
  } else {
    const bool may_create = (context.version() < kFirstVersionWithAutoCreateFlag || request.allow_auto_topic_creation) &&
                            effective_broker_number(context.config(), "auto.create.topics.enable") != 0;
    std::set<std::pair<std::optional<std::string>, Uuid>> answered;
    for (const auto& wanted : *request.topics) {
      if (!answered.emplace(wanted.name, wanted.topic_id).second) continue;
      TopicAnswer answer = co_await answer_topic(context, request, wanted, may_create);
      response.topics.push_back(std::move(answer));
    }
  }
  if (request.include_cluster_authorized_operations) response.cluster_authorized_operations = kAllClusterOperations;
  co_return response;
}

}  // namespace weir::server
