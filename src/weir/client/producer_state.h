// What the producer keeps per topic, partition and batch. For producer*.cc only.
#pragma once

#include "weir/client/produce.h"
#include "weir/client/producer.h"
#include "weir/record/sequence.h"

namespace weir::client::detail {

struct OutBatch {
  explicit OutBatch(const record::BatchOptions& options, size_t capacity) : builder(std::in_place, options, capacity) {}

  PartitionIndex partition;
  std::optional<record::BatchBuilder> builder;  // while it takes records
  SharedBytes bytes;                            // after
  int32_t records = 0;
  int64_t charged_bytes = 0;
  MonoTime created;
  bool in_flight = false;
  int32_t base_sequence = -1;  // once stamped: it may be in the broker's log
  ErrorCode refusal = ErrorCode::kNone;         // why it must go again
  std::optional<Result<Offset>> outcome;
  std::vector<std::shared_ptr<OutBatch>> parts;  // it was too large: these stand for it, in order
  runtime::WaitQueue waiters;

  bool is_over() const { return outcome.has_value() || !parts.empty(); }
};

// One partition. Batches oldest first; those that are done are gone.
struct PartitionQueue {
  OutTopic* topic = nullptr;
  PartitionIndex index;
  std::deque<std::shared_ptr<OutBatch>> batches;
  size_t in_flight = 0;
  bool recovering = false;  // something failed: all that is under way comes back first
  bool gap = false;         // a batch that was stamped failed for good
  std::shared_ptr<ProducerIdentity> identity;
  int32_t next_sequence = 0;
  int failures = 0;  // in a row
  MonoTime not_before;
};

struct OutTopic {
  explicit OutTopic(size_t stick_bytes) : partitioner(stick_bytes) {}
  std::string name;
  TopicPtr known;
  bool stale = false;
  bool refreshing = false;
  MonoTime refreshed;
  StickyPartitioner partitioner;
  std::vector<std::shared_ptr<PartitionQueue>> queues;  // by partition; null where nothing was sent
};

}  // namespace weir::client::detail
