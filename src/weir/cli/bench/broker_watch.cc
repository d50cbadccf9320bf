#include "weir/cli/bench/broker_watch.h"

#include <algorithm>

#include <fmt/format.h>

namespace weir::cli {

Result<BrokerWatch> BrokerWatch::find(std::optional<int32_t> pid, const std::vector<runtime::Endpoint>& at) {
  BrokerWatch watch;
  for (const runtime::Endpoint& endpoint : at) {
    const auto probe = BrokerProbe::find(pid, endpoint);
    if (!probe) {
      if (pid) return fail(probe.error());
      watch.why_ = probe.error().message();
      continue;
    }
    const bool is_known = std::ranges::any_of(watch.probes_, [&](const BrokerProbe& one) { return one.pid() == probe->pid(); });
    if (!is_known) watch.probes_.push_back(*probe);
  }
  return watch;
}

std::string BrokerWatch::name() const {
  std::string name;
  for (const BrokerProbe& probe : probes_) name += fmt::format("{}{} (pid {})", name.empty() ? "" : " + ", probe.name(), probe.pid());
  return name;
}

void BrokerWatch::begin() {
  before_.clear();
  for (const BrokerProbe& probe : probes_) before_.push_back(probe.sample().value_or(ProcessSample()));
  most_ = 0;
  look();
}

void BrokerWatch::look() {
  now_ = 0;
  for (const BrokerProbe& probe : probes_) now_ += probe.resident_bytes();
  most_ = std::max(most_, now_);
}

std::optional<BrokerCost> BrokerWatch::end() {
  if (probes_.empty() || before_.size() != probes_.size()) return std::nullopt;
  look();
  BrokerCost cost;
  cost.name = name();
  for (size_t i = 0; i < probes_.size(); ++i) {
    const auto after = probes_[i].sample();
    if (!after) return std::nullopt;
    cost.cpu_seconds += after->cpu_seconds - before_[i].cpu_seconds;
    cost.resident_bytes += after->resident_bytes;
    cost.peak_bytes += after->peak_bytes;
    cost.descriptors += after->descriptors;
  }
  cost.resident_max = most_;
  return cost;
}

}  // namespace weir::cli
