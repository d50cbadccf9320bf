// Which partition a record goes to, as Kafka's Java producer chooses.
//
//   key      murmur2 of the key, so that the same key goes to the same partition whichever client sends it
//   no key   one partition until `stick_bytes` have gone there, then another one drawn among those with a leader (KIP-794)
//
// Owner    the producer, one per topic.
#pragma once

#include <cstdint>
#include <optional>

#include "weir/client/cluster.h"

namespace weir::client {

// Kafka's 32-bit murmur2: seed 0x9747b28c.
uint32_t murmur2(ByteView bytes);
// `count` partitions, above 0.
PartitionIndex partition_of_key(ByteView key, size_t count);

class StickyPartitioner {
 public:
  explicit StickyPartitioner(size_t stick_bytes) : stick_bytes_(stick_bytes) {}
  // For a record of `bytes` without a key. `random` is used when another partition is drawn.
  PartitionIndex next(const Topic& topic, size_t bytes, runtime::Random& random);

 private:
  size_t stick_bytes_;
  std::optional<PartitionIndex> current_;
  size_t sent_bytes_ = 0;
};

}  // namespace weir::client
