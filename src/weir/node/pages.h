// What a node answers over HTTP: /metrics, /healthz, /readyz, and at / what is here.
//
// Owner    Node. Shard    the broker shard.
// Format   Prometheus text 0.0.4; Kafka's JMX names in Prometheus spelling, Weir's own begin with weir_.
#pragma once

#include "weir/base/metrics.h"
#include "weir/http/server.h"
#include "weir/node/options.h"
#include "weir/replication/partition_manager.h"

namespace weir::node {

class Pages final : public http::Handler {
 public:
  // All of it outlives the pages.
  Pages(const NodeOptions& options, const runtime::Event& ready, const MetricRegistry& metrics,
        const metadata::MetadataService& metadata, const replication::PartitionManager& partitions)
      : options_(options), ready_(ready), metrics_(metrics), metadata_(metadata), partitions_(partitions) {}

  runtime::Task<http::Response> handle(http::Request request) override;
  std::string metrics_text() const;

 private:
  http::Response front_page() const;

  const NodeOptions& options_;
  const runtime::Event& ready_;
  const MetricRegistry& metrics_;
  const metadata::MetadataService& metadata_;
  const replication::PartitionManager& partitions_;
};

}  // namespace weir::node
