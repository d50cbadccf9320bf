// Requests by API: how many, and how long each took from its header to its answer.
#pragma once

#include <array>

#include "weir/base/metrics.h"
#include "weir/base/time.h"

namespace weir::server {

class RequestMetrics {
 public:
  explicit RequestMetrics(MetricRegistry& registry) : registry_(registry) {}

  void count(int16_t api_key, Duration took);

 private:
  static constexpr size_t kKeysMax = 128;
  struct Api {
    Counter* requests = nullptr;
    Histogram* total_us = nullptr;
  };
  MetricRegistry& registry_;
  std::array<Api, kKeysMax> by_key_{};
};

}  // namespace weir::server
