// Requests by API: how many, and how long each took from its header to its answer. Each API that is served has its rows from the
// start, so that a rate can be taken of the first requests too.
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
  explicit RequestMetrics(MetricRegistry& registry);

  // `api_key` is one that is served.
  void count(int16_t api_key, Duration took);

 private:
  struct Api {
    Counter* requests = nullptr;
    Histogram* total_us = nullptr;
  };
  std::array<Api, protocol::kApiKeysEnd> by_key_{};
};

}  // namespace weir::server
