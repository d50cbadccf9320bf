#include "weir/server/request_metrics.h"

#include "weir/base/assert.h"

namespace weir::server {

RequestMetrics::RequestMetrics(MetricRegistry& registry) {
  for (const protocol::ApiInfo& info : protocol::kApis) {
    if (info.served.empty()) continue;
    const MetricLabels labels{{"request", std::string(info.name)}};
    by_key_[static_cast<size_t>(info.key)] = {
        .requests = &registry.counter("kafka_network_requestmetrics_requests_total", "Requests answered.", labels),
        .total_us = &registry.histogram("weir_request_total_us", "Microseconds from a request's header to its answer.", labels)};
  }
}

void RequestMetrics::count(int16_t api_key, Duration took) {
  WEIR_ASSERT(api_key >= 0 && static_cast<size_t>(api_key) < by_key_.size(), api_key);
  const Api& api = by_key_[static_cast<size_t>(api_key)];
  WEIR_ASSERT(api.requests != nullptr, api_key);
  api.requests->add();
  api.total_us->record(std::chrono::duration_cast<std::chrono::microseconds>(took).count());
}

}  // namespace weir::server
