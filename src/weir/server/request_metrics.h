// Requests by API: how many, and how long each took from its header to its answer.
//
// Owner    node. Shard    the broker shard.
#pragma once

#include <array>

#include "weir/base/metrics.h"
#include "weir/base/time.h"
#include "weir/protocol/api_keys.h"

namespace weir::server {

class RequestMetrics {
 public:
  explicit RequestMetrics(MetricRegistry& registry) : registry_(registry) {}

  // `api_key` is one that Kafka has.
  void count(int16_t api_key, Duration took);

 private:
  struct Api {
    Counter* requests = nullptr;
    Histogram* total_us = nullptr;
  };
  MetricRegistry& registry_;
  std::array<Api, protocol::kApiKeysEnd> by_key_{};
};

}  // namespace weir::server
