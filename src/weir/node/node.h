// One node: the only place that knows every part, makes them in order, and takes them down in order.
//
// Start    nothing is taken or half made before it is sure: the directories' locks and the ports are tried first.
//          format a fresh directory -> LogManager -> MetadataService -> ports -> logs -> register, subscribe, unfence -> serve
// Stop     no new connections or requests, what is under way ends (until `drain`) -> waiters end -> metadata -> logs, and at
//          last the marker of a clean stop
// Owner    main, or a test. Destroying a Node that runs is a crash.
// Shard    one.
#pragma once

#include <memory>
#include <string>

#include "weir/base/metrics.h"
#include "weir/coordinator/group_coordinator.h"
#include "weir/http/server.h"
#include "weir/metadata/format.h"
#include "weir/node/options.h"
#include "weir/node/pages.h"
#include "weir/replication/partition_manager.h"
#include "weir/runtime/environment.h"
#include "weir/runtime/event.h"
#include "weir/runtime/task_group.h"
#include "weir/server/broker_server.h"

namespace weir::node {

using runtime::Task;

class Node {
 public:
  // What `environment` refers to outlives the node.
  Node(runtime::Environment environment, NodeOptions options);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // Starts, serves until `stop`, stops. A start that fails takes down what it had made.
  // Errors, each a sentence for the person who starts us: kLocked, kAddressInUse, kPermissionDenied, kNoSpace,
  // kInconsistentClusterId, kUnsupportedFeature, kMalformedFile, kInvalidConfig, kDiskError. Later: kKafkaStorageError when
  // the disk of the metadata log has failed under it.
  Task<Result<void>> run(runtime::StopToken stop);

  // Set while every listener serves.
  runtime::Event& ready() { return ready_; }
  // Where listener `index` of the options really listens; once ready.
  runtime::Endpoint listener(size_t index) const;
  std::optional<runtime::Endpoint> http() const;
  const std::string& cluster_id() const { return options_.server.cluster_id; }

  // For tests and pages; once ready.
  metadata::MetadataService& metadata() { return *metadata_; }
  replication::PartitionManager& partitions() { return *partitions_; }
  storage::LogManager& logs() { return *logs_; }
  MetricRegistry& metrics() { return metrics_; }

 private:
  Task<Result<void>> check_free();
  Task<Result<bool>> is_formatted();
  Task<Result<void>> open_directories();
  Task<Result<void>> open_metadata();
  Task<Result<void>> open_ports();
  Task<Result<void>> open_http();
  Task<Result<void>> join_cluster();
  Task<Result<void>> start();
  Task<Result<void>> shut_down();
  static Task<void> expire_records(Node* self);
  static Task<void> watch_directories(Node* self);
  void announce() const;

  static runtime::Environment named(runtime::Environment environment, std::string_view module) {
    environment.log = environment.log.named(module);
    return environment;
  }

  runtime::Environment environment_;
  runtime::Environment storage_environment_;  // the same, with the module's name in its log lines
  runtime::Environment replication_environment_;
  runtime::Environment coordinator_environment_;
  runtime::Environment server_environment_;
  runtime::Environment http_environment_;
  NodeOptions options_;
  MonoTime constructed_;
  MetricRegistry metrics_;
  codec::Codecs codecs_;
  Bytes scratch_;
  runtime::Event ready_;
  runtime::StopSource background_stop_;
  runtime::WaitQueue failing_;    // woken when failure_ is set
  std::optional<Error> failure_;  // why the node cannot go on
  BrokerEpoch broker_epoch_ = kNoBrokerEpoch;
  std::vector<storage::MetaProperties> formatted_;  // of each directory
  std::unique_ptr<storage::LogManager> logs_;
  std::unique_ptr<metadata::MetadataService> metadata_;
  std::unique_ptr<replication::PartitionManager> partitions_;
  server::ByteBudgets bytes_;
  std::unique_ptr<server::FetchSessionCache> fetch_sessions_;
  std::unique_ptr<server::ProducerIds> producer_ids_;
  std::unique_ptr<coordinator::GroupCoordinator> groups_;
  std::unique_ptr<server::RequestMetrics> request_metrics_;
  std::unique_ptr<server::Services> services_;
  std::unique_ptr<server::BrokerServer> broker_;
  std::unique_ptr<Pages> pages_;
  std::unique_ptr<http::Server> http_;
  runtime::TaskGroup background_;
  bool loaded_ = false;
};

}  // namespace weir::node
