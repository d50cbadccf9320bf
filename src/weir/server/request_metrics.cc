#include "weir/server/request_metrics.h"

#include "weir/base/assert.h"

namespace weir::server {

void RequestMetrics::count(int16_t api_key, Duration took) {
  WEIR_ASSERT(api_key >= 0 && static_cast<size_t>(api_key) < by_key_.size(), api_key);
  Api& api = by_key_[static_cast<size_t>(api_key)];
  if (api.requests == nullptr) {
    const protocol::ApiInfo* info = protocol::find_api(api_key);
    const MetricLabels labels{{"request", info == nullptr ? "Unknown" : std::string(info->name)}};
    api.requests = &registry_.counter("kafka_network_requestmetrics_requests_total", "Requests answered.", labels);
    api.total_us = &registry_.histogram("weir_request_total_us", "Microseconds from a request's header to its answer.", labels);
  }
  api.requests->add();
  api.total_us->record(std::chrono::duration_cast<std::chrono::microseconds>(took).count());
}

}  // namespace weir::server
