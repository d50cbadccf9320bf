#include "weir/base/metrics.h"

#include <gtest/gtest.h>

#include "weir/base/prng.h"

namespace weir {
namespace {

// Property: a percentile is at most 3.2 % above the true one, at any scale. Fails when bucket bounds are off by one.
TEST(Histogram, percentiles_are_close) {
  for (int64_t scale : {10, 1000, 1'000'000, 1'000'000'000}) {
    Histogram histogram;
    for (int64_t i = 1; i <= 1000; ++i) histogram.record(i * scale);
    for (double percent : {50.0, 95.0, 99.0, 99.9}) {
      const double exact = percent * 10.0 * static_cast<double>(scale);
      EXPECT_GE(static_cast<double>(histogram.percentile(percent)), exact * 0.999);
      EXPECT_LE(static_cast<double>(histogram.percentile(percent)), exact * 1.04);
    }
    EXPECT_EQ(histogram.max(), static_cast<uint64_t>(1000 * scale));
  }
}

// Property: the text is what Prometheus reads: help and type once a family, labels escaped, a histogram as a summary.
TEST(MetricRegistry, prints_prometheus_text) {
  MetricRegistry registry;
  registry.counter("bytes_total", "Bytes.", {{"topic", "a\"b\\c\nd"}}).add(7);
  registry.counter("bytes_total", "Bytes.", {{"topic", "e"}}).add(1);
  registry.histogram("ms", "Milliseconds.", {{"api", "0"}}).record(3);
  registry.gauge("size", "Size.", {}, [] { return 2.5; });
  EXPECT_EQ(registry.prometheus_text(),
            "# HELP bytes_total Bytes.\n# TYPE bytes_total counter\n"
            "bytes_total{topic=\"a\\\"b\\\\c\\nd\"} 7\nbytes_total{topic=\"e\"} 1\n"
            "# HELP ms Milliseconds.\n# TYPE ms summary\n"
            "ms{api=\"0\",quantile=\"0.5\"} 3\nms{api=\"0\",quantile=\"0.95\"} 3\n"
            "ms{api=\"0\",quantile=\"0.99\"} 3\nms{api=\"0\",quantile=\"0.999\"} 3\n"
            "ms_sum{api=\"0\"} 3\nms_count{api=\"0\"} 1\n"
            "# HELP size Size.\n# TYPE size gauge\nsize 2.5\n");
}

}  // namespace
}  // namespace weir
