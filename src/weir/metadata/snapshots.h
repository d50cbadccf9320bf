// When this node writes a snapshot of its committed image, and that it writes one at a time.
//
// Owner    MetadataService, which destroys it before the quorum; stop() first.
// Shard    the metadata shard.
#pragma once

#include <cstdint>
#include <memory>

#include "weir/metadata/image_publisher.h"
#include "weir/raft/quorum.h"
#include "weir/runtime/environment.h"
#include "weir/runtime/stop.h"
#include "weir/runtime/task_group.h"

namespace weir::metadata {

struct SnapshotOptions {
  uint64_t bytes = 20ull << 20;       // metadata.log.max.record.bytes.between.snapshots
  int64_t interval_ms = 3'600'000;    // metadata.log.max.snapshot.interval.ms; 0: never by time
};

class Snapshots {
 public:
  Snapshots(runtime::Environment& environment, raft::Quorum& quorum, const ImagePublisher& images, SnapshotOptions options);

  // Begins to write one whenever the interval has passed and something was committed in it.
  void start();
  // Begins one where so many bytes were committed since the last; called after each change. One that fails is not tried again
  // before as many more were: a full disk must not cost every change a snapshot.
  void on_committed();
  // Errors: kUnavailable (one is being written, or a metadata transaction is open), those of Quorum::write_snapshot.
  runtime::Task<Result<raft::SnapshotId>> write();
  // Begins none any more and waits for the one that is being written.
  runtime::Task<void> stop();

 private:
  static runtime::Task<void> write_one(Snapshots* self);
  static runtime::Task<void> write_by_time(Snapshots* self);

  runtime::Environment& environment_;
  raft::Quorum& quorum_;
  const ImagePublisher& images_;
  SnapshotOptions options_;
  uint64_t due_bytes_;  // since the last snapshot
  bool writing_ = false;
  runtime::StopSource stop_;
  runtime::TaskGroup tasks_;  // last: its tasks use all of the above
};

}  // namespace weir::metadata
