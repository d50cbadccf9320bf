#include "weir/client/partitioner.h"

#include <cstring>
#include <vector>

namespace weir::client {

uint32_t murmur2(ByteView bytes) {
  constexpr uint32_t kSeed = 0x9747b28c;
  constexpr uint32_t kM = 0x5bd1e995;
  constexpr int kR = 24;
  uint32_t hash = kSeed ^ static_cast<uint32_t>(bytes.size());
  const auto at = [&](size_t i) { return static_cast<uint32_t>(bytes[i]); };
  size_t i = 0;
  for (; i + 4 <= bytes.size(); i += 4) {
    uint32_t k = at(i) | at(i + 1) << 8 | at(i + 2) << 16 | at(i + 3) << 24;
    k *= kM;
    k ^= k >> kR;
    k *= kM;
    hash = (hash * kM) ^ k;
  }
  const size_t left = bytes.size() - i;
  if (left >= 3) hash ^= at(i + 2) << 16;
  if (left >= 2) hash ^= at(i + 1) << 8;
  if (left >= 1) hash = (hash ^ at(i)) * kM;
  hash ^= hash >> 13;
  hash *= kM;
  hash ^= hash >> 15;
  return hash;
}

PartitionIndex partition_of_key(ByteView key, size_t count) {
  WEIR_ASSERT(count > 0);
  return PartitionIndex(static_cast<int32_t>((murmur2(key) & 0x7fffffff) % static_cast<uint32_t>(count)));
}

PartitionIndex StickyPartitioner::next(const Topic& topic, size_t bytes, runtime::Random& random) {
  WEIR_ASSERT(!topic.partitions.empty());
  if (!current_ || sent_bytes_ >= stick_bytes_ || static_cast<size_t>(current_->value()) >= topic.partitions.size()) {
    std::vector<PartitionIndex> candidates;
    for (const Partition& partition : topic.partitions) {
      if (partition.leader != kNoBroker && partition.index != current_) candidates.push_back(partition.index);
    }
    if (!candidates.empty()) current_ = candidates[random.word() % candidates.size()];
    else if (!current_ || static_cast<size_t>(current_->value()) >= topic.partitions.size()) current_ = topic.partitions.front().index;
    sent_bytes_ = 0;
  }
  sent_bytes_ += bytes;
  return *current_;
}

}  // namespace weir::client
