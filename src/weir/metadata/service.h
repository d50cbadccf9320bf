// The controller and the metadata image of this node, behind one door: handlers read the image and ask for changes here.
//
// A change is decided by a pure function of the pending image (controller/*.h), appended to the quorum, and answered when
// its records are committed, applied, and every subscriber has seen them (image_publisher.h). Changes are decided one at a
// time, in the order in which they were asked for.
//
// Owner    node.
// Shard    the metadata shard; other shards get the image by subscribing and keep their own ImageRef.
// Format   docs/formats/metadata-log.md
// Holds    - image() is never older than any change that was answered
//          - once the metadata log has failed no change is decided any more: each is answered kNotController
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "weir/base/error.h"
#include "weir/metadata/image.h"
#include "weir/metadata/snapshots.h"
#include "weir/metadata/static_config.h"
#include "weir/metadata/subscriber.h"
#include "weir/raft/quorum.h"
#include "weir/runtime/environment.h"
#include "weir/runtime/task.h"

// The generated messages; include weir/protocol's headers where the fields are needed.
namespace weir::protocol {
struct AlterConfigsRequest;
struct AlterConfigsResponse;
struct BrokerRegistrationRequest;
struct CreatePartitionsRequest;
struct CreatePartitionsResponse;
struct CreateTopicsRequest;
struct CreateTopicsResponse;
struct DeleteTopicsRequest;
struct DeleteTopicsResponse;
struct IncrementalAlterConfigsRequest;
struct IncrementalAlterConfigsResponse;
}  // namespace weir::protocol

namespace weir::metadata {

struct ServiceOptions {
  raft::QuorumOptions quorum;
  SnapshotOptions snapshots;
  std::string cluster_id;      // from meta.properties
  StaticConfig static_config;  // broker options from the configuration file
};

class MetadataService {
 public:
  static constexpr size_t kPendingChangesMax = 1'000;  // waiting; more are answered kThrottlingQuotaExceeded

  virtual ~MetadataService() = default;

  // Opens the quorum and replays it; a fresh one begins with the records of bootstrap.checkpoint. `services` are those of
  // the metadata log directory (storage::LogManager::services()), and what they refer to must outlive the service.
  // Errors: those of Quorum::open, and kUnsupportedFeature with the sentence for the person who starts us when a finalized
  // feature is not fully served.
  static runtime::Task<Result<std::unique_ptr<MetadataService>>> open(storage::LogServices services, ServiceOptions options);

  virtual const ImageRef& image() const = 0;
  // At once called with the present image (delta from an empty one), then with each change. The subscriber must outlive the
  // service or unsubscribe.
  virtual runtime::Task<void> subscribe(MetadataSubscriber& subscriber) = 0;
  virtual void unsubscribe(MetadataSubscriber& subscriber) = 0;

  // Each takes the generated request and gives the generated response with one result per item; a Result error means that
  // nothing was decided (kNotController, kUnavailable, kThrottlingQuotaExceeded, kRequestTimedOut) and the handler answers
  // every item with it. Authorisation is the handler's business and done before.
  virtual runtime::Task<Result<protocol::CreateTopicsResponse>> create_topics(protocol::CreateTopicsRequest request) = 0;
  virtual runtime::Task<Result<protocol::DeleteTopicsResponse>> delete_topics(protocol::DeleteTopicsRequest request) = 0;
  virtual runtime::Task<Result<protocol::CreatePartitionsResponse>> create_partitions(
      protocol::CreatePartitionsRequest request) = 0;
  virtual runtime::Task<Result<protocol::IncrementalAlterConfigsResponse>> incremental_alter_configs(
      protocol::IncrementalAlterConfigsRequest request) = 0;
  virtual runtime::Task<Result<protocol::AlterConfigsResponse>> alter_configs(protocol::AlterConfigsRequest request) = 0;
  virtual runtime::Task<Result<ProducerIdBlock>> allocate_producer_ids(BrokerId broker, BrokerEpoch epoch) = 0;
  virtual raft::QuorumDescription quorum() const = 0;

  // Registers this or another broker (fenced); the answer is its new epoch.
  virtual runtime::Task<Result<BrokerEpoch>> register_broker(protocol::BrokerRegistrationRequest request) = 0;
  // kStaleBrokerEpoch when `epoch` is not the broker's epoch. A broker with many partitions takes several appends.
  virtual runtime::Task<Result<void>> unfence_broker(BrokerId broker, BrokerEpoch epoch) = 0;
  virtual runtime::Task<Result<void>> fence_broker(BrokerId broker, BrokerEpoch epoch) = 0;

  // Writes a snapshot of the present image.
  virtual runtime::Task<Result<raft::SnapshotId>> snapshot() = 0;
  // Refuses new changes, finishes those accepted, closes the quorum.
  virtual runtime::Task<Result<void>> stop() = 0;
};

}  // namespace weir::metadata
