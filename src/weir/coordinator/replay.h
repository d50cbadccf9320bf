// Reads a partition of an internal topic from its beginning to its end: how a coordinator learns what it had decided.
#pragma once

#include <cstddef>

#include "weir/codec/compression.h"
#include "weir/record/batch.h"
#include "weir/record/record.h"
#include "weir/replication/partition_manager.h"
#include "weir/runtime/environment.h"

namespace weir::coordinator {

// Who learns.
class ReplayListener {
 public:
  // In the order of the log; `one` lives during the call. Records of transactions come as they lie, before their markers.
  virtual void on_record(const record::BatchView& batch, const record::Record& one) = 0;
  // Nobody wants to know any more: the leadership has ended.
  virtual bool is_over() const = 0;

 protected:
  ~ReplayListener() = default;
};

struct ReplayPlace {
  runtime::Environment& environment;
  replication::PartitionManager& partitions;
  codec::Codecs& codecs;
  storage::TopicPartition partition;
  LeaderEpoch epoch;
  size_t read_bytes = 5 << 20;  // at once
};

// Everything that the log has when it is called, once it is committed, a millisecond at a time so that others are served. Holds
// the partition meanwhile. Errors: kKafkaStorageError (it is not here, or cannot be read), kCorruptMessage, kRequestTimedOut (not
// committed in time), kNotLeaderOrFollower. Success when the listener says that it is over.
runtime::Task<Result<void>> replay(ReplayPlace place, ReplayListener& listener);

}  // namespace weir::coordinator
