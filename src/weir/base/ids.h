// The ids of Kafka's world, each a type of its own, and their sentinels.
#pragma once

#include "weir/base/strong_id.h"

namespace weir {

using Offset = StrongId<struct OffsetTag, int64_t>;                   // of a record in a partition
using LeaderEpoch = StrongId<struct LeaderEpochTag, int32_t>;         // of a partition's leadership
using BrokerId = StrongId<struct BrokerIdTag, int32_t>;               // node.id
using BrokerEpoch = StrongId<struct BrokerEpochTag, int64_t>;         // offset of the registration record
using PartitionIndex = StrongId<struct PartitionIndexTag, int32_t>;   // partition number within a topic
using ProducerId = StrongId<struct ProducerIdTag, int64_t>;
using ProducerEpoch = StrongId<struct ProducerEpochTag, int16_t>;

inline constexpr Offset kNoOffset{-1};
inline constexpr LeaderEpoch kNoLeaderEpoch{-1};
inline constexpr BrokerId kNoBroker{-1};
inline constexpr BrokerEpoch kNoBrokerEpoch{-1};
inline constexpr ProducerId kNoProducerId{-1};
inline constexpr ProducerEpoch kNoProducerEpoch{-1};

// Milliseconds since 1970-01-01 UTC as Kafka writes them; -1 means none.
using TimestampMs = int64_t;
inline constexpr TimestampMs kNoTimestamp = -1;

}  // namespace weir
