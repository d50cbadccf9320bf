// What members of a consumer group tell each other through the coordinator, which does not look inside: each member its
// subscription to the leader, the leader each member its share.
//
// Format   Kafka's ConsumerProtocolSubscription and ConsumerProtocolAssignment: a version, then the message. What a later
//          version adds stands at the end and is left alone.
// Errors   kMalformedFrame, kUnsupportedVersion (a version below 0).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "weir/base/bytes.h"
#include "weir/base/error.h"
#include "weir/client/partition_key.h"

namespace weir::client::group {

struct Subscription {
  std::vector<std::string> topics;
  PartitionSet owned;       // cooperative: what the member holds now
  int32_t generation = -1;  // in which it got that
};

Result<SharedBytes> encode_subscription(const Subscription& subscription);
Result<Subscription> decode_subscription(const SharedBytes& bytes);

Result<SharedBytes> encode_assignment(const PartitionSet& partitions);
// No bytes at all mean no partitions.
Result<PartitionSet> decode_assignment(const SharedBytes& bytes);

}  // namespace weir::client::group
