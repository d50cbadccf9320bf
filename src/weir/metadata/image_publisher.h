// From what the quorum commits to what this node goes by: builds the image, and shows each new one to the subscribers.
//
// It decides nothing: a node that only follows the quorum needs this part of the module and no controller.
//
// Owner    MetadataService, which hands it to the quorum as its state machine.
// Shard    the metadata shard.
// Holds    - published() is an image of committed records alone, and never within a metadata transaction (KIP-868)
//          - subscribers see every published image in order, one call at a time; delta.before() is the image of the call before
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "weir/metadata/subscriber.h"
#include "weir/raft/quorum.h"
#include "weir/runtime/executor.h"
#include "weir/runtime/semaphore.h"

namespace weir::metadata {

class ImagePublisher final : public raft::StateMachine {
 public:
  static constexpr size_t kSubscribersMax = 1'000;

  ImagePublisher(runtime::Executor& executor, std::string cluster_id, BrokerId controller);

  const ImageRef& published() const { return published_; }
  // With everything committed so far, published or not; not to be kept across an await.
  const MetadataImage& committed() const { return delta_->after(); }
  bool in_transaction() const { return delta_->in_transaction(); }

  // Returns when an image that holds `offset` was published to all subscribers; at once within a transaction.
  runtime::Task<void> publish_through(Offset offset);
  // At once called with the present image (delta from an empty one), then with each.
  runtime::Task<void> subscribe(MetadataSubscriber& subscriber);
  void unsubscribe(MetadataSubscriber& subscriber);

  // raft::StateMachine. Errors: kUnsupportedFeature (a record of a newer server), those of MetadataDelta::apply.
  Result<void> begin_snapshot(raft::SnapshotId id, TimestampMs last_timestamp) override;
  Result<void> apply_snapshot(const std::vector<ByteView>& values) override;
  Result<void> end_snapshot() override;
  Result<void> apply(const raft::CommittedBatch& batch) override;

 private:
  Result<void> apply_value(ByteView value, Offset offset);

  runtime::Executor& executor_;
  ImageRef published_;
  std::unique_ptr<MetadataDelta> delta_;  // from published_ to what is committed
  raft::SnapshotId replayed_;             // the snapshot that is being applied
  TimestampMs replayed_timestamp_ = kNoTimestamp;
  std::vector<MetadataSubscriber*> subscribers_;
  runtime::Semaphore publishing_{1};
};

}  // namespace weir::metadata
