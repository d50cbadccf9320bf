#include "weir/base/metrics.h"

#include <algorithm>

#include <fmt/format.h>

namespace weir {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

std::string label_text(const MetricLabels& labels, std::string_view extra = {}) {
  std::string text;
  for (const MetricLabel& label : labels) fmt::format_to(std::back_inserter(text), "{}{}=\"{}\"", text.empty() ? "" : ",", label.name, escaped(label.value));
  if (!extra.empty()) fmt::format_to(std::back_inserter(text), "{}{}", text.empty() ? "" : ",", extra);
  return text.empty() ? text : "{" + text + "}";
}

}  // namespace

MetricRegistry::Family& MetricRegistry::family(std::string_view name, std::string_view help) {
  auto it = families_.find(name);
  if (it == families_.end()) it = families_.emplace(std::string(name), Family{.help = std::string(help), .counters = {}, .histograms = {}, .gauges = {}}).first;
  return it->second;
}

Counter& MetricRegistry::counter(std::string_view name, std::string_view help, MetricLabels labels) {
  auto& slot = family(name, help).counters[std::move(labels)];
  if (slot == nullptr) slot = std::make_unique<Counter>();
  return *slot;
}

Histogram& MetricRegistry::histogram(std::string_view name, std::string_view help, MetricLabels labels) {
  auto& slot = family(name, help).histograms[std::move(labels)];
  if (slot == nullptr) slot = std::make_unique<Histogram>();
  return *slot;
}

void MetricRegistry::gauge(std::string_view name, std::string_view help, MetricLabels labels, std::function<double()> read) {
  family(name, help).gauges.insert_or_assign(std::move(labels), std::move(read));
}

void MetricRegistry::remove_labelled(const MetricLabel& label) {
  const auto carries = [&](const auto& entry) { return std::ranges::find(entry.first, label) != entry.first.end(); };
  for (auto& [name, family] : families_) {
    std::erase_if(family.counters, carries);
    std::erase_if(family.histograms, carries);
    std::erase_if(family.gauges, carries);
  }
}

std::string MetricRegistry::prometheus_text() const {
  std::string text;
  const auto out = std::back_inserter(text);
  for (const auto& [name, family] : families_) {
    if (family.counters.empty() && family.histograms.empty() && family.gauges.empty()) continue;
    const char* type = !family.counters.empty() ? "counter" : !family.gauges.empty() ? "gauge" : "summary";
    fmt::format_to(out, "# HELP {} {}\n# TYPE {} {}\n", name, family.help, name, type);
    for (const auto& [labels, counter] : family.counters) fmt::format_to(out, "{}{} {}\n", name, label_text(labels), counter->value());
    for (const auto& [labels, read] : family.gauges) fmt::format_to(out, "{}{} {}\n", name, label_text(labels), read());
    for (const auto& [labels, histogram] : family.histograms) {
      for (const char* quantile : {"0.5", "0.95", "0.99", "0.999"}) {
        const double percent = std::atof(quantile) * 100;
        fmt::format_to(out, "{}{} {}\n", name, label_text(labels, fmt::format("quantile=\"{}\"", quantile)), histogram->percentile(percent));
      }
      fmt::format_to(out, "{}_sum{} {}\n{}_count{} {}\n", name, label_text(labels), histogram->sum(), name, label_text(labels), histogram->count());
    }
  }
  return text;
}

}  // namespace weir
