#include "weir/client/group/subscription.h"

#include "weir/base/writer.h"
#include "weir/protocol/internal/consumer_protocol_assignment.h"
#include "weir/protocol/internal/consumer_protocol_subscription.h"
#include "weir/protocol/versioned.h"

namespace weir::client::group {

using protocol::ConsumerProtocolAssignment;
using protocol::ConsumerProtocolSubscription;

namespace {

constexpr int16_t kVersionWithGeneration = 2;
// What Kafka's own consumers write; an assignment has said nothing new since version 0.
constexpr int16_t kSubscriptionVersion = 3;
constexpr int16_t kAssignmentVersion = 3;

template <typename Rows>
void add_rows(const PartitionSet& partitions, Rows& rows) {
  for (const PartitionKey& key : partitions) {
    if (rows.empty() || rows.back().topic != key.topic) rows.emplace_back().topic = key.topic;
    rows.back().partitions.push_back(key.index);
  }
}

template <typename Rows>
PartitionSet partitions_of(const Rows& rows) {
  PartitionSet partitions;
  for (const auto& row : rows) {
    for (const PartitionIndex index : row.partitions) partitions.insert({row.topic, index});
  }
  return partitions;
}

}  // namespace

Result<SharedBytes> encode_subscription(const Subscription& subscription) {
  ConsumerProtocolSubscription message;
  message.topics = subscription.topics;
  add_rows(subscription.owned, message.owned_partitions);
  message.generation_id = subscription.generation;
  // Leaders older than version 2 look for the generation here.
  Writer user_data;
  user_data.integer(subscription.generation);
  message.user_data = SharedBytes::copy_of(std::move(user_data).take());
  return protocol::encode_value(message, kSubscriptionVersion);
}

Result<Subscription> decode_subscription(const SharedBytes& bytes) {
  WEIR_TRY(const int16_t version, protocol::leading_number(bytes));
  WEIR_TRY(const auto message, protocol::decode_growing_value<ConsumerProtocolSubscription>(bytes));
  Subscription subscription{message.topics, partitions_of(message.owned_partitions), message.generation_id};
  if (version < kVersionWithGeneration && message.user_data && message.user_data->size() >= sizeof(int32_t)) {
    subscription.generation = load_be<int32_t>(message.user_data->data());
  }
  return subscription;
}

Result<SharedBytes> encode_assignment(const PartitionSet& partitions) {
  ConsumerProtocolAssignment message;
  add_rows(partitions, message.assigned_partitions);
  return protocol::encode_value(message, kAssignmentVersion);
}

Result<PartitionSet> decode_assignment(const SharedBytes& bytes) {
  if (bytes.empty()) return PartitionSet();
  WEIR_TRY(const auto message, protocol::decode_growing_value<ConsumerProtocolAssignment>(bytes));
  return partitions_of(message.assigned_partitions);
}

}  // namespace weir::client::group
