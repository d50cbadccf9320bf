#include "weir/base/metrics.h"

#include <fmt/format.h>

#include "weir/base/assert.h"
#include "weir/base/metric_text.h"

namespace weir {

std::string escaped_label(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

namespace {

std::string label_text(const MetricLabels& labels) {
  std::string text;
  for (const MetricLabel& label : labels) {
    fmt::format_to(std::back_inserter(text), "{}{}=\"{}\"", text.empty() ? "{" : ",", label.name, escaped_label(label.value));
  }
  return text.empty() ? text : text + "}";
}

MetricLabels with(MetricLabels labels, MetricLabel one) {
  labels.push_back(std::move(one));
  return labels;
}

// A histogram is shown as Prometheus' summary.
constexpr std::string_view kKindNames[] = {"counter", "gauge", "summary"};

struct Quantile {
  std::string_view name;
  double percent;
};
constexpr Quantile kQuantiles[] = {{"0.5", 50}, {"0.95", 95}, {"0.99", 99}, {"0.999", 99.9}};

}  // namespace

MetricRegistry::Family& MetricRegistry::family(std::string_view name, std::string_view help, Kind kind) {
  auto it = families_.find(name);
  if (it == families_.end()) {
    Family made{.help = std::string(help), .kind = kind, .counters = {}, .histograms = {}, .gauges = {}};
    it = families_.emplace(std::string(name), std::move(made)).first;
  }
  WEIR_ASSERT(it->second.kind == kind, name);
  return it->second;
}

Counter& MetricRegistry::counter(std::string_view name, std::string_view help, MetricLabels labels) {
  auto& slot = family(name, help, Kind::kCounter).counters[std::move(labels)];
  if (slot == nullptr) slot = std::make_unique<Counter>();
  return *slot;
}

Histogram& MetricRegistry::histogram(std::string_view name, std::string_view help, MetricLabels labels) {
  auto& slot = family(name, help, Kind::kHistogram).histograms[std::move(labels)];
  if (slot == nullptr) slot = std::make_unique<Histogram>();
  return *slot;
}

void MetricRegistry::gauge(std::string_view name, std::string_view help, MetricLabels labels, std::function<double()> read) {
  family(name, help, Kind::kGauge).gauges.insert_or_assign(std::move(labels), std::move(read));
}

std::string MetricRegistry::prometheus_text() const {
  std::string text;
  const auto out = std::back_inserter(text);
  for (const auto& [name, family] : families_) {
    fmt::format_to(out, "# HELP {} {}\n# TYPE {} {}\n", name, family.help, name, kKindNames[static_cast<size_t>(family.kind)]);
    for (const auto& [labels, counter] : family.counters) fmt::format_to(out, "{}{} {}\n", name, label_text(labels), counter->value());
    for (const auto& [labels, read] : family.gauges) fmt::format_to(out, "{}{} {}\n", name, label_text(labels), read());
    for (const auto& [labels, histogram] : family.histograms) {
      for (const Quantile& quantile : kQuantiles) {
        const MetricLabels all = with(labels, {"quantile", std::string(quantile.name)});
        fmt::format_to(out, "{}{} {}\n", name, label_text(all), histogram->percentile(quantile.percent));
      }
      fmt::format_to(out, "{}_sum{} {}\n{}_count{} {}\n", name, label_text(labels), histogram->sum(), name, label_text(labels), histogram->count());
    }
  }
  return text;
}

}  // namespace weir
