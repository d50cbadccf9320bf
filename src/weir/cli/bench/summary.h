// What a load came to, for people and for programs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "weir/cli/bench/broker_watch.h"
#include "weir/cli/bench/load.h"

namespace weir::cli {

struct BenchSummary {
  std::string title;                       // "produce: 1 partition, 1 KiB records ..."
  std::string latency_of = "latency";      // what the percentiles are of
  double seconds = 0;
  LoadStats stats;
  std::optional<BrokerCost> broker;
  std::string no_broker;                   // why `broker` is missing
  double own_cpu_seconds = 0;
  std::optional<Ledger::Verdict> verdict;
  std::vector<std::pair<std::string, std::string>> more;       // lines for people
  std::vector<std::pair<std::string, std::string>> more_json;  // fields: name, JSON text
};

std::string summary_text(const BenchSummary& summary);
std::string summary_json(const BenchSummary& summary, std::string_view command);

}  // namespace weir::cli
