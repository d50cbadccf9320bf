// Counters, gauges and histograms of one node, and their Prometheus text (exposition format 0.0.4).
//
// Names are Kafka's JMX names in Prometheus spelling: kafka.server:type=BrokerTopicMetrics,name=BytesInPerSec,topic=T is
// kafka_server_brokertopicmetrics_bytesin_total{topic="T"}. Metrics of Weir's own begin with weir_.
//
// Owner    the node. A component keeps references to the metrics it moves; they live as long as the registry.
// Shard    one; nothing here is shared between threads.
// Holds    - a name is of one kind: counter, gauge or histogram
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/histogram.h"

namespace weir {

class Counter {
 public:
  void add(uint64_t n = 1) { value_ += n; }
  uint64_t value() const { return value_; }

 private:
  uint64_t value_ = 0;
};

struct MetricLabel {
  std::string name;
  std::string value;
  friend auto operator<=>(const MetricLabel&, const MetricLabel&) = default;
};
using MetricLabels = std::vector<MetricLabel>;

class MetricRegistry {
 public:
  // The metric of that name and those labels, made on first use. `help` of the first use is kept.
  Counter& counter(std::string_view name, std::string_view help, MetricLabels labels = {});
  Histogram& histogram(std::string_view name, std::string_view help, MetricLabels labels = {});
  // A value read when scraped: `read` must stay valid as long as the registry. Replaces an earlier one of that name and labels.
  void gauge(std::string_view name, std::string_view help, MetricLabels labels, std::function<double()> read);

  // All of it, sorted by name.
  std::string prometheus_text() const;

 private:
  enum class Kind : uint8_t { kCounter, kGauge, kHistogram };
  struct Family {
    std::string help;
    Kind kind;
    std::map<MetricLabels, std::unique_ptr<Counter>> counters;
    std::map<MetricLabels, std::unique_ptr<Histogram>> histograms;
    std::map<MetricLabels, std::function<double()>> gauges;
  };
  Family& family(std::string_view name, std::string_view help, Kind kind);

  std::map<std::string, Family, std::less<>> families_;
};

}  // namespace weir
