// What a handler may use, and what it knows of the request it answers.
//
// Services are owned by the node and outlive every request. A handler has no socket, no version check and no throttle: the
// pipeline did that. It authorises, resolves, validates, acts and answers.
#pragma once

#include <string_view>

#include "weir/base/metrics.h"
#include "weir/base/time.h"
#include "weir/codec/compression.h"
#include "weir/metadata/service.h"
#include "weir/metadata/static_config.h"
#include "weir/replication/partition_manager.h"
#include "weir/runtime/environment.h"
#include "weir/runtime/stop.h"
#include "weir/server/byte_budget.h"
#include "weir/server/fetch_session.h"
#include "weir/server/options.h"
#include "weir/server/producer_ids.h"
#include "weir/server/request.h"
#include "weir/server/request_metrics.h"
#include "weir/storage/log_manager.h"

namespace weir::coordinator {
class GroupCoordinator;
}

namespace weir::metadata {
struct ConfigContext;
}

namespace weir::server {

using runtime::Task;

struct Services {
  runtime::Environment& environment;
  const ServerOptions& options;
  const metadata::StaticConfig& static_config;
  metadata::MetadataService& metadata;
  replication::PartitionManager& partitions;
  storage::LogManager& logs;
  ByteBudgets& bytes;
  FetchSessionCache& fetch_sessions;
  ProducerIds& producer_ids;
  coordinator::GroupCoordinator& groups;
  codec::Codecs& codecs;
  Bytes& scratch;                    // for decompressed records; used between two awaits only
  MetricRegistry& metrics;
  RequestMetrics& request_metrics;
};

class HandlerContext {
 public:
  HandlerContext(Services& services, const RequestInfo& request) : services_(services), request_(request) {}

  Services& services() const { return services_; }
  const RequestInfo& request() const { return request_; }
  int16_t version() const { return request_.version; }
  runtime::Executor& executor() const { return services_.environment.executor; }
  MonoTime now() const { return executor().now(); }
  TimestampMs wall_ms() const { return services_.environment.clock.wall_ms(); }
  Deadline deadline_in(int64_t ms) const { return Deadline::at(now() + std::chrono::milliseconds(ms < 0 ? 0 : ms)); }
  BrokerId self() const { return services_.options.node_id; }
  // As it is now: not to be held across a wait.
  const metadata::MetadataImage& image() const { return *services_.metadata.image(); }
  // The options in effect now; as the image, not to be held across a wait.
  metadata::ConfigContext config() const;
  // A partition that this broker holds. Errors: kUnknownTopicOrPartition, and kNotLeaderOrFollower while its log is being
  // recovered, so that clients ask again.
  Result<replication::PartitionRef> partition(std::string_view topic, PartitionIndex index) const;
  // Errors: also kUnknownTopicId.
  Result<replication::PartitionRef> partition(Uuid topic_id, PartitionIndex index) const;
  // Where clients of this request's listener reach `broker`; nullptr where they do not.
  const metadata::Endpoint* endpoint_of(const metadata::Broker* broker) const;

  // The client asked for no answer (acks = 0).
  void suppress_response() { response_suppressed_ = true; }
  bool response_suppressed() const { return response_suppressed_; }
  // The only way to tell a client that wants no answer that something went wrong.
  void close_connection() { close_connection_ = true; }
  bool must_close_connection() const { return close_connection_; }

 private:
  Services& services_;
  const RequestInfo& request_;
  bool response_suppressed_ = false;
  bool close_connection_ = false;
};

}  // namespace weir::server
